//! The pictures of a split, decoded once, at the size that a model looks at.

use super::cache::{CachedPictures, PictureCache};
use super::dataset::Example;
use super::loader::planar_pictures;
use crate::error::Result;

/// Decoded pictures: RGB bytes `(3, size, size)` each, in the order of the examples.
#[derive(Debug)]
pub struct ImageStore {
    size: usize,
    count: usize,
    pixels: Pixels,
}

/// Where the bytes are.
#[derive(Debug)]
enum Pixels {
    Memory(Vec<u8>),
    Cached(CachedPictures),
}

impl ImageStore {
    /// Decodes the pictures of `examples` to `size × size` in `threads` workers and keeps them in memory.
    ///
    /// `progress` hears how many of how many pictures are done, and ends the work with an error.
    ///
    /// # Errors
    ///
    /// Bad input naming the first few pictures that cannot be read; what `progress` returns.
    pub fn build(
        examples: &[Example],
        size: usize,
        threads: usize,
        progress: &dyn Fn(usize, usize) -> Result<()>,
    ) -> Result<Self> {
        let length = picture_bytes(size);
        let mut bytes = vec![0; examples.len() * length];
        let all: Vec<&Example> = examples.iter().collect();
        planar_pictures(&all, size, threads, progress, |at, picture| {
            bytes[at * length..][..length].copy_from_slice(picture);
            Ok(())
        })?;
        Ok(Self {
            size,
            count: examples.len(),
            pixels: Pixels::Memory(bytes),
        })
    }

    /// Takes the pictures of `examples` from a cache that [holds](PictureCache::holds) them all; their
    /// pixels stay on the disk, and in the kernel's hands.
    ///
    /// # Errors
    ///
    /// Bad input naming a picture that is not there, or has changed since it was decoded.
    pub fn cached(cache: &PictureCache, examples: &[Example]) -> Result<Self> {
        Ok(Self {
            size: cache.size(),
            count: examples.len(),
            pixels: Pixels::Cached(cache.pictures(examples)?),
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
    ///
    /// # Errors
    ///
    /// Bad input where a cached picture is corrupt and cannot be decoded again.
    pub fn rgb(&self, picture: usize) -> Result<&[u8]> {
        assert!(picture < self.count, "picture {picture} of {}", self.count);
        let length = picture_bytes(self.size);
        match &self.pixels {
            Pixels::Memory(bytes) => Ok(&bytes[picture * length..][..length]),
            Pixels::Cached(pictures) => pictures.pixels(picture),
        }
    }

    /// Writes one picture as a model sees it, `(3, size, size)`, each byte `b` as
    /// `(b / 255 − 0.5) / 0.5`.
    ///
    /// A picture whose pixels are lost is not a number throughout, and so is what comes of it;
    /// [`ImageStore::decoded_again`] says why.
    pub fn normalized(&self, picture: usize, out: &mut [f32]) {
        let length = picture_bytes(self.size);
        assert_eq!(length, out.len(), "a picture of {0} × {0}", self.size);
        let Ok(bytes) = self.rgb(picture) else {
            return out.fill(f32::NAN);
        };
        for (value, &byte) in out.iter_mut().zip(bytes) {
            *value = normalize(byte);
        }
    }

    /// How many of the pictures used so far were corrupt in the cache and had to be decoded again.
    ///
    /// # Errors
    ///
    /// Bad input where that was not possible for one of them: whatever was computed from it is worthless.
    pub fn decoded_again(&self) -> Result<usize> {
        match &self.pixels {
            Pixels::Memory(_) => Ok(0),
            Pixels::Cached(pictures) => pictures.decoded_again(),
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
fn picture_bytes(size: usize) -> usize {
    3 * size * size
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{OpenOptions, Spec, open};

    #[test]
    fn pictures_are_the_same_for_any_number_of_threads() {
        let data = open(&Spec::Scenes { pictures: 40 }, &OpenOptions::default()).unwrap();
        let build =
            |size, threads| ImageStore::build(&data.train, size, threads, &|_, _| Ok(())).unwrap();
        let (one, four) = (build(64, 1), build(64, 4));
        assert_eq!((one.len(), one.size()), (40, 64));
        assert!((0..40).all(|i| one.rgb(i) == four.rgb(i)));
        let mut values = vec![0.0; 3 * 64 * 64];
        one.normalized(7, &mut values);
        assert!(values.iter().all(|v| (-1.0..=1.0).contains(v)));
        assert_eq!(values[5], normalize(one.rgb(7).unwrap()[5]));
        assert_eq!(build(32, 2).rgb(0).unwrap().len(), 3 * 32 * 32);
    }

    #[test]
    fn black_and_white_are_the_ends() {
        assert_eq!((normalize(0), normalize(255)), (-1.0, 1.0));
        assert!((0..255).all(|byte| normalize(byte) < normalize(byte + 1)));
    }
}
