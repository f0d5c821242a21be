//! Where the files of a pretrained model are: in a folder, or in the cache of Hugging Face's tools.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The folder of a pretrained model: `name` itself if it is a folder, else the snapshot that the branch
/// `main` names of the model of that id (`gpt2`, `google/vit-base-patch16-224-in21k`) in the cache of `huggingface_hub`.
///
/// The cache is `$HF_HUB_CACHE`, `$HUGGINGFACE_HUB_CACHE`, `$HF_HOME/hub` or `~/.cache/huggingface/hub`,
/// the first that is set. Nothing is downloaded.
///
/// # Errors
/// [`Error::Input`] that says where was looked and what would help.
pub fn folder_of(name: &str) -> Result<PathBuf> {
    let folder = Path::new(name);
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    let cache = cache_from(|key| std::env::var_os(key).map(PathBuf::from));
    cache
        .as_deref()
        .and_then(|cache| snapshot(cache, name))
        .ok_or_else(|| {
            let cache = cache.map_or("no cache".to_owned(), |cache| cache.display().to_string());
            Error::input(format!(
                "pretrained weights `{name}`: neither a folder nor a model in {cache}; \
             expected a folder, or a model that `hf download {name}` has put into the cache"
            ))
        })
}

/// The cache under some environment.
fn cache_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    variable("HF_HUB_CACHE")
        .or_else(|| variable("HUGGINGFACE_HUB_CACHE"))
        .or_else(|| Some(variable("HF_HOME")?.join("hub")))
        .or_else(|| Some(variable("HOME")?.join(".cache/huggingface/hub")))
}

/// The snapshot that the branch `main` of a model names in a cache.
fn snapshot(cache: &Path, id: &str) -> Option<PathBuf> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let parts: Vec<&str> = id.split('/').collect();
    if parts.len() > 2 || !parts.iter().all(|part| plain(part)) {
        return None;
    }
    let model = cache.join(format!("models--{}", parts.join("--")));
    let revision = std::fs::read_to_string(model.join("refs/main")).ok()?;
    let revision = revision.trim();
    let snapshot = model.join("snapshots").join(revision);
    (plain(revision) && snapshot.is_dir()).then_some(snapshot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_by_the_revision_of_its_branch() {
        let cache = tempfile::tempdir().unwrap();
        let model = cache.path().join("models--google--vit");
        for revision in ["old", "new"] {
            std::fs::create_dir_all(model.join("snapshots").join(revision)).unwrap();
        }
        std::fs::create_dir_all(model.join("refs")).unwrap();
        std::fs::write(model.join("refs/main"), "new\n").unwrap();
        assert_eq!(
            snapshot(cache.path(), "google/vit"),
            Some(model.join("snapshots/new"))
        );
        for other in ["vit", "google/vit/x", "../google/vit", "google/", ""] {
            assert_eq!(snapshot(cache.path(), other), None, "{other}");
        }
        std::fs::write(model.join("refs/main"), "../../..").unwrap();
        assert_eq!(snapshot(cache.path(), "google/vit"), None);
    }

    #[test]
    fn the_first_variable_that_is_set_names_the_cache() {
        let of = |set: &[(&str, &str)]| {
            cache_from(|key| {
                let found = set.iter().find(|(name, _)| *name == key);
                found.map(|(_, value)| PathBuf::from(value))
            })
        };
        let all = [
            ("HF_HUB_CACHE", "/a"),
            ("HUGGINGFACE_HUB_CACHE", "/b"),
            ("HF_HOME", "/c"),
            ("HOME", "/d"),
        ];
        let expected = ["/a", "/b", "/c/hub", "/d/.cache/huggingface/hub"];
        for (i, cache) in expected.iter().enumerate() {
            assert_eq!(of(&all[i..]).as_deref(), Some(Path::new(cache)));
        }
        assert_eq!(of(&[]), None);
    }
}
