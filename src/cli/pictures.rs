//! Where the decoded pictures of a run are: in memory, or in the cache on the disk.

use super::interrupt;
use super::progress::Progress;
use crate::data::{Example, Filled, Filling, ImageStore, Picture, PictureCache, default_cache_dir};
use crate::{Error, Result};

/// Photos that need more bytes together are decoded into the cache.
const CACHED_FROM: usize = 256 << 20;
/// Photos that need no more are kept in memory where the cache cannot be written.
const MEMORY_AT_MOST: usize = 2 << 30;

/// Decodes the pictures of some splits to `size × size`, or takes them from the cache: large sets of
/// photos, and any whose pictures are there already.
///
/// # Errors
/// [`Error::Input`] naming broken pictures; [`Error::Failed`] where the cache is needed and cannot be
/// written; [`Error::Interrupted`] after Ctrl-C.
pub fn stores<const N: usize>(
    splits: [&[Example]; N],
    size: usize,
    threads: usize,
) -> Result<[ImageStore; N]> {
    let all: Vec<&Example> = splits.iter().copied().flatten().collect();
    let bytes = 3 * size * size * all.len();
    let photos = all
        .iter()
        .all(|example| matches!(example.image, Picture::File(_)));
    if !photos {
        return in_memory(splits, size, threads);
    }
    let cache = default_cache_dir().map(|folder| PictureCache::new(&folder, size));
    let large = bytes > CACHED_FROM;
    // A cache that cannot be read is no reason to refuse pictures that need none.
    let cache = cache.filter(|cache| large || cache.holds(&all).unwrap_or(false));
    let taken = match &cache {
        Some(cache) => fill(cache, &all, threads).and_then(|_| from_cache(splits, cache)),
        None if large => Err(Error::failed("there is no cache folder for this user")),
        None => return in_memory(splits, size, threads),
    };
    match taken {
        Err(Error::Failed(message)) if bytes <= MEMORY_AT_MOST => {
            eprintln!(
                "note: {message}; decoded pictures are kept in memory ({} MB)",
                bytes / 1_000_000
            );
            in_memory(splits, size, threads)
        }
        Err(Error::Failed(message)) => Err(Error::failed(format!(
            "{message}; name a folder for {} MB of decoded pictures with CAPTION_BENCH_CACHE",
            bytes / 1_000_000
        ))),
        other => other,
    }
}

/// Decodes what the cache lacks, with a progress bar.
///
/// # Errors
/// Those of [`PictureCache::fill`]; [`Error::Interrupted`] after Ctrl-C.
pub fn fill(cache: &PictureCache, examples: &[&Example], threads: usize) -> Result<Filled> {
    let bar = Progress::new("decoding pictures", examples.len());
    let waits = std::cell::Cell::new(false);
    let started = std::cell::Cell::new(false);
    let filled = cache.fill(examples, threads, &|filling| {
        match filling {
            Filling::Waiting if !waits.replace(true) => {
                eprintln!("waiting: another process writes {}", cache.path().display());
            }
            Filling::Waiting => {}
            Filling::Decoded { done, total } => match started.replace(true) {
                true => bar.set(done),
                false => {
                    bar.set_total(total);
                    bar.start_at(done);
                }
            },
        }
        interrupt::check("decoded pictures are kept, and the same command goes on")
    })?;
    bar.finish();
    Ok(filled)
}

fn from_cache<const N: usize>(
    splits: [&[Example]; N],
    cache: &PictureCache,
) -> Result<[ImageStore; N]> {
    eprintln!("pictures are taken from {}", cache.path().display());
    collected(splits, |examples| ImageStore::cached(cache, examples))
}

fn in_memory<const N: usize>(
    splits: [&[Example]; N],
    size: usize,
    threads: usize,
) -> Result<[ImageStore; N]> {
    let bar = Progress::new("decoding pictures", splits.iter().map(|s| s.len()).sum());
    let before = std::cell::Cell::new(0);
    let stores = collected(splits, |examples| {
        let progress = |done: usize, _: usize| {
            bar.set(before.get() + done);
            interrupt::check("nothing was written")
        };
        let store = ImageStore::build(examples, size, threads, &progress)?;
        before.set(before.get() + examples.len());
        Ok(store)
    })?;
    bar.finish();
    Ok(stores)
}

fn collected<const N: usize>(
    splits: [&[Example]; N],
    mut store: impl FnMut(&[Example]) -> Result<ImageStore>,
) -> Result<[ImageStore; N]> {
    let stores: Vec<ImageStore> = splits.into_iter().map(&mut store).collect::<Result<_>>()?;
    let count = stores.len();
    let wrong = |_| Error::failed(format!("{count} splits were decoded, not {N}"));
    stores.try_into().map_err(wrong)
}

/// Refuses what was computed from pictures that the cache lost.
///
/// # Errors
/// [`Error::Input`] naming the picture and the cache.
pub fn refuse_lost(stores: &[ImageStore]) -> Result<()> {
    stores
        .iter()
        .try_for_each(|store| store.decoded_again().map(|_| ()))
}

/// Says how many corrupt pictures of the cache were replaced, so that a failing disk is noticed.
pub fn say_replaced(stores: &[ImageStore]) {
    let count: usize = stores.iter().flat_map(ImageStore::decoded_again).sum();
    if count > 0 {
        let noun = if count == 1 {
            "picture was"
        } else {
            "pictures were"
        };
        eprintln!("note: {count} {noun} corrupt in the cache and decoded again");
    }
}
