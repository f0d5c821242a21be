//! The cache of decoded pictures: one file that only grows for each size, shared by all data sets.
//!
//! ```text
//! header   64 bytes: the format's name and version, the size in pixels
//! block    1024 entries of 32 bytes: key, checksum of the pixels, checksum of both
//!          1024 records: 3 × size × size bytes a picture, channel by channel
//! block    …
//! ```
//!
//! A picture is found by its [key](key::key), whatever data set, split or limit names it. A record's
//! pixels are written before its entry: where a writer is stopped, the record has no entry and its
//! place is written again. So a build that was stopped goes on where it was. One process writes at a
//! time (a lock on the file); readers need no lock, as a record that has an entry is never changed.
//!
//! Opening reads the tables, some 2 MB for 70,000 pictures. Pixels are mapped, which leaves the memory
//! for them to the kernel, and their checksum is looked at when a picture is first used.

mod file;
mod key;
mod layout;
mod pictures;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

pub(super) use pictures::CachedPictures;

use super::dataset::Example;
use super::loader::planar_pictures;
use crate::error::{Error, Result};
use file::{Appender, Index};
use key::{file_of, key};
use layout::{Key, Layout};

/// Where decoded pictures are kept unless a user says otherwise:
/// `$CAPTION_BENCH_CACHE`, or else `caption-bench` in the user's cache folder.
pub fn default_cache_dir() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("CAPTION_BENCH_CACHE").or_else(|| {
        let folder = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
        Some(folder?.join("caption-bench"))
    })
}

/// The decoded pictures of one size in a cache folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureCache {
    path: PathBuf,
    layout: Layout,
}

/// What [`PictureCache::fill`] is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// Another process writes to the cache; it may be decoding the same pictures.
    Waiting,
    /// So many of the pictures are in the cache.
    Decoded {
        /// Pictures that are in the cache.
        done: usize,
        /// Pictures that were asked for.
        total: usize,
    },
}

/// What [`PictureCache::fill`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Pictures that were decoded.
    pub decoded: usize,
    /// Pictures that were in the cache before.
    pub present: usize,
    /// The length of the cache's file in bytes.
    pub bytes: u64,
}

impl PictureCache {
    /// The cache of pictures of `size × size` pixels in `folder`; nothing is read or written yet.
    pub fn new(folder: &Path, size: usize) -> Self {
        Self {
            path: folder.join(format!("pictures-{size}.bin")),
            layout: Layout { size },
        }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Height and width of its pictures.
    pub fn size(&self) -> usize {
        self.layout.size
    }

    /// Whether all of these pictures are there, unchanged since they were decoded.
    ///
    /// # Errors
    /// Bad input where a picture file is not there, or the cache's file is something else.
    pub fn holds(&self, examples: &[&Example]) -> Result<bool> {
        let index = Index::read(&self.path, self.layout)?;
        for example in examples {
            if !index.places.contains_key(&key(file_of(example)?)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Decodes the pictures that are not there in `threads` workers and appends them.
    ///
    /// May be stopped at any moment; what was decoded is kept. `watch` hears of what is done, and
    /// ends the work with an error.
    ///
    /// # Errors
    /// Bad input naming the first pictures that cannot be decoded, when all others are kept; a
    /// failure where the file cannot be written or the disk is too small; what `watch` returns.
    pub fn fill(
        &self,
        examples: &[&Example],
        threads: usize,
        watch: &dyn Fn(Filling) -> Result<()>,
    ) -> Result<Filled> {
        let mut wanted: Vec<(Key, &Example)> = Vec::with_capacity(examples.len());
        let mut keys = HashSet::with_capacity(examples.len());
        for example in examples {
            let key = key(file_of(example)?)?;
            if keys.insert(key) {
                wanted.push((key, example));
            }
        }
        let total = wanted.len();
        let index = Index::read(&self.path, self.layout)?;
        if keys.iter().all(|key| index.places.contains_key(key)) {
            return Ok(Filled {
                decoded: 0,
                present: total,
                bytes: index.bytes,
            });
        }
        let waiting = || watch(Filling::Waiting);
        let (mut appender, index) = Appender::lock(&self.path, self.layout, &waiting)?;
        wanted.retain(|(key, _)| !index.places.contains_key(key));
        let present = total - wanted.len();
        self.refuse_small_disk(&index, wanted.len())?;
        let progress = |done: usize, _: usize| {
            let done = done + present;
            watch(Filling::Decoded { done, total })
        };
        progress(0, 0)?;
        let missing: Vec<&Example> = wanted.iter().map(|(_, example)| *example).collect();
        let append = |at: usize, pixels: &[u8]| appender.append(wanted[at].0, pixels);
        let decoded = planar_pictures(&missing, self.layout.size, threads, &progress, append);
        let bytes = appender.bytes()?;
        decoded.map_err(|error| match error {
            Error::Input(message) => Error::Input(format!(
                "{message}\nall other pictures are in {}",
                self.path.display()
            )),
            other => other,
        })?;
        Ok(Filled {
            decoded: missing.len(),
            present,
            bytes,
        })
    }

    fn refuse_small_disk(&self, index: &Index, missing: usize) -> Result<()> {
        let Ok(free) = fs4::available_space(self.path.parent().unwrap_or(Path::new("."))) else {
            return Ok(());
        };
        let needed =
            (self.layout.pixels_at(index.end + missing) as u64).saturating_sub(index.bytes);
        if needed <= free {
            return Ok(());
        }
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        Err(Error::writing(
            &self.path,
            format!(
                "{missing} pictures need {} MB, and the disk has {} MB free; free some space, or use \
                 another cache folder",
                megabytes(needed),
                megabytes(free)
            ),
        ))
    }

    /// The pictures of `examples`, in their order.
    pub(super) fn pictures(&self, examples: &[Example]) -> Result<CachedPictures> {
        CachedPictures::open(&self.path, self.layout, examples)
    }
}

#[cfg(test)]
mod tests;
