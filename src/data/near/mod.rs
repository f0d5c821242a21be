//! Leaks that no id tells of: one picture in two splits under two names, re-encoded, resized, brightened or trimmed.
//!
//! A [`PerceptualHash`] a picture finds candidates among all pairs, and their [`Thumbnail`]s decide. Of the 861,328 pairs
//! of 1,313 photos of COCO and Flickr8k, all different, one has hashes so near and none thumbnails so alike. Of 100 photos of Flickr8k each, all copies are found that were saved as JPEG of quality 20,
//! halved, halved and saved with quality 50, brightened by 15 %, given a fifth more contrast or trimmed by a hundredth;
//! of those without colour 46, of those trimmed by a thirtieth 32, and mirrored ones or those with a text below hardly
//! any. Two photos of one scene are no copies.

mod hash;
mod thumbnail;

pub use hash::PerceptualHash;
pub use thumbnail::Thumbnail;

use super::dataset::{Dataset, Picture, Split};
use super::split::LEAKAGE;
use super::store::ImageStore;
use crate::error::Result;
use crate::metrics::parallel::in_chunks;
use crate::nn::kernels::dispatch::dispatch;

/// Hashes that differ in no more bits are candidates.
const NEAR: u32 = 10;
/// Pictures that one thread looks at, one after the other.
const PICTURES: usize = 16;
/// Pictures named in a note.
const NAMED: usize = 3;

/// Splits that must not have a picture in common: the first is looked at for copies of the second's.
const APART: [[Split; 2]; 3] = [
    [Split::Test, Split::Train],
    [Split::Validation, Split::Train],
    [Split::Test, Split::Validation],
];

/// Where a picture is: its split, and its place in it.
pub type Place = (Split, usize);

/// A picture that looks the same as one of another split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookAlike {
    /// The picture, of the split that is measured on.
    pub picture: Place,
    /// What it looks like.
    pub other: Place,
}

/// Thumbnails by place; they are asked for candidates only.
pub type Thumbnails<'a> = &'a (dyn Fn(Place) -> Result<Thumbnail> + Sync);

/// The photos that look the same as one of another split and have another id, each with the first such one, of the
/// hashes of all splits in the order of [`Split::ALL`].
///
/// # Errors
/// What `thumbnails` returns.
pub fn across_splits(
    data: &Dataset,
    hashes: [&[PerceptualHash]; 3],
    thumbnails: Thumbnails,
    threads: usize,
) -> Result<Vec<LookAlike>> {
    let mut found = Vec::new();
    for [split, other] in APART {
        let others: Vec<u64> = hashes[other as usize].iter().map(|h| h.bits()).collect();
        let of_chunk = |range: std::ops::Range<usize>| -> Result<Vec<LookAlike>> {
            let mut found = Vec::new();
            let mut distances = vec![0; others.len()];
            for place in range {
                bit_distances(
                    hashes[split as usize][place].bits(),
                    &others,
                    &mut distances,
                );
                let picture = (split, place);
                let near = (0..others.len()).filter(|&at| distances[at] <= NEAR);
                let near = near.map(|at| (other, at));
                for other in near.filter(|other| id(data, *other) != id(data, picture)) {
                    if thumbnails(picture)?.is_same(&thumbnails(other)?) {
                        found.push(LookAlike { picture, other });
                        break;
                    }
                }
            }
            Ok(found)
        };
        let count = hashes[split as usize].len();
        for chunk in in_chunks(count, PICTURES, threads, of_chunk) {
            found.extend(chunk?);
        }
    }
    Ok(found)
}

/// The same, of decoded pictures. Drawn scenes are not looked at: their truth is known, and two of one layout differ
/// by what the captions say.
///
/// # Errors
/// Bad input where a picture of the cache is corrupt and cannot be decoded again.
pub fn across_stores(
    data: &Dataset,
    images: &[ImageStore; 3],
    threads: usize,
) -> Result<Vec<LookAlike>> {
    let drawn = |split| {
        let mut examples = data.split(split).iter();
        examples.any(|example| matches!(example.image, Picture::Scene(_)))
    };
    if Split::ALL.into_iter().any(drawn) {
        return Ok(Vec::new());
    }
    let thumbnail = |(split, place): Place| -> Result<Thumbnail> {
        let images = &images[split as usize];
        Ok(Thumbnail::of_planes(images.rgb(place)?, images.size()))
    };
    let mut hashes: [Vec<PerceptualHash>; 3] = Default::default();
    for split in Split::ALL {
        let count = images[split as usize].len();
        let chunks = in_chunks(count, PICTURES, threads, |range| {
            let hash = |place| Ok(PerceptualHash::of(&thumbnail((split, place))?));
            range.map(hash).collect::<Result<Vec<_>>>()
        });
        for chunk in chunks {
            hashes[split as usize].extend(chunk?);
        }
    }
    let hashes = [&hashes[0][..], &hashes[1], &hashes[2]];
    across_splits(data, hashes, &thumbnail, threads)
}

/// The sentences that a reader must see, one for each two splits that have pictures in common.
pub fn notes(data: &Dataset, found: &[LookAlike]) -> Vec<String> {
    let note = |[split, other]: [Split; 2]| {
        let pairs: Vec<&LookAlike> = found
            .iter()
            .filter(|pair| [pair.picture.0, pair.other.0] == [split, other])
            .collect();
        let all = data.split(split).len();
        let mut named: Vec<String> = pairs
            .iter()
            .take(NAMED)
            .map(|pair| format!("{} = {}", id(data, pair.picture), id(data, pair.other)))
            .collect();
        if pairs.len() > NAMED {
            named.push(format!("and {} more", pairs.len() - NAMED));
        }
        (!pairs.is_empty()).then(|| {
            format!(
                "{LEAKAGE}{} of {all} {} pictures ({:.1} %) look the same as a {} picture of another id ({})",
                pairs.len(),
                split.name(),
                100.0 * pairs.len() as f64 / all as f64,
                other.name(),
                named.join(", ")
            )
        })
    };
    APART.into_iter().filter_map(note).collect()
}

fn id(data: &Dataset, (split, place): Place) -> u64 {
    data.split(split)[place].image_id
}

dispatch! {
    /// In how many bits each of `others` differs from `hash`.
    fn bit_distances(hash: u64, others: &[u64], distances: &mut [u32]) {
        for (other, distance) in others.iter().zip(distances) {
            *distance = (hash ^ other).count_ones();
        }
    }
}
