//! The compiled data: one file of tables, looked up in place.
//!
//! ```text
//! 8 bytes  magic, with the format's version and the machine's byte order
//!      32  key: SHA-256 over paths, lengths and times of change of the sources
//!       8  length of the file
//!       8  checksum of all that follows
//!     8·n  where each section ends
//!       …  the sections, each starting at a multiple of 8
//! ```
//!
//! The file's name carries the key, so that sources which change never meet an old file. It is
//! written beside its place and renamed when whole, and its checksum is looked at whenever it is
//! opened: a file that is short or harmed is made anew.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use bytemuck::AnyBitPattern;
use memmap2::{Mmap, MmapMut, MmapOptions};

use crate::error::{Error, Result};

const MAGIC: u64 = u64::from_be_bytes(*b"cbmet501");
const HEADER: usize = 56;

/// What a section holds; `Text` sections are lines, `Ends` are running ends in the section before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Section {
    /// Function words, one a line.
    Function,
    /// The file of prefixes that keep their period.
    Prefixes,
    /// Words with synsets, in byte order.
    Synonyms,
    SynonymEnds,
    /// Their synsets.
    Synsets,
    SynsetEnds,
    /// Irregular forms, in byte order.
    Forms,
    FormEnds,
    /// The synsets of their base forms.
    FormSynsets,
    FormSynsetEnds,
    /// The words of the paraphrase table, in byte order.
    Words,
    WordEnds,
    /// The trie of phrases: per node its last word, where its children and its paraphrases begin.
    NodeWords,
    NodeChildren,
    NodeLists,
    /// Paraphrases: the number of words and the words of each.
    Lists,
}

/// The number of sections.
pub(super) const SECTIONS: usize = Section::Lists as usize + 1;

/// Sections that are being made, in the order of [`Section`].
pub(super) type Sections = [Vec<u8>; SECTIONS];

/// The tables of a compiled file.
pub(super) struct Tables {
    map: Mmap,
    sections: [Range<usize>; SECTIONS],
}

impl Tables {
    /// The tables in the file at `path`, if it is there, of this key, whole and unharmed.
    pub fn open(path: &Path, key: &[u8; 32]) -> Option<Self> {
        let file = File::open(path).ok()?;
        // SAFETY: a cache file is never changed once it has its name; it is replaced by renaming
        // another over it, which leaves this one whole.
        let map = unsafe { MmapOptions::new().populate().map(&file) }.ok()?;
        Self::of(map, key)
    }

    /// Writes `sections` to `path` and opens them there, or keeps them in memory where there is no
    /// place that can be written.
    pub fn keep(path: Option<&Path>, key: &[u8; 32], sections: &Sections) -> Result<Self> {
        let bytes = encode(key, sections);
        if let Some(path) = path
            && write(path, &bytes).is_ok()
            && let Some(tables) = Self::open(path, key)
        {
            return Ok(tables);
        }
        let failed = |error| Error::failed(format!("no memory for METEOR's tables: {error}"));
        let mut map = MmapMut::map_anon(bytes.len()).map_err(failed)?;
        map.copy_from_slice(&bytes);
        let map = map.make_read_only().map_err(failed)?;
        Self::of(map, key).ok_or_else(|| Error::failed("METEOR's tables are unsound"))
    }

    fn of(map: Mmap, key: &[u8; 32]) -> Option<Self> {
        let number =
            |at: usize| Some(u64::from_ne_bytes(map.get(at..at + 8)?.try_into().ok()?) as usize);
        let sound = map.len() >= HEADER + 8 * SECTIONS
            && number(0)? == MAGIC as usize
            && map[8..40] == *key
            && number(40)? == map.len()
            && number(48)? == checksum(&map[HEADER..]) as usize;
        if !sound {
            return None;
        }
        let mut start = HEADER + 8 * SECTIONS;
        let mut sections = [const { 0..0 }; SECTIONS];
        for (i, section) in sections.iter_mut().enumerate() {
            *section = start..number(HEADER + 8 * i)?;
            start = section.end.next_multiple_of(8);
        }
        Some(Self { map, sections })
    }

    /// The bytes of a section.
    pub fn bytes(&self, section: Section) -> &[u8] {
        &self.map[self.sections[section as usize].clone()]
    }

    /// A section as numbers.
    pub fn numbers<T: AnyBitPattern>(&self, section: Section) -> &[T] {
        bytemuck::cast_slice(self.bytes(section))
    }

    /// A section that holds text.
    pub fn text(&self, section: Section) -> &str {
        std::str::from_utf8(self.bytes(section)).unwrap_or_default()
    }

    /// The rank of `word` among the sorted words of two sections: the words and where each ends.
    pub fn rank(&self, words: Section, ends: Section, word: &str) -> Option<usize> {
        let (words, ends) = (self.bytes(words), self.numbers::<u32>(ends));
        let (mut low, mut high) = (0, ends.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match words[span(ends, middle)].cmp(word.as_bytes()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }
}

/// The `rank`th stretch, given where each ends.
pub(super) fn span(ends: &[u32], rank: usize) -> Range<usize> {
    let start = if rank == 0 { 0 } else { ends[rank - 1] };
    start as usize..ends[rank] as usize
}

fn encode(key: &[u8; 32], sections: &Sections) -> Vec<u8> {
    let mut bytes = MAGIC.to_ne_bytes().to_vec();
    bytes.extend(key);
    bytes.resize(HEADER + 8 * SECTIONS, 0);
    for (i, section) in sections.iter().enumerate() {
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(section);
        let end = bytes.len() as u64;
        bytes[HEADER + 8 * i..][..8].copy_from_slice(&end.to_ne_bytes());
    }
    let length = bytes.len() as u64;
    bytes[40..48].copy_from_slice(&length.to_ne_bytes());
    let sum = checksum(&bytes[HEADER..]);
    bytes[48..56].copy_from_slice(&sum.to_ne_bytes());
    bytes
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    Ok(())
}

/// A fast checksum in four lanes of eight bytes, multiplied and folded. It finds accidents, not
/// attacks.
fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |sum: u64, word: u64| {
        let sum = (sum ^ word).wrapping_mul(FACTOR);
        sum ^ (sum >> 29)
    };
    let mut lanes = [1, 2, 3, bytes.len() as u64];
    let mut chunks = bytes.chunks_exact(32);
    for chunk in &mut chunks {
        for (lane, word) in lanes.iter_mut().zip(chunk.as_chunks::<8>().0) {
            *lane = fold(*lane, u64::from_le_bytes(*word));
        }
    }
    let sum = lanes.into_iter().fold(0, fold);
    chunks
        .remainder()
        .iter()
        .fold(sum, |sum, &byte| fold(sum, byte.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_file_of_the_same_key_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/tables.bin");
        let mut sections = Sections::default();
        sections[Section::Words as usize] = b"abbaz".to_vec();
        sections[Section::WordEnds as usize] = bytemuck::cast_slice(&[1u32, 4, 5]).to_vec();
        let tables = Tables::keep(Some(&path), &[7; 32], &sections).unwrap();
        let rank = |word| tables.rank(Section::Words, Section::WordEnds, word);
        assert_eq!(
            ["a", "bba", "z", "b", "zz"].map(rank),
            [Some(0), Some(1), Some(2), None, None]
        );
        assert!(Tables::open(&path, &[7; 32]).is_some());
        assert!(Tables::open(&path, &[8; 32]).is_none(), "another key");
        let sound = std::fs::read(&path).unwrap();
        for at in [0, 41, HEADER, sound.len() - 1] {
            let mut harmed = sound.clone();
            harmed[at] ^= 1;
            std::fs::write(&path, harmed).unwrap();
            assert!(Tables::open(&path, &[7; 32]).is_none(), "byte {at}");
        }
        for length in [0, 20, sound.len() - 1] {
            std::fs::write(&path, &sound[..length]).unwrap();
            assert!(Tables::open(&path, &[7; 32]).is_none(), "{length} bytes");
        }
    }

    #[test]
    fn without_a_place_the_tables_stay_in_memory() {
        let mut sections = Sections::default();
        sections[Section::Function as usize] = b"the\n".to_vec();
        let tables = Tables::keep(None, &[0; 32], &sections).unwrap();
        assert_eq!(tables.text(Section::Function), "the\n");
    }
}
