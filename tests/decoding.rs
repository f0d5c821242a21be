//! How captions are written: recipe keys, what a checkpoint remembers, and the flags of `bench
//! caption` and `bench eval`.

mod small_run;

use std::path::{Path, PathBuf};

use serde_json::Value;
use small_run::{bench, cell, finish, json, refused, small};

/// Trains one variant and returns its cell.
fn train(out: &Path, variant: &str, settings: &[&str]) -> PathBuf {
    finish(small(out).args(settings).args(["--variant", variant]));
    cell(out, variant)
}

/// What `bench eval` makes of the cell's own test pictures.
fn eval(cell: &Path, flags: &[&str]) -> Value {
    let mut eval = bench();
    eval.args(["eval", "--data", "scenes:64", "--json", "-", "--model"]);
    let output = finish(eval.arg(cell).args(flags));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn caption(cell: &Path, image: &Path, flags: &[&str]) -> Value {
    let mut caption = bench();
    caption.arg("caption").arg("--model").arg(cell).arg(image);
    let output = finish(caption.arg("--json").args(flags));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()[0].clone()
}

/// A picture on disk.
fn picture(folder: &Path) -> PathBuf {
    let path = folder.join("picture.png");
    let pixel = |x: u32, y: u32| image::Rgb([x as u8 * 4, y as u8 * 4, 90]);
    image::RgbImage::from_fn(64, 64, pixel).save(&path).unwrap();
    path
}

#[test]
fn a_checkpoint_captions_as_its_cell_was_captioned() {
    let folder = tempfile::tempdir().unwrap();
    for (name, variant, settings) in [
        (
            "beam",
            "encoder-decoder",
            &[
                "decode.strategy=beam",
                "decode.beams=3",
                "decode.length_penalty=0.5",
            ][..],
        ),
        (
            "sample",
            "vae",
            &[
                "decode.strategy=sample",
                "decode.top_k=20",
                "latent.test=sample",
                "seeds=[5]",
            ],
        ),
    ] {
        let cell = train(&folder.path().join(name), variant, settings);
        let (result, again) = (json(&cell.join("result.json")), eval(&cell, &[]));
        assert_eq!(result["recipe"]["decode.strategy"], name);
        assert_eq!(again["decode"]["strategy"], name);
        assert_eq!(again["metrics"], result["metrics"], "{name}");
    }
}

#[test]
fn flags_choose_how_captions_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let cell = train(&folder.path().join("run"), "encoder-decoder", &[]);
    let image = picture(folder.path());

    let greedy = caption(&cell, &image, &[]);
    assert!(greedy["score"].as_f64().unwrap() < 0.0 && greedy.get("hypotheses").is_none());
    assert_eq!(caption(&cell, &image, &["--beams", "1"]), greedy);
    assert_eq!(
        caption(&cell, &image, &["--sample", "--top-k", "1"]),
        greedy
    );

    let beams = caption(&cell, &image, &["--beams", "3", "--length-penalty", "0"]);
    let hypotheses = beams["hypotheses"].as_array().unwrap();
    assert_eq!(hypotheses.len(), 3);
    for key in ["caption", "tokens", "score"] {
        assert_eq!(hypotheses[0][key], beams[key]);
    }
    let score = |h: &Value| h["score"].as_f64().unwrap();
    assert!(hypotheses.windows(2).all(|h| score(&h[0]) >= score(&h[1])));
    // Without a penalty a score is a sum, and the greedy caption's is one that beams can reach.
    assert!(score(&beams) >= score(&greedy) - 1e-6);

    let sample = |seed| {
        caption(
            &cell,
            &image,
            &["--sample", "--temperature", "2", "--seed", seed],
        )
    };
    assert_eq!(sample("1"), sample("1"));
    assert_ne!(sample("1"), sample("2"));
    let scores = eval(&cell, &["--beams", "2"]);
    assert_eq!(scores["decode"]["beams"], 2);

    let refuse = |flags: &[&str]| {
        let mut caption = bench();
        refused(
            caption
                .arg("caption")
                .arg("--model")
                .arg(&cell)
                .arg(&image)
                .args(flags),
        )
    };
    assert!(refuse(&["--beams", "0"]).contains("from 1 to 1024"));
    assert!(refuse(&["--beams", "2", "--sample"]).contains("--sample"));
    assert!(refuse(&["--top-p", "0.5"]).contains("--sample"));
    assert!(refuse(&["--length-penalty", "1"]).contains("--beams"));
    assert!(refuse(&["--sample", "--temperature", "-1"]).contains("above 0"));
    assert!(refuse(&["--sample", "--top-p", "1.5"]).contains("at most 1"));
}

#[test]
fn a_dual_encoder_retrieves_whatever_the_recipe_says_and_refuses_the_flags() {
    let folder = tempfile::tempdir().unwrap();
    let cell = train(
        &folder.path().join("run"),
        "dual-encoder",
        &["decode.strategy=teacher-forced"],
    );
    let result = json(&cell.join("result.json"));
    assert_eq!(result["label"], "Dual-Encoder");
    let image = picture(folder.path());
    assert!(caption(&cell, &image, &[]).get("score").is_none());
    let mut beams = bench();
    beams.arg("caption").arg("--model").arg(&cell).arg(&image);
    assert!(refused(beams.args(["--beams", "2"])).contains("dual-encoder"));
}

#[test]
fn teacher_forced_scores_are_labelled() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let cell = train(
        &out,
        "encoder-decoder",
        &["decode.strategy=teacher-forced", "score.references=single"],
    );
    let result = json(&cell.join("result.json"));
    assert_eq!(result["label"], "Encoder-Decoder, teacher-forced");
    let warning = result["warnings"][0].as_str().unwrap();
    assert!(warning.contains("teacher-forced") && warning.contains("not those of captions"));
    // It is what the diagnostic of every generating cell scores.
    assert_eq!(
        result["metrics"],
        result["diagnostics"]["teacher-forced"]["metrics"]
    );
    let report = std::fs::read_to_string(out.join("report/report.html")).unwrap();
    assert!(report.contains("Encoder-Decoder, teacher-forced"));
    // Alone it has no true words to be told.
    let captioner = json(&cell.join("checkpoint/captioner.json"));
    assert_eq!(captioner["decode"]["strategy"], "greedy");
}
