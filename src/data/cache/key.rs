//! What a picture is found by in a cache.

use std::path::Path;
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::layout::Key;
use crate::data::dataset::{Example, Picture};
use crate::error::{Error, Result};

/// The key of a picture file: the first half of SHA-256 over its absolute path, its length and its
/// time of change. So a file that was changed, or another one, is another picture.
///
/// # Errors
/// Bad input where the file is not there.
pub fn key(path: &Path) -> Result<Key> {
    let about = std::fs::metadata(path).map_err(|error| Error::reading(path, error))?;
    let changed = about
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_nanos());
    let path = std::path::absolute(path).map_err(|error| Error::reading(path, error))?;
    let hash = Sha256::new()
        .chain_update(about.len().to_le_bytes())
        .chain_update(changed.to_le_bytes())
        .chain_update(path.as_os_str().as_encoded_bytes())
        .finalize();
    let mut key = [0; 16];
    key.copy_from_slice(&hash[..16]);
    Ok(key)
}

/// The file of an example's picture.
///
/// # Errors
/// Bad input for a drawn picture: it has no file, and is drawn faster than it is read.
pub fn file_of(example: &Example) -> Result<&Path> {
    match &example.image {
        Picture::File(path) => Ok(path),
        Picture::Scene(_) => Err(Error::input(format!(
            "image id {} is drawn; only picture files are kept in a cache",
            example.image_id
        ))),
    }
}
