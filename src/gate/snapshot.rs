//! What is compared: the scores of a run or of caption files, with all it takes to compare them fairly.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::metrics::{Case, StatsTable};
use crate::recipe;
use crate::results::cell::CellDir;
use crate::results::points::{ATTRIBUTES, points, width};
use crate::results::schema::{CellResult, Score, Scores};
use crate::results::stats_columns::Part;
use crate::results::store::RunDir;

/// Where scores come from; scores of two kinds are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The folder of a run.
    Run,
    /// A file of captions and files of references.
    Files,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Run => "a run",
            Self::Files => "caption files",
        })
    }
}

/// Scores at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// A run or files.
    pub source: Source,
    /// The version of this crate that scored.
    pub version: String,
    /// The recipe's hash, of a run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recipe_hash: Option<String>,
    /// The recipe's values by dotted key (`train.epochs`), to say what differs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub recipe: BTreeMap<String, serde_json::Value>,
    /// The data as it was named.
    pub data: String,
    /// SHA-256 of a run's data set, or over the ids and references of files.
    pub data_fingerprint: String,
    /// Cells of a run that were not done.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unfinished: Vec<String>,
    /// One row a cell, in the order of the run's table; one row of files.
    pub rows: Vec<Row>,
}

/// The scores of one system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The cell's name; `captions` for files.
    pub row: String,
    /// The label in tables.
    pub label: String,
    /// The variant; `captions` for files.
    pub variant: String,
    /// The seed, of a cell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seed: Option<u64>,
    /// Captions scored.
    pub n: usize,
    /// SHA-256 over the captions' ids in their order, where they are known: which pictures of the split they are of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ids: Option<String>,
    /// SHA-256 of the weights that wrote the captions, of a trained cell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub weights: Option<String>,
    /// Scores by metric key, [`ATTRIBUTES`] among them.
    pub metrics: Scores,
    /// The captions' ids in their order, where they are known.
    #[serde(skip)]
    pub captions: Vec<String>,
    /// By metric key the statistics of every caption, where they are known (see [`crate::gate::statistics`]).
    #[serde(skip)]
    pub tables: BTreeMap<String, StatsTable>,
}

impl Row {
    /// A score that is not that of the row's statistics, as a sentence: one of the two was changed by hand.
    pub(super) fn other_than_its_statistics(&self) -> Option<String> {
        self.metrics.iter().find_map(|(metric, score)| {
            let table = self.table(metric)?;
            let of = points(metric).filter(|_| Some(table.width) == width(metric))?;
            let found = of(&table.sums());
            let rounding = 1e-6 * found.abs().max(1.0);
            ((found - score.points).abs() > rounding).then(|| {
                format!(
                    "{metric} has {} points, and its statistics give {found}",
                    score.points
                )
            })
        })
    }

    /// What [`crate::gate::statistics`] keeps.
    pub(super) fn statistics(&self) -> Part<'_> {
        Part {
            captions: self.captions.len(),
            tables: &self.tables,
        }
    }

    /// The statistics of every caption under one metric.
    pub fn table(&self, metric: &str) -> Option<&StatsTable> {
        self.tables
            .get(metric)
            .filter(|table| table.len() == self.n)
    }
}

impl Snapshot {
    /// The row of this name.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.row == name)
    }

    /// The finished cells of a run.
    ///
    /// # Errors
    /// [`Error::NothingToCompare`] if no cell is done, [`Error::Input`] if a document of the run is broken.
    pub fn of_run(run: &RunDir) -> Result<Self> {
        let mut rows = Vec::new();
        for cell in run.cells()? {
            let Some(result) = cell.result()? else {
                continue;
            };
            rows.push(Row {
                weights: weights(&cell)?,
                ..Row::of_cell(&cell, &result)?
            });
        }
        if rows.is_empty() {
            let message = format!("{} has no finished cell", run.path().display());
            return Err(Error::NothingToCompare(message));
        }
        name_seeds(&mut rows);
        let stamp = run.stamp();
        Ok(Self {
            source: Source::Run,
            version: stamp.version.clone(),
            recipe_hash: Some(stamp.recipe_hash.clone()),
            recipe: recipe_values(&run.recipe_toml()?)?,
            data: stamp.data.clone(),
            data_fingerprint: stamp.data_fingerprint.clone(),
            unfinished: run.unfinished()?,
            rows,
        })
    }

    /// One system's captions, scored as `scores` with the statistics `tables`; `data` names the references.
    ///
    /// # Errors
    /// [`Error::NothingToCompare`] if there is no caption.
    pub fn of_cases(
        cases: &[Case],
        data: String,
        scores: Scores,
        tables: BTreeMap<String, StatsTable>,
    ) -> Result<Self> {
        if cases.is_empty() {
            let message = format!("there is no caption to score against {data}");
            return Err(Error::NothingToCompare(message));
        }
        let parts = cases.iter().flat_map(|case| {
            // The number of references stands before them, so that none can slip into another case.
            let count = case.references.len().to_string();
            // Nor does it matter in which order a caption's references stand.
            let mut references = case.references.clone();
            references.sort_unstable();
            [case.id.clone(), count.into()]
                .into_iter()
                .chain(references)
        });
        Ok(Self {
            source: Source::Files,
            version: env!("CARGO_PKG_VERSION").into(),
            recipe_hash: None,
            recipe: BTreeMap::new(),
            data,
            data_fingerprint: hash(parts),
            unfinished: Vec::new(),
            rows: vec![Row::of_captions(cases, scores, tables)],
        })
    }
}

impl Row {
    /// The row of captions in a file.
    pub fn of_captions(
        cases: &[Case],
        scores: Scores,
        tables: BTreeMap<String, StatsTable>,
    ) -> Self {
        let ids: Vec<String> = cases.iter().map(|case| case.id.to_string()).collect();
        Self {
            row: "captions".into(),
            label: "captions".into(),
            variant: "captions".into(),
            seed: None,
            n: cases.len(),
            ids: Some(hash(&ids)),
            weights: None,
            metrics: scores,
            captions: ids,
            tables,
        }
    }

    /// The row of a finished cell, without the hash of its weights.
    ///
    /// # Errors
    /// [`Error::Input`] if its statistics cannot be read.
    pub fn of_cell(cell: &CellDir, result: &CellResult) -> Result<Self> {
        let mut row = Self {
            row: result.cell.clone(),
            label: result.label.clone(),
            variant: result.variant.clone(),
            seed: Some(result.seed),
            n: result.n,
            ids: None,
            weights: None,
            metrics: result.metrics.clone(),
            captions: Vec::new(),
            tables: BTreeMap::new(),
        };
        if let Some(accuracy) = &result.attribute_accuracy {
            let score = Score {
                value: accuracy.all,
                points: 100.0 * accuracy.all,
                ci95: Some(accuracy.ci95.map(|x| 100.0 * x)),
                signature: "caption-bench|scenes|shapes+colours+relations".into(),
            };
            row.metrics.insert(ATTRIBUTES.into(), score);
        }
        if let Some(stats) = cell.read_stats()? {
            row.captions = stats.ids.iter().map(u64::to_string).collect();
            row.ids = Some(hash(&row.captions));
            row.tables = stats.tables;
            row.tables.retain(|key, _| row.metrics.contains_key(key));
        }
        Ok(row)
    }
}

/// SHA-256 of a cell's trained weights, if it has any.
fn weights(cell: &CellDir) -> Result<Option<String>> {
    let file = cell
        .checkpoint()
        .map(|folder| folder.join("model.safetensors"));
    let Some(path) = file.filter(|path| path.is_file()) else {
        return Ok(None);
    };
    let mut hasher = Sha256::new();
    let copied = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut hasher));
    copied.map_err(|e| Error::reading(&path, e))?;
    Ok(Some(format!("{:x}", hasher.finalize())))
}

/// The values of a recipe's text by dotted key.
fn recipe_values(text: &str) -> Result<BTreeMap<String, serde_json::Value>> {
    let recipe: serde_json::Value =
        toml::from_str(text).map_err(|e| Error::input(format!("recipe.toml of the run: {e}")))?;
    Ok(recipe::dotted(recipe))
}

/// Adds the seed to labels that more than one row has.
fn name_seeds(rows: &mut [Row]) {
    let labels: Vec<_> = rows.iter().map(|row| row.label.clone()).collect();
    for row in rows {
        let alike = labels.iter().filter(|label| **label == row.label).count();
        if let (2.., Some(seed)) = (alike, row.seed) {
            row.label += &format!(", seed {seed}");
        }
    }
}

/// SHA-256 over texts, each with its length before it.
fn hash<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        let text = text.as_ref();
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    format!("{:x}", hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case<'a>(id: &'a str, references: &[&'a str]) -> Case<'a> {
        Case {
            id: id.into(),
            hypothesis: "a red ball".into(),
            references: references.iter().map(|&text| text.into()).collect(),
        }
    }

    fn fingerprint(cases: &[Case]) -> String {
        Snapshot::of_cases(cases, "refs".into(), Scores::new(), BTreeMap::new())
            .unwrap()
            .data_fingerprint
    }

    #[test]
    fn the_fingerprint_knows_ids_and_references_and_not_hypotheses() {
        let one = fingerprint(&[case("1", &["a", "b"])]);
        let mut other = case("1", &["a", "b"]);
        other.hypothesis = "a blue cube".into();
        assert_eq!(fingerprint(&[other]), one);
        assert_eq!(one.len(), 64);
        // In which order references stand changes no score.
        assert_eq!(fingerprint(&[case("1", &["b", "a"])]), one);
        for other in [
            vec![case("2", &["a", "b"])],
            vec![case("1", &["a"])],
            vec![case("1", &["ab", ""])],
            vec![case("1", &["a"]), case("b", &[])],
        ] {
            assert_ne!(fingerprint(&other), one, "{other:?}");
        }
    }

    #[test]
    fn no_caption_is_nothing_to_compare() {
        let error = Snapshot::of_cases(&[], "refs".into(), Scores::new(), BTreeMap::new());
        assert_eq!(error.unwrap_err().exit_code(), 4);
    }
}
