//! Questions to a Hugging Face hub.

use std::time::Duration;

use hf_hub::api::RepoInfo;
use hf_hub::api::sync::{Api, ApiBuilder};
use hf_hub::{Cache, Repo, RepoType};
use ureq::Body;
use ureq::http::{StatusCode, Uri};

use crate::error::{Error, Result};

use super::cache::is_plain;
use super::request::{Fault, header};
use super::settings::Settings;

/// The times that a question without an answer is asked.
pub(super) const TRIES: u32 = 3;

/// The time before the next of them.
pub(super) fn pause(in_vain: u32) -> Duration {
    Duration::from_millis(250) * in_vain * in_vain
}

/// A hub and the way to it.
pub(super) struct Client {
    pub(super) api: Api,
    pub(super) endpoint: String,
    pub(super) patience: Duration,
}

/// What a hub says of one file.
#[derive(Debug, Clone)]
pub(super) struct Description {
    /// The name of its bytes: of large files their SHA-256.
    pub etag: String,
    pub size: u64,
}

impl Client {
    pub fn new(settings: &Settings) -> Result<Self> {
        let endpoint = settings.endpoint.clone();
        let host = endpoint.parse::<Uri>().ok().filter(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|h| !h.is_empty())
        });
        if host.is_none() || endpoint.contains(['?', '#', '@']) {
            return Err(Error::input(format!(
                "HF_ENDPOINT `{endpoint}`: expected an address such as https://huggingface.co"
            )));
        }
        // Its own cache is not used, but looking for a home that is not there would be a panic.
        let cache = Cache::new(settings.cache.clone().unwrap_or_default());
        let api = ApiBuilder::from_cache(cache)
            .with_endpoint(endpoint.clone())
            .with_token(settings.token.clone())
            .with_user_agent(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .build()
            .map_err(|e| Error::failed(format!("no connections to {endpoint}: {e}")))?;
        Ok(Self {
            api,
            endpoint,
            patience: settings.patience,
        })
    }

    /// The hub's address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks several times where there is trouble.
    ///
    /// # Errors
    /// [`Error::Failed`] if it stays.
    pub fn patiently<T>(&self, id: &str, ask: impl Fn() -> Result<T, Fault>) -> Result<T> {
        let mut in_vain = 0;
        loop {
            match ask() {
                Ok(answer) => return Ok(answer),
                Err(Fault::Final(error)) => return Err(error),
                Err(Fault::Trouble(message)) => {
                    in_vain += 1;
                    if in_vain == TRIES {
                        return Err(self.silence(id, &message));
                    }
                    std::thread::sleep(pause(in_vain));
                }
            }
        }
    }

    /// That the hub cannot be reached, and what would help.
    pub fn silence(&self, id: &str, fault: &str) -> Error {
        let help = format!("name a folder, or fill the cache with `hf download {id}`");
        self.failure(id, &format!("{fault}. Without a network, {help}"))
    }

    /// That a download failed.
    pub fn failure(&self, id: &str, fault: &str) -> Error {
        let endpoint = &self.endpoint;
        Error::failed(format!(
            "pretrained model `{id}`: cannot download from {endpoint}: {fault}"
        ))
    }

    /// The files of a model at a revision or branch, and that revision.
    pub fn list(&self, id: &str, revision: &str) -> Result<RepoInfo, Fault> {
        let url = format!("{}/api/{}", self.endpoint, repo(id, revision).api_url());
        let mut answer = self.get(id, url, None, true)?;
        self.accept(id, &answer, "the model")?;
        let info: RepoInfo = answer
            .body_mut()
            .read_json()
            .map_err(|e| Fault::Trouble(format!("no list of files but {e}")))?;
        match is_plain(&info.sha) {
            true => Ok(info),
            false => Err(Fault::Trouble(format!("no revision but `{}`", info.sha))),
        }
    }

    /// The ETag and the size of a file.
    pub fn describe(&self, id: &str, revision: &str, name: &str) -> Result<Description, Fault> {
        // Of large files it says both where it sends to other hosts, which say less.
        let answer = self.get(
            id,
            self.url(id, revision, name),
            Some("bytes=0-0".into()),
            false,
        )?;
        if !answer.status().is_redirection() && answer.status() != StatusCode::RANGE_NOT_SATISFIABLE
        {
            self.accept(id, &answer, name)?;
        }
        let etag = header(&answer, "x-linked-etag").or_else(|| header(&answer, "etag"));
        let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
        let size = header(&answer, "x-linked-size").or_else(|| match answer.status() {
            StatusCode::OK => header(&answer, "content-length"),
            _ => header(&answer, "content-range")?.rsplit('/').next(),
        });
        match (
            etag.filter(|etag| is_plain(etag)),
            size.and_then(|size| size.parse().ok()),
        ) {
            (Some(etag), Some(size)) => Ok(Description {
                etag: etag.to_owned(),
                size,
            }),
            _ => Err(Fault::Trouble("an answer without ETag and size".into())),
        }
    }

    /// A file's bytes from `start` on; the second is where they do start, 0 for a hub that does not take up.
    pub fn bytes(
        &self,
        id: &str,
        revision: &str,
        name: &str,
        start: u64,
    ) -> Result<(Body, u64), Fault> {
        let range = (start > 0).then(|| format!("bytes={start}-"));
        let answer = self.get(id, self.url(id, revision, name), range, true)?;
        self.accept(id, &answer, name)?;
        let begins = match answer.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = header(&answer, "content-range").and_then(|range| {
                    range
                        .strip_prefix("bytes ")?
                        .split('-')
                        .next()?
                        .parse()
                        .ok()
                });
                range.filter(|&begin| begin == start)
            }
            _ => Some(0),
        };
        match begins {
            Some(begin) => Ok((answer.into_body(), begin)),
            None => Err(Fault::Trouble(format!(
                "another part than that from byte {start} on"
            ))),
        }
    }

    /// Where a file is asked for.
    fn url(&self, id: &str, revision: &str, name: &str) -> String {
        self.api.repo(repo(id, revision)).url(name)
    }
}

fn repo(id: &str, revision: &str) -> Repo {
    Repo::with_revision(id.to_owned(), RepoType::Model, revision.to_owned())
}
