//! The binary under test with a cache of its own and a hub on loopback.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::server::{Hub, ID, REVISION, etag};
use crate::{model, small_run};

/// A cache, a picture, and a hub.
pub struct Bench {
    pub hub: Hub,
    pub folder: tempfile::TempDir,
}

impl Bench {
    pub fn new(files: model::Files) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let picture =
            image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([x as u8 * 30, y as u8 * 30, 9]));
        picture.save(folder.path().join("picture.png")).unwrap();
        let hub = Hub::serve(files);
        Self { hub, folder }
    }

    /// A command that knows this hub and this cache alone.
    pub fn alone(&self, mut command: Command) -> Command {
        for (key, _) in std::env::vars_os() {
            let name = key.to_string_lossy().to_uppercase();
            if name.starts_with("HF_") || name.starts_with("HUGGING") || name.ends_with("_PROXY") {
                command.env_remove(key);
            }
        }
        command
            .current_dir(self.folder.path())
            .env_remove("HF_HUB_OFFLINE")
            .env_remove("TRANSFORMERS_OFFLINE")
            .env("HF_HOME", self.folder.path().join("home"))
            .env("HF_ENDPOINT", &self.hub.address);
        command
    }

    pub fn caption(&self) -> Command {
        let mut command = self.alone(small_run::bench());
        command.args(["caption", "picture.png", "--model", ID]);
        command
    }

    pub fn cached(&self) -> PathBuf {
        self.folder.path().join("home/hub/models--org--tiny")
    }

    pub fn snapshot(&self) -> PathBuf {
        self.cached().join("snapshots").join(REVISION)
    }

    /// The part of a file that was fetched.
    pub fn part(&self, name: &str) -> PathBuf {
        let etag = etag(name, &self.hub.files[name]);
        self.cached().join("blobs").join(format!("{etag}.part"))
    }
}

pub const WEIGHTS: &str = "model.safetensors";
pub const TAKEN: [&str; 5] = [
    "config.json",
    WEIGHTS,
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
];

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs to this exit code and returns what was said.
pub fn ends(mut command: Command, code: i32) -> String {
    let output = command.output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = entries.map(|e| name(e).into_string().unwrap()).collect();
    names.sort();
    names
}
