//! Pictures in a mapped cache file, each looked at when it is first used.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use memmap2::Mmap;

use super::file::{Index, Place, bury};
use super::key::{file_of, key};
use super::layout::{Key, Layout, checksum};
use crate::data::dataset::Example;
use crate::data::image::read_picture;
use crate::error::{Error, Result};

/// A list of pictures that are records of a cache file.
#[derive(Debug)]
pub struct CachedPictures {
    path: PathBuf,
    layout: Layout,
    map: Option<Mmap>,
    pictures: Vec<Cached>,
}

#[derive(Debug)]
struct Cached {
    file: PathBuf,
    key: Key,
    place: Place,
    /// Nothing until the picture is used; then no pixels if the record is sound, or those that
    /// were decoded again because it is not.
    seen: OnceLock<Result<Option<Vec<u8>>>>,
}

impl CachedPictures {
    /// Finds the pictures of `examples` in the cache.
    pub(super) fn open(path: &Path, layout: Layout, examples: &[Example]) -> Result<Self> {
        let Index { map, places, .. } = Index::read(path, layout)?;
        let find = |example| {
            let file = file_of(example)?.to_owned();
            let key = key(&file)?;
            let place = places.get(&key).copied().ok_or_else(|| {
                Error::input(format!(
                    "{}: not in {}, or changed since it was decoded; prepare it again",
                    file.display(),
                    path.display()
                ))
            })?;
            Ok(Cached {
                file,
                key,
                place,
                seen: OnceLock::new(),
            })
        };
        Ok(Self {
            path: path.to_owned(),
            layout,
            pictures: examples.iter().map(find).collect::<Result<_>>()?,
            map,
        })
    }

    /// The bytes of one picture, `(3, size, size)`. A corrupt record is decoded again.
    ///
    /// # Errors
    /// Bad input where the record is corrupt and the picture file is no longer what it was.
    pub fn pixels(&self, picture: usize) -> Result<&[u8]> {
        let cached = &self.pictures[picture];
        let record = self.record(cached.place.slot);
        let look = || match checksum(record) == cached.place.checksum {
            true => Ok(None),
            false => self.decode_again(cached).map(Some),
        };
        match cached.seen.get_or_init(look) {
            Ok(None) => Ok(record),
            Ok(Some(pixels)) => Ok(pixels),
            Err(error) => Err(error.clone()),
        }
    }

    /// How many of the pictures that were used had to be decoded again.
    ///
    /// # Errors
    /// That of the first picture whose pixels are lost.
    pub fn decoded_again(&self) -> Result<usize> {
        let mut count = 0;
        for seen in self.pictures.iter().filter_map(|cached| cached.seen.get()) {
            count += usize::from(seen.as_ref().map_err(Error::clone)?.is_some());
        }
        Ok(count)
    }

    /// The bytes in the file; none where it ends before them, which no checksum allows.
    fn record(&self, slot: usize) -> &[u8] {
        let start = self.layout.pixels_at(slot);
        let record = start..start + self.layout.pixels();
        self.map
            .as_deref()
            .and_then(|file| file.get(record))
            .unwrap_or_default()
    }

    fn decode_again(&self, cached: &Cached) -> Result<Vec<u8>> {
        // Where the cache may not be written, the next run will find the same.
        let _ = bury(&self.path, self.layout, cached.place.slot);
        let size = self.layout.size;
        let decoded = match key(&cached.file)? == cached.key {
            true => read_picture(&cached.file).map(|rgb| rgb.resized(size, size).planar()),
            false => Err(Error::input(format!(
                "{} has changed",
                cached.file.display()
            ))),
        };
        decoded.map_err(|error| {
            error.context(format!(
                "{}: the pixels of {} are corrupt and cannot be decoded again; start again, \
                 which decodes what is missing",
                self.path.display(),
                cached.file.display()
            ))
        })
    }
}
