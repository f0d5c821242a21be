//! The gallery: a few test pictures with their references and every variant's caption.
//!
//! Pictures are kept beside the report, so that it can be made again without the data set. They are
//! chosen by their place in the test set alone, never by how good a caption is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::RunData;
use crate::error::{Error, Result};
use crate::results::atomic;
use crate::results::schema::{CaptionRecord, CellKind};

/// How many pictures a gallery has.
pub const GALLERY_PICTURES: usize = 24;

/// References shown of a picture, at most.
const REFERENCES: usize = 5;

/// Chooses pictures evenly over the distinct ids, in the order in which they first occur.
pub fn gallery_ids(image_ids: impl IntoIterator<Item = u64>, count: usize) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    let distinct: Vec<u64> = image_ids
        .into_iter()
        .filter(|id| seen.insert(*id))
        .collect();
    let count = count.min(distinct.len());
    (0..count)
        .map(|i| distinct[i * distinct.len() / count])
        .collect()
}

/// Keeps pictures for the run's report: `picture` gives PNG or JPEG bytes for an id.
///
/// # Errors
///
/// What `picture` returns; `Failed` if the disk refuses.
pub fn save_gallery(
    run_dir: &Path,
    ids: &[u64],
    mut picture: impl FnMut(u64) -> Result<Vec<u8>>,
) -> Result<()> {
    let folder = folder(run_dir);
    fs::create_dir_all(&folder).map_err(|e| Error::writing(&folder, e))?;
    for &id in ids {
        atomic::write_file(&folder.join(format!("{id}.png")), &picture(id)?)?;
    }
    Ok(())
}

/// The pictures kept for a run's report; none if there is no such folder.
pub(super) fn load(run_dir: &Path) -> Result<BTreeMap<u64, Vec<u8>>> {
    let folder = folder(run_dir);
    let mut pictures = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(pictures);
    }
    for entry in fs::read_dir(&folder).map_err(|e| Error::reading(&folder, e))? {
        let path = entry.map_err(|e| Error::reading(&folder, e))?.path();
        let is_png = path.extension().is_some_and(|e| e == "png");
        let id = path
            .file_stem()
            .and_then(|s| s.to_str())
            .and_then(|s| s.parse().ok());
        if let (true, Some(id)) = (is_png, id) {
            pictures.insert(id, fs::read(&path).map_err(|e| Error::reading(&path, e))?);
        }
    }
    Ok(pictures)
}

fn folder(run_dir: &Path) -> PathBuf {
    run_dir.join("report").join("gallery")
}

/// A picture of the gallery.
pub(super) struct Exhibit<'a> {
    pub id: u64,
    /// PNG or JPEG, if it was kept.
    pub picture: Option<&'a [u8]>,
    pub references: Vec<&'a str>,
    /// Caption by row label, in the order of the table; models only.
    pub captions: Vec<(&'a str, &'a str)>,
}

/// The exhibits of a run: its kept pictures or, if none was kept, the same choice without pictures.
pub(super) fn exhibits(run: &RunData) -> Vec<Exhibit<'_>> {
    let models: Vec<_> = run
        .cells
        .iter()
        .filter(|c| c.result.kind == CellKind::Model && !c.captions.is_empty())
        .map(|c| (c.result.label.as_str(), by_picture(&c.captions)))
        .collect();
    let Some((_, captions)) = models.first() else {
        return Vec::new();
    };
    let order = || {
        run.cells
            .iter()
            .flat_map(|c| &c.captions)
            .map(|c| c.image_id)
    };
    let kept = gallery_ids(
        order().filter(|id| run.pictures.contains_key(id)),
        usize::MAX,
    );
    let ids = if kept.is_empty() {
        gallery_ids(order(), GALLERY_PICTURES)
    } else {
        kept
    };
    let exhibit = |id: u64| Exhibit {
        id,
        picture: run.pictures.get(&id).map(Vec::as_slice),
        references: captions
            .get(&id)
            .map(|found| references(found))
            .unwrap_or_default(),
        captions: models
            .iter()
            .filter_map(|(label, by_id)| Some((*label, by_id.get(&id)?.first()?.caption.as_str())))
            .collect(),
    };
    ids.into_iter().map(exhibit).collect()
}

fn by_picture(captions: &[CaptionRecord]) -> BTreeMap<u64, Vec<&CaptionRecord>> {
    let mut by_id: BTreeMap<u64, Vec<&CaptionRecord>> = BTreeMap::new();
    for caption in captions {
        by_id.entry(caption.image_id).or_default().push(caption);
    }
    by_id
}

/// The distinct references of a picture's records: with one reference a record there are several records.
fn references<'a>(records: &[&'a CaptionRecord]) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for reference in records.iter().flat_map(|r| &r.references) {
        if !all.contains(&reference.as_str()) {
            all.push(reference);
        }
    }
    all.truncate(REFERENCES);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_chosen_evenly_and_once() {
        let ids = (0..500u64).flat_map(|i| [i * 3; 5]);
        let chosen = gallery_ids(ids, 24);
        assert_eq!(chosen.len(), 24);
        assert_eq!((chosen[0], chosen[1], chosen[23]), (0, 60, 1437));
        assert_eq!(gallery_ids([7, 7, 9], 24), [7, 9]);
        assert_eq!(gallery_ids([], 24), [] as [u64; 0]);
    }
}
