//! Paired tests between systems: against sacreBLEU's own, over seeds, on any number of threads.

use std::fs;
use std::path::Path;

use caption_bench::metrics::{self, Case, Metric, StatsTable};
use caption_bench::stats::paired::{Measured, Settings, differences};
use serde::Deserialize;
use serde_json::Value;

const BLEU: &str = "sacrebleu.bleu";

#[derive(Deserialize)]
struct Golden {
    n: usize,
    tests: Vec<GoldenTest>,
}

#[derive(Deserialize)]
struct GoldenTest {
    test: String,
    seed: u64,
    samples: usize,
    systems: Vec<GoldenSystem>,
}

#[derive(Deserialize)]
struct GoldenSystem {
    system: String,
    score: f64,
    p: Option<f64>,
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/metrics")
        .join(name);
    fs::read_to_string(path).unwrap()
}

/// The plain cases among the goldens.
fn cases() -> Vec<Case<'static>> {
    let golden = fixture("golden.jsonl");
    let lines = golden.lines().skip(1).map(|line| {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let references = value["references"].as_array().unwrap();
        Case {
            id: text(&value["id"]).into(),
            hypothesis: text(&value["hypothesis"]).into(),
            references: references.iter().map(|r| text(r).into()).collect(),
        }
    });
    lines
        .filter(|case| !["nasty", "soup"].iter().any(|odd| case.id.starts_with(odd)))
        .collect()
}

/// `END-N`: without the first or last word of every N-th caption.
fn system(cases: &[Case<'static>], name: &str) -> StatsTable {
    let (end, every) = name.split_once('-').unwrap();
    let every: usize = every.parse().unwrap();
    let mut cases = cases.to_vec();
    for case in cases.iter_mut().step_by(every) {
        let cut = match end {
            "first" => case.hypothesis.split_once(' ').map(|(_, rest)| rest),
            _ => case.hypothesis.rsplit_once(' ').map(|(rest, _)| rest),
        };
        case.hypothesis = cut.unwrap_or("").to_owned().into();
    }
    metrics::stats_table(bleu(), &cases, 2)
}

fn bleu() -> &'static dyn Metric {
    metrics::metric(BLEU).unwrap()
}

#[test]
fn p_values_are_sacrebleus_to_the_last_digit() {
    let golden: Golden = serde_json::from_str(&fixture("sacrebleu_paired.json")).unwrap();
    let cases = cases();
    assert_eq!(cases.len(), golden.n);
    let score = |sums: &[f64]| bleu().score(sums);
    let mut between = 0;
    for test in &golden.tests {
        let tables: Vec<StatsTable> = test
            .systems
            .iter()
            .map(|golden| system(&cases, &golden.system))
            .collect();
        let measured = [Measured {
            score: &score,
            systems: tables.iter().map(|table| vec![table]).collect(),
        }];
        let pairs: Vec<[usize; 2]> = (1..tables.len()).map(|other| [0, other]).collect();
        let settings = Settings {
            resamples: test.samples,
            seed: test.seed,
            ..Settings::new(2)
        };
        let found = &differences(&measured, &pairs, &settings)[0];
        for (found, golden) in found.iter().zip(&test.systems[1..]) {
            let found = found.unwrap();
            let difference = golden.score - test.systems[0].score;
            assert!((found.difference - difference).abs() < 1e-9);
            let p = match test.test.as_str() {
                "bs" => Some(found.sacrebleu.paired_bs),
                _ => found.sacrebleu.paired_ar,
            };
            assert_eq!(p, golden.p, "{} seed {}", golden.system, test.seed);
            between += usize::from(golden.p > Some(0.01));
        }
    }
    assert!(between >= 10, "p-values that say something: {between}");
}

#[test]
fn ours_is_sacrebleus_but_for_exchanges_that_change_nothing() {
    let cases = cases();
    let one = {
        let mut cases = cases.clone();
        cases[0].hypothesis = "nothing".into();
        metrics::stats_table(bleu(), &cases, 2)
    };
    let (plain, many) = (system(&cases, "last-1000"), system(&cases, "first-4"));
    let score = |sums: &[f64]| bleu().score(sums);
    let measured = [Measured {
        score: &score,
        systems: vec![vec![&plain], vec![&many], vec![&one]],
    }];
    let found = &differences(&measured, &[[0, 1], [0, 2]], &Settings::new(2))[0];
    let (many, one) = (found[0].unwrap(), found[1].unwrap());
    assert_eq!(many.p, many.sacrebleu.paired_ar);
    // One caption of 260: sacreBLEU is as sure as can be, and every exchange gives the same difference.
    assert!(
        one.sacrebleu.paired_ar < Some(0.001) && one.p == Some(1.0),
        "{one:?}"
    );
    assert!(
        one.p_fall > 0.3,
        "a third of the resamples lack it: {one:?}"
    );
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let cases = cases();
    let tables = ["last-3", "first-4", "last-2"].map(|name| system(&cases, name));
    let score = |sums: &[f64]| bleu().score(sums);
    let measured = [Measured {
        score: &score,
        systems: tables.iter().map(|table| vec![table]).collect(),
    }];
    let of = |threads, seed| {
        let settings = Settings {
            resamples: 333,
            seed,
            ..Settings::new(threads)
        };
        differences(&measured, &[[0, 1], [1, 2]], &settings)
    };
    let one = of(1, 5);
    for threads in [2, 3, 16] {
        assert_eq!(of(threads, 5), one);
    }
    assert_ne!(of(1, 6), one);
}

/// A table of a mean, and its score.
fn means(values: impl IntoIterator<Item = f64>) -> StatsTable {
    let rows = values.into_iter().flat_map(|value| [value, 1.0]).collect();
    StatsTable { width: 2, rows }
}

fn mean(sums: &[f64]) -> f64 {
    sums[0] / sums[1]
}

/// Captions of very different difficulty.
fn difficulty(i: usize) -> f64 {
    (i * 37 % 100) as f64
}

fn between(tables: [Vec<&StatsTable>; 2]) -> Option<caption_bench::stats::paired::Difference> {
    let measured = [Measured {
        score: &mean,
        systems: tables.into(),
    }];
    differences(&measured, &[[0, 1]], &Settings::new(2))[0][0]
}

#[test]
fn intervals_are_those_of_the_normal_law_where_it_holds() {
    // Differences of ±1, half and half: the standard error of their mean is 1/√n.
    let first = means((0..400).map(difficulty));
    let second = means((0..400).map(|i| difficulty(i) + if i % 2 == 0 { 1.0 } else { -1.0 }));
    let found = between([vec![&first], vec![&second]]).unwrap();
    let error = 1.0 / 400f64.sqrt();
    for (end, expected) in found.interval.iter().zip([-1.96 * error, 1.96 * error]) {
        assert!((end - expected).abs() < 0.01, "{found:?}");
    }
    assert!(
        (found.detectable.unwrap() - 2.80 * error).abs() < 0.01,
        "{found:?}"
    );
    assert!((found.p_fall - 0.5).abs() < 0.05 && (found.p_rise - 0.5).abs() < 0.05);
    assert!(found.p > Some(0.9), "{found:?}");
}

#[test]
fn the_same_captions_differ_by_exactly_nothing() {
    let captions = means((0..50).map(|i| difficulty(i) / 7.0));
    let found = between([vec![&captions], vec![&captions]]).unwrap();
    assert_eq!((found.difference, found.interval), (0.0, [0.0, 0.0]));
    assert_eq!((found.p, found.p_fall, found.p_rise), (Some(1.0), 1.0, 1.0));
}

#[test]
fn a_constant_gain_is_certain_however_captions_vary() {
    let first = means((0..50).map(difficulty));
    let second = means((0..50).map(|i| difficulty(i) + 2.0));
    let found = between([vec![&first], vec![&second]]).unwrap();
    assert!(found.interval.iter().all(|end| (end - 2.0).abs() < 1e-9));
    assert_eq!(found.p_rise, 1.0 / 10_001.0);
    assert_eq!(found.p_fall, 1.0);
}

#[test]
fn a_system_of_several_seeds_is_their_mean() {
    let seeds: Vec<StatsTable> = (0..3)
        .map(|seed| means((0..60).map(|i| difficulty(i * (seed + 1)) + seed as f64)))
        .collect();
    let other = means((0..60).map(|i| difficulty(i * 7)));
    let all: Vec<&StatsTable> = seeds.iter().collect();
    let found = between([all.clone(), vec![&other; 3]]).unwrap();
    let average = seeds.iter().map(|table| mean(&table.sums())).sum::<f64>() / 3.0;
    assert!((found.difference - (mean(&other.sums()) - average)).abs() < 1e-9);
    // Against one seed alone there is nothing to exchange with, and the rest is the same.
    let unequal = between([all, vec![&other]]).unwrap();
    assert_eq!((unequal.p, unequal.sacrebleu.paired_ar), (None, None));
    assert!((unequal.interval[0] - found.interval[0]).abs() < 1e-9);
}

#[test]
fn what_cannot_be_tested_has_no_difference() {
    let one = means([1.0]);
    assert_eq!(between([vec![&one], vec![&one]]), None);
    let captions = means((0..9).map(difficulty));
    assert_eq!(between([vec![&captions], vec![]]), None);
    let nothing = StatsTable {
        width: 2,
        rows: vec![0.0; 18],
    };
    assert_eq!(between([vec![&captions], vec![&nothing]]), None, "0/0");
}
