//! Which scores share a name and not a number, and why.

use std::fmt::Write as _;

use crate::results::schema::Scores;

/// What two captions' scores are called alike by, and under which conventions they are computed.
const FAMILIES: [(&str, &[(&str, &str)]); 3] = [
    (
        "BLEU-4",
        &[
            (
                "hf.bleu",
                "13a, case kept; the shortest reference's length; an order without a match makes it 0",
            ),
            (
                "coco.bleu4",
                "PTB tokens in lower case without punctuation; the closest reference's length",
            ),
            (
                "sacrebleu.bleu",
                "13a, case kept; the closest reference's length; orders without a match are smoothed",
            ),
            (
                "nltk.bleu",
                "word_tokenize in lower case, punctuation counts; the closest reference's length",
            ),
        ],
    ),
    (
        "ROUGE-L",
        &[
            (
                "hf.rougeL",
                "F1 of the best reference; letters and digits in lower case",
            ),
            (
                "coco.rougeL",
                "leans to recall (β 1.2); the best precision and the best recall, of any two references",
            ),
        ],
    ),
    (
        "METEOR",
        &[
            (
                "hf.meteor",
                "NLTK: exact, Porter and WordNet matches, α 0.9, β 3, γ 0.5; the mean over captions",
            ),
            (
                "coco.meteor",
                "METEOR 1.5: paraphrases too, function words count less, α 0.85, β 0.2, γ 0.6; of summed statistics",
            ),
        ],
    ),
];

/// The scores that go by one name, side by side; nothing if no name has two.
pub fn text(scores: &Scores) -> String {
    let mut text = String::new();
    for (name, keys) in FAMILIES {
        let known: Vec<_> = keys
            .iter()
            .filter_map(|(key, why)| Some((key, scores.get(*key)?.points, why)))
            .collect();
        if known.len() < 2 {
            continue;
        }
        if text.is_empty() {
            text += "\nSame name, other convention: compare like with like\n";
        }
        for (i, (key, points, why)) in known.into_iter().enumerate() {
            let name = if i == 0 { name } else { "" };
            let _ = writeln!(text, "{name:<8}  {key:<14}  {points:>7.2}  {why}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;

    #[test]
    fn every_key_is_a_metric_of_its_own() {
        let keys: Vec<&str> = FAMILIES
            .iter()
            .flat_map(|(_, keys)| keys.iter().map(|(key, _)| *key))
            .collect();
        assert!(keys.iter().all(|key| metrics::metric(key).is_some()));
        assert!((1..keys.len()).all(|i| !keys[..i].contains(&keys[i])));
    }

    #[test]
    fn nothing_is_said_of_one_convention_alone() {
        assert_eq!(text(&Scores::new()), "");
    }
}
