//! Rows tested as pairs: the table, the sentences, and rows of several seeds.

use std::fs::{self, File};

use caption_bench::metrics::StatsTable;
use caption_bench::report::{self, ReportData, RunData};
use caption_bench::results::stats_file::CaptionStats;
use polars::prelude::{DataFrame, ParquetReader, SerReader};

use crate::synthetic::Plan;

const CAPTIONS: usize = 200;
const METRIC: &str = "hf.rouge1";

/// Statistics of ROUGE-1 with this mean: captions of very different difficulty, the same for all systems, and a
/// little of their own.
fn stats(mean: f64, own: usize) -> CaptionStats {
    let centred = |i: usize, of: usize| (i * 37 % of) as f64 / of as f64 - 0.5;
    let score = |i: usize| mean + 0.4 * centred(i, 100) + 0.05 * centred(i * own + i / 7, 40);
    let table = StatsTable {
        width: 2,
        rows: (0..CAPTIONS).flat_map(|i| [score(i), 1.0]).collect(),
    };
    CaptionStats {
        ids: (0..CAPTIONS as u64).collect(),
        tables: [(METRIC.to_owned(), table)].into(),
    }
}

fn with_stats(mut run: RunData) -> RunData {
    for (own, cell) in run.cells.iter_mut().enumerate() {
        let points = cell.result.metrics[METRIC].points;
        cell.stats = Some(stats(points / 100.0, own + 3));
    }
    run
}

/// The page, and the table of differences if there is one.
fn written(run: RunData) -> (String, Option<DataFrame>) {
    let folder = tempfile::tempdir().unwrap();
    report::write(&ReportData::from(run), folder.path()).unwrap();
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    let table = File::open(folder.path().join("tables/differences.parquet"));
    let table = table.map(|file| ParquetReader::new(file).finish().unwrap());
    (page, table.ok())
}

fn number(table: &DataFrame, column: &str, row: usize) -> f64 {
    table
        .column(column)
        .unwrap()
        .f64()
        .unwrap()
        .get(row)
        .unwrap()
}

#[test]
fn every_pair_of_models_and_each_model_with_each_floor_is_tested() {
    let run = Plan::default()
        .model("encoder-decoder", None, 0, [35.1, 60.0, 60.9, 63.8])
        .model("vae-cl", Some(("patch", 128)), 0, [36.2, 60.8, 61.2, 64.4])
        .floors()
        .run();
    let (page, table) = written(with_stats(run));
    assert!(page.contains("Differences, tested as pairs"));
    let table = table.unwrap();
    assert_eq!(
        table.height(),
        5,
        "a pair of models, and two models with two floors"
    );
    assert!((number(&table, METRIC, 0) - 0.8).abs() < 0.5);
    let text = |column: &str| table.column(column).unwrap().str().unwrap().get(0);
    assert_eq!(text("row"), Some("Baseline+VAE+CL (patch, 128)"));
    assert_eq!(text("minus"), Some("Encoder-Decoder"));
    for row in 0..5 {
        let of = |suffix: &str| number(&table, &format!("{METRIC}_{suffix}"), row);
        let difference = number(&table, METRIC, row);
        assert!(of("low") <= difference && difference <= of("high"));
        assert!(of("p") <= of("p_holm") && of("detectable") > 0.0);
        // Models minus floors, which are far below.
        assert!(row == 0 || (difference > 15.0 && of("p_holm") < 0.01));
    }
    let label = "Baseline+VAE+CL (patch, 128) minus the baseline, in points:";
    let sentence = &page[page.find(label).expect("a sentence on the claim")..][..400];
    for part in ["ROUGE-1 +0.8 [", "by Holm (paper +0.8)"] {
        assert!(sentence.contains(part), "{part:?} is not in {sentence}");
    }
    assert!(page.contains("each time surely") || page.contains("cannot tell it from chance"));
}

#[test]
fn several_seeds_have_an_interval_over_images_and_a_spread_over_seeds() {
    let run = Plan::default()
        .model("encoder-decoder", None, 1, [35.1, 60.0, 60.9, 63.8])
        .model("encoder-decoder", None, 2, [35.1, 62.0, 60.9, 63.8])
        .model("vae", Some(("patch", 128)), 1, [36.2, 61.0, 61.2, 64.4])
        .model("vae", Some(("patch", 128)), 2, [36.2, 65.0, 61.2, 64.4])
        .run();
    let (page, table) = written(with_stats(run));
    // Of two seeds that score 60 and 62: the mean, its interval over images, and 1.4 over seeds.
    let at = page.find("61.0").expect("the mean over seeds");
    let cell = &page[at..at + 120];
    assert!(cell.contains('[') && cell.contains("] ± 1.4"), "{cell}");
    let table = table.unwrap();
    assert!((number(&table, METRIC, 0) - 2.0).abs() < 0.5);
    // From seed to seed it varies by √(2 + 8), which is no part of the interval.
    assert!((number(&table, "hf.rouge1_sd", 0) - 10f64.sqrt()).abs() < 0.5);
    let width = number(&table, "hf.rouge1_high", 0) - number(&table, "hf.rouge1_low", 0);
    assert!(width < 1.0, "{width}");
}

#[test]
fn without_statistics_there_is_no_such_table() {
    let run = Plan::default()
        .model("encoder-decoder", None, 0, [35.1, 60.0, 60.9, 63.8])
        .floors()
        .run();
    let (page, table) = written(run.clone());
    assert!(table.is_none() && !page.contains("tested as pairs<"));
    assert!(page.contains("this test set cannot tell it from chance"));
    // Other pictures are not compared, whatever their number.
    let mut run = with_stats(run);
    for cell in &mut run.cells[1..] {
        cell.stats.as_mut().unwrap().ids.reverse();
    }
    assert!(written(run).1.is_none());
}
