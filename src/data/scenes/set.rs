//! The three splits of the embedded set.

use std::collections::HashSet;

use super::{Scene, captions, scene};
use crate::data::dataset::{Caption, Example, Picture};
use crate::data::rng::Rng;

/// Training pictures of the default set; validation and test have an eighth each.
pub const PICTURES: usize = 4_000;

/// The most training pictures, so that every split's picture ids stay apart.
pub const MAX_TRAINING_PICTURES: usize = 900_000;

/// Pictures for training, validation and test where `training` are asked for.
pub fn split_sizes(training: usize) -> [usize; 3] {
    let held_out = (training / 8).max(1);
    [training, held_out, held_out]
}

/// Draws the examples of `[training, validation, test]`, `sizes` many of each.
///
/// No two pictures are alike, in one split or across them. A picture of a
/// split does not depend on how many follow it; the test pictures depend on
/// nothing but the seed and their number. Picture ids start at 1,000,001 for training,
/// 2,000,001 for validation and 3,000,001 for test.
pub fn splits(seed: u64, sizes: [usize; 3]) -> [Vec<Example>; 3] {
    let mut seen = HashSet::new();
    let mut split = |number: u64, size: usize| -> Vec<Example> {
        (0..size as u64)
            .map(|index| example(seed, number, index, &mut seen))
            .collect()
    };
    let [training, validation, test] = sizes;
    let test = split(3, test);
    let validation = split(2, validation);
    [split(1, training), validation, test]
}

fn example(seed: u64, split: u64, index: u64, seen: &mut HashSet<Scene>) -> Example {
    let mut rng = Rng::new(seed, &[split, index]);
    let scene = loop {
        let scene = scene(&mut rng);
        if seen.insert(Scene {
            shade: 0,
            ..scene.clone()
        }) {
            break scene;
        }
    };
    let image_id = split * 1_000_000 + index + 1;
    let captions = captions(&scene, &mut rng)
        .into_iter()
        .zip(1..)
        .map(|(text, number)| Caption {
            annotation_id: image_id * 10 + number,
            text,
        })
        .collect();
    Example {
        image_id,
        image: Picture::Scene(scene),
        captions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scenes::{Attributes, attributes, draw};

    #[test]
    fn references_get_every_attribute_right() {
        let sets = splits(3, [1500, 200, 200]);
        for example in sets.iter().flatten() {
            let Picture::Scene(scene) = &example.image else {
                panic!("a drawn picture");
            };
            for caption in &example.captions {
                let (right, total) = attributes(scene, &caption.text).all();
                assert_eq!(right, total, "{}\n{scene:?}", caption.text);
            }
        }
    }

    #[test]
    fn the_caption_of_another_picture_gets_little_right() {
        let [train, _, test] = splits(5, [800, 1, 800]);
        let found: Attributes = test
            .iter()
            .zip(&train)
            .map(|(example, other)| match &example.image {
                Picture::Scene(scene) => attributes(scene, &other.captions[0].text),
                Picture::File(_) => panic!("a drawn picture"),
            })
            .sum();
        let (right, total) = found.all();
        assert!(right * 100 < total * 20, "{right} of {total}");
    }

    #[test]
    fn pictures_differ_within_and_across_splits() {
        let sets = splits(0, [300, 40, 40]);
        let mut drawn = HashSet::new();
        let mut ids = HashSet::new();
        for example in sets.iter().flatten() {
            let Picture::Scene(scene) = &example.image else {
                panic!("a drawn picture");
            };
            assert!(drawn.insert(draw(scene)));
            assert!(ids.insert(example.image_id));
        }
    }

    #[test]
    fn a_smaller_set_is_the_start_of_a_bigger_one() {
        let [small, _, small_test] = splits(9, [50, 10, 10]);
        let [big, _, big_test] = splits(9, [80, 10, 10]);
        assert_eq!(small, big[..50]);
        assert_eq!(small_test, big_test);
        assert_ne!(small, splits(10, [50, 10, 10])[0]);
    }

    #[test]
    fn words_are_many_enough_and_not_too_many() {
        let sets = splits(1, [2000, 1, 1]);
        let mut words = HashSet::new();
        let mut capitals = 0;
        for caption in sets[0].iter().flat_map(|e| &e.captions) {
            let count = caption.text.split(' ').count();
            assert!((7..=22).contains(&count), "{}", caption.text);
            capitals += usize::from(caption.text.ends_with('.'));
            words.extend(
                caption
                    .text
                    .to_lowercase()
                    .split([' ', ',', '.'])
                    .map(str::to_owned),
            );
        }
        assert!((100..=250).contains(&words.len()), "{} words", words.len());
        assert!(
            (2500..3500).contains(&capitals),
            "{capitals} of 10000 with a period"
        );
    }
}
