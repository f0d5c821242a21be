//! No file makes `bench score` panic: every format is read or refused with a message.

#![no_main]

use std::path::PathBuf;

use caption_bench::Result;
use caption_bench::cli::score::input::{self, Files, Source};
use caption_bench::metrics::Case;
use libfuzzer_sys::fuzz_target;

/// Names, as a format may go by its file's ending.
const NAMES: [&str; 5] = ["a.json", "a.jsonl", "a.txt", "a.gz", "a"];

fuzz_target!(|data: (u8, Vec<u8>, Vec<u8>)| {
    let (choice, first, second) = data;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let name = NAMES[usize::from(choice) % NAMES.len()];
    let hypotheses = write(&format!("h-{name}"), &first);
    let references = write(&format!("r-{name}"), &second);
    let check = |result: Result<Vec<Case>>| match result {
        Ok(cases) => assert!(!cases.is_empty() && cases.iter().all(|c| !c.references.is_empty())),
        Err(error) => assert!(!error.message().is_empty()),
    };
    if let Ok(files) = Files::read(&hypotheses, &[references]) {
        check(files.captions(2).map(|captions| captions.cases));
    }
    if let Ok(source) = Source::read(&hypotheses) {
        check(input::cases(&source, 2));
    }
    let _ = input::training(&hypotheses, 2);
});
