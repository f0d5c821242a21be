//! What is missing in the cache.

use std::fmt;
use std::ops::ControlFlow;

use crate::error::{Error, Result};

use super::cache::{CachedModel, MAIN, is_plain};
use super::client::{Client, Description};
use super::files::{self, Need};
use super::settings::Settings;
use super::transfer;

/// Files of models that are to be fetched into the cache.
pub struct Download {
    client: Client,
    models: Vec<Model>,
}

/// The files of one model that its snapshot lacks.
struct Model {
    cached: CachedModel,
    revision: String,
    files: Vec<(String, Description)>,
}

impl Download {
    /// Asks the hub what these models have, and which of it is missing. Indices of weights in several files are
    /// fetched at once: they name the others.
    pub(super) fn plan(settings: &Settings, wanted: Vec<(CachedModel, Vec<Need>)>) -> Result<Self> {
        let client = Client::new(settings)?;
        let models = wanted
            .into_iter()
            .map(|(cached, needs)| Model::plan(&client, cached, &needs))
            .collect::<Result<_>>()?;
        Ok(Self { client, models })
    }

    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.models.iter().map(Model::bytes).sum()
    }

    /// Fetches the files. `progress` is told the bytes that are there, of [`Download::bytes`], and stops it by
    /// [`ControlFlow::Break`].
    ///
    /// What an ended download has fetched is kept, and the next one goes on from there.
    ///
    /// # Errors
    /// [`Error::Failed`] for a hub that does not answer, or sends other bytes than it says; [`Error::Input`] for a
    /// file that it refuses; [`Error::Interrupted`] if `progress` stops it.
    pub fn run(&self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<()> {
        let mut before = 0;
        for model in &self.models {
            for (name, file) in &model.files {
                let mut here = |bytes| progress(before + bytes);
                model.fetch(&self.client, name, file, &mut here)?;
                before += file.size;
            }
            model.cached.use_revision(&model.revision)?;
        }
        Ok(())
    }
}

/// A line a model: its id, its files, and where they are.
impl fmt::Display for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, model) in self.models.iter().enumerate() {
            let id = &model.cached.id;
            let names: Vec<&str> = model.files.iter().map(|(name, _)| name.as_str()).collect();
            let megabytes = model.bytes() as f64 / 1e6;
            let break_before = if i == 0 { "" } else { "\n" };
            write!(
                f,
                "{break_before}{id}: {megabytes:.1} MB from {} ({})",
                self.client.endpoint(),
                names.join(", ")
            )?;
        }
        Ok(())
    }
}

impl Model {
    fn plan(client: &Client, cached: CachedModel, needs: &[Need]) -> Result<Self> {
        let id = cached.id.clone();
        let list = |revision: &str| client.patiently(&id, || client.list(&id, revision));
        let info = match cached.revision().map(|revision| list(&revision)) {
            // A revision may be gone since it was fetched.
            Some(Err(Error::Input(_))) | None => list(MAIN)?,
            Some(answer) => answer?,
        };
        let listed: Vec<String> = info.siblings.into_iter().map(|s| s.rfilename).collect();
        let lacks = |what: &str| {
            let endpoint = client.endpoint();
            Error::input(format!(
                "pretrained model `{id}`: at {endpoint} it has no {what}"
            ))
        };
        let mut names = Vec::new();
        for &need in needs {
            names.extend(files::wanted(&listed, need).map_err(|what| lacks(&what))?);
        }
        let mut model = Self {
            cached,
            revision: info.sha,
            files: Vec::new(),
        };
        for name in names {
            model.add(client, name)?;
            if !files::is_index(name) {
                continue;
            }
            if let Some(place) = model.files.iter().position(|(other, _)| other == name) {
                let (name, index) = model.files.remove(place);
                model.fetch(client, &name, &index, &mut |_| ControlFlow::Continue(()))?;
            }
            let folder = model.cached.snapshot_of(&model.revision);
            for part in files::shards(&folder.join(name))? {
                if !is_plain(&part) || !listed.contains(&part) {
                    return Err(lacks(&part));
                }
                model.add(client, &part)?;
            }
        }
        Ok(model)
    }

    /// Adds a file, unless it is there or among the others.
    fn add(&mut self, client: &Client, name: &str) -> Result<()> {
        let place = self.cached.snapshot_of(&self.revision).join(name);
        if place.is_file() || self.files.iter().any(|(other, _)| other == name) {
            return Ok(());
        }
        let id = &self.cached.id;
        let file = client.patiently(id, || client.describe(id, &self.revision, name))?;
        self.files.push((name.to_owned(), file));
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, file)| file.size).sum()
    }

    fn fetch(
        &self,
        client: &Client,
        name: &str,
        file: &Description,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        transfer::fetch(client, &self.cached, &self.revision, name, file, progress)
    }
}
