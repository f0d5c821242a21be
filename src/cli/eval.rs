//! `bench eval`: caption and score a data set with a trained model, without training.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::checkpoint::Checkpoint;
use super::decoding::DecodingArgs;
use super::plan::{compute, threads};
use super::pretrained::HubArgs;
use super::progress::Progress;
use super::{interrupt, pictures, run as bench_run};
use crate::data::{self, Example, ImageStore, OpenOptions};
use crate::metrics::Case;
use crate::nn::Workers;
use crate::results::atomic;
use crate::results::schema::{SCHEMA, Scores};
use crate::train::{Pair, SplitData, TokenizedCaptions};
use crate::{Error, Result, decode};

/// Flags of `bench eval`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    bench eval --model runs/tiny/cells/vae-cl-1a2b3c4d --data coco:flickr8k --json scores.json")]
pub struct EvalArgs {
    /// A cell, its checkpoint, or a Hugging Face encoder-decoder: a folder, or an id to download
    #[arg(long, value_name = "DIR|ID")]
    pub model: PathBuf,
    /// scenes or scenes:N, coco:DIR, coco:CAPTIONS.json,IMAGES_DIR or karpathy:JSON,IMAGES_DIR
    #[arg(long, value_name = "SPEC")]
    pub data: String,
    /// The split to caption
    #[arg(long, value_enum, default_value_t = Split::Test)]
    pub split: Split,
    /// The metric suite: paper or all
    #[arg(long, default_value = "paper")]
    pub suite: String,
    /// Write the scores as JSON; - is standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write one JSON line a reference caption: its loss and its number of tokens
    #[arg(long, value_name = "FILE")]
    pub per_caption: Option<PathBuf>,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub device: String,
    /// Threads; results do not depend on them
    #[arg(long, value_name = "T")]
    pub threads: Option<usize>,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    decoding: DecodingArgs,
}

/// A split of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Split {
    /// Training pictures.
    Train,
    /// Validation pictures.
    Validation,
    /// Test pictures.
    Test,
}

/// What `--json` writes.
#[derive(Debug, Serialize)]
struct EvalDocument {
    schema: u32,
    n: usize,
    /// How the captions were written; absent for a dual encoder.
    #[serde(skip_serializing_if = "Option::is_none")]
    decode: Option<decode::Method>,
    /// Mean over all captions' tokens and end tokens, in nats; absent for a dual encoder.
    #[serde(skip_serializing_if = "Option::is_none")]
    lm_loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<usize>,
    metrics: Scores,
}

/// One line of `--per-caption`.
#[derive(Debug, Serialize)]
struct CaptionLoss {
    image_id: u64,
    annotation_id: u64,
    lm_loss: f64,
    tokens: usize,
}

/// Runs the verb.
///
/// # Errors
/// [`Error::Input`] for a broken model or data set.
pub fn run(args: EvalArgs) -> Result<()> {
    let compute = compute(&args.device)?;
    let spec = args.data.parse()?;
    interrupt::flag();
    let workers = Workers::new(threads(args.threads)?)?;
    let mut checkpoint = Checkpoint::open(&args.model, args.hub, compute, &workers)?;
    args.decoding.apply(&mut checkpoint)?;
    let dataset = data::open(&spec, &OpenOptions::default())?;
    let examples = match args.split {
        Split::Train => dataset.train,
        Split::Validation => dataset.validation,
        Split::Test => dataset.test,
    };
    let size = checkpoint.model.config().vit.image;
    let [images] = pictures::stores([&examples], size, workers.threads())?;

    let bar = Progress::new("captioning", examples.len());
    let captions = checkpoint.caption(
        examples.len(),
        &|i, out| images.normalized(i, out),
        &workers,
        &|done| bar.advance(done, ""),
    )?;
    bar.finish();
    interrupt::check("nothing was written")?;
    let cases: Vec<Case> = examples
        .iter()
        .zip(captions)
        .map(|(example, mut captions)| Case {
            id: example.image_id.to_string().into(),
            hypothesis: captions.swap_remove(0).text.into(),
            references: example.captions.iter().map(|c| (&c.text).into()).collect(),
        })
        .collect();
    let (metrics, _) = bench_run::score_cases(&cases, &args.suite, workers.threads())?;
    let losses = losses(&checkpoint, &examples, &images, &workers)?;
    pictures::refuse_lost(std::slice::from_ref(&images))?;
    pictures::say_replaced(std::slice::from_ref(&images));
    let tokens: Option<usize> = losses
        .as_ref()
        .map(|all| all.iter().map(|l| l.tokens).sum());
    let document = EvalDocument {
        schema: SCHEMA,
        n: cases.len(),
        decode: losses.is_some().then_some(checkpoint.settings.decode),
        lm_loss: losses.as_ref().map(|all| {
            let sum: f64 = all.iter().map(|l| l.lm_loss * l.tokens as f64).sum();
            sum / tokens.unwrap_or(1) as f64
        }),
        tokens,
        metrics,
    };
    if let Some(path) = &args.per_caption {
        let losses = losses.ok_or_else(|| {
            Error::input("--per-caption: a dual encoder has no language-model loss to write")
        })?;
        atomic::write_json_lines(path, &losses)?;
    }
    match &args.json {
        Some(path) if path.as_os_str() == "-" => {
            let text = serde_json::to_string_pretty(&document)
                .map_err(|e| Error::failed(format!("cannot write JSON: {e}")))?;
            println!("{text}");
        }
        Some(path) => {
            atomic::write_json(path, &document)?;
            print(&document);
        }
        None => print(&document),
    }
    Ok(())
}

/// The loss of every reference caption, by teacher forcing; `None` for a dual encoder.
fn losses(
    checkpoint: &Checkpoint,
    examples: &[Example],
    images: &ImageStore,
    workers: &Workers,
) -> Result<Option<Vec<CaptionLoss>>> {
    if !checkpoint.model.config().variant.generates() {
        return Ok(None);
    }
    let tokenize = |example: &Example| {
        let texts = example.captions.iter();
        texts
            .map(|caption| checkpoint.tokenizer.encode(&caption.text))
            .collect()
    };
    let captions: TokenizedCaptions = examples.iter().map(tokenize).collect();
    let split = SplitData::new(images, &captions, checkpoint.specials());
    let pairs: Vec<Pair> = captions
        .iter()
        .enumerate()
        .flat_map(|(picture, all)| (0..all.len()).map(move |caption| Pair { picture, caption }))
        .collect();
    let forced = decode::teacher_forced(&mut checkpoint.inference(workers), &split, &pairs)?;
    let line = |(pair, row): (&Pair, decode::Forced)| CaptionLoss {
        image_id: examples[pair.picture].image_id,
        annotation_id: examples[pair.picture].captions[pair.caption].annotation_id,
        lm_loss: row.lm_loss,
        tokens: row.tokens,
    };
    Ok(Some(pairs.iter().zip(forced).map(line).collect()))
}

fn print(document: &EvalDocument) {
    println!("{} pictures", document.n);
    if let (Some(loss), Some(tokens)) = (document.lm_loss, document.tokens) {
        println!(
            "{:<14} {loss:>8.4}  nats a token over {tokens} tokens",
            "lm_loss"
        );
    }
    for (key, score) in &document.metrics {
        let interval = score.ci95.map_or(String::new(), |[low, high]| {
            format!("  [{low:.2}, {high:.2}]")
        });
        println!(
            "{key:<14} {:>8.2}{interval}  {}",
            score.points, score.signature
        );
    }
}
