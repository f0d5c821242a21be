//! What captions are like, for the terminal.

use std::fmt::Write;

use crate::metrics::describe::{Description, Lengths};

/// The description as lines of text, to stand under the table of scores.
pub fn text(found: &Description) -> String {
    let share = |value: f64| format!("{:.2} %", 100.0 * value);
    let mut lines = vec![
        (
            "self-BLEU-4",
            found
                .self_bleu4
                .map(|value| format!("{:.2}", 100.0 * value)),
            "BLEU-4 of each against all others, the mean: high where they resemble each other",
        ),
        (
            "distinct-1",
            found.distinct1.map(|value| format!("{value:.4}")),
            "different words / words",
        ),
        (
            "distinct-2",
            found.distinct2.map(|value| format!("{value:.4}")),
            "different pairs of words / pairs",
        ),
        (
            "vocabulary",
            Some(found.vocabulary.to_string()),
            "different words",
        ),
        (
            "different captions",
            Some(share(found.different_captions)),
            "different captions / captions",
        ),
        (
            "not in references",
            Some(share(found.not_in_references)),
            "captions that are no reference",
        ),
        (
            "not in training",
            found.not_in_training.map(share),
            "captions that are none of --train",
        ),
        (
            "repeating",
            Some(share(found.repeating)),
            "captions that say 1 to 4 words twice in a row",
        ),
        (
            "seq-rep-4",
            found.seq_rep4.map(share),
            "4-grams that the caption had before, the mean",
        ),
    ];
    let length = |lengths: &Lengths| Some(format!("{:.2}", lengths.mean));
    let range = |what: &str, lengths: &Lengths| {
        let Lengths {
            min, median, max, ..
        } = lengths;
        format!("{what} a caption; shortest {min}, median {median}, longest {max}")
    };
    let words = range("words", &found.words);
    let graphemes = range("characters", &found.graphemes);
    lines.insert(4, ("length in words", length(&found.words), &words));
    lines.insert(5, ("in characters", length(&found.graphemes), &graphemes));

    let mut text = format!("\nThe captions by themselves  ({})\n", found.signature);
    for (name, value, meaning) in lines {
        if let Some(value) = value {
            let _ = writeln!(text, "{name:<18}  {value:>9}  {meaning}");
        }
    }
    text
}
