//! The paper's own numbers, from `baselines/paper.json`.

use std::sync::OnceLock;

use serde::Deserialize;

use super::Row;

/// The paper that is reproduced: its setting and its four tables.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// Its title.
    pub title: String,
    /// Its authors.
    pub authors: String,
    /// Where and when it appeared.
    pub venue: String,
    /// What it trained on, in a phrase.
    pub setting: String,
    /// Its metrics, in the order of [`PaperRow::points`].
    pub columns: Vec<PaperColumn>,
    /// Its tables.
    pub tables: Vec<PaperTable>,
}

/// A metric of the paper and the key that this project answers it with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperColumn {
    /// The paper's heading.
    pub heading: String,
    /// Our metric. The paper does not name its implementations; see "what it leaves open" in the report.
    pub key: String,
}

/// One of the paper's tables.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperTable {
    /// Its number, 1 to 4.
    pub number: usize,
    /// What it compares.
    pub title: String,
    /// Its rows.
    pub rows: Vec<PaperRow>,
}

/// One row of a table of the paper.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperRow {
    /// The model's name.
    pub label: String,
    /// Our variant.
    pub variant: String,
    /// `cls` or `patch`, for models with a bottleneck.
    #[serde(default)]
    pub latent: Option<String>,
    /// Latent dimensions, for models with a bottleneck.
    #[serde(default)]
    pub latent_size: Option<usize>,
    /// The learning rate that did better.
    pub learning_rate: f64,
    /// Points (0…100), in the order of [`Paper::columns`].
    pub points: [f64; 4],
}

impl Paper {
    /// Its row of the same variant, latent type and size, wherever it stands; other rows are of other models.
    pub fn row(&self, row: &Row) -> Option<&PaperRow> {
        let mut rows = self.tables.iter().flat_map(|table| &table.rows);
        rows.find(|theirs| {
            theirs.variant == row.variant
                && theirs.latent == row.latent
                && theirs.latent_size == row.latent_size
        })
    }
}

/// The paper, parsed once.
pub fn paper() -> &'static Paper {
    static PAPER: OnceLock<Paper> = OnceLock::new();
    PAPER.get_or_init(|| {
        serde_json::from_str(include_str!("../../../baselines/paper.json"))
            .expect("baselines/paper.json is embedded at build time and a test parses it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::PAPER_METRICS;

    #[test]
    fn the_four_tables_agree_with_each_other() {
        let paper = paper();
        let keys: Vec<&str> = paper.columns.iter().map(|c| c.key.as_str()).collect();
        assert_eq!(keys, PAPER_METRICS);
        let heights: Vec<usize> = paper.tables.iter().map(|t| t.rows.len()).collect();
        assert_eq!(heights, [3, 6, 6, 4]);
        // A model that stands in several tables has the same points in each.
        let rows: Vec<&PaperRow> = paper.tables.iter().flat_map(|t| &t.rows).collect();
        for a in &rows {
            for b in &rows {
                if (&a.variant, &a.latent, a.latent_size) == (&b.variant, &b.latent, b.latent_size)
                {
                    assert_eq!(a.points, b.points, "{} and {}", a.label, b.label);
                }
            }
        }
        // All points of the nineteen rows, summed from the paper itself.
        let sum: f64 = rows.iter().flat_map(|r| r.points).sum();
        assert!((sum - 2617.63).abs() < 1e-9, "{sum}");
    }
}
