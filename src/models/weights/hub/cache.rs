//! A model's place in the cache that Hugging Face's tools share.
//!
//! ```text
//! models--google--vit/refs/main             the revision that is in use
//! models--google--vit/blobs/ETAG            a file's bytes; ETAG.part while they are fetched
//! models--google--vit/snapshots/REVISION/   a revision's files, links into blobs
//! .locks/models--google--vit/ETAG.lock      held by who fetches
//! ```

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::{Cache, CacheRepo, Repo};

use crate::error::{Error, Result};

/// The branch that is used.
pub(super) const MAIN: &str = "main";

/// A model's place in a cache.
#[derive(Debug)]
pub(super) struct CachedModel {
    pub id: String,
    cache: PathBuf,
    repo: CacheRepo,
}

impl CachedModel {
    /// The place of the model of an id; `None` for what is no id.
    pub fn new(cache: &Path, id: &str) -> Option<Self> {
        let parts: Vec<&str> = id.split('/').collect();
        // `--` stands for the slash in the cache, so no id has it.
        let named = |part: &&str| is_plain(part) && !part.contains("--") && !part.contains("..");
        (parts.len() <= 2 && parts.iter().all(named)).then(|| Self {
            id: id.to_owned(),
            cache: cache.to_owned(),
            repo: Cache::new(cache.to_owned()).repo(Repo::model(id.to_owned())),
        })
    }

    /// The revision that the branch `main` names.
    pub fn revision(&self) -> Option<String> {
        let folder = self.cache.join(self.folder_name());
        let revision = std::fs::read_to_string(folder.join("refs").join(MAIN)).ok()?;
        let revision = revision.trim();
        is_plain(revision).then(|| revision.to_owned())
    }

    /// The snapshot of that revision.
    pub fn snapshot(&self) -> Option<PathBuf> {
        let folder = self.snapshot_of(&self.revision()?);
        folder.is_dir().then_some(folder)
    }

    /// The folder of a revision's snapshot.
    pub fn snapshot_of(&self, revision: &str) -> PathBuf {
        self.repo.pointer_path(revision)
    }

    /// The file with the bytes of an ETag.
    pub fn blob(&self, etag: &str) -> PathBuf {
        self.repo.blob_path(etag)
    }

    /// The file that they are fetched into.
    pub fn part(&self, etag: &str) -> PathBuf {
        self.blob(&format!("{etag}.part"))
    }

    /// Waits until nobody else fetches an ETag; `None` if `go_on` says no meanwhile.
    pub fn lock(&self, etag: &str, go_on: &mut dyn FnMut() -> bool) -> Result<Option<File>> {
        let path = self.cache.join(".locks").join(self.folder_name());
        create_folder(&path)?;
        let path = path.join(format!("{etag}.lock"));
        let file = File::create(&path).map_err(|e| Error::writing(&path, e))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(error)) => return Err(Error::writing(&path, error)),
                Err(TryLockError::WouldBlock) if !go_on() => return Ok(None),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Puts a file that is in the cache into a revision's snapshot.
    pub fn link(&self, revision: &str, name: &str, etag: &str) -> Result<()> {
        let folder = self.snapshot_of(revision);
        create_folder(&folder)?;
        let path = folder.join(name);
        if path.is_file() {
            return Ok(());
        }
        // What may be there leads nowhere.
        let _ = std::fs::remove_file(&path);
        #[cfg(unix)]
        if std::os::unix::fs::symlink(Path::new("../../blobs").join(etag), &path).is_ok() {
            return Ok(());
        }
        std::fs::hard_link(self.blob(etag), &path).map_err(|e| Error::writing(&path, e))
    }

    /// Makes a revision the one that is in use.
    pub fn use_revision(&self, revision: &str) -> Result<()> {
        let written = self.repo.create_ref(revision);
        written.map_err(|e| Error::writing(&self.cache.join(self.folder_name()), e))
    }

    /// That something of it is not in the cache, and what would help.
    pub fn absent(&self, what: &str) -> Error {
        let Self { id, cache, .. } = self;
        Error::input(format!(
            "pretrained model `{id}`: no such folder, and {what} is not in the cache {}; expected a folder, or a model \
             that `hf download {id}` or the same command without --offline and HF_HUB_OFFLINE has put there",
            cache.display()
        ))
    }

    fn folder_name(&self) -> String {
        Repo::model(self.id.clone()).folder_name()
    }
}

/// Whether a name that came from outside may be part of a path or an address.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Creates a folder and those above it.
pub(super) fn create_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|e| Error::writing(path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_by_the_revision_of_its_branch() {
        let cache = tempfile::tempdir().unwrap();
        let snapshot = |id: &str| CachedModel::new(cache.path(), id).and_then(|m| m.snapshot());
        let model = cache.path().join("models--google--vit");
        for revision in ["old", "new"] {
            std::fs::create_dir_all(model.join("snapshots").join(revision)).unwrap();
        }
        std::fs::create_dir_all(model.join("refs")).unwrap();
        std::fs::write(model.join("refs/main"), "new\n").unwrap();
        assert_eq!(snapshot("google/vit"), Some(model.join("snapshots/new")));
        assert_eq!(snapshot("vit"), None);
        std::fs::write(model.join("refs/main"), "../../..").unwrap();
        assert_eq!(snapshot("google/vit"), None);
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_id() {
        let cache = Path::new("/cache");
        for id in ["gpt2", "google/vit-base-patch16-224-in21k", "a/b.c_d"] {
            assert!(CachedModel::new(cache, id).is_some(), "{id}");
        }
        for id in [
            "",
            "google/",
            "/vit",
            "google/vit/x",
            "../vit",
            "google/..",
            "a/b..c",
            "a--b",
            "a/b?c",
            "a/b#c",
            "a/b%2f",
            "a\\b",
            "~/vit",
            "a/b c",
        ] {
            assert!(CachedModel::new(cache, id).is_none(), "{id}");
        }
    }
}
