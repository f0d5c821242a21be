//! Reading a cache file's tables, and appending to it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use memmap2::Mmap;

use super::layout::{ENTRY, Entry, Key, Layout, checksum};
use crate::error::{Error, Result};

/// The time between two looks at a lock that another process has.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A picture's place, and the checksum of its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The slot.
    pub slot: usize,
    /// What its pixels must have.
    pub checksum: u64,
}

/// A cache file as its tables describe it; no pixels are read.
#[derive(Debug)]
pub struct Index {
    /// The file; `None` where there is none, or it is empty.
    pub map: Option<Mmap>,
    /// The pictures in it.
    pub places: HashMap<Key, Place>,
    /// The first slot that may be written.
    pub end: usize,
    /// The length of the file in bytes.
    pub bytes: u64,
}

impl Index {
    /// Reads the tables of the file at `path`; a file that is not there is empty.
    ///
    /// # Errors
    /// Bad input where the file cannot be read, or is no cache of this layout.
    pub fn read(path: &Path, layout: Layout) -> Result<Self> {
        let mut index = Self {
            map: None,
            places: HashMap::new(),
            end: 0,
            bytes: 0,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            // Where a folder's place is taken, that shows when it is written to.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(index);
            }
            Err(error) => return Err(Error::reading(path, error)),
        };
        let failed = |error| Error::reading(path, error);
        index.bytes = file.metadata().map_err(failed)?.len();
        if index.bytes == 0 {
            return Ok(index);
        }
        // SAFETY: the file only grows, and a record that a table names is never written again.
        let map = unsafe { Mmap::map(&file) }.map_err(failed)?;
        check_header(path, &map, layout)?;
        for slot in 0.. {
            let entry = map.get(layout.entry_at(slot)..).unwrap_or_default();
            let Some(entry) = entry.first_chunk::<ENTRY>() else {
                break;
            };
            let whole = map.len() >= layout.pixels_at(slot) + layout.pixels();
            match Entry::decode(entry) {
                _ if !whole => break,
                Entry::Free => continue,
                Entry::Dead => {}
                Entry::Record { key, checksum } => {
                    index.places.insert(key, Place { slot, checksum });
                }
            }
            index.end = slot + 1;
        }
        index.map = Some(map);
        Ok(index)
    }
}

/// A header that is cut off is of a file whose writer was stopped at once, and is written again.
fn check_header(path: &Path, file: &[u8], layout: Layout) -> Result<()> {
    let header = layout.header();
    let there = &file[..file.len().min(header.len())];
    match header.starts_with(there) {
        true => Ok(()),
        false => Err(Error::input(format!(
            "{}: expected a cache of pictures of {size} × {size} pixels, as this version writes it; \
             delete the file, or use another cache folder",
            path.display(),
            size = layout.size
        ))),
    }
}

/// Writes records behind the last one; while it lives no other process can.
pub struct Appender<'a> {
    file: File,
    path: &'a Path,
    layout: Layout,
    next: usize,
}

impl<'a> Appender<'a> {
    /// Waits until no other process writes to the file, making it if it is not there; `waiting` is
    /// called as long as another does. Returns what is in the file then.
    ///
    /// # Errors
    /// A file or folder that cannot be written; what `waiting` returns.
    pub fn lock(
        path: &'a Path,
        layout: Layout,
        waiting: &dyn Fn() -> Result<()>,
    ) -> Result<(Self, Index)> {
        let failed = |error| Error::writing(path, error);
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| Error::writing(folder, error))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => waiting()?,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        let mut there = Vec::new();
        let header = layout.header();
        let mut start = Read::by_ref(&mut file).take(header.len() as u64);
        start.read_to_end(&mut there).map_err(failed)?;
        check_header(path, &there, layout)?;
        if there.len() < header.len() {
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            file.write_all(&header).map_err(failed)?;
        }
        let index = Index::read(path, layout)?;
        let next = index.end;
        let appender = Self {
            file,
            path,
            layout,
            next,
        };
        Ok((appender, index))
    }

    /// Appends a picture: its pixels first, and its entry when they are written.
    ///
    /// Nothing waits for the disk: what a power cut takes has no entry, or pixels that its checksum
    /// refuses, and is decoded again.
    ///
    /// # Errors
    /// A failure where the file cannot be written; what was appended before is kept.
    pub fn append(&mut self, key: Key, pixels: &[u8]) -> Result<()> {
        let record = Entry::Record {
            key,
            checksum: checksum(pixels),
        };
        self.write(self.layout.pixels_at(self.next), pixels)?;
        self.write(self.layout.entry_at(self.next), &record.encode())?;
        self.next += 1;
        Ok(())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        let file = &mut self.file;
        let written = file.seek(SeekFrom::Start(at as u64));
        written
            .and_then(|_| file.write_all(bytes))
            .map_err(|error| {
                let kept = match error.kind() {
                    ErrorKind::StorageFull => {
                        "; the pictures decoded so far are kept: free some space and start again"
                    }
                    _ => "",
                };
                Error::writing(self.path, format!("{error}{kept}"))
            })
    }

    /// The length of the file in bytes.
    ///
    /// # Errors
    /// A failure of the file system.
    pub fn bytes(&self) -> Result<u64> {
        let about = self.file.metadata();
        about
            .map(|about| about.len())
            .map_err(|error| Error::writing(self.path, error))
    }
}

/// Notes that the pixels of a slot are corrupt, so that they are decoded again the next time.
///
/// # Errors
/// Those of the file system, for one where the user may not write.
pub fn bury(path: &Path, layout: Layout, slot: usize) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(layout.entry_at(slot) as u64))?;
    file.write_all(&Entry::Dead.encode())
}
