//! What is not to be had: offline, refusals, silence.

use std::time::{Duration, Instant};

use crate::bench::{Bench, WEIGHTS, ends};
use crate::server::{ID, Manner, REVISION};
use crate::{model, small_run};

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
