//! A folder to work in, and runs that were never run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use caption_bench::metrics::{self, Case, StatsTable};
use caption_bench::results::points::ATTRIBUTES;
use caption_bench::results::schema::{
    AttributeAccuracy, CellKind, CellResult, Cost, RunStamp, SCHEMA, Scores,
};
use caption_bench::results::scores::scores;
use caption_bench::results::stats_file::CaptionStats;
use caption_bench::results::store::RunDir;

/// A folder to work in, with the binary at hand.
pub struct Bench(pub tempfile::TempDir);

impl Bench {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `bench` here with a line of arguments.
    pub fn run(&self, line: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_bench"))
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .env("GITHUB_ACTOR", "somebody-else")
            .env("GITHUB_STEP_SUMMARY", self.path("summary.md"))
            .output()
            .unwrap()
    }

    /// Runs `bench`, which must exit with `code` and not panic; gives standard output and error together.
    pub fn exits(&self, code: i32, line: &str) -> String {
        let output = self.run(line);
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        let text = text.concat();
        assert_eq!(output.status.code(), Some(code), "bench {line}\n{text}");
        assert!(!text.contains("panicked"), "{text}");
        text
    }

    /// Writes a finished run with one cell for each of `cells`.
    pub fn write_run(&self, name: &str, cells: &[Cell]) {
        write_run(&self.path(name), "recipe-a", "data-a", cells);
    }

    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}:\n{text}");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }
}

/// A cell of a run; of `n` captions, every `wrong`-th is wrong.
#[derive(Clone)]
pub struct Cell {
    pub name: &'static str,
    pub n: usize,
    pub wrong: usize,
    pub seed: u64,
}

pub const VAE: Cell = Cell {
    name: "vae",
    n: 60,
    wrong: 5,
    seed: 1,
};
pub const PLAIN: Cell = Cell {
    name: "encoder-decoder",
    n: 60,
    wrong: 6,
    seed: 1,
};

pub fn cases(cell: &Cell) -> Vec<Case<'static>> {
    let case = |i: usize| {
        let good = format!("a red ball beside the blue cube number {i}");
        let wrong = format!("two green stars number {i}");
        Case {
            id: i.to_string().into(),
            hypothesis: match i.is_multiple_of(cell.wrong) {
                true => wrong.into(),
                false => good.clone().into(),
            },
            references: vec![
                (good + " on grass").into(),
                format!("the picture of a red ball, number {i}").into(),
            ],
        }
    };
    (0..cell.n).map(case).collect()
}

pub fn scored(cell: &Cell) -> (Scores, CaptionStats) {
    let suite = metrics::suite("paper").unwrap();
    let evaluation = metrics::evaluate(&suite, &cases(cell), 1, 0);
    let mut tables = evaluation.tables.clone();
    let right = |i: usize| {
        if i.is_multiple_of(cell.wrong) {
            0.0
        } else {
            3.0
        }
    };
    let attributes = StatsTable {
        width: 2,
        rows: (0..cell.n).flat_map(|i| [right(i), 3.0]).collect(),
    };
    tables.insert(ATTRIBUTES.into(), attributes);
    let ids = (0..cell.n as u64).collect();
    (scores(&suite, &evaluation), CaptionStats { ids, tables })
}

pub fn write_run(path: &Path, recipe_hash: &str, fingerprint: &str, cells: &[Cell]) {
    let cells: Vec<Scored> = cells
        .iter()
        .map(|cell| {
            let (scores, stats) = scored(cell);
            Scored {
                name: cell.name,
                seed: cell.seed,
                scores,
                stats,
            }
        })
        .collect();
    write_scored(path, recipe_hash, fingerprint, &cells);
}

/// A cell whose captions were scored.
pub struct Scored {
    pub name: &'static str,
    pub seed: u64,
    pub scores: Scores,
    pub stats: CaptionStats,
}

/// Writes a finished run with these cells.
pub fn write_scored(path: &Path, recipe_hash: &str, fingerprint: &str, cells: &[Scored]) {
    let stamp = RunStamp {
        schema: SCHEMA,
        name: "ci".into(),
        recipe_hash: recipe_hash.into(),
        version: "0.1.0".into(),
        data: "scenes:480".into(),
        data_fingerprint: fingerprint.into(),
        pictures: [480, 60, 60],
        cells: cells.iter().map(|cell| cell.name.to_string()).collect(),
        started_unix: 1_700_000_000,
        notes: vec![],
    };
    let run = RunDir::create(path, &stamp, "").unwrap();
    for cell in cells {
        let folder = run.cell(cell.name).unwrap();
        folder.write_stats(&cell.stats).unwrap();
        let attributes = cell.stats.tables.get(ATTRIBUTES).map(|table| {
            let sums = table.sums();
            let all = sums[0] / sums[1];
            AttributeAccuracy {
                all,
                ci95: [all - 0.05, all + 0.05],
                shapes: all,
                colours: all,
                relations: all,
            }
        });
        // Cells of other seeds are of one row.
        let label = if cell.seed == 1 { cell.name } else { "vae" };
        let result = CellResult {
            schema: SCHEMA,
            cell: cell.name.into(),
            kind: CellKind::Model,
            variant: label.into(),
            label: label.into(),
            latent: None,
            latent_size: None,
            seed: cell.seed,
            recipe: BTreeMap::new(),
            n: cell.stats.ids.len(),
            metrics: cell.scores.clone(),
            attribute_accuracy: attributes,
            diagnostics: BTreeMap::new(),
            latent_units: Vec::new(),
            probes: BTreeMap::new(),
            warnings: vec![],
            validation: None,
            cost: Cost::default(),
        };
        folder.write_result(&result).unwrap();
    }
}

pub fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}
