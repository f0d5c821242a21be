//! The captions that changed most.

use serde::Serialize;

use super::side::SideRow;
use crate::metrics;

/// A caption on both sides.
#[derive(Debug, Serialize)]
pub struct Changed {
    /// The row's label.
    pub row: String,
    /// The picture.
    pub id: String,
    /// The metric that the scores are of.
    pub metric: String,
    /// The caption's own scores, in points.
    pub points: [f64; 2],
    /// The captions.
    pub captions: [String; 2],
    /// The first reference.
    pub reference: String,
}

impl Changed {
    /// Second minus first.
    pub fn difference(&self) -> f64 {
        self.points[1] - self.points[0]
    }
}

/// Of every row the `count` captions whose own score under `by` differs most, the largest difference first.
pub fn most(rows: &[[&SideRow; 2]], by: &str, count: usize) -> Vec<Changed> {
    let Some(metric) = metrics::metric(by) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for row in rows {
        let points = |caption: usize, side: usize| {
            let score = row[side].caption_score(metric, caption)?;
            Some(metric.points_factor() * score)
        };
        let changed = (0..row[0]
            .captions()
            .min(row[0].texts.len())
            .min(row[1].texts.len()))
            .filter_map(|at| {
                let texts = [&row[0].texts[at], &row[1].texts[at]];
                Some(Changed {
                    row: row[1].label.clone(),
                    id: row[0].ids()[at].clone(),
                    metric: by.to_owned(),
                    points: [points(at, 0)?, points(at, 1)?],
                    captions: texts.map(|text| text.caption.clone()),
                    reference: texts[0].reference.clone(),
                })
            });
        let mut changed: Vec<Changed> = changed.filter(|c| c.difference() != 0.0).collect();
        changed.sort_by(|a, b| b.difference().abs().total_cmp(&a.difference().abs()));
        changed.truncate(count);
        all.extend(changed);
    }
    all
}
