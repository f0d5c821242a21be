//! A comparison as text and as JSON.

use std::path::Path;

use serde::Serialize;

use super::Comparison;
use super::changed::Changed;
use crate::cli::score::output as score;
use crate::error::Result;
use crate::report::aligned::Align::{Left, Right};
use crate::report::aligned::{interval, p_value, signed, table};
use crate::results::contrast::Contrast;
use crate::results::schema::SCHEMA;

/// The table of differences, the captions that changed most, and notes.
pub fn text(comparison: &Comparison) -> String {
    let [first, second] = &comparison.names;
    let mut text = format!("A: {first}\nB: {second}\n\n");
    let several_seeds = comparison.contrasts.iter().any(|c| c.seed_sd.is_some());
    let mut header = vec![
        ("row", Left),
        ("metric", Left),
        ("A", Right),
        ("B", Right),
        ("B − A", Right),
        ("its 95 % interval", Right),
        ("p", Right),
        ("p (Holm)", Right),
        ("detectable", Right),
    ];
    if several_seeds {
        header.push(("over seeds", Right));
    }
    let line = |contrast: &Contrast| {
        let p = |p: Option<f64>| p.map_or("none".into(), p_value);
        let [a, b] = contrast.points.map(|points| format!("{points:.2}"));
        let mut cells = vec![
            comparison.row(contrast).0.clone(),
            contrast.metric.clone(),
            a,
            b,
            signed(contrast.found.difference),
            interval(contrast.found.interval),
            p(contrast.found.p),
            p(contrast.p_adjusted),
            contrast
                .found
                .detectable
                .map_or("none".into(), |from| format!("{from:.2}")),
        ];
        if several_seeds {
            cells.push(
                contrast
                    .seed_sd
                    .map_or(String::new(), |sd| format!("± {sd:.2}")),
            );
        }
        cells
    };
    let lines: Vec<Vec<String>> = comparison.contrasts.iter().map(line).collect();
    if !lines.is_empty() {
        text += &table(&header, &lines);
        let captions = comparison.rows.iter().map(|(_, captions)| *captions).max();
        text += &format!(
            "\n{} captions, {} resamples; p by approximate randomization, two-sided, Holm over all lines\n",
            captions.unwrap_or(0),
            comparison.settings.resamples
        );
    }
    for (what, lines) in [
        ("note", &comparison.notes),
        ("not comparable", &comparison.problems),
    ] {
        for line in lines {
            text += &format!("{what}: {line}\n");
        }
    }
    text + &changed(&comparison.changed)
}

fn changed(captions: &[Changed]) -> String {
    let mut text = String::new();
    let mut row = None;
    for changed in captions {
        if row != Some(&changed.row) {
            text += &format!(
                "\n{}: captions that changed most ({})\n",
                changed.row, changed.metric
            );
            row = Some(&changed.row);
        }
        let [a, b] = &changed.captions;
        text += &format!(
            "  {}  {}\n    A  {a}\n    B  {b}\n    reference  {}\n",
            changed.id,
            signed(changed.difference()),
            changed.reference
        );
    }
    text
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    a: &'a str,
    b: &'a str,
    resamples: usize,
    seed: u64,
    differences: Vec<Line<'a>>,
    changed: &'a [Changed],
    notes: &'a [String],
    problems: &'a [String],
}

/// One difference; all but p-values in points.
#[derive(Serialize)]
struct Line<'a> {
    row: &'a str,
    metric: &'a str,
    n: usize,
    /// Captions that differ.
    differing: usize,
    a: f64,
    b: f64,
    difference: f64,
    ci95: [f64; 2],
    p: Option<f64>,
    p_holm: Option<f64>,
    detectable: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed_sd: Option<f64>,
    sacrebleu: SacreBleu,
}

/// What `sacrebleu --paired-bs` and `--paired-ar` say with as many samples.
#[derive(Serialize)]
struct SacreBleu {
    paired_bs: f64,
    paired_ar: Option<f64>,
}

/// Writes the comparison as JSON.
///
/// # Errors
/// [`Error::Failed`] if the disk refuses.
pub fn json(path: &Path, comparison: &Comparison) -> Result<()> {
    let document = Document {
        schema: SCHEMA,
        a: &comparison.names[0],
        b: &comparison.names[1],
        resamples: comparison.settings.resamples,
        seed: comparison.settings.seed,
        differences: comparison
            .contrasts
            .iter()
            .map(|contrast| comparison.line(contrast))
            .collect(),
        changed: &comparison.changed,
        notes: &comparison.notes,
        problems: &comparison.problems,
    };
    score::json(path, &document)
}

impl Comparison {
    /// The label and number of captions of a contrast's rows.
    fn row(&self, contrast: &Contrast) -> &(String, usize) {
        &self.rows[contrast.pair[0] / 2]
    }

    fn line<'a>(&'a self, contrast: &'a Contrast) -> Line<'a> {
        let (row, n) = self.row(contrast);
        let [a, b] = contrast.points;
        let found = contrast.found;
        Line {
            row,
            metric: &contrast.metric,
            n: *n,
            differing: contrast.differing,
            a,
            b,
            difference: found.difference,
            ci95: found.interval,
            p: found.p,
            p_holm: contrast.p_adjusted,
            detectable: found.detectable,
            seed_sd: contrast.seed_sd,
            sacrebleu: SacreBleu {
                paired_bs: found.sacrebleu.paired_bs,
                paired_ar: found.sacrebleu.paired_ar,
            },
        }
    }
}
