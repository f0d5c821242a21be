//! What the paper leaves open, and what each run did about it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::RunData;
use crate::results::schema::CellKind;

/// A choice that the paper does not settle.
pub(super) struct OpenChoice {
    /// The question.
    pub question: &'static str,
    /// What the paper says, or does not, and what the choice does to numbers.
    pub paper: &'static str,
    /// The recipe keys that answer it.
    keys: &'static [&'static str],
}

/// Every open choice, in the order of the flow.
pub(super) const OPEN_CHOICES: [OpenChoice; 11] = [
    OpenChoice {
        question: "Split",
        paper: "Drawn by image-caption pair, which puts one picture into both training and test. \
                By image there is no such leak.",
        keys: &["data.split"],
    },
    OpenChoice {
        question: "References per picture",
        paper: "Pairs suggest one reference per caption; more references raise every score.",
        keys: &["score.references"],
    },
    OpenChoice {
        question: "Decoding",
        paper: "Not said whether captions were generated or teacher-forced. BLEU 12 together with \
                METEOR 40 looks like teacher forcing with one reference.",
        keys: &["decode.strategy"],
    },
    OpenChoice {
        question: "Dual-Encoder's caption bank",
        paper: "Not said how a Dual-Encoder writes a caption. Here it retrieves; a bank of test \
                captions holds the answer itself and is an oracle.",
        keys: &["contrastive.bank"],
    },
    OpenChoice {
        question: "Metric implementations",
        paper: "Not said. METEOR alone differs by 10 to 20 points between common ones.",
        keys: &["score.suite"],
    },
    OpenChoice {
        question: "Contrastive text pass",
        paper: "Read literally, the caption's last state has attended to the picture (fused), and \
                the contrastive loss can be met without aligning anything. Unimodal runs the \
                decoder without cross-attention.",
        keys: &["contrastive.text_pass"],
    },
    OpenChoice {
        question: "KL reduction",
        paper: "Sum or mean over latent dimensions and tokens changes β by orders of magnitude.",
        keys: &["latent.kl_reduction"],
    },
    OpenChoice {
        question: "Latent at test time",
        paper: "Not said whether z is the posterior's mean or a sample.",
        keys: &["latent.test"],
    },
    OpenChoice {
        question: "Loss weights α, β, γ",
        paper: "(0.7, 0.1, 0.2), which did better than (0.6, 0.1, 0.3).",
        keys: &[
            "loss.alpha",
            "loss.beta",
            "loss.gamma",
            "loss.kl_annealing",
            "loss.free_bits",
        ],
    },
    OpenChoice {
        question: "Precision",
        paper: "Not said. f32 rounds least; bf16 rounds the operands of linear maps to 8 bits.",
        keys: &["train.precision"],
    },
    OpenChoice {
        question: "Learning rate",
        paper: "1e-4 or 1e-5, whichever was better in each row.",
        keys: &["train.learning_rate"],
    },
];

/// How a run settled a choice: `key = value` over its models, each once; empty if its recipe does
/// not record it.
pub(super) fn answers(run: &RunData, choice: &OpenChoice) -> Vec<String> {
    let models = run
        .cells
        .iter()
        .map(|c| &c.result)
        .filter(|r| r.kind == CellKind::Model);
    let recorded: BTreeSet<(usize, String)> = models
        .flat_map(|result| &result.recipe)
        .filter_map(|(key, value)| {
            let place = choice.keys.iter().position(|k| k == key)?;
            Some((place, format!("{key} = {}", plain(value))))
        })
        .collect();
    recorded.into_iter().map(|(_, text)| text).collect()
}

/// A recipe's value as people write it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
