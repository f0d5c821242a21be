//! One picture under two names: files of the same bytes.

use std::collections::HashMap;
use std::path::Path;

use super::super::dataset::{Dataset, Picture, Split};
use super::Prints;

/// Groups of files named; the rest is counted.
const NAMED: usize = 5;

/// A picture's file, and where it is used.
struct Copy<'a> {
    file: &'a Path,
    image_id: u64,
    split: Split,
}

/// What a reader must know of files with the same bytes: a leak across splits first.
pub fn lines(data: &Dataset, prints: &Prints) -> Vec<String> {
    let (leaks, repeated): (Vec<_>, Vec<_>) = groups(data, prints)
        .into_iter()
        .partition(|group| group.iter().any(|copy| copy.split != group[0].split));
    let mut lines = Vec::new();
    if !leaks.is_empty() {
        lines.push(format!(
            "leak         {} in more than one split under different names (files of the same bytes):",
            pictures(leaks.len())
        ));
        name(&leaks, &mut lines);
    }
    if !repeated.is_empty() {
        lines.push(format!(
            "duplicates   {} more than once in a split under different names (files of the same bytes):",
            pictures(repeated.len())
        ));
        name(&repeated, &mut lines);
    }
    lines
}

fn pictures(count: usize) -> String {
    match count {
        1 => "1 picture is".to_owned(),
        _ => format!("{count} pictures are"),
    }
}

/// Different files of the same bytes, in the order of the data set.
fn groups<'a>(data: &'a Dataset, prints: &Prints) -> Vec<Vec<Copy<'a>>> {
    let mut groups: Vec<Vec<Copy>> = Vec::new();
    let mut places: HashMap<[u8; 32], usize> = HashMap::new();
    for split in Split::ALL {
        for example in data.split(split) {
            let Picture::File(file) = &example.image else {
                continue;
            };
            let Some(print) = prints.get(file) else {
                continue;
            };
            let place = *places.entry(print.digest).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(Copy {
                file,
                image_id: example.image_id,
                split,
            });
        }
    }
    groups.retain(|group| group.iter().any(|copy| copy.file != group[0].file));
    groups
}

fn name(groups: &[Vec<Copy>], lines: &mut Vec<String>) {
    let copy = |copy: &Copy| {
        let (file, id, split) = (copy.file.display(), copy.image_id, copy.split.name());
        format!("{file} (image id {id}, {split})")
    };
    for group in groups.iter().take(NAMED) {
        let copies: Vec<String> = group.iter().take(NAMED).map(copy).collect();
        let more = match group.len() {
            NAMED.. if group.len() > NAMED => format!(" and {} more", group.len() - NAMED),
            _ => String::new(),
        };
        lines.push(format!("             {}{more}", copies.join(" = ")));
    }
    if groups.len() > NAMED {
        lines.push(format!("             and {} more", groups.len() - NAMED));
    }
}
