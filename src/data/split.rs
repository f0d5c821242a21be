//! Who is trained on and who is scored: by image, or by pair as the paper words it.

use std::collections::{BTreeMap, HashSet};

use super::dataset::{Example, OpenOptions, Split};
use super::rng::Rng;

/// What a split is drawn over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SplitRule {
    /// Every picture is in one split only.
    #[default]
    Images,
    /// Picture-caption pairs are drawn, as the paper's "50,000 / 10,000 / 10,000
    /// image-caption pairs" read: one picture may be in training and test at once.
    Pairs,
}

/// How every note of a data set begins that says what was seen in training.
pub const LEAKAGE: &str = "leakage: ";

/// Test pictures that are trained on as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leakage {
    /// How many test pictures are also training pictures.
    pub test_pictures_in_training: usize,
    /// How many test pictures there are.
    pub test_pictures: usize,
}

impl Leakage {
    /// The sentence that a reader must see, if anything leaks.
    pub fn note(&self) -> Option<String> {
        (self.test_pictures_in_training > 0).then(|| {
            format!(
                "{LEAKAGE}{} of {} test pictures ({:.1} %) were seen in training, with other captions",
                self.test_pictures_in_training,
                self.test_pictures,
                100.0 * self.test_pictures_in_training as f64 / self.test_pictures as f64
            )
        })
    }
}

/// Counts test pictures that are training pictures too.
pub(super) fn leakage(splits: &[Vec<Example>; 3]) -> Leakage {
    let train: HashSet<u64> = splits[0].iter().map(|example| example.image_id).collect();
    Leakage {
        test_pictures_in_training: splits[2]
            .iter()
            .filter(|e| train.contains(&e.image_id))
            .count(),
        test_pictures: splits[2].len(),
    }
}

/// Fills in missing splits from those that are there, picture by picture.
///
/// A test split comes from half of the validation split, or else from a tenth
/// of the training pictures; a validation split from a tenth of the training
/// pictures. Where there is no training split, eight tenths of what there is become one.
pub(super) fn complete(
    splits: [Option<Vec<Example>>; 3],
    seed: u64,
    notes: &mut Vec<String>,
) -> [Vec<Example>; 3] {
    let mut note = |count: usize, split: Split, from: &str| {
        notes.push(format!(
            "no {} split in the data: {count} pictures were drawn from its {from} pictures",
            split.name()
        ));
    };
    let tenth = |examples: &[Example]| (examples.len() / 10).max(1);
    let [train, validation, test] = splits;
    let (train, validation, test) = match (train, validation, test) {
        (Some(train), Some(validation), Some(test)) => (train, validation, test),
        (Some(train), Some(mut validation), None) => {
            let half = validation.len() / 2;
            let test = draw(&mut validation, half, seed);
            note(test.len(), Split::Test, "validation");
            (train, validation, test)
        }
        (Some(mut train), None, test) => {
            let count = tenth(&train);
            let test = test.unwrap_or_else(|| {
                let test = draw(&mut train, count, seed);
                note(test.len(), Split::Test, "training");
                test
            });
            let validation = draw(&mut train, count, seed.wrapping_add(1));
            note(validation.len(), Split::Validation, "training");
            (train, validation, test)
        }
        (None, validation, test) => {
            let from = if validation.is_some() {
                "validation"
            } else {
                "test"
            };
            let (mut rest, test) = match (validation, test) {
                (Some(validation), test) => (validation, test),
                (None, test) => (test.unwrap_or_default(), None),
            };
            let count = tenth(&rest);
            let test = test.unwrap_or_else(|| {
                let test = draw(&mut rest, count, seed);
                note(test.len(), Split::Test, from);
                test
            });
            let validation = draw(&mut rest, count, seed.wrapping_add(1));
            note(rest.len(), Split::Train, from);
            (rest, validation, test)
        }
    };
    [train, validation, test]
}

/// Takes `count` random pictures out of `examples`; both keep their order.
fn draw(examples: &mut Vec<Example>, count: usize, seed: u64) -> Vec<Example> {
    let mut order: Vec<usize> = (0..examples.len()).collect();
    Rng::new(seed, &[DRAW]).shuffle(&mut order);
    let chosen: HashSet<usize> = order.into_iter().take(count).collect();
    let all = std::mem::take(examples).into_iter().enumerate();
    let (drawn, kept): (Vec<_>, Vec<_>) = all.partition(|(i, _)| chosen.contains(i));
    *examples = kept.into_iter().map(|(_, example)| example).collect();
    drawn.into_iter().map(|(_, example)| example).collect()
}

/// The streams of random numbers used here.
const DRAW: u64 = 1;
const PAIRS: u64 = 2;

/// Applies the split rule and the limits.
pub(super) fn apply(
    mut splits: [Vec<Example>; 3],
    options: &OpenOptions,
    notes: &mut Vec<String>,
) -> [Vec<Example>; 3] {
    let limits = [
        options.limits.train,
        options.limits.validation,
        options.limits.test,
    ];
    match options.split_rule {
        SplitRule::Images => {
            for (examples, limit) in splits.iter_mut().zip(limits) {
                if let Some(limit) = limit.filter(|&limit| limit < examples.len()) {
                    *examples = draw(examples, limit, options.seed);
                }
            }
            splits
        }
        SplitRule::Pairs => {
            let sizes: [usize; 3] = std::array::from_fn(|i| {
                let pairs = splits[i].iter().map(|example| example.captions.len()).sum();
                limits[i].map_or(pairs, |limit| limit.min(pairs))
            });
            notes.push(format!(
                "split by pairs: {} / {} / {} image-caption pairs drawn at random",
                sizes[0], sizes[1], sizes[2]
            ));
            by_pairs(splits.into_iter().flatten().collect(), sizes, options.seed)
        }
    }
}

/// Draws pairs for each split; those of one picture in one split are put together again.
fn by_pairs(examples: Vec<Example>, sizes: [usize; 3], seed: u64) -> [Vec<Example>; 3] {
    let mut pairs: Vec<(usize, usize)> = examples
        .iter()
        .enumerate()
        .flat_map(|(i, example)| (0..example.captions.len()).map(move |j| (i, j)))
        .collect();
    Rng::new(seed, &[PAIRS]).shuffle(&mut pairs);
    let mut pairs = pairs.into_iter();
    sizes.map(|size| {
        let mut drawn: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (i, j) in pairs.by_ref().take(size) {
            drawn.entry(i).or_default().push(j);
        }
        let with_captions = |(i, mut chosen): (usize, Vec<usize>)| {
            chosen.sort_unstable();
            let example = &examples[i];
            Example {
                captions: chosen
                    .into_iter()
                    .map(|j| example.captions[j].clone())
                    .collect(),
                ..example.clone()
            }
        };
        drawn.into_iter().map(with_captions).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::dataset::{Caption, Limits, Picture};
    use super::*;

    fn examples(ids: std::ops::Range<u64>) -> Vec<Example> {
        ids.map(|id| Example {
            image_id: id,
            image: Picture::File(PathBuf::from(format!("{id}.png"))),
            captions: (0..5)
                .map(|n| Caption {
                    annotation_id: id * 5 + n,
                    text: format!("caption {n} of {id}"),
                })
                .collect(),
        })
        .collect()
    }

    fn ids(splits: &[Vec<Example>; 3]) -> Vec<u64> {
        let mut ids: Vec<u64> = splits.iter().flatten().map(|e| e.image_id).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn missing_splits_are_drawn_by_image_and_noted() {
        let cases = [
            ([Some(examples(0..100)), None, None], [80, 10, 10], 2),
            (
                [Some(examples(0..80)), Some(examples(80..100)), None],
                [80, 10, 10],
                1,
            ),
            (
                [Some(examples(0..80)), None, Some(examples(80..100))],
                [72, 8, 20],
                1,
            ),
            ([None, Some(examples(0..100)), None], [80, 10, 10], 2),
            ([None, None, Some(examples(0..100))], [80, 10, 10], 2),
        ];
        for (given, expected, noted) in cases {
            let mut notes = Vec::new();
            let splits = complete(given, 3, &mut notes);
            assert_eq!(
                [splits[0].len(), splits[1].len(), splits[2].len()],
                expected
            );
            assert_eq!(ids(&splits), (0..100).collect::<Vec<_>>());
            assert_eq!(notes.len(), noted, "{notes:?}");
            assert_eq!(leakage(&splits).test_pictures_in_training, 0);
        }
    }

    #[test]
    fn pairs_leak_and_the_leak_is_counted() {
        let splits = [examples(0..80), examples(80..90), examples(90..100)];
        let options = OpenOptions {
            split_rule: SplitRule::Pairs,
            ..OpenOptions::default()
        };
        let mut notes = Vec::new();
        let drawn = apply(splits, &options, &mut notes);
        let captions = |i: usize| drawn[i].iter().map(|e| e.captions.len()).sum::<usize>();
        assert_eq!([captions(0), captions(1), captions(2)], [400, 50, 50]);
        let texts: HashSet<&str> = drawn
            .iter()
            .flatten()
            .flat_map(|e| &e.captions)
            .map(|c| c.text.as_str())
            .collect();
        assert_eq!(texts.len(), 500);
        let leakage = leakage(&drawn);
        assert!(
            leakage.test_pictures_in_training > leakage.test_pictures * 9 / 10,
            "{leakage:?}"
        );
        assert!(
            leakage
                .note()
                .is_some_and(|note| note.contains("seen in training"))
        );
    }

    #[test]
    fn a_limit_keeps_a_random_part_in_order() {
        let options = OpenOptions {
            limits: Limits {
                train: Some(20),
                validation: None,
                test: Some(50),
            },
            ..OpenOptions::default()
        };
        let given = || [examples(0..80), examples(80..90), examples(90..100)];
        let limited = apply(given(), &options, &mut Vec::new());
        assert_eq!(
            [limited[0].len(), limited[1].len(), limited[2].len()],
            [20, 10, 10]
        );
        assert!(limited[0].is_sorted_by_key(|e| e.image_id));
        assert_ne!(limited[0], examples(0..20));
        let other = apply(
            given(),
            &OpenOptions { seed: 1, ..options },
            &mut Vec::new(),
        );
        assert_ne!(limited[0], other[0]);
    }
}
