//! The pictures of a split, decoded once, at the size that a model looks at.

use std::path::Path;

use memmap2::Mmap;

use super::cache;
use super::dataset::{Example, Picture};
use super::loader::planar_pictures;
use crate::error::Result;

/// Decoded pictures: RGB bytes `(3, size, size)` each, in the order of the examples.
#[derive(Debug)]
pub struct ImageStore {
    size: usize,
    count: usize,
    bytes: Bytes,
}

/// Where the bytes are; a mapped file has a header in front of them.
#[derive(Debug)]
pub(super) enum Bytes {
    Memory(Vec<u8>),
    Mapped { map: Mmap, start: usize },
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Memory(bytes) => bytes,
            Self::Mapped { map, start } => &map[*start..],
        }
    }
}

impl ImageStore {
    /// Decodes the pictures of `examples` to `size × size` in `threads` workers.
    ///
    /// With `cache_dir`, decoded photos are kept in a file there, and taken from it
    /// the next time unless a picture file has changed since; drawn pictures are
    /// never kept. `progress` hears how many of how many pictures are done.
    ///
    /// # Errors
    ///
    /// Bad input naming the first few pictures that cannot be read; a failure
    /// where the cache cannot be written.
    pub fn build(
        examples: &[Example],
        size: usize,
        threads: usize,
        cache_dir: Option<&Path>,
        progress: &dyn Fn(usize, usize),
    ) -> Result<Self> {
        let photos = examples
            .iter()
            .any(|example| matches!(example.image, Picture::File(_)));
        let bytes = match cache_dir.filter(|_| photos) {
            Some(folder) => cache::open_or_build(folder, examples, size, threads, progress)?,
            None => Bytes::Memory(in_memory(examples, size, threads, progress)?),
        };
        Ok(Self {
            size,
            count: examples.len(),
            bytes,
        })
    }

    /// The number of pictures.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Height and width of every picture.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The bytes of one picture, `(3, size, size)`.
    pub fn rgb(&self, picture: usize) -> &[u8] {
        assert!(picture < self.count, "picture {picture} of {}", self.count);
        let length = picture_bytes(self.size);
        &self.bytes.as_slice()[picture * length..][..length]
    }

    /// Writes one picture as a model sees it, `(3, size, size)`, each byte `b` as
    /// `(b / 255 − 0.5) / 0.5`.
    pub fn normalized(&self, picture: usize, out: &mut [f32]) {
        let bytes = self.rgb(picture);
        assert_eq!(
            bytes.len(),
            out.len(),
            "a picture of {} × {}",
            self.size,
            self.size
        );
        for (value, &byte) in out.iter_mut().zip(bytes) {
            *value = normalize(byte);
        }
    }
}

/// `(byte / 255 − 0.5) / 0.5` in the steps, and with the roundings, of Hugging
/// Face's ViT processor: −1 for black, 1 for white.
#[inline]
pub fn normalize(byte: u8) -> f32 {
    // The processor multiplies by 1/255 in double precision and keeps a float.
    let scaled = (f64::from(byte) * (1.0 / 255.0)) as f32;
    (scaled - 0.5) / 0.5
}

/// Bytes of one picture.
pub(super) fn picture_bytes(size: usize) -> usize {
    3 * size * size
}

fn in_memory(
    examples: &[Example],
    size: usize,
    threads: usize,
    progress: &dyn Fn(usize, usize),
) -> Result<Vec<u8>> {
    let length = picture_bytes(size);
    let mut bytes = vec![0; examples.len() * length];
    planar_pictures(examples, size, threads, progress, |at, picture| {
        bytes[at * length..][..length].copy_from_slice(picture);
        Ok(())
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{OpenOptions, Spec, open};

    #[test]
    fn pictures_are_the_same_for_any_number_of_threads() {
        let data = open(&Spec::Scenes { pictures: 40 }, &OpenOptions::default()).unwrap();
        let build = |size, threads| {
            ImageStore::build(&data.train, size, threads, None, &|_, _| {}).unwrap()
        };
        let (one, four) = (build(64, 1), build(64, 4));
        assert_eq!((one.len(), one.size()), (40, 64));
        assert!((0..40).all(|i| one.rgb(i) == four.rgb(i)));
        let mut values = vec![0.0; 3 * 64 * 64];
        one.normalized(7, &mut values);
        assert!(values.iter().all(|v| (-1.0..=1.0).contains(v)));
        assert_eq!(values[5], normalize(one.rgb(7)[5]));
        assert_eq!(build(32, 2).rgb(0).len(), 3 * 32 * 32);
    }

    #[test]
    fn black_and_white_are_the_ends() {
        assert_eq!((normalize(0), normalize(255)), (-1.0, 1.0));
        assert!((0..255).all(|byte| normalize(byte) < normalize(byte + 1)));
    }
}
