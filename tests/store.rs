//! A run's folder under the conditions that matter: killed at any moment, resumed, given to a stranger.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use caption_bench::Result;
use caption_bench::results::schema::{CaptionRecord, LogRecord, RunStamp, SCHEMA};
use caption_bench::results::store::RunDir;

const RECIPE: &str = "[train]\nepochs = 2\n";

fn stamp(recipe_hash: &str, cells: &[&str]) -> RunStamp {
    RunStamp {
        schema: SCHEMA,
        name: "test".into(),
        recipe_hash: recipe_hash.into(),
        version: "0.1.0".into(),
        data: "scenes:80".into(),
        data_fingerprint: "data".into(),
        pictures: [80, 10, 10],
        cells: cells.iter().map(|cell| cell.to_string()).collect(),
        started_unix: 1_700_000_000,
        notes: vec!["split by image".into()],
    }
}

fn create(path: &Path, recipe_hash: &str, cells: &[&str]) -> Result<RunDir> {
    RunDir::create(path, &stamp(recipe_hash, cells), RECIPE)
}

fn record(step: usize) -> LogRecord {
    LogRecord {
        step,
        epoch: step as f64 / 10.0,
        loss: Some(1.0 / step as f64),
        lm: Some(0.1 + step as f64),
        kl: None,
        cl: None,
        lr: Some(1e-4),
        images_per_s: Some(100.0),
        validation: None,
    }
}

/// Every path below `folder` with the content of files.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.insert(path.display().to_string(), Vec::new());
            found.extend(tree(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_run_is_made_and_opened_again() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("deep/runs/test");
    let run = create(&path, "a", &["vae", "vae-cl"]).unwrap();
    assert!(run.is_new());
    drop(run);
    let run = RunDir::open(&path).unwrap();
    assert_eq!(run.stamp(), &stamp("a", &["vae", "vae-cl"]));
    assert_eq!(run.recipe_toml().unwrap(), RECIPE);
    let names: Vec<_> = run.cells().unwrap().iter().map(|c| c.name()).collect();
    assert_eq!(names, ["vae", "vae-cl"]);
    assert_eq!(run.unfinished().unwrap(), ["vae", "vae-cl"]);
    assert_eq!(run.results().unwrap(), []);
}

#[test]
fn the_same_recipe_goes_on_and_adds_its_cells() {
    let temp = tempfile::tempdir().unwrap();
    drop(create(temp.path(), "a", &["vae", "floor"]).unwrap());
    let run = create(temp.path(), "a", &["encoder-decoder", "vae"]).unwrap();
    assert!(!run.is_new());
    assert_eq!(run.stamp().cells, ["encoder-decoder", "vae", "floor"]);
    assert_eq!(run.stamp().notes, ["split by image"]);
    assert_eq!(RunDir::open(temp.path()).unwrap().stamp(), run.stamp());
}

#[test]
fn a_folder_of_another_recipe_is_refused_untouched() {
    let temp = tempfile::tempdir().unwrap();
    drop(create(temp.path(), "a", &["vae"]).unwrap());
    let before = tree(temp.path());
    let error = create(temp.path(), "b", &["vae", "vae-cl"]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.message().contains("another recipe"), "{error}");
    assert_eq!(tree(temp.path()), before);
}

#[test]
fn a_run_on_other_data_is_refused_untouched() {
    let temp = tempfile::tempdir().unwrap();
    drop(create(temp.path(), "a", &["vae"]).unwrap());
    let before = tree(temp.path());
    let mut other = stamp("a", &["vae"]);
    other.data_fingerprint = "changed".into();
    let error = RunDir::create(temp.path(), &other, RECIPE).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.message().contains("other data"), "{error}");
    assert_eq!(tree(temp.path()), before);
}

#[test]
fn a_folder_that_is_no_run_is_refused_untouched() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("thesis.tex"), "years of work").unwrap();
    let before = tree(temp.path());
    let error = create(temp.path(), "a", &["vae"]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.message().contains("thesis.tex"), "{error}");
    assert_eq!(tree(temp.path()), before);
    let file = temp.path().join("thesis.tex");
    for error in [
        create(&file, "a", &[]).unwrap_err(),
        create(&file.join("run"), "a", &[]).unwrap_err(),
        RunDir::open(&file).unwrap_err(),
        RunDir::open(temp.path()).unwrap_err(),
        RunDir::open(&temp.path().join("nothing")).unwrap_err(),
    ] {
        assert_eq!(error.exit_code(), 2, "{error}");
    }
    assert_eq!(tree(temp.path()), before);
}

#[test]
fn a_broken_stamp_is_named_with_its_line() {
    let temp = tempfile::tempdir().unwrap();
    drop(create(temp.path(), "a", &["vae"]).unwrap());
    let path = temp.path().join("run.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"name\": \"test\"", "\"name\": test")).unwrap();
    for error in [
        create(temp.path(), "a", &["vae"]).unwrap_err(),
        RunDir::open(temp.path()).unwrap_err(),
    ] {
        assert_eq!(error.exit_code(), 2);
        assert!(error.message().contains("run.json: line 3,"), "{error}");
    }
}

#[test]
fn two_writers_of_one_run_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let first = create(temp.path(), "a", &["vae"]).unwrap();
    let error = create(temp.path(), "a", &["vae"]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.message().contains("another process"), "{error}");
    assert!(RunDir::open(temp.path()).is_ok(), "a reader is no writer");
    drop(first);
    assert!(create(temp.path(), "a", &["vae"]).is_ok());
}

#[test]
fn a_cell_whose_name_leads_elsewhere_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["../other", "a/b", "..", "/tmp", ""] {
        let path = temp.path().join("run");
        let error = create(&path, "a", &[name]).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{name:?}");
        let _ = fs::remove_dir_all(&path);
    }
}

#[test]
fn what_a_killed_start_left_is_no_obstacle() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("run.lock"), "").unwrap();
    fs::write(temp.path().join(".run.json.123-0.partial"), "{\"sch").unwrap();
    let run = create(temp.path(), "a", &["vae"]).unwrap();
    assert!(run.is_new());
    assert!(!temp.path().join(".run.json.123-0.partial").exists());
    drop(run);
    // Killed between stamp and recipe.
    fs::remove_file(temp.path().join("recipe.toml")).unwrap();
    let run = create(temp.path(), "a", &["vae"]).unwrap();
    assert_eq!(run.recipe_toml().unwrap(), RECIPE);
}

#[test]
fn captions_come_back_and_other_tools_get_theirs() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(temp.path(), "a", &["vae"]).unwrap();
    let cell = run.cell("vae").unwrap();
    let captions = vec![
        CaptionRecord {
            image_id: 42,
            caption: "a \"red\" ball\nwith a line break".into(),
            references: vec!["one".into(), "zwei 🎈".into()],
            diagnostics: BTreeMap::from([("teacher-forced".into(), "a red red".into())]),
        },
        CaptionRecord {
            image_id: u64::MAX,
            caption: String::new(),
            references: vec![],
            diagnostics: BTreeMap::new(),
        },
    ];
    cell.write_captions(&captions).unwrap();
    assert_eq!(cell.read_captions().unwrap(), captions);
    let coco = fs::read(cell.path().join("captions.coco.json")).unwrap();
    let coco: serde_json::Value = serde_json::from_slice(&coco).unwrap();
    let expected = serde_json::json!([
        {"image_id": 42, "caption": "a \"red\" ball\nwith a line break"},
        {"image_id": u64::MAX, "caption": ""},
    ]);
    assert_eq!(coco, expected);
    assert_eq!(cell.read_stats().unwrap(), None);
    assert_eq!(run.cell("vae-cl").unwrap_err().exit_code(), 2);
}

#[test]
fn a_broken_caption_is_named_with_its_line() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(temp.path(), "a", &["vae"]).unwrap();
    let cell = run.cell("vae").unwrap();
    let line = "{\"image_id\":1,\"caption\":\"a\",\"references\":[]}\n";
    fs::write(
        cell.path().join("captions.jsonl"),
        format!("{line}{{\"image_id\":2}}\n"),
    )
    .unwrap();
    let error = cell.read_captions().unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(
        error.message().contains("captions.jsonl: line 2:"),
        "{error}"
    );
}

/// The environment variable that makes [`writer_that_is_killed`] write.
const WRITER: &str = "CAPTION_BENCH_TEST_WRITER";

/// Not a test of its own: what [`kill_9_at_any_moment_leaves_a_whole_checkpoint_and_its_log`] kills.
#[test]
fn writer_that_is_killed() {
    let Some(path) = std::env::var_os(WRITER) else {
        return;
    };
    let run = create(Path::new(&path), "a", &["vae"]).unwrap();
    let cell = run.cell("vae").unwrap();
    let mut step = checkpoint_step(&cell.checkpoint());
    let mut log = cell.log_writer(step).unwrap();
    loop {
        step += 1;
        log.append(&record(step)).unwrap();
        if step.is_multiple_of(3) {
            log.sync().unwrap();
            cell.save_checkpoint(|folder| {
                for part in ["model", "optimizer", "state"] {
                    fs::write(folder.join(part), format!("{step} ").repeat(5000)).unwrap();
                }
                Ok(())
            })
            .unwrap();
        }
    }
}

/// The step of a checkpoint of the writer's, all three files checked to be whole and of one step.
fn checkpoint_step(folder: &Option<std::path::PathBuf>) -> usize {
    let Some(folder) = folder else {
        return 0;
    };
    let parts =
        ["model", "optimizer", "state"].map(|part| fs::read_to_string(folder.join(part)).unwrap());
    let step = parts[0].split(' ').next().unwrap().parse().unwrap();
    for part in parts {
        assert_eq!(part, format!("{step} ").repeat(5000));
    }
    step
}

#[test]
fn kill_9_at_any_moment_leaves_a_whole_checkpoint_and_its_log() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("run");
    let mut steps = Vec::new();
    for round in 0..12_u64 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer_that_is_killed"])
            .env(WRITER, &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Moments spread over the writer's cycle of about a millisecond.
        std::thread::sleep(Duration::from_micros(60_000 + round * 1_170));
        writer.kill().unwrap();
        let status = writer.wait().unwrap();
        assert!(
            status.code().is_none(),
            "the writer ended by itself: {status}"
        );
        if !path.join("run.json").exists() {
            continue;
        }
        // A reader first, which must do without any recovery.
        let cell = RunDir::open(&path).unwrap().cell("vae").unwrap();
        let step = checkpoint_step(&cell.checkpoint());
        let log = cell.read_log().unwrap();
        assert!(log.len() >= step, "the log ends before the checkpoint");
        let expected: Vec<_> = (1..=log.len()).map(record).collect();
        assert_eq!(log, expected);
        steps.push(step);
    }
    assert!(steps.is_sorted(), "a checkpoint was lost: {steps:?}");
    assert!(
        steps.last() > Some(&3),
        "the writers got nowhere: {steps:?}"
    );
}
