//! Questions to a Hugging Face hub.

use std::time::Duration;

use hf_hub::api::RepoInfo;
use hf_hub::api::sync::{Api, ApiBuilder};
use hf_hub::{Repo, RepoType};
use ureq::Body;
use ureq::http::{Response, StatusCode, Uri};

use crate::error::{Error, Result};

use super::cache::is_plain;
use super::settings::Settings;

/// The redirections that are followed.
const REDIRECTIONS: usize = 8;
/// The times that a question without an answer is asked.
pub(super) const TRIES: u32 = 3;

/// The time before the next of them.
pub(super) fn pause(in_vain: u32) -> Duration {
    Duration::from_millis(250) * in_vain * in_vain
}

/// A hub and the way to it.
#[derive(Debug)]
pub(super) struct Client {
    api: Api,
    endpoint: String,
    patience: Duration,
}

/// Why there is no answer.
pub(super) enum Fault {
    /// The network's or the hub's trouble, which may pass.
    Trouble(String),
    /// Nothing that another try would change.
    Final(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
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
        let api = ApiBuilder::new()
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

    /// Asks at `url`. Redirections are followed, to other hosts too if `leaves`.
    fn get(
        &self,
        id: &str,
        mut url: String,
        range: Option<String>,
        leaves: bool,
    ) -> Result<Response<Body>, Fault> {
        let trouble = |e: ureq::Error| Fault::Trouble(e.to_string());
        for _ in 0..REDIRECTIONS {
            // hf-hub's request has its headers: the token, and who asks.
            let request = self.api.model(id.to_owned()).info_request().uri(&url);
            let mut request = request.header("accept-encoding", "identity");
            if let Some(range) = &range {
                request = request.header("range", range);
            }
            if let (false, Some(headers)) = (self.is_ours(&url), request.headers_mut()) {
                headers.remove("authorization");
            }
            let answer = request
                .config()
                .http_status_as_error(false)
                .max_redirects(0)
                .https_only(self.endpoint.starts_with("https:"))
                .timeout_resolve(Some(self.patience))
                .timeout_connect(Some(self.patience))
                .timeout_send_request(Some(self.patience))
                .timeout_recv_response(Some(self.patience))
                .timeout_per_read(Some(self.patience))
                .build()
                .call()
                .map_err(trouble)?;
            if !answer.status().is_redirection() {
                return Ok(answer);
            }
            let location = header(&answer, "location").unwrap_or_default();
            let next = match location {
                _ if location.starts_with("//") => {
                    format!("{}{location}", url.split("//").next().unwrap_or_default())
                }
                _ if location.starts_with('/') => format!("{}{location}", origin(&url)),
                _ => location.to_owned(),
            };
            if !leaves && !self.is_ours(&next) {
                return Ok(answer);
            }
            url = next;
        }
        Err(Fault::Trouble("one redirection after another".into()))
    }

    /// Whether an address is the hub's: only there the token goes.
    fn is_ours(&self, url: &str) -> bool {
        origin(url) == origin(&self.endpoint)
    }

    /// Refuses an answer that is not what was asked for.
    fn accept(&self, id: &str, answer: &Response<Body>, what: &str) -> Result<(), Fault> {
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let endpoint = &self.endpoint;
        let said = header(answer, "x-error-message").map_or(String::new(), |m| format!(": {m}"));
        let refused =
            format!("pretrained model `{id}`: {endpoint} refuses {what} ({status}{said})");
        Err(match status.as_u16() {
            // A hub that is asked without a token does not say whether a model is private or does not exist.
            401 => Fault::Final(Error::input(format!(
                "{refused}; expected an id that exists, or for one that is private or gated a token of who may \
                 read it in HF_TOKEN"
            ))),
            403 => Fault::Final(Error::input(format!(
                "{refused}; it is gated: accept its terms at {endpoint}/{id} and set HF_TOKEN to a token of that account"
            ))),
            404 => Fault::Final(Error::input(format!(
                "pretrained model `{id}`: no such folder, and {what} is not at {endpoint} ({status}{said}); expected a \
                 folder or a model's id"
            ))),
            408 | 429 | 500.. => Fault::Trouble(format!("{status}{said}")),
            _ => Fault::Final(Error::failed(refused)),
        })
    }
}

fn repo(id: &str, revision: &str) -> Repo {
    Repo::with_revision(id.to_owned(), RepoType::Model, revision.to_owned())
}

/// A header's text.
fn header<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

/// An address's scheme, host and port.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let len = url[host..].find(['/', '?', '#']);
    &url[..len.map_or(url.len(), |len| host + len)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_ends_before_the_path_and_takes_no_disguise() {
        let hub = "https://huggingface.co";
        for url in [
            hub,
            "https://huggingface.co/gpt2",
            "https://huggingface.co?x=1",
        ] {
            assert_eq!(origin(url), hub);
        }
        for url in [
            "http://huggingface.co/",
            "https://huggingface.co:8443/",
            "https://huggingface.co@example.org/",
            "https://huggingface.co.example.org/",
        ] {
            assert_ne!(origin(url), hub);
        }
    }
}
