//! What captions are like by themselves: how varied, how long, how new, how repetitive.
//!
//! These are descriptions and no scores: a system that writes one good sentence for every picture
//! has fine scores and shows here. They have no interval, and most depend on the number of captions:
//! compare them only between systems that captioned the same pictures.
//!
//! A word is a word of Unicode's text segmentation (UAX 29) with a letter or a number in it, in lower
//! case. So punctuation does not count; Korean is cut at its spaces; Chinese, and Japanese but for
//! katakana, into characters.

mod repetition;
mod self_bleu;
mod vocabulary;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use unicode_segmentation::{UNICODE_VERSION, UnicodeSegmentation};

use self::vocabulary::Vocabulary;
use super::Case;
use super::ngrams::NGrams;
use super::tokenizers::plain;

/// What a set of captions is like; all shares are 0…1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The number of captions.
    pub n: usize,
    /// Self-BLEU-4 (Zhu et al. 2018), 0…1: the mean over captions of the BLEU of a caption with all other
    /// captions as its references; sacreBLEU's sentence BLEU on words. High where captions resemble
    /// each other. Absent for a single caption.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub self_bleu4: Option<f64>,
    /// Distinct-1 (Li et al. 2016): different words among all words. Absent where there is no word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distinct1: Option<f64>,
    /// Distinct-2: different pairs of neighbouring words among all pairs. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distinct2: Option<f64>,
    /// The number of different words.
    pub vocabulary: usize,
    /// Words of a caption.
    pub words: Lengths,
    /// Characters of a caption as a reader sees them (grapheme clusters), each run of white space as one.
    pub graphemes: Lengths,
    /// Share of different captions among all; case and white space do not count.
    pub different_captions: f64,
    /// Share of captions that are no reference of any picture here; case and white space do not count.
    pub not_in_references: f64,
    /// The same for the captions of the training set, where they are at hand.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_in_training: Option<f64>,
    /// Share of captions in which some 1 to 4 words are followed by the same again, as in `a dog on a
    /// dog on a mat`.
    pub repeating: f64,
    /// Seq-rep-4 (Welleck et al. 2020): share of a caption's 4-grams that it had before, the mean over the
    /// captions of four words or more. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seq_rep4: Option<f64>,
    /// How words were cut and compared.
    pub signature: String,
}

/// Lengths of captions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lengths {
    /// The mean.
    pub mean: f64,
    /// The shortest.
    pub min: usize,
    /// The one in the middle, of two the shorter.
    pub median: usize,
    /// The longest.
    pub max: usize,
}

/// Describes the hypotheses of `cases`; `training` are the captions a system was trained on.
pub fn describe(cases: &[Case], training: Option<&[String]>) -> Description {
    let mut vocabulary = Vocabulary::default();
    let captions: Vec<Vec<u32>> = cases
        .iter()
        .map(|case| vocabulary.ids(&case.hypothesis))
        .collect();
    let folded: Vec<String> = cases.iter().map(|case| fold(&case.hypothesis)).collect();
    let references = cases.iter().flat_map(|case| &case.references);
    let different: HashSet<&str> = folded.iter().map(String::as_str).collect();
    let (major, minor, _) = UNICODE_VERSION;
    Description {
        n: cases.len(),
        self_bleu4: self_bleu::mean(&captions),
        distinct1: distinct(&captions, 1),
        distinct2: distinct(&captions, 2),
        vocabulary: vocabulary.len(),
        words: Lengths::of(captions.iter().map(Vec::len).collect()),
        graphemes: Lengths::of(folded.iter().map(|f| f.graphemes(true).count()).collect()),
        different_captions: share(different.len(), cases.len()).unwrap_or(0.0),
        not_in_references: new_among(&folded, references),
        not_in_training: training.map(|training| new_among(&folded, training)),
        repeating: share(
            captions
                .iter()
                .filter(|ids| repetition::repeats(ids))
                .count(),
            cases.len(),
        )
        .unwrap_or(0.0),
        seq_rep4: repetition::seq_rep(&captions, 4),
        signature: format!(
            "case:lc|tok:uax29|unicode:{major}.{minor}|bleu:sacrebleu-2.6.0-sentence"
        ),
    }
}

/// Lower case, white space trimmed and each run of it one space.
fn fold(text: &str) -> String {
    plain::words(&text.to_lowercase()).join(" ")
}

/// The share of captions that are none of `texts`.
fn new_among<T: AsRef<str>>(folded: &[String], texts: impl IntoIterator<Item = T>) -> f64 {
    let known: HashSet<String> = texts.into_iter().map(|text| fold(text.as_ref())).collect();
    let new = folded.iter().filter(|caption| !known.contains(*caption));
    share(new.count(), folded.len()).unwrap_or(0.0)
}

/// Different n-grams of all captions among all of them.
fn distinct(captions: &[Vec<u32>], n: usize) -> Option<f64> {
    let mut different = HashSet::new();
    let mut all = 0;
    for ids in captions {
        for (gram, count) in NGrams::count(ids, n).iter() {
            different.insert(gram);
            all += count as usize;
        }
    }
    share(different.len(), all)
}

fn share(part: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

impl Lengths {
    fn of(mut lengths: Vec<usize>) -> Self {
        lengths.sort_unstable();
        let at = |i: usize| lengths.get(i).copied().unwrap_or(0);
        let last = lengths.len().saturating_sub(1);
        Self {
            mean: share(lengths.iter().sum(), lengths.len()).unwrap_or(0.0),
            min: at(0),
            median: at(last / 2),
            max: at(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases<'a>(captions: &[(&'a str, &[&'a str])]) -> Vec<Case<'a>> {
        let case = |&(hypothesis, references): &(&'a str, &[&'a str])| Case {
            id: "".into(),
            hypothesis: (*hypothesis).into(),
            references: references.iter().map(|&text| text.into()).collect(),
        };
        captions.iter().map(case).collect()
    }

    #[test]
    fn a_few_captions_counted_by_hand() {
        let cases = cases(&[
            ("A dog, a DOG!", &["a cat", " a  dog, A dog!"]),
            ("a dog runs", &["a dog sits"]),
            ("A dog\u{a0}runs", &["a cow"]),
        ]);
        let training = ["A dog runs.".to_owned(), "a DOG runs ".to_owned()];
        let found = describe(&cases, Some(&training));
        assert_eq!(found.n, 3);
        // a dog a dog, a dog runs, a dog runs: 3 words of 10; a-dog, dog-a, dog-runs of 7 pairs.
        assert_eq!(found.vocabulary, 3);
        assert_eq!(found.distinct1, Some(0.3));
        assert_eq!(found.distinct2, Some(3.0 / 7.0));
        let words = Lengths {
            mean: 10.0 / 3.0,
            min: 3,
            median: 3,
            max: 4,
        };
        assert_eq!(found.words, words);
        assert_eq!((found.graphemes.min, found.graphemes.max), (10, 13));
        assert_eq!(found.different_captions, 2.0 / 3.0);
        assert_eq!(found.not_in_references, 2.0 / 3.0);
        assert_eq!(found.not_in_training, Some(1.0 / 3.0));
        assert_eq!(found.repeating, 1.0 / 3.0);
        assert_eq!(found.seq_rep4, Some(0.0));
        // The last two are copies of each other. Of the first, 4 words, the closest other has 3: no
        // brevity penalty; of its n-grams 2/4, 1/3, 0/2 and 0/1 are matched, the last two smoothed
        // to 1/(2·2) and 1/(4·1).
        let first = (0.5f64 / 3.0 / 4.0 / 4.0).powf(0.25);
        let expected = (first + 2.0) / 3.0;
        assert!((found.self_bleu4.unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn characters_are_what_a_reader_sees() {
        let found = describe(&cases(&[(" e\u{301}👩‍👩‍👧  한\n", &[""])]), None);
        assert_eq!(found.graphemes.max, 4);
        assert_eq!(found.words.max, 2);
        assert_eq!(found.not_in_training, None);
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        for cases in [cases(&[]), cases(&[("…", &["…"])])] {
            let found = describe(&cases, Some(&[]));
            assert_eq!((found.vocabulary, found.words.max), (0, 0));
            assert_eq!((found.distinct1, found.self_bleu4), (None, None));
            assert!(serde_json::to_string(&found).is_ok());
        }
    }
}
