//! Pretrained models by name: a folder, or a model's id on a Hugging Face hub.
//!
//! [`folder_of`] only looks, in the folder and in the cache that all of Hugging Face's tools share.
//! [`Hub::missing`] says what it would not find there, and asks the network only then;
//! [`Download::run`] fetches that.
//!
//! Ids, addresses, requests and the cache's places are the crate `hf-hub`'s, in its version 0.5: 1.0
//! needs tokio and begins a broken download again. The transfer itself (`request.rs`, `transfer.rs`) drives
//! hf-hub's requests, because its `download` waits for ever on a silent network, sends the token to
//! whatever host it is redirected to, appends a whole answer to a part where a server ignores ranges,
//! and checks neither the size nor the checksum of what it puts into the cache.

mod cache;
mod client;
mod files;
mod plan;
mod request;
mod settings;
mod transfer;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

use cache::CachedModel;
use settings::Settings;

pub use files::Need;
pub use plan::Download;

/// The folder of a pretrained model: `name` itself if it is a folder, else the snapshot that the branch
/// `main` names of the model of that id (`gpt2`, `google/vit-base-patch16-224-in21k`) in the cache of `huggingface_hub`.
///
/// The cache is `$HF_HUB_CACHE`, `$HUGGINGFACE_HUB_CACHE`, `$HF_HOME/hub`, `$XDG_CACHE_HOME/huggingface/hub`
/// or `~/.cache/huggingface/hub`, the first that is set. Nothing is downloaded.
///
/// # Errors
/// [`Error::Input`] that says where was looked and what would help.
pub fn folder_of(name: &str) -> Result<PathBuf> {
    let folder = Path::new(name);
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    let cached = Hub::from_env(true).cached(name)?;
    cached.snapshot().ok_or_else(|| cached.absent("the model"))
}

/// The hub that the environment names, and the cache beside it.
pub struct Hub {
    settings: Settings,
}

impl Hub {
    /// The hub at `$HF_ENDPOINT`, with the token of `$HF_TOKEN` or of `hf auth login`. It is not asked if
    /// `offline`, or if `$HF_HUB_OFFLINE` (or `$TRANSFORMERS_OFFLINE`) says so.
    pub fn from_env(offline: bool) -> Self {
        let mut settings = Settings::of(&|key| std::env::var_os(key));
        settings.offline |= offline;
        Self { settings }
    }

    /// The hub's address.
    pub fn endpoint(&self) -> &str {
        &self.settings.endpoint
    }

    /// The cache's folder; `None` where the environment names no home.
    pub fn cache(&self) -> Option<&Path> {
        self.settings.cache.as_deref()
    }

    /// Whether the hub is never asked.
    pub fn is_offline(&self) -> bool {
        self.settings.offline
    }

    /// Whether there is a token for it.
    pub fn has_token(&self) -> bool {
        self.settings.token.is_some()
    }

    /// What must be fetched before [`folder_of`] finds all that these models are needed for; `None` if it does
    /// already, which is found out without the network. Names of folders need nothing.
    ///
    /// # Errors
    /// [`Error::Input`] for a name that is neither a folder nor an id, for a model that is unknown, refused or
    /// lacks a file, and for anything missing while offline; [`Error::Failed`] for a hub that does not answer.
    pub fn missing(&self, models: &[(&str, Need)]) -> Result<Option<Download>> {
        let mut wanted: Vec<(CachedModel, Vec<Need>)> = Vec::new();
        for &(name, need) in models {
            if Path::new(name).is_dir() {
                continue;
            }
            let cached = self.cached(name)?;
            let lacking = match cached.snapshot() {
                Some(folder) => files::lacking(&folder, need),
                None => Some("the model".to_owned()),
            };
            match lacking {
                Some(what) if self.settings.offline => return Err(cached.absent(&what)),
                Some(_) => match wanted.iter_mut().find(|(other, _)| other.id == cached.id) {
                    Some((_, needs)) => needs.push(need),
                    None => wanted.push((cached, vec![need])),
                },
                None => {}
            }
        }
        match wanted.is_empty() {
            true => Ok(None),
            false => Download::plan(&self.settings, wanted).map(Some),
        }
    }

    /// A model's place in the cache.
    fn cached(&self, name: &str) -> Result<CachedModel> {
        let Some(cache) = self.cache() else {
            return Err(Error::input(format!(
                "pretrained model `{name}`: no such folder, and no place for downloaded models; set HF_HOME"
            )));
        };
        CachedModel::new(cache, name).ok_or_else(|| {
            Error::input(format!(
                "pretrained model `{name}`: no such folder; expected one, or a model's id such as gpt2 or \
                 google/vit-base-patch16-224-in21k"
            ))
        })
    }
}
