//! What a sound data set holds, line by line.

use super::super::coco::Licences;
use super::super::dataset::{Dataset, Split};
use super::{Lengths, Prints, duplicates, look_alikes};
use crate::error::Result;

/// Captions of more words than these are counted.
const LONG: [usize; 2] = [32, 64];

/// The summary of a data set, of its pictures' `(width, height)` and of what its files hold.
///
/// # Errors
/// Bad input where a picture that was looked at cannot be read again.
pub fn lines(
    data: &Dataset,
    licences: &Licences,
    sizes: &[(usize, usize)],
    prints: &Prints,
    threads: usize,
) -> Result<Vec<String>> {
    let mut lines = vec![format!("data         {}", data.name)];
    for split in Split::ALL {
        let examples = data.split(split);
        let captions: usize = examples.iter().map(|example| example.captions.len()).sum();
        lines.push(format!(
            "{:<12} {} pictures, {captions} captions",
            split.name(),
            examples.len()
        ));
    }
    let all = || Split::ALL.iter().flat_map(|&split| data.split(split));
    if let Some(captions) = range(all().map(|example| example.captions.len())) {
        lines.push(format!("captions     {captions} a picture"));
    }
    let captions = all().flat_map(|example| &example.captions);
    let words = Lengths::new(captions.map(|caption| caption.text.split_whitespace().count()));
    lines.push(format!("words        {words}"));
    let [long, longer] = LONG.map(|limit| words.longer_than(limit));
    lines.push(format!(
        "             longer than {} words: {long}, than {}: {longer}",
        LONG[0], LONG[1]
    ));
    if let (Some(width), Some(height)) = (
        range(sizes.iter().map(|size| size.0)),
        range(sizes.iter().map(|size| size.1)),
    ) {
        lines.push(format!(
            "image sizes  {width} wide, {height} high, in pixels"
        ));
    }
    lines.extend(licence_lines(licences));
    lines.extend(duplicates::lines(data, prints));
    lines.extend(look_alikes::lines(data, prints, threads)?);
    lines.push(format!("fingerprint  {}", data.fingerprint));
    lines.extend(data.notes.iter().map(|note| format!("note         {note}")));
    Ok(lines)
}

/// Pictures of each licence, the commonest first.
fn licence_lines(licences: &Licences) -> Vec<String> {
    let mut counts: Vec<(&String, &usize)> = licences.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let line = |(place, (name, count)): (usize, (&String, &usize))| {
        let head = if place == 0 { "licences" } else { "" };
        let noun = if *count == 1 { "picture" } else { "pictures" };
        format!("{head:<12} {name}: {count} {noun}")
    };
    counts.into_iter().enumerate().map(line).collect()
}

fn range(values: impl Iterator<Item = usize> + Clone) -> Option<String> {
    let (least, most) = (values.clone().min()?, values.max()?);
    Some(if least == most {
        least.to_string()
    } else {
        format!("{least} to {most}")
    })
}
