//! Downloads that go well.

use std::path::Path;

use crate::bench::{Bench, TAKEN, WEIGHTS, ends, names, said};
use crate::server::{Hub, ID, Manner, REVISION, etag};
use crate::{model, small_run};

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
