//! Pretrained models are there before anything that needs them starts.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;

use super::interrupt;
use super::progress::Progress;
use crate::Result;
use crate::models::weights::{self, Hub, Need};

/// The flag of the verbs that may download models.
#[derive(Debug, Clone, Copy, Args)]
pub struct HubArgs {
    /// Never download models: take them from folders and Hugging Face's cache, as under HF_HUB_OFFLINE=1
    #[arg(long)]
    pub offline: bool,
}

/// Downloads what the cache lacks of these models, and says so.
///
/// # Errors
/// Those of [`Hub::missing`] and of the download.
pub fn fetch(models: &[(&str, Need)], hub: HubArgs) -> Result<()> {
    let Some(download) = Hub::from_env(hub.offline).missing(models)? else {
        return Ok(());
    };
    for line in download.to_string().lines() {
        eprintln!("downloading {line}");
    }
    let bar = Progress::bytes("downloading", download.bytes());
    let mut begun = false;
    let done = download.run(&mut |bytes| {
        match begun {
            true => bar.set(bytes as usize),
            false => bar.start_at(bytes as usize),
        }
        begun = true;
        match interrupt::check("") {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    bar.finish();
    done
}

/// The folder of a model that captions, downloaded if it is neither a folder nor in the cache.
///
/// # Errors
/// As [`fetch`].
pub fn captioner(model: &Path, hub: HubArgs) -> Result<PathBuf> {
    let name = model.to_string_lossy();
    fetch(&[(&name, Need::Captioner)], hub)?;
    weights::folder_of(&name)
}
