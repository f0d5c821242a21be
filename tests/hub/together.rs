//! Downloads beside other processes, folders and Ctrl-C.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::{Bench, TAKEN, WEIGHTS, said};
use crate::server::{ID, Manner};
use crate::{model, small_run};

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
