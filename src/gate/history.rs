//! Who replaced a baseline, when, why, and what its scores were.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gate::snapshot::Snapshot;

/// A baseline's replacement by `bench baseline accept`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// When, seconds since 1970.
    pub accepted_unix: u64,
    /// Who, as far as the environment tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
    /// Why, in the words of who did it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The recipe's hash before, of a run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recipe_hash: Option<String>,
    /// The data's fingerprint before.
    pub data_fingerprint: String,
    /// The points before, by row and metric.
    pub points: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Accepted {
    /// That `old` was replaced.
    pub fn new(
        old: &Snapshot,
        accepted_unix: u64,
        by: Option<String>,
        reason: Option<String>,
    ) -> Self {
        let points = old.rows.iter().map(|row| {
            let points = row.metrics.iter();
            let points = points.map(|(metric, score)| (metric.clone(), score.points));
            (row.row.clone(), points.collect())
        });
        Self {
            accepted_unix,
            by,
            reason,
            recipe_hash: old.recipe_hash.clone(),
            data_fingerprint: old.data_fingerprint.clone(),
            points: points.collect(),
        }
    }
}
