//! The METEOR data folder: where its files are, and what is taken from them.
//!
//! The folder is the `meteor` folder of the pycocoevalcap wheel, its `data` folder, or any folder
//! that holds `meteor-1.5.jar` and `paraphrase-en.gz`. The jar is a zip; four of its files are read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::cache::{Section, Sections, Tables};
use super::compile;
use crate::error::{Error, Result};

const JAR: &str = "meteor-1.5.jar";
const PARAPHRASES: &str = "paraphrase-en.gz";
const FUNCTION: &str = "function/english.words";
const PREFIXES: &str = "nonbreaking/english.prefixes";
const SYNSETS: &str = "synonym/english.synsets";
const EXCEPTIONS: &str = "synonym/english.exceptions";

/// Opens the tables of the METEOR folder `dir`: compiled earlier and kept in `cache`, or compiled now.
pub(super) fn open(dir: &Path, cache: Option<&Path>) -> Result<Tables> {
    let source = Source::find(dir)?;
    let key = source.key()?;
    let name: String = key[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    let path = cache.map(|folder| folder.join(format!("meteor15-{name}.bin")));
    if let Some(tables) = path.as_ref().and_then(|path| Tables::open(path, &key)) {
        return Ok(tables);
    }
    Tables::keep(path.as_deref(), &key, &source.compile()?)
}

/// The two files of a METEOR folder.
struct Source {
    jar: PathBuf,
    paraphrases: PathBuf,
}

impl Source {
    fn find(dir: &Path) -> Result<Self> {
        let places = [
            (dir.join(JAR), dir.join("data").join(PARAPHRASES)),
            (dir.join("..").join(JAR), dir.join(PARAPHRASES)),
            (dir.join(JAR), dir.join(PARAPHRASES)),
        ];
        let missing = match (
            places.iter().any(|(jar, _)| jar.is_file()),
            places.iter().any(|(_, paraphrases)| paraphrases.is_file()),
        ) {
            (true, false) => PARAPHRASES,
            (false, true) => JAR,
            _ => "METEOR data",
        };
        places
            .into_iter()
            .find(|(jar, paraphrases)| jar.is_file() && paraphrases.is_file())
            .map(|(jar, paraphrases)| Self { jar, paraphrases })
            .ok_or_else(|| {
                Error::input(format!(
                    "{}: no {missing}: expected {JAR} and data/{PARAPHRASES}, as in the \
                     `meteor` folder of the pycocoevalcap wheel",
                    dir.display()
                ))
            })
    }

    /// What the files are: paths, lengths and times of change.
    fn key(&self) -> Result<[u8; 32]> {
        let mut hash = Sha256::new();
        for path in [&self.jar, &self.paraphrases] {
            let about = std::fs::metadata(path).map_err(|error| Error::reading(path, error))?;
            let changed = about.modified().ok();
            let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            hash.update(path.as_os_str().as_encoded_bytes());
            hash.update(format!("\n{} {changed:?}\n", about.len()));
        }
        Ok(hash.finalize().into())
    }

    fn compile(&self) -> Result<Sections> {
        let mut jar = Jar::open(&self.jar)?;
        let mut sections = Sections::default();
        sections[Section::Function as usize] = jar.read(FUNCTION)?.into_bytes();
        sections[Section::Prefixes as usize] = jar.read(PREFIXES)?.into_bytes();

        let text = jar.read(SYNSETS)?;
        let mut synsets: FxHashMap<&str, Vec<u32>> = FxHashMap::default();
        for (line, key, values) in jar.pairs(SYNSETS, &text)? {
            let expected = |_| jar.fault(SYNSETS, line + 1, "expected numbers of synsets");
            let numbers: Result<_> = values
                .split_whitespace()
                .map(|number| number.parse().map_err(expected))
                .collect();
            synsets.insert(key, numbers?);
        }
        let text = jar.read(EXCEPTIONS)?;
        let mut forms: FxHashMap<&str, Vec<u32>> = FxHashMap::default();
        for (_, base, inflected) in jar.pairs(EXCEPTIONS, &text)? {
            for form in inflected.split_whitespace() {
                let all = forms.entry(form).or_default();
                all.extend(synsets.get(base).into_iter().flatten());
            }
        }
        use Section::*;
        add_sets(
            &mut sections,
            [Synonyms, SynonymEnds, Synsets, SynsetEnds],
            synsets,
        );
        add_sets(
            &mut sections,
            [Forms, FormEnds, FormSynsets, FormSynsetEnds],
            forms,
        );
        compile::paraphrases(&self.paraphrases, &mut sections)?;
        Ok(sections)
    }
}

/// A jar: a zip of text files.
struct Jar<'a> {
    path: &'a Path,
    zip: ZipArchive<File>,
}

impl<'a> Jar<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::reading(path, error))?;
        let zip = ZipArchive::new(file).map_err(|error| Error::reading(path, error))?;
        Ok(Self { path, zip })
    }

    fn read(&mut self, name: &str) -> Result<String> {
        let fault = |error: &dyn std::fmt::Display| Error::in_file(self.path, name, error);
        let mut file = self.zip.by_name(name).map_err(|error| fault(&error))?;
        let mut text = String::new();
        file.read_to_string(&mut text)
            .map_err(|error| fault(&error))?;
        Ok(text)
    }

    /// The pairs of lines of a file, a key and its values, each with the line of the key.
    fn pairs<'t>(&self, name: &str, text: &'t str) -> Result<Vec<(usize, &'t str, &'t str)>> {
        let lines: Vec<_> = text.lines().collect();
        let (pairs, rest) = lines.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.fault(name, lines.len(), "expected another line with its values"));
        }
        let pairs = pairs.iter().enumerate();
        Ok(pairs
            .map(|(i, &[key, values])| (2 * i + 1, key, values))
            .collect())
    }

    fn fault(&self, name: &str, line: usize, message: &str) -> Error {
        Error::in_file(self.path, format!("{name}, line {line}"), message)
    }
}

/// Adds words and their sets of numbers: the words, where they end, the numbers, where they end.
fn add_sets(sections: &mut Sections, into: [Section; 4], sets: FxHashMap<&str, Vec<u32>>) {
    let mut sets: Vec<_> = sets.into_iter().collect();
    sets.sort_unstable_by_key(|&(word, _)| word);
    let [mut word_ends, mut numbers, mut ends] = [const { Vec::<u32>::new() }; 3];
    let mut words = Vec::new();
    for (word, mut set) in sets {
        set.sort_unstable();
        set.dedup();
        words.extend(word.as_bytes());
        word_ends.push(words.len() as u32);
        numbers.extend(set);
        ends.push(numbers.len() as u32);
    }
    sections[into[0] as usize] = words;
    for (section, numbers) in into[1..].iter().zip([word_ends, numbers, ends]) {
        sections[*section as usize] = bytemuck::cast_slice(&numbers).to_vec();
    }
}
