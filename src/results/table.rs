//! The tables of a report: polars frames with the full numbers, and how each column is shown.
//!
//! One [`Table`] serves every reader. Machines take [`Table::frame`] (CSV, Parquet), in which a score
//! keeps all its digits and its interval has columns of its own, `NAME_low` and `NAME_high` (or
//! `NAME_sd` over seeds), and a difference its tests (`NAME_p_holm`, `NAME_detectable`). People take [`Table::cell`], in which the same score is text with its
//! interval beside it. No number is written down twice.
//!
//! | table | rows |
//! | --- | --- |
//! | [`results`] | this run: every variant and both floors |
//! | [`differences`] | each pair of rows, tested |
//! | [`mirror`] | the paper's four tables, its numbers beside ours |
//! | [`diagnostics`] | teacher-forced, retrieval oracle: labelled, apart |
//! | [`attributes`], [`probes`], [`cost`], [`other_metrics`] | what else was measured |

mod beside;
mod differences;
mod main;
mod mirror;
mod numbers;
pub mod paper;
mod probes;
mod rates;
mod rows;

pub use beside::{attributes, cost, diagnostics, other_metrics};
pub use differences::differences;
pub use main::{attribute_accuracy, results};
pub use mirror::mirror;
pub use numbers::{Shown, write_number};
pub use probes::probes;
pub use rates::ChosenRate;
pub use rows::{Measure, Row, rows};

use polars::prelude::{Column as FrameColumn, DataFrame, DataType};

use crate::error::{Error, Result};

/// The tables that a run may be without, by name.
pub const OPTIONAL_TABLES: [&str; 10] = [
    "differences",
    "diagnostics",
    "attributes",
    "metrics",
    "embeddings",
    "space",
    "latent",
    "shortcut",
    "probes",
    "cost",
];

/// The metrics of the main table: the suite `paper`, in the paper's order.
pub const PAPER_METRICS: [&str; 4] = ["hf.bleu", "hf.rouge1", "hf.rougeL", "hf.meteor"];

/// What people call a metric, by its key; the key itself where it has no other name.
pub fn metric_heading(key: &str) -> &str {
    match key {
        "hf.bleu" => "BLEU",
        "hf.rouge1" => "ROUGE-1",
        "hf.rouge2" => "ROUGE-2",
        "hf.rougeL" => "ROUGE-L",
        "hf.rougeLsum" => "ROUGE-Lsum",
        "hf.meteor" => "METEOR",
        "coco.bleu1" => "COCO BLEU-1",
        "coco.bleu2" => "COCO BLEU-2",
        "coco.bleu3" => "COCO BLEU-3",
        "coco.bleu4" => "COCO BLEU-4",
        "coco.rougeL" => "COCO ROUGE-L",
        "coco.meteor" => "COCO METEOR",
        "coco.cider" => "COCO CIDEr",
        "sacrebleu.bleu" => "sacreBLEU",
        "nltk.bleu" => "NLTK BLEU",
        other => other,
    }
}

/// What a row of a table is; rows of different kinds are never ranked against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// A trained model.
    Model,
    /// A floor: captions written without looking at the picture.
    Floor,
    /// A labelled diagnostic, which is no result.
    Diagnostic,
    /// A row of the paper that this run has no cell for.
    NotRun,
}

impl RowKind {
    /// The name in the frame's `kind` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Floor => "floor",
            Self::Diagnostic => "diagnostic",
            Self::NotRun => "not-run",
        }
    }
}

/// A shown column: where its values are in the frame, and what stands above them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The frame's column.
    pub name: String,
    /// The heading over this and its neighbours of the same group, such as the metric.
    pub group: Option<String>,
    /// The column's own heading.
    pub heading: String,
    /// How its numbers are written.
    pub shown: Shown,
    /// Whether the best model stands out.
    pub ranked: bool,
}

impl Column {
    /// A column without group or ranking.
    pub fn new(name: impl Into<String>, heading: impl Into<String>, shown: Shown) -> Self {
        Self {
            name: name.into(),
            group: None,
            heading: heading.into(),
            shown,
            ranked: false,
        }
    }

    /// The same, under a group's heading.
    pub fn grouped(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The same, with the best model standing out.
    pub fn ranked(mut self) -> Self {
        self.ranked = true;
        self
    }

    /// Whether its values are aligned as numbers are.
    pub fn is_number(&self) -> bool {
        self.shown != Shown::Text
    }
}

/// One cell as people read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// The value; empty where there is none.
    pub text: String,
    /// Its interval over images (`[40.1, 41.9]`) and its spread over seeds (`± 0.4`).
    pub spread: Option<String>,
    /// Of a difference its corrected p-value and what could have been detected (`p 0.006, from 2.8`).
    pub tested: Option<String>,
    /// Whether it is the best model's value in a ranked column.
    pub best: bool,
}

/// A table: numbers for machines, and how people see them.
#[derive(Debug, Clone)]
pub struct Table {
    /// The name of its files.
    pub name: String,
    /// What stands above it.
    pub title: String,
    /// Sentences that stand below it: what is absent, what must not be compared.
    pub notes: Vec<String>,
    /// All numbers, with all digits.
    pub frame: DataFrame,
    /// The columns shown, in order; the first one names the row.
    pub columns: Vec<Column>,
    /// What each row is.
    pub kinds: Vec<RowKind>,
}

impl Table {
    /// Puts a table together; the `kind` column is added here.
    ///
    /// # Errors
    ///
    /// `Failed` if columns differ in length, or a shown column is not in the frame with a fitting type.
    fn new(
        name: &str,
        title: impl Into<String>,
        kinds: Vec<RowKind>,
        mut sheet: Sheet,
        columns: Vec<Column>,
    ) -> Result<Self> {
        sheet.text("kind", kinds.iter().map(|k| Some(k.as_str().to_owned())));
        let frame = DataFrame::new(kinds.len(), sheet.columns).map_err(|e| of_table(name, e))?;
        for column in &columns {
            let found = frame.column(&column.name).map_err(|e| of_table(name, e))?;
            if (found.dtype() == &DataType::Float64) != column.is_number() {
                return Err(of_table(
                    name,
                    format!("{} has type {}", column.name, found.dtype()),
                ));
            }
        }
        Ok(Self {
            name: name.into(),
            title: title.into(),
            notes: Vec::new(),
            frame,
            columns,
            kinds,
        })
    }

    /// The number of rows.
    pub fn height(&self) -> usize {
        self.kinds.len()
    }

    /// The number in a frame column; `None` where it is absent.
    pub fn number(&self, row: usize, name: &str) -> Option<f64> {
        self.frame.column(name).ok()?.f64().ok()?.get(row)
    }

    /// The text in a frame column; `None` where it is absent.
    pub fn text(&self, row: usize, name: &str) -> Option<&str> {
        self.frame.column(name).ok()?.str().ok()?.get(row)
    }

    /// One cell for people.
    pub fn cell(&self, row: usize, column: &Column) -> Cell {
        if column.shown == Shown::Text {
            let text = self.text(row, &column.name).unwrap_or_default().to_owned();
            return Cell {
                text,
                ..Cell::default()
            };
        }
        let Some(value) = self.number(row, &column.name) else {
            return Cell::default();
        };
        Cell {
            text: write_number(value, column.shown),
            spread: self.spread(row, column),
            tested: self.tested(row, column),
            best: column.ranked && self.best(column) == Some(row),
        }
    }

    fn spread(&self, row: usize, column: &Column) -> Option<String> {
        let of = |suffix: &str| self.number(row, &format!("{}_{suffix}", column.name));
        let interval = of("low").zip(of("high")).map(|(low, high)| {
            let [low, high] = [low, high].map(|v| write_number(v, column.shown));
            format!("[{low}, {high}]")
        });
        let sd = of("sd").map(|sd| format!("± {}", write_number(sd, column.shown)));
        let parts: Vec<String> = interval.into_iter().chain(sd).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    fn tested(&self, row: usize, column: &Column) -> Option<String> {
        let of = |suffix: &str| self.number(row, &format!("{}_{suffix}", column.name));
        let p = of("p_holm").map(|p| format!("p {}", write_number(p, Shown::Chance)));
        let from = of("detectable").map(|d| format!("from {}", write_number(d, Shown::Points)));
        let parts: Vec<String> = p.into_iter().chain(from).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// The row of the highest value among at least two models; `None` on a tie at the shown precision.
    fn best(&self, column: &Column) -> Option<usize> {
        let mut models: Vec<(usize, f64)> = (0..self.height())
            .filter(|&row| self.kinds[row] == RowKind::Model)
            .filter_map(|row| Some((row, self.number(row, &column.name)?)))
            .collect();
        models.sort_by(|a, b| b.1.total_cmp(&a.1));
        let [first, second, ..] = models[..] else {
            return None;
        };
        let shown = |value| write_number(value, column.shown);
        (shown(first.1) != shown(second.1)).then_some(first.0)
    }
}

/// Columns of a frame as they are put together.
#[derive(Default)]
struct Sheet {
    columns: Vec<FrameColumn>,
}

impl Sheet {
    fn text(&mut self, name: &str, values: impl IntoIterator<Item = Option<String>>) {
        let values: Vec<Option<String>> = values.into_iter().collect();
        self.columns.push(FrameColumn::new(name.into(), values));
    }

    fn number(&mut self, name: &str, values: impl IntoIterator<Item = Option<f64>>) {
        let values: Vec<Option<f64>> = values.into_iter().collect();
        self.columns.push(FrameColumn::new(name.into(), values));
    }

    /// A measure and its spread: `NAME`, `NAME_low`, `NAME_high` and, over several seeds, `NAME_sd`.
    fn measure(&mut self, name: &str, values: &[Option<Measure>]) {
        let each = |of: &dyn Fn(&Measure) -> Option<f64>| -> Vec<Option<f64>> {
            values.iter().map(|v| v.as_ref().and_then(of)).collect()
        };
        self.number(name, each(&|m| Some(m.mean)));
        self.number(&format!("{name}_low"), each(&|m| m.interval.map(|i| i[0])));
        self.number(&format!("{name}_high"), each(&|m| m.interval.map(|i| i[1])));
        if values.iter().flatten().any(|m| m.sd.is_some()) {
            self.number(&format!("{name}_sd"), each(&|m| m.sd));
        }
    }

    /// The columns that say which row this is: run, label, variant, latent, seeds.
    fn identity(&mut self, rows: &[&Row]) {
        self.text("run", rows.iter().map(|r| Some(r.run.clone())));
        self.text("label", rows.iter().map(|r| Some(r.label.clone())));
        self.text("variant", rows.iter().map(|r| Some(r.variant.clone())));
        self.text("latent", rows.iter().map(|r| r.latent.clone()));
        self.number(
            "latent_size",
            rows.iter().map(|r| r.latent_size.map(|s| s as f64)),
        );
        self.number("seeds", rows.iter().map(|r| Some(r.seeds.len() as f64)));
    }
}

/// The shown columns that name a row: its label, the run where there are several, the number of
/// seeds where any row has more than one.
fn identity_columns(rows: &[&Row]) -> Vec<Column> {
    let mut columns = vec![Column::new("label", "Model", Shown::Text)];
    if rows.iter().any(|r| r.run != rows[0].run) {
        columns.push(Column::new("run", "Run", Shown::Text));
    }
    if rows.iter().any(|r| r.seeds.len() > 1) {
        columns.push(Column::new("seeds", "Seeds", Shown::Count));
    }
    columns
}

fn of_table(name: &str, error: impl std::fmt::Display) -> Error {
    Error::failed(format!("the table {name:?} could not be built: {error}"))
}
