//! METEOR 1.5 on a tiny data set of our own.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const FILES: [(&str, &str); 4] = [
    ("function/english.words", "a\nthe\non\nof\n.\n"),
    (
        "nonbreaking/english.prefixes",
        "# titles\nmr\nno #NUMERIC_ONLY# \n",
    ),
    ("synonym/english.exceptions", "goose\ngeese\nbe\nis was\n"),
    (
        "synonym/english.synsets",
        "bird\n00000002\ncouch\n00000001 00000009\ngoose\n00000002 00000003\nsofa\n00000001\n",
    ),
];

const PARAPHRASES: [(&str, &str); 4] = [
    ("on top of", "above"),
    ("a lot of", "many"),
    ("man", "guy"),
    ("guy", "man"),
];

/// Writes a data folder, laid out as the wheel's; a file of the jar may have another text.
fn write(dir: &Path, change: Option<(&str, &str)>, paraphrases: &str) {
    let mut jar = ZipWriter::new(File::create(dir.join("meteor-1.5.jar")).unwrap());
    for (name, text) in FILES {
        let text = change
            .filter(|&(changed, _)| changed == name)
            .map_or(text, |(_, text)| text);
        jar.start_file(name, SimpleFileOptions::default()).unwrap();
        jar.write_all(text.as_bytes()).unwrap();
    }
    jar.finish().unwrap();
    std::fs::create_dir_all(dir.join("data")).unwrap();
    let file = File::create(dir.join("data/paraphrase-en.gz")).unwrap();
    let mut file = GzEncoder::new(file, Compression::fast());
    file.write_all(paraphrases.as_bytes()).unwrap();
    file.finish().unwrap();
}

fn paraphrases() -> String {
    PARAPHRASES
        .iter()
        .map(|(phrase, paraphrase)| format!("0.5\n{phrase}\n{paraphrase}\n"))
        .collect()
}

/// METEOR with the tiny data set, which lies in the folder beside it.
pub(super) fn tiny() -> (Meteor15, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), None, &paraphrases());
    let meteor = Meteor15::open_with_cache(folder.path(), None).unwrap();
    (meteor, folder)
}

fn row(meteor: &Meteor15, hypothesis: &str, references: &[&str]) -> Vec<f64> {
    let mut row = Vec::new();
    meteor.stats(hypothesis, references, &mut row);
    assert_eq!(row.len(), Meteor15::WIDTH);
    row
}

#[test]
fn each_module_matches() {
    let (meteor, _folder) = tiny();
    let row = row(
        &meteor,
        "the man on top of geese runs",
        &["the guy above bird running"],
    );
    let expected = [
        [7.0, 5.0, 3.0, 1.0], // lengths, function words
        [0.0, 0.0, 1.0, 1.0], // exact: the
        [1.0, 1.0, 0.0, 0.0], // stem: runs, running
        [1.0, 1.0, 0.0, 0.0], // synonym: geese, bird
        [2.0, 2.0, 2.0, 0.0], // paraphrase: man, guy; on top of, above
    ];
    assert_eq!(row[..20], expected.concat());
    assert_eq!(row[20..], [1.0, 7.0, 5.0, 0.0], "one chunk, all matched");
}

#[test]
fn a_perfect_caption_scores_one_and_the_first_best_reference_counts() {
    let (meteor, _folder) = tiny();
    let row = row(&meteor, "a sofa . ", &["a bird", "a sofa .", "a sofa ."]);
    assert!((Meteor15::caption_score(&row) - 1.0).abs() < 1e-12);
    assert_eq!(row[20..], [1.0, 3.0, 3.0, 0.0]);
}

#[test]
fn a_corpus_is_scored_from_sums() {
    let (meteor, _folder) = tiny();
    let perfect = row(&meteor, "a sofa", &["a sofa"]);
    let half = row(&meteor, "a dog", &["a cat"]);
    let sums: Vec<f64> = perfect.iter().zip(&half).map(|(a, b)| a + b).collect();
    // Weighted lengths 2 a side, matched 1 + 0.25, and one chunk that counts for three words.
    let expected = 1.25 / 2.0 * (1.0 - 0.6 * (1.0f64 / 3.0).powf(0.2));
    assert!((Meteor15::score(&sums) - expected).abs() < 1e-12);
}

#[test]
fn nothing_scores_zero() {
    let (meteor, _folder) = tiny();
    for (hypothesis, references) in [
        ("", &["a"][..]),
        ("a", &[""]),
        ("", &[""]),
        ("a", &[]),
        ("up", &["down"]),
    ] {
        assert_eq!(
            Meteor15::caption_score(&row(&meteor, hypothesis, references)),
            0.0
        );
    }
}

#[test]
fn data_sets_do_not_mix_in_a_thread() {
    let (first, _folder) = tiny();
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        Some(("synonym/english.synsets", "")),
        &paraphrases(),
    );
    let second = Meteor15::open_with_cache(folder.path(), None).unwrap();
    for _ in 0..2 {
        assert_eq!(row(&first, "couch", &["sofa"])[12], 1.0);
        assert_eq!(row(&second, "couch", &["sofa"])[12], 0.0);
    }
}

#[test]
fn the_compiled_file_is_used_until_a_source_changes() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let files = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&cache).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let matched = |dir: &str| {
        let dir = folder.path().join(dir);
        let meteor = Meteor15::open_with_cache(&dir, Some(&cache)).unwrap();
        row(&meteor, "above", &["on top of"])[16]
    };
    write(folder.path(), None, &paraphrases());
    assert_eq!(matched("."), 1.0);
    let [file] = &files()[..] else {
        panic!("one file expected");
    };
    let sound = std::fs::read(file).unwrap();
    assert_eq!(
        matched("data"),
        1.0,
        "the jar one level up, the same sources"
    );
    assert_eq!(files().len(), 1);

    std::fs::write(file, &sound[..sound.len() - 1]).unwrap();
    assert_eq!(matched("."), 1.0);
    assert_eq!(std::fs::read(file).unwrap(), sound, "made anew");

    write(folder.path(), None, "0.5\nman\nperson\n");
    assert_eq!(matched("."), 0.0);
    assert_eq!(files().len(), 2);
}

#[test]
fn faults_name_the_file_and_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let fault = || {
        let error = Meteor15::open_with_cache(folder.path(), None)
            .err()
            .unwrap();
        assert_eq!(error.exit_code(), 2);
        error.message().to_owned()
    };
    assert!(fault().contains("no METEOR data: expected meteor-1.5.jar"));
    std::fs::write(folder.path().join("meteor-1.5.jar"), "").unwrap();
    assert!(fault().contains("no paraphrase-en.gz: expected"));
    write(
        folder.path(),
        Some(("synonym/english.synsets", "bird\n")),
        &paraphrases(),
    );
    assert!(fault().contains("english.synsets, line 1: expected another line"));
    write(
        folder.path(),
        Some(("synonym/english.synsets", "bird\nnone\n")),
        &paraphrases(),
    );
    assert!(fault().contains("english.synsets, line 2: expected numbers"));
    for (text, expected) in [
        ("", "entry 1: expected a paraphrase table"),
        ("0.5\na\nb\n0.5\na\n", "entry 2: expected words"),
        ("a\nb\n0.5\n", "entry 1: expected a probability"),
    ] {
        write(folder.path(), None, text);
        let message = fault();
        assert!(message.contains("paraphrase-en.gz"), "{message}");
        assert!(message.contains(expected), "{message}");
    }
    write(folder.path(), None, &paraphrases());
    std::fs::write(folder.path().join("meteor-1.5.jar"), "no zip").unwrap();
    assert!(fault().contains("meteor-1.5.jar"));
    write(folder.path(), None, &paraphrases());
    std::fs::write(folder.path().join("data/paraphrase-en.gz"), "no gzip").unwrap();
    assert!(fault().contains("paraphrase-en.gz"));
}

/// The matches of two lines as (hypothesis position, reference position).
pub(super) fn aligned(hypothesis: &str, reference: &str) -> Vec<(u32, u32)> {
    let (meteor, _folder) = tiny();
    let mut scratch = Scratch::default();
    scratch.best(&meteor, hypothesis, &[reference]);
    let matches = scratch.matches.iter();
    matches
        .map(|matched| (matched.hyp, matched.reference))
        .collect()
}
