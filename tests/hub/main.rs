//! Pretrained models by their id: what is downloaded, and what is not. The hub is on loopback.

mod model;
mod server;
#[allow(dead_code, reason = "shared with tests that need all of it")]
#[path = "../small_run/mod.rs"]
mod small_run;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use server::{Hub, ID, Manner, REVISION, etag};

/// A cache, a picture, and a hub.
struct Bench {
    hub: Hub,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(files: model::Files) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let picture =
            image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([x as u8 * 30, y as u8 * 30, 9]));
        picture.save(folder.path().join("picture.png")).unwrap();
        let hub = Hub::serve(files);
        Self { hub, folder }
    }

    /// A command that knows this hub and this cache alone.
    fn alone(&self, mut command: Command) -> Command {
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

    fn caption(&self) -> Command {
        let mut command = self.alone(small_run::bench());
        command.args(["caption", "picture.png", "--model", ID]);
        command
    }

    fn cached(&self) -> PathBuf {
        self.folder.path().join("home/hub/models--org--tiny")
    }

    fn snapshot(&self) -> PathBuf {
        self.cached().join("snapshots").join(REVISION)
    }

    /// The part of a file that was fetched.
    fn part(&self, name: &str) -> PathBuf {
        let etag = etag(name, &self.hub.files[name]);
        self.cached().join("blobs").join(format!("{etag}.part"))
    }
}

const WEIGHTS: &str = "model.safetensors";
const TAKEN: [&str; 5] = [
    "config.json",
    WEIGHTS,
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
];

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs to this exit code and returns what was said.
fn ends(mut command: Command, code: i32) -> String {
    let output = command.output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = entries.map(|e| name(e).into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_model_is_downloaded_once_and_nothing_else_is() {
    let bench = Bench::new(model::files());
    let first = small_run::finish(&mut bench.caption());
    assert!(
        said(&first).contains(&format!("downloading {ID}: ")),
        "{}",
        said(&first)
    );
    assert_eq!(bench.hub.sent(), TAKEN);
    assert_eq!(names(&bench.snapshot()), TAKEN);
    let branch = std::fs::read_to_string(bench.cached().join("refs/main")).unwrap();
    assert_eq!(branch, REVISION);
    #[cfg(unix)]
    {
        let link = std::fs::read_link(bench.snapshot().join(WEIGHTS)).unwrap();
        let etag = etag(WEIGHTS, &bench.hub.files[WEIGHTS]);
        assert_eq!(link, Path::new("../../blobs").join(etag));
    }

    let second = small_run::finish(&mut bench.caption());
    assert_eq!(second.stdout, first.stdout);
    assert!(bench.hub.asked().is_empty(), "nothing is missing");
    let mut eval = bench.alone(small_run::bench());
    eval.args([
        "eval",
        "--data",
        "scenes:16",
        "--json",
        "-",
        "--offline",
        "--model",
        ID,
    ]);
    small_run::finish(&mut eval);
}

#[test]
fn a_run_downloads_before_it_trains() {
    let bench = Bench::new(model::files());
    let run = |name: &str| {
        let mut run = bench.alone(small_run::small(&bench.folder.path().join(name)));
        let weights = ["model.vision_weights", "model.decoder_weights"];
        run.args(weights.map(|key| format!("{key}={ID}")));
        run.args(["model.image=32", "--variant", "encoder-decoder"]);
        run
    };
    let mut long = run("none");
    long.args(["--set", "tokenizer.max_tokens=400"]);
    let said = ends(long, 2);
    assert!(said.contains("positions"), "{said}");
    assert_eq!(bench.hub.sent(), TAKEN);
    small_run::finish(&mut run("first"));
    assert!(bench.hub.asked().is_empty(), "all of it was there");

    let vision = Bench::new(model::files());
    let mut run = vision.alone(small_run::small(&vision.folder.path().join("out")));
    run.args([
        &format!("model.vision_weights={ID}"),
        "model.image=32",
        "--variant",
        "encoder-decoder",
    ]);
    small_run::finish(&mut run);
    assert!(!vision.hub.sent().contains(&"tokenizer.json".to_owned()));
}

#[test]
fn shards_come_from_another_host_that_does_not_get_the_token() {
    let store = Hub::serve(model::sharded());
    let bench = Bench::new(model::sharded());
    bench.hub.behave(Manner {
        elsewhere: Some(store.address.clone()),
        ..Manner::default()
    });
    let mut command = bench.caption();
    command.env("HF_TOKEN", "hf_secret");
    small_run::finish(&mut command);
    let asked = bench.hub.asked();
    assert!(
        asked
            .iter()
            .all(|r| r.token.as_deref() == Some("Bearer hf_secret")),
        "{asked:?}"
    );
    let stored = store.asked();
    assert!(stored.iter().all(|r| r.token.is_none()), "{stored:?}");
    let shards = stored.iter().filter(|r| r.sent > 0).count();
    assert_eq!(shards, 2);
    let snapshot = names(&bench.snapshot());
    assert!(
        !snapshot.contains(&"pytorch_model.bin".to_owned()),
        "{snapshot:?}"
    );

    // An index alone is not enough.
    std::fs::remove_file(bench.snapshot().join("model-00002-of-00002.safetensors")).unwrap();
    let mut offline = bench.caption();
    offline.arg("--offline");
    let said = ends(offline, 2);
    assert!(said.contains("model-00002-of-00002.safetensors"), "{said}");
    small_run::finish(&mut bench.caption());
    assert!(
        store.asked().iter().all(|r| r.sent == 0),
        "its bytes are in the cache"
    );
}

#[test]
fn a_broken_download_goes_on_where_it_broke() {
    let bench = Bench::new(model::files());
    let size = bench.hub.files[WEIGHTS].len();
    bench.hub.behave(Manner {
        cut: Some(1000),
        ..Manner::default()
    });
    let said = ends(bench.caption(), 1);
    assert!(
        said.contains(&format!("1000 of {size} bytes are kept")),
        "{said}"
    );
    assert!(
        said.contains(&bench.hub.address) && said.contains("hf download org/tiny"),
        "{said}"
    );
    let part = std::fs::read(bench.part(WEIGHTS)).unwrap();
    assert_eq!(part, bench.hub.files[WEIGHTS][..1000]);
    assert!(!bench.snapshot().join(WEIGHTS).exists() && !bench.cached().join("refs").exists());

    bench.hub.behave(Manner::default());
    bench.hub.asked();
    small_run::finish(&mut bench.caption());
    let asked = bench.hub.asked();
    let weights: Vec<_> = asked
        .iter()
        .filter(|r| r.path.ends_with(WEIGHTS) && r.sent > 0)
        .collect();
    assert_eq!(
        (weights.len(), weights[0].start, weights[0].sent),
        (1, Some(1000), size - 1000)
    );
    assert!(
        asked
            .iter()
            .all(|r| !r.path.ends_with("/config.json") || r.sent == 0)
    );
    assert!(!bench.part(WEIGHTS).exists());
}

#[test]
fn a_hub_that_ignores_ranges_sends_all_of_it_again() {
    let bench = Bench::new(model::files());
    std::fs::create_dir_all(bench.cached().join("blobs")).unwrap();
    std::fs::write(bench.part(WEIGHTS), [7; 100]).unwrap();
    bench.hub.behave(Manner {
        no_ranges: true,
        ..Manner::default()
    });
    small_run::finish(&mut bench.caption());
    assert_eq!(
        std::fs::read(bench.snapshot().join(WEIGHTS)).unwrap(),
        bench.hub.files[WEIGHTS]
    );
}

#[test]
fn wrong_bytes_never_become_a_file() {
    let manners = [
        (
            "the answer ended",
            Manner {
                short: true,
                no_ranges: true,
                ..Manner::default()
            },
        ),
        (
            "more than the",
            Manner {
                long: true,
                ..Manner::default()
            },
        ),
        (
            "SHA-256",
            Manner {
                garbled: true,
                ..Manner::default()
            },
        ),
    ];
    let bench = Bench::new(model::files());
    for (expected, manner) in manners {
        bench.hub.behave(manner);
        let said = ends(bench.caption(), 1);
        assert!(said.contains(expected), "{said}");
        assert!(!bench.snapshot().join(WEIGHTS).exists(), "{expected}");
    }
    bench.hub.behave(Manner::default());
    // Bytes of something else under the name of a part.
    std::fs::write(bench.part(WEIGHTS), [7; 100]).unwrap();
    let said = ends(bench.caption(), 1);
    assert!(said.contains("SHA-256"), "{said}");
    small_run::finish(&mut bench.caption());
}

#[test]
fn offline_takes_what_is_there_and_names_what_is_not() {
    let bench = Bench::new(model::files());
    let offline = |key: &str, value: &str| {
        let mut command = bench.caption();
        command.env(key, value);
        command
    };
    for command in [
        offline("HF_HUB_OFFLINE", "1"),
        offline("HF_HUB_OFFLINE", "yes"),
        {
            let mut command = bench.caption();
            command.arg("--offline");
            command
        },
    ] {
        let said = ends(command, 2);
        assert!(
            said.contains("the model is not in the cache") && said.contains("hf download org/tiny"),
            "{said}"
        );
    }
    assert!(bench.hub.asked().is_empty());

    // Another tool has fetched the configuration alone.
    std::fs::create_dir_all(bench.snapshot()).unwrap();
    std::fs::create_dir_all(bench.cached().join("refs")).unwrap();
    std::fs::write(bench.cached().join("refs/main"), REVISION).unwrap();
    std::fs::write(
        bench.snapshot().join("config.json"),
        &bench.hub.files["config.json"],
    )
    .unwrap();
    let said = ends(offline("HF_HUB_OFFLINE", "true"), 2);
    assert!(said.contains("model.safetensors or "), "{said}");
    small_run::finish(&mut bench.caption());
    assert!(
        !bench.hub.sent().contains(&"config.json".to_owned()),
        "it was there"
    );
    small_run::finish(&mut offline("HF_HUB_OFFLINE", "on"));
}

#[test]
fn refusals_say_what_would_help() {
    let bench = Bench::new(model::files());
    for (status, code, expected) in [
        (404, 2, "expected a folder or a model's id"),
        (401, 2, "HF_TOKEN"),
        (403, 2, "gated"),
        (500, 1, "said the hub"),
    ] {
        bench.hub.behave(Manner {
            status: Some(status),
            ..Manner::default()
        });
        let said = ends(bench.caption(), code);
        assert!(said.contains(expected) && said.contains(ID), "{said}");
        assert!(said.contains(&bench.hub.address), "{said}");
    }
    let mut wrong = bench.caption();
    wrong.env("HF_ENDPOINT", "huggingface.co");
    assert!(ends(wrong, 2).contains("HF_ENDPOINT `huggingface.co`"));
    bench.hub.asked();
    for name in ["../tiny", "org/tiny/more", "./tiny", "a--b", "org/tiny?x=1"] {
        let mut command = bench.alone(small_run::bench());
        command.args(["caption", "picture.png", "--model", name]);
        assert!(ends(command, 2).contains(name));
    }
    assert!(
        bench.hub.asked().is_empty(),
        "what is no id is not asked for"
    );

    let mut files = model::files();
    files.remove(WEIGHTS);
    files.remove("pytorch_model.bin");
    let said = ends(Bench::new(files).caption(), 2);
    assert!(said.contains("it has no model.safetensors or "), "{said}");
}

#[test]
fn a_silent_network_is_given_up() {
    let bench = Bench::new(model::files());
    bench.hub.behave(Manner {
        silent: true,
        ..Manner::default()
    });
    let started = Instant::now();
    let mut command = bench.caption();
    command.env("HF_HUB_DOWNLOAD_TIMEOUT", "1");
    let said = ends(command, 1);
    assert!(
        said.contains("timeout") && said.contains(&bench.hub.address),
        "{said}"
    );
    assert!(started.elapsed() < Duration::from_secs(20));
    let mut command = bench.caption();
    // Nobody listens at the port of an address that was just given back.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    command.env("HF_ENDPOINT", format!("http://{closed}"));
    let said = ends(command, 1);
    assert!(said.contains("hf download org/tiny"), "{said}");
}

#[test]
fn two_that_need_a_model_at_once_fetch_it_once() {
    let bench = Bench::new(model::files());
    bench.hub.behave(Manner {
        slow: true,
        ..Manner::default()
    });
    let mut children = [(); 2].map(|()| {
        let mut command = bench.caption();
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.spawn().unwrap()
    });
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(bench.hub.sent(), TAKEN);
}

#[test]
fn a_folder_is_taken_before_a_model_of_that_name() {
    let bench = Bench::new(model::files());
    let folder = bench.folder.path().join(ID);
    std::fs::create_dir_all(&folder).unwrap();
    for name in TAKEN {
        std::fs::write(folder.join(name), &bench.hub.files[name]).unwrap();
    }
    small_run::finish(&mut bench.caption());
    assert!(bench.hub.asked().is_empty());
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_was_fetched() {
    let bench = Bench::new(model::files());
    bench.hub.behave(Manner {
        slow: true,
        ..Manner::default()
    });
    let out = bench.folder.path().join("out");
    let mut run = bench.alone(small_run::small(&out));
    run.args([
        &format!("model.vision_weights={ID}"),
        "model.image=32",
        "--variant",
        "encoder-decoder",
    ]);
    let child = run.stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while !std::fs::metadata(bench.part(WEIGHTS)).is_ok_and(|m| m.len() > 0) {
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("are kept"), "{}", said(&output));
    let kept = std::fs::metadata(bench.part(WEIGHTS)).unwrap().len() as usize;
    assert!(kept > 0 && !out.exists());
    bench.hub.behave(Manner::default());
    bench.hub.asked();
    small_run::finish(&mut run);
    let resumed = bench
        .hub
        .asked()
        .into_iter()
        .find(|r| r.path.ends_with(WEIGHTS) && r.sent > 0);
    assert_eq!(resumed.unwrap().start, Some(kept));
}
