//! The decoded-image cache: one file for one list of pictures at one size.
//!
//! ```text
//! bytes  0…7    magic, with the format's version
//!        8…39   key: SHA-256 over size, paths, lengths and times of change
//!       40…47   number of pictures, little endian
//!       48…55   size in pixels
//!       56…     a checksum of 8 bytes a picture
//!         …     3 × size × size bytes a picture
//! ```
//!
//! The file's name carries the key, so that pictures which change, or are
//! others, or of another size, never meet an old file. It is written beside its
//! place and renamed when whole. Every checksum is looked at when it is opened: a
//! file that is short or corrupt is made anew.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use memmap2::Mmap;
use sha2::{Digest, Sha256};

use super::dataset::{Example, Picture};
use super::loader::planar_pictures;
use super::store::{Bytes, picture_bytes};
use crate::error::{Error, Result};

const MAGIC: &[u8; 8] = b"cbpics01";
const HEADER: usize = 56;
const CHECKSUM: usize = 8;

/// Files longer than this are mapped; shorter ones are read into memory.
const MAPPED_FROM: u64 = 256 << 20;

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

/// Takes the decoded pictures from `folder`, or decodes them and leaves them there.
pub fn open_or_build(
    folder: &Path,
    examples: &[Example],
    size: usize,
    threads: usize,
    progress: &dyn Fn(usize, usize),
) -> Result<Bytes> {
    let key = key(examples, size)?;
    let path = file_of(folder, &key);
    let layout = Layout {
        key,
        count: examples.len(),
        size,
    };
    if let Some(bytes) = layout.read(&path) {
        return Ok(bytes);
    }
    layout.write(&path, examples, threads, progress)?;
    layout
        .read(&path)
        .ok_or_else(|| Error::failed(format!("{} changed while it was read", path.display())))
}

fn file_of(folder: &Path, key: &[u8; 32]) -> PathBuf {
    let name: String = key[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    folder.join(format!("pictures-{name}.bin"))
}

/// What the pictures are and how they are looked at.
fn key(examples: &[Example], size: usize) -> Result<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update(MAGIC);
    hash.update((size as u64).to_le_bytes());
    for example in examples {
        match &example.image {
            Picture::Scene(scene) => hash.update(format!("{scene:?}\n")),
            Picture::File(path) => {
                let about = std::fs::metadata(path).map_err(|error| Error::reading(path, error))?;
                let changed = about
                    .modified()
                    .ok()
                    .and_then(|t| t.duration_since(UNIX_EPOCH).ok());
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                hash.update(path.as_os_str().as_encoded_bytes());
                hash.update(format!("\n{} {:?}\n", about.len(), changed));
            }
        }
    }
    Ok(hash.finalize().into())
}

struct Layout {
    key: [u8; 32],
    count: usize,
    size: usize,
}

impl Layout {
    fn header(&self) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        header.extend(self.key);
        header.extend((self.count as u64).to_le_bytes());
        header.extend((self.size as u64).to_le_bytes());
        header
    }

    fn start(&self) -> usize {
        HEADER + self.count * CHECKSUM
    }

    fn length(&self) -> u64 {
        (self.start() + self.count * picture_bytes(self.size)) as u64
    }

    /// The pictures, if the file is there, whole and unharmed.
    fn read(&self, path: &Path) -> Option<Bytes> {
        let mut file = File::open(path).ok()?;
        let length = file.metadata().ok()?.len();
        if length != self.length() {
            return None;
        }
        if length >= MAPPED_FROM {
            // SAFETY: a cache file is never changed once it has its name; it is
            // replaced by renaming another over it, which leaves this one whole.
            let map = unsafe { Mmap::map(&file) }.ok()?;
            let start = self.start();
            return self.is_sound(&map).then_some(Bytes::Mapped { map, start });
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.read_to_end(&mut bytes).ok()?;
        self.is_sound(&bytes)
            .then(|| Bytes::Memory(bytes.split_off(self.start())))
    }

    fn is_sound(&self, file: &[u8]) -> bool {
        let start = self.start();
        if file.len() as u64 != self.length() || file[..HEADER] != self.header() {
            return false;
        }
        let checksums = file[HEADER..start].chunks_exact(CHECKSUM);
        let pictures = file[start..].chunks_exact(picture_bytes(self.size));
        checksums
            .zip(pictures)
            .all(|(sum, picture)| sum == checksum(picture))
    }

    fn write(
        &self,
        path: &Path,
        examples: &[Example],
        threads: usize,
        progress: &dyn Fn(usize, usize),
    ) -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let failed = |error: std::io::Error| Error::writing(path, error);
        std::fs::create_dir_all(folder).map_err(|error| Error::writing(folder, error))?;
        let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let mut checksums = vec![0; self.count * CHECKSUM];
        {
            let mut file = BufWriter::new(temporary.as_file_mut());
            let mut expected = 0;
            planar_pictures(examples, self.size, threads, progress, |at, picture| {
                checksums[at * CHECKSUM..][..CHECKSUM].copy_from_slice(&checksum(picture));
                let offset = (self.start() + at * picture.len()) as u64;
                if offset != expected {
                    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
                }
                expected = offset + picture.len() as u64;
                file.write_all(picture).map_err(failed)
            })?;
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            file.write_all(&self.header()).map_err(failed)?;
            file.write_all(&checksums).map_err(failed)?;
            file.flush().map_err(failed)?;
        }
        temporary.as_file().sync_all().map_err(failed)?;
        temporary
            .persist(path)
            .map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// A fast checksum: eight bytes at a time, multiplied and folded. It finds
/// accidents, not attacks.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut sum = bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        sum = (sum ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
        sum ^= sum >> 29;
    }
    sum.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::data::Rgb;

    fn photos(folder: &Path, count: usize) -> Vec<Example> {
        (0..count)
            .map(|i| {
                let path = folder.join(format!("{i}.png"));
                let pixels = (0..20 * 10 * 3).map(|p| (p * (i + 1)) as u8).collect();
                let rgb = Rgb {
                    width: 20,
                    height: 10,
                    pixels,
                };
                std::fs::write(&path, rgb.png().unwrap()).unwrap();
                Example {
                    image_id: i as u64,
                    image: Picture::File(path),
                    captions: Vec::new(),
                }
            })
            .collect()
    }

    /// Opens or builds, and tells how many pictures were decoded.
    fn open(folder: &Path, examples: &[Example], size: usize) -> (Vec<u8>, usize) {
        let decoded = Cell::new(0);
        let progress = |done, _| decoded.set(done);
        let store =
            crate::data::ImageStore::build(examples, size, 2, Some(folder), &progress).unwrap();
        (
            (0..store.len())
                .flat_map(|i| store.rgb(i).to_vec())
                .collect(),
            decoded.get(),
        )
    }

    #[test]
    fn a_cache_is_used_until_something_changes() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let examples = photos(folder.path(), 5);
        let (first, decoded) = open(&cache, &examples, 16);
        assert_eq!((first.len(), decoded), (5 * 3 * 16 * 16, 5));
        assert_eq!(open(&cache, &examples, 16), (first.clone(), 0));
        assert_eq!(open(&cache, &examples, 8).1, 5);
        assert_eq!(open(&cache, &examples[..4], 16).1, 4);
        let rgb = Rgb {
            width: 3,
            height: 2,
            pixels: vec![9; 18],
        };
        std::fs::write(folder.path().join("2.png"), rgb.png().unwrap()).unwrap();
        let (changed, decoded) = open(&cache, &examples, 16);
        assert_eq!(decoded, 5);
        assert_ne!(changed, first);
    }

    #[test]
    fn a_harmed_cache_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let examples = photos(folder.path(), 4);
        let (whole, _) = open(&cache, &examples, 16);
        let file = std::fs::read_dir(&cache)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let sound = std::fs::read(&file).unwrap();
        let mut flipped = sound.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let mut header = sound.clone();
        header[41] ^= 1;
        for harmed in [
            &sound[..sound.len() - 1],
            &sound[..20],
            &[],
            &flipped,
            &header,
        ] {
            std::fs::write(&file, harmed).unwrap();
            assert_eq!(open(&cache, &examples, 16), (whole.clone(), 4));
            assert_eq!(std::fs::read(&file).unwrap(), sound);
        }
    }

    #[test]
    fn a_failed_build_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let examples = photos(folder.path(), 3);
        std::fs::write(folder.path().join("1.png"), b"no picture").unwrap();
        let error = crate::data::ImageStore::build(&examples, 16, 2, Some(&cache), &|_, _| {})
            .expect_err("a broken picture");
        assert_eq!(error.exit_code(), 2);
        assert!(error.message().contains("1.png"), "{error}");
        assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 0);
    }
}
