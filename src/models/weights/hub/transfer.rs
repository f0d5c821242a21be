//! One file's way into the cache.
//!
//! It is fetched into a part beside its place, from the part's end on after any break, and takes its place
//! once its size and, where the hub tells it, its SHA-256 are right.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

use super::cache::{CachedModel, create_folder};
use super::client::{Client, Description, TRIES, pause};
use super::request::Fault;

/// Fetches a file unless its bytes are in the cache, and puts it into the revision's snapshot. `progress` is
/// told the bytes that are there, and says whether to go on.
pub(super) fn fetch(
    client: &Client,
    cached: &CachedModel,
    revision: &str,
    name: &str,
    file: &Description,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<()> {
    let transfer = Transfer {
        client,
        id: &cached.id,
        revision,
        name,
        file,
    };
    let blob = cached.blob(&file.etag);
    if let Some(folder) = blob.parent() {
        create_folder(folder)?;
    }
    let lock = cached.lock(&file.etag, &mut || progress(0).is_continue())?;
    if lock.is_none() {
        return Err(transfer.stopped(0));
    }
    if !std::fs::metadata(&blob).is_ok_and(|found| found.len() == file.size) {
        let part = cached.part(&file.etag);
        transfer.receive(&part, progress)?;
        transfer.check(&part)?;
        std::fs::rename(&part, &blob).map_err(|e| Error::writing(&blob, e))?;
    }
    cached.link(revision, name, &file.etag)
}

/// A file on its way.
struct Transfer<'a> {
    client: &'a Client,
    id: &'a str,
    revision: &'a str,
    name: &'a str,
    file: &'a Description,
}

impl Transfer<'_> {
    /// Fetches what a part lacks, again from its end on where the connection breaks. Tries that bring nothing are
    /// counted.
    fn receive(&self, path: &Path, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<()> {
        let writing = |e| Error::writing(path, e);
        let mut part = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(writing)?;
        let mut in_vain = 0;
        loop {
            let start = part.metadata().map_err(writing)?.len();
            if start == self.file.size {
                return part.sync_all().map_err(writing);
            }
            if start > self.file.size {
                part.set_len(0).map_err(writing)?;
                continue;
            }
            let fault = match self.append(&mut part, path, start, progress) {
                Ok(()) => continue,
                Err(Fault::Final(error)) => return Err(error),
                Err(Fault::Trouble(message)) => message,
            };
            let there = part.metadata().map_err(writing)?.len();
            in_vain = if there > start { 0 } else { in_vain + 1 };
            if in_vain == TRIES {
                let kept = format!(
                    "{}: {fault}; {there} of {} bytes are kept, and the same command goes on from there",
                    self.name, self.file.size
                );
                return Err(self.client.silence(self.id, &kept));
            }
            if progress(there).is_break() {
                return Err(self.stopped(there));
            }
            std::thread::sleep(pause(in_vain));
        }
    }

    /// Appends what one answer brings.
    fn append(
        &self,
        part: &mut File,
        path: &Path,
        start: u64,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        let writing = |e| Fault::Final(Error::writing(path, e));
        let (body, mut there) = self
            .client
            .bytes(self.id, self.revision, self.name, start)?;
        part.set_len(there).map_err(writing)?;
        let mut reader = body.into_reader();
        let mut buffer = vec![0; 1 << 17];
        loop {
            if progress(there).is_break() {
                return Err(Fault::Final(self.stopped(there)));
            }
            let n = match reader.read(&mut buffer) {
                Ok(n) => n,
                Err(error) => return Err(Fault::Trouble(error.to_string())),
            };
            let size = self.file.size;
            if there + n as u64 > size {
                part.set_len(0).map_err(writing)?;
                let message = format!("more than the {size} bytes that it says {} has", self.name);
                return Err(Fault::Final(self.client.failure(self.id, &message)));
            }
            match n {
                0 if there == size => return Ok(()),
                0 => {
                    let message = format!("the answer ended at byte {there}");
                    return Err(Fault::Trouble(message));
                }
                n => part.write_all(&buffer[..n]).map_err(writing)?,
            }
            there += n as u64;
        }
    }

    /// Refuses a part whose SHA-256 is not its ETag, where that is one: small files have Git's name of a blob.
    fn check(&self, part: &Path) -> Result<()> {
        let etag = &self.file.etag;
        if etag.len() != 64 || !etag.chars().all(|c| c.is_ascii_hexdigit()) {
            return Ok(());
        }
        let mut file = File::open(part).map_err(|e| Error::reading(part, e))?;
        let mut hasher = Sha256::new();
        std::io::copy(&mut file, &mut hasher).map_err(|e| Error::reading(part, e))?;
        let found = format!("{:x}", hasher.finalize());
        if found.eq_ignore_ascii_case(etag) {
            return Ok(());
        }
        std::fs::remove_file(part).map_err(|e| Error::writing(part, e))?;
        let message = format!(
            "{}: its SHA-256 is {found}, expected {etag}; it was removed, and the same command fetches it again",
            self.name
        );
        Err(self.client.failure(self.id, &message))
    }

    fn stopped(&self, there: u64) -> Error {
        let (id, name, size) = (self.id, self.name, self.file.size);
        Error::Interrupted(format!(
            "interrupted; {there} of {size} bytes of {id}'s {name} are kept, and the same command goes on from there"
        ))
    }
}
