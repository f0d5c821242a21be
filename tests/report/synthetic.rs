//! Runs made of nothing but numbers, for tests of the report.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use caption_bench::report::{ReportCell, RunData};
use caption_bench::results::schema::{
    AttributeAccuracy, CaptionRecord, CellKind, CellResult, Cost, Diagnostic, LatentUnit,
    LogRecord, RunStamp, SCHEMA, Score, Scores,
};
use caption_bench::results::store::RunDir;

const METRICS: [&str; 4] = ["hf.bleu", "hf.rouge1", "hf.rougeL", "hf.meteor"];
const TEST_PICTURES: u64 = 60;

/// A run as it is put together.
#[derive(Default)]
pub struct Plan {
    cells: Vec<ReportCell>,
}

impl Plan {
    /// Adds a trained model with these points under the paper's metrics.
    pub fn model(
        mut self,
        variant: &str,
        latent: Option<(&str, usize)>,
        seed: u64,
        points: [f64; 4],
    ) -> Self {
        let name = match variant {
            "dual-encoder" => "Dual-Encoder",
            "encoder-decoder" => "Encoder-Decoder",
            "vae" => "Baseline+VAE",
            _ => "Baseline+VAE+CL",
        };
        let label = match latent {
            Some((kind, size)) => format!("{name} ({kind}, {size})"),
            None => name.to_owned(),
        };
        let mut result = result(variant, &label, CellKind::Model, points);
        result.cell = format!("{variant}-{}-{seed}", self.cells.len());
        result.latent = latent.map(|l| l.0.to_owned());
        result.latent_size = latent.map(|l| l.1);
        // Fuller ones first, and some as good as empty.
        let unit = |i: usize| LatentUnit {
            kl: 2.0 * (-(i as f64) / 24.0).exp(),
            variance: (-(i as f64) / 12.0).exp(),
        };
        let size = result.latent_size.unwrap_or(0);
        result.latent_units = (0..size).map(unit).collect();
        result.seed = seed;
        result
            .recipe
            .insert("latent.size".into(), latent.map_or(128, |l| l.1).into());
        self.cells.push(ReportCell {
            stats: None,
            result,
            log: log(variant, self.cells.len()),
            captions: captions(&format!("{name} says there is a red circle")),
        });
        self
    }

    /// Adds both floors.
    pub fn floors(mut self) -> Self {
        let floors = [
            (
                "floor-frequent",
                "Most frequent caption",
                [6.1, 38.2, 35.9, 33.0],
            ),
            (
                "floor-random",
                "Random training caption",
                [4.8, 35.0, 31.7, 31.2],
            ),
        ];
        for (variant, label, points) in floors {
            self.cells.push(ReportCell {
                stats: None,
                result: result(variant, label, CellKind::Floor, points),
                log: Vec::new(),
                captions: captions(label),
            });
        }
        self
    }

    /// The run.
    pub fn run(self) -> RunData {
        let ids = (0..24).map(|i| 100 + i * TEST_PICTURES / 24);
        RunData {
            stamp: RunStamp {
                schema: SCHEMA,
                name: "scenes-tiny".into(),
                recipe_hash: "0123456789abcdef0123456789abcdef".into(),
                version: "0.1.0".into(),
                data: "scenes".into(),
                data_fingerprint: "fedcba9876543210fedcba9876543210".into(),
                pictures: [4000, 500, 500],
                cells: self.cells.iter().map(|c| c.result.cell.clone()).collect(),
                started_unix: 1_700_040_600,
                notes: vec!["Split by picture: no test picture was seen in training.".into()],
            },
            recipe_toml: "name = \"tiny\"\n\n[train]\nepochs = 20\n".into(),
            cells: self.cells,
            unfinished: Vec::new(),
            pictures: ids.map(|id| (id, picture(id))).collect(),
        }
    }
}

/// The four variants and both floors, with a collapsed bottleneck and diagnostics.
pub fn tables_1_and_4() -> RunData {
    let mut run = Plan::default()
        .model("dual-encoder", None, 0, [31.25, 63.0, 57.1, 60.2])
        .model("encoder-decoder", None, 0, [35.1, 66.4, 60.9, 63.8])
        .model("vae", Some(("patch", 128)), 0, [12.3, 45.0, 41.5, 40.1])
        .model("vae-cl", Some(("patch", 128)), 0, [36.2, 67.1, 61.2, 64.4])
        .floors()
        .run();
    run.cells[2].result.warnings.push(
        "the bottleneck has collapsed: KL is 0.0004 nats per dimension and 1 of 128 units is active"
            .into(),
    );
    for (cell, kl, active) in [(2, 0.0004, 1.0), (3, 0.31, 97.0)] {
        let probes = &mut run.cells[cell].result.probes;
        probes.insert("kl_per_dimension".into(), kl);
        probes.insert("active_units".into(), active);
        probes.insert("latent_dimensions".into(), 128.0);
    }
    let forced = Diagnostic {
        label: "Each word predicted from the true words before it; an upper diagnostic.".into(),
        metrics: scores([41.0, 71.3, 70.9, 69.5]),
    };
    for cell in 1..4 {
        run.cells[cell]
            .result
            .diagnostics
            .insert("teacher-forced".into(), forced.clone());
    }
    let oracle = Diagnostic {
        label: "Retrieved from a bank that holds the test captions themselves.".into(),
        metrics: scores([72.0, 88.0, 86.0, 87.0]),
    };
    run.cells[0]
        .result
        .diagnostics
        .insert("retrieval-oracle".into(), oracle);
    run.cells[1].captions[5].caption.clear();
    run
}

/// The paper's fourteen cells.
pub fn grid() -> RunData {
    let mut plan = Plan::default()
        .model("dual-encoder", None, 0, [31.2, 63.0, 57.1, 60.2])
        .model("encoder-decoder", None, 0, [35.1, 66.4, 60.9, 63.8]);
    for (i, variant) in ["vae", "vae-cl"].into_iter().enumerate() {
        for (j, kind) in ["cls", "patch"].into_iter().enumerate() {
            for (k, size) in [64, 128, 768].into_iter().enumerate() {
                let base = 27.0 + 3.1 * j as f64 + 1.7 * i as f64 + 0.9 * k as f64;
                let points = [base, base + 30.0, base + 25.5, base + 28.0];
                plan = plan.model(variant, Some((kind, size)), 0, points);
            }
        }
    }
    plan.floors().run()
}

/// Writes a run as a folder.
pub fn save(run: &RunData, path: &Path) {
    let mut stamp = run.stamp.clone();
    if run.cells.is_empty() {
        stamp.cells = vec!["never-run".into()];
    }
    let dir = RunDir::create(path, &stamp, &run.recipe_toml).unwrap();
    for cell in &run.cells {
        let folder = dir.cell(&cell.result.cell).unwrap();
        if !cell.log.is_empty() {
            let mut log = folder.log_writer(0).unwrap();
            cell.log
                .iter()
                .for_each(|record| log.append(record).unwrap());
        }
        folder.write_captions(&cell.captions).unwrap();
        folder.write_result(&cell.result).unwrap();
    }
}

fn result(variant: &str, label: &str, kind: CellKind, points: [f64; 4]) -> CellResult {
    let share = points[1] / 100.0 + 0.2;
    let model = kind == CellKind::Model;
    let settings = [
        ("data.split", "images"),
        ("score.references", "all"),
        ("decode.strategy", "greedy"),
        ("latent.kl_reduction", "mean"),
    ];
    let mut recipe: BTreeMap<String, serde_json::Value> = settings
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.into()))
        .collect();
    recipe.insert("loss.alpha".into(), 0.7.into());
    recipe.insert("loss.beta".into(), 0.1.into());
    CellResult {
        schema: SCHEMA,
        cell: variant.into(),
        kind,
        variant: variant.into(),
        label: label.into(),
        latent: None,
        latent_size: None,
        seed: 0,
        recipe,
        n: 500,
        metrics: scores(points),
        attribute_accuracy: Some(AttributeAccuracy {
            all: share,
            ci95: [share - 0.02, share + 0.02],
            shapes: share + 0.05,
            colours: share,
            relations: share - 0.08,
        }),
        diagnostics: BTreeMap::new(),
        latent_units: Vec::new(),
        probes: BTreeMap::from([("lm_loss".to_owned(), 1.2345)]),
        warnings: Vec::new(),
        validation: None,
        cost: Cost {
            train_seconds: if model { 92.4 } else { 0.0 },
            caption_seconds: if model { 1.3 } else { 0.0 },
            parameters: if model { 1_512_448 } else { 0 },
            steps: if model { 1680 } else { 0 },
            images_per_s: if model { 872.5 } else { 0.0 },
        },
    }
}

fn scores(points: [f64; 4]) -> Scores {
    let score = |p: f64| Score {
        value: p / 100.0,
        points: p,
        ci95: Some([p - 1.1, p + 1.2]),
        signature: "evaluate 0.4.6|tok:native|refs:5|caption-bench 0.1.0".into(),
    };
    METRICS
        .into_iter()
        .map(str::to_owned)
        .zip(points.map(score))
        .collect()
}

/// A falling loss with a little ripple, and a validation after every eighty steps.
fn log(variant: &str, nth: usize) -> Vec<LogRecord> {
    let generates = variant != "dual-encoder";
    let contrasts = matches!(variant, "dual-encoder" | "vae-cl");
    let record = |step: usize| {
        let t = step as f64 / 800.0;
        let ripple = 0.12 * ((step * 7919 % 101) as f64 / 101.0 - 0.5);
        let lm = 0.55 + 0.05 * nth as f64 + 5.2 * (-5.0 * t).exp() + ripple;
        let cl = 0.4 + 7.0 * (-3.0 * t).exp() + ripple;
        let validation = step.is_multiple_of(80).then(|| {
            let mut values = BTreeMap::from([("loss".to_owned(), lm)]);
            if generates {
                values.insert("lm".into(), lm + 0.06);
            }
            if contrasts {
                values.insert("cl".into(), cl + 0.2);
            }
            values
        });
        LogRecord {
            step,
            epoch: step as f64 / 80.0,
            loss: Some(lm),
            lm: generates.then_some(lm),
            kl: variant
                .starts_with("vae")
                .then_some(0.02 + 0.4 * (-4.0 * t).exp()),
            cl: contrasts.then_some(cl),
            lr: Some(1e-3),
            images_per_s: Some(870.0),
            validation,
        }
    };
    (1..=800).map(record).collect()
}

fn captions(caption: &str) -> Vec<CaptionRecord> {
    (0..TEST_PICTURES)
        .map(|i| CaptionRecord {
            image_id: 100 + i,
            caption: format!("{caption} number {i}"),
            references: vec![
                "a red circle beside a blue square".into(),
                "a small red disc is next to a big blue square".into(),
                "this photo shows a crimson circle left of a square".into(),
            ],
            diagnostics: BTreeMap::new(),
        })
        .collect()
}

/// A small drawn picture, different for each id.
fn picture(id: u64) -> Vec<u8> {
    let (cx, cy) = (12 + (id * 7 % 40) as i32, 14 + (id * 13 % 36) as i32);
    let drawn = image::RgbImage::from_fn(64, 64, |x, y| {
        let (dx, dy) = (x as i32 - cx, y as i32 - cy);
        if dx * dx + dy * dy < 90 {
            image::Rgb([201, 62, 48])
        } else if (36..56).contains(&x) && (38..58).contains(&y) {
            image::Rgb([52, 92, 190])
        } else {
            image::Rgb([233, 226 - (id % 24) as u8, 205])
        }
    });
    let mut png = Cursor::new(Vec::new());
    drawn.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}
