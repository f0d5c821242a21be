//! No file makes `bench score` panic: every format is read or refused with a message.

#![no_main]

use std::path::PathBuf;

use caption_bench::cli::score::input;
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
    for result in [
        input::captions(&hypotheses, &[references]).map(|captions| captions.cases),
        input::cases(&hypotheses),
    ] {
        match result {
            Ok(cases) => assert!(!cases.is_empty() && cases.iter().all(|c| !c.references.is_empty())),
            Err(error) => assert!(!error.message().is_empty()),
        }
    }
    let _ = input::training(&hypotheses);
});
