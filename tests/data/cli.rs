//! `bench data` as a user runs it.

use assert_cmd::Command;

use super::support::sound_set;

/// Runs `bench data` and gives exit code, standard output and standard error.
pub fn bench(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("bench")
        .unwrap()
        .arg("data")
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn scenes_are_written_checked_and_prepared() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    let out = out.to_str().unwrap();
    let (code, said, _) = bench(&["scenes", "--out", out, "--count", "16", "--seed", "3"]);
    assert_eq!(code, 0);
    assert!(
        said.contains("16 training, 2 validation and 2 test pictures"),
        "{said}"
    );

    let spec = format!("coco:{out}");
    let (code, said, _) = bench(&["check", &spec]);
    assert_eq!(code, 0);
    for part in [
        "16 pictures, 80 captions",
        "5 a picture",
        "quartiles",
        "longer than 32 words: 0",
        "64 wide, 64 high",
        "no licence given: 20 pictures",
        "0 of 80 training captions (0.0 %) are longer than tokenizer.max_tokens = 40",
        "fingerprint",
    ] {
        assert!(said.contains(part), "{said}");
    }

    let cache = folder.path().join("cache");
    let prepare = [
        "prepare",
        &spec,
        "--size",
        "32",
        "--cache",
        cache.to_str().unwrap(),
    ];
    let (code, said, _) = bench(&prepare);
    assert_eq!(code, 0);
    for part in [
        "20 pictures decoded, 0 were there",
        "32 × 32 pixels",
        "pictures-32.bin",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 1);
}

#[test]
fn broken_sets_and_nonsense_exit_with_2() {
    let folder = tempfile::tempdir().unwrap();
    sound_set(folder.path());
    let path = folder.path().to_str().unwrap();
    std::fs::remove_file(folder.path().join("images/2.png")).unwrap();
    std::fs::write(folder.path().join("images/7.png"), b"?").unwrap();
    let (code, said, error) = bench(&["check", &format!("coco:{path}")]);
    assert_eq!((code, said.as_str()), (2, ""));
    for part in [
        "2 faults",
        "images[1]",
        "2.png is missing",
        "7.png: expected a JPEG or PNG",
    ] {
        assert!(error.contains(part), "{error}");
    }
    for args in [
        &["check", "imagenet:x"][..],
        &["check", "coco:no/such/folder"],
        &["prepare", "scenes:x"],
        &["prepare", &format!("coco:{path}"), "--size", "0"],
        &[
            "prepare",
            &format!("coco:{path}"),
            "--recipe",
            "ci",
            "--size",
            "8",
        ],
        &["prepare", &format!("coco:{path}"), "--recipe", "nothing"],
        &["prepare", &format!("coco:{path}"), "--set", "data.train=1"],
        &["check", "scenes:8", "--threads", "0"],
        &["scenes", "--out", path],
        &["scenes", "--out", "unused", "--count", "0"],
        &["scenes"],
        &["burn"],
    ] {
        let (code, _, error) = bench(args);
        assert_eq!(code, 2, "{args:?}: {error}");
        assert!(error.starts_with("error: "), "{error}");
    }
}

#[test]
fn help_has_examples() {
    for args in [
        &["--help"][..],
        &["scenes", "--help"],
        &["check", "--help"],
        &["prepare", "--help"],
    ] {
        let (code, said, _) = bench(args);
        assert_eq!(code, 0);
        assert!(
            said.contains("Example") && said.contains("bench data "),
            "{said}"
        );
    }
}
