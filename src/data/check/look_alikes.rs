//! One picture in two splits, though its files differ.

use super::super::dataset::{Dataset, Example, Picture, Split};
use super::super::image::picture;
use super::super::near::{self, PerceptualHash, Thumbnail};
use super::{Print, Prints};
use crate::error::Result;

/// What a reader must know of pictures that look the same in two splits; those whose files have the same bytes are
/// named among the duplicates.
///
/// # Errors
/// Bad input where a picture that was looked at cannot be read again.
pub fn lines(data: &Dataset, prints: &Prints, threads: usize) -> Result<Vec<String>> {
    let print = |example: &Example| match &example.image {
        Picture::File(file) => prints.get(file).copied(),
        Picture::Scene(_) => None,
    };
    let hashes: Option<Vec<Vec<PerceptualHash>>> = Split::ALL
        .iter()
        .map(|&split| {
            let examples = data.split(split).iter();
            examples.map(|e| print(e).map(|p| p.hash)).collect()
        })
        .collect();
    let Some(hashes) = hashes else {
        return Ok(Vec::new());
    };
    let example = |(split, place): near::Place| &data.split(split)[place];
    let thumbnail = |place| Ok(Thumbnail::of(&picture(example(place))?));
    let hashes = [&hashes[0][..], &hashes[1], &hashes[2]];
    let mut found = near::across_splits(data, hashes, &thumbnail, threads)?;
    let digest = |place| print(example(place)).map(|print: Print| print.digest);
    found.retain(|pair| digest(pair.picture) != digest(pair.other));
    let notes = near::notes(data, &found).into_iter();
    Ok(notes.map(|note| format!("note         {note}")).collect())
}
