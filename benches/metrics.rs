//! How long each tokenizer and each metric takes, on captions of `fixtures/metrics`.
//!
//! `cargo bench` prints texts or captions a second. `coco.meteor` is timed where
//! `CAPTION_BENCH_METEOR_DATA` names its data.

use std::hint::black_box;
use std::path::Path;

use caption_bench::metrics::{self, Case, Metric, PtbTokens, tokenizers};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Captions from the goldens' grammar, without the adversarial ones.
fn captions() -> Vec<Case<'static>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metrics/golden.jsonl");
    let text = std::fs::read_to_string(path).expect("the goldens are in the repository");
    let rows = text.lines().skip(1).map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).expect("a case a line");
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        Case {
            id: text(&row["id"]).into(),
            hypothesis: text(&row["hypothesis"]).into(),
            references: row["references"]
                .as_array()
                .map_or_else(Vec::new, |r| r.iter().map(|r| text(r).into()).collect()),
        }
    });
    rows.filter(|case| case.id.starts_with("grammar")).collect()
}

fn of_tokenizers(criterion: &mut Criterion) {
    let cases = captions();
    let texts: Vec<&str> = cases
        .iter()
        .flat_map(|case| std::iter::once(&case.hypothesis).chain(&case.references))
        .map(|text| &**text)
        .collect();
    let mut group = criterion.benchmark_group("tokenizers");
    group.throughput(Throughput::Elements(texts.len() as u64));
    let mut bench = |name: &str, tokenize: &dyn Fn(&str)| {
        group.bench_function(name, |b| {
            b.iter(|| texts.iter().for_each(|text| tokenize(text)))
        });
    };
    bench("13a", &|text| {
        tokenizers::thirteen_a::each(text, |text, at| {
            black_box(&text[at]);
        })
    });
    bench("intl", &|text| {
        black_box(tokenizers::international::tokenize(text));
    });
    bench("none", &|text| {
        black_box(tokenizers::plain::words(text));
    });
    bench("char", &|text| {
        black_box(tokenizers::plain::characters(text));
    });
    bench("rouge", &|text| {
        tokenizers::rouge::each(text, |token| {
            black_box(token);
        })
    });
    bench("rouge, stemmed", &|text| {
        tokenizers::rouge::each_stem(text, |token| {
            black_box(token);
        })
    });
    bench("word_tokenize", &|text| {
        tokenizers::each_word(text, |text, at| {
            black_box(&text[at]);
        })
    });
    group.bench_function("ptb", |b| {
        b.iter(|| {
            tokenizers::ptb::scan(texts.iter().copied(), None, |_, token| {
                black_box(token);
            });
        })
    });
    group.bench_function("ptb, numbered", |b| {
        b.iter(|| PtbTokens::new(black_box(&cases), 1))
    });
    group.finish();
}

fn of_metrics(criterion: &mut Criterion) {
    let cases = captions();
    let mut group = criterion.benchmark_group("metrics");
    group.throughput(Throughput::Elements(cases.len() as u64));
    let all: Vec<&dyn Metric> = metrics::suite("all").expect("a suite of that name");
    for metric in all
        .into_iter()
        .filter(|metric| metric.unavailable().is_none())
    {
        group.bench_function(metric.key(), |b| {
            b.iter(|| metrics::stats_table(metric, black_box(&cases), 1));
        });
    }
    group.finish();
}

criterion_group!(benches, of_tokenizers, of_metrics);
criterion_main!(benches);
