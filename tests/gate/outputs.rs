//! JUnit, GitHub, and readers that stop reading.

use std::fs;
use std::process::Command;

use crate::bench::{Cell, PLAIN, VAE, contains, write_run};
use crate::saved;

#[test]
fn junit_names_every_score() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, Cell { wrong: 2, ..VAE }]);
    bench.exits(3, "gate --baseline ci --run now --junit gate.xml");
    let xml = bench.read("gate.xml");
    contains(
        &xml,
        &["<testsuites name=\"bench gate\" tests=\"10\" failures=\"5\" errors=\"0\">"],
    );
    assert_eq!(xml.matches("<testcase ").count(), 10);
    assert_eq!(xml.matches("<failure ").count(), 5);
    contains(&xml, &["<testcase classname=\"vae\" name=\"hf.bleu\">"]);

    write_run(&bench.path("other"), "recipe-b", "data-a", &[PLAIN, VAE]);
    bench.exits(5, "gate --baseline ci --run other --junit gate.xml");
    let xml = bench.read("gate.xml");
    contains(
        &xml,
        &[
            "tests=\"1\" failures=\"0\" errors=\"1\"",
            "<error ",
            "other recipe",
        ],
    );
}

#[test]
fn github_gets_annotations_and_a_summary() {
    let bench = saved();
    bench.write_run(
        "now",
        &[Cell { wrong: 3, ..PLAIN }, Cell { wrong: 30, ..VAE }],
    );
    bench.exits(3, "gate --baseline ci --run now");
    assert!(
        !bench.path("summary.md").exists(),
        "a summary nobody asked for"
    );
    fs::write(bench.path("summary.md"), "an earlier step\n").unwrap();
    let text = bench.exits(3, "gate --baseline ci --run now --github");
    contains(
        &text,
        &[
            "\n::error title=Regression%3A encoder-decoder::",
            "\n::notice title=Improved%3A vae::",
        ],
    );
    assert_eq!(text.matches("::error ").count(), 5);
    let summary = bench.read("summary.md");
    contains(
        &summary,
        &[
            "an earlier step\n### ❌ bench gate:",
            "| vae | hf.bleu |",
            "| REGRESSION |",
        ],
    );
}

#[test]
fn a_reader_that_stops_reading_changes_no_exit_code() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, Cell { wrong: 2, ..VAE }]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["gate", "--baseline", "ci", "--run", "now"])
        .current_dir(bench.0.path())
        .stdout(writer)
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(3));
}
