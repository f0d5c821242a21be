//! The environment of Hugging Face's tools.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The hub, the cache and the way to them, under the variables that `huggingface_hub` reads.
pub(super) struct Settings {
    /// Where snapshots lie.
    pub cache: Option<PathBuf>,
    /// The hub's address, without a slash at its end.
    pub endpoint: String,
    pub token: Option<String>,
    pub offline: bool,
    /// How long to wait for a connection, an answer, or the next bytes of one.
    pub patience: Duration,
}

impl Settings {
    /// The settings under some environment.
    pub fn of(variable: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let set = |key: &str| variable(key).filter(|value| !value.is_empty());
        let path = |key: &str| set(key).map(PathBuf::from);
        let text = |key: &str| Some(set(key)?.to_str()?.trim().to_owned());
        let home = path("HF_HOME")
            .or_else(|| Some(path("XDG_CACHE_HOME")?.join("huggingface")))
            .or_else(|| Some(path("HOME")?.join(".cache/huggingface")));
        let token_file = || {
            let file = path("HF_TOKEN_PATH").or_else(|| Some(home.as_ref()?.join("token")))?;
            Some(std::fs::read_to_string(file).ok()?.trim().to_owned())
        };
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let offline = text("HF_HUB_OFFLINE").or_else(|| text("TRANSFORMERS_OFFLINE"));
        let offline = offline.map(|value| value.to_ascii_uppercase());
        let seconds = text("HF_HUB_DOWNLOAD_TIMEOUT").and_then(|value| value.parse().ok());
        Self {
            cache: path("HF_HUB_CACHE")
                .or_else(|| path("HUGGINGFACE_HUB_CACHE"))
                .or_else(|| Some(home.as_ref()?.join("hub"))),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: text("HF_TOKEN")
                .or_else(|| text("HUGGING_FACE_HUB_TOKEN"))
                .or_else(token_file)
                .filter(|token| !token.is_empty()),
            offline: matches!(offline.as_deref(), Some("1" | "ON" | "YES" | "TRUE")),
            patience: Duration::from_secs(seconds.filter(|&s| s > 0).unwrap_or(10)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn of(set: &[(&str, &str)]) -> Settings {
        Settings::of(&|key| {
            let found = set.iter().find(|(name, _)| *name == key);
            found.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_first_variable_that_is_set_names_the_cache() {
        let all = [
            ("HF_HUB_CACHE", "/a"),
            ("HUGGINGFACE_HUB_CACHE", "/b"),
            ("HF_HOME", "/c"),
            ("XDG_CACHE_HOME", "/d"),
            ("HOME", "/e"),
        ];
        let expected = [
            "/a",
            "/b",
            "/c/hub",
            "/d/huggingface/hub",
            "/e/.cache/huggingface/hub",
        ];
        for (i, cache) in expected.iter().enumerate() {
            assert_eq!(of(&all[i..]).cache.as_deref(), Some(Path::new(cache)));
        }
        assert_eq!(of(&[]).cache, None);
        assert_eq!(of(&[("HF_HUB_CACHE", "")]).cache, None);
    }

    #[test]
    fn offline_is_what_huggingface_hub_takes_for_true() {
        for (value, offline) in [
            ("1", true),
            ("true", true),
            ("Yes", true),
            ("0", false),
            ("", false),
        ] {
            assert_eq!(of(&[("HF_HUB_OFFLINE", value)]).offline, offline, "{value}");
        }
        let online = of(&[("HF_ENDPOINT", "http://localhost:1/")]);
        assert!(!online.offline);
        assert_eq!(online.endpoint, "http://localhost:1");
    }

    #[test]
    fn a_token_is_the_variables_or_that_of_the_login() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("token");
        std::fs::write(&file, "hf_file\n").unwrap();
        let login = ("HF_HOME", home.path().to_str().unwrap());
        assert_eq!(of(&[login]).token.as_deref(), Some("hf_file"));
        let both = of(&[login, ("HF_TOKEN", " hf_variable ")]);
        assert_eq!(both.token.as_deref(), Some("hf_variable"));
        assert_eq!(of(&[]).token, None);
    }
}
