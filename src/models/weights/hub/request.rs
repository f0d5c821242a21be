//! One question to a hub: its redirections, its timeouts, who gets the token, and what a refusal means.

use ureq::Body;
use ureq::http::Response;

use crate::error::{Error, Result};

use super::client::Client;

/// The redirections that are followed.
const REDIRECTIONS: usize = 8;

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

impl Client {
    /// Asks at `url`. Redirections are followed, to other hosts too if `leaves`.
    pub(super) fn get(
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
    pub(super) fn accept(
        &self,
        id: &str,
        answer: &Response<Body>,
        what: &str,
    ) -> Result<(), Fault> {
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

/// A header's text.
pub(super) fn header<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
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
