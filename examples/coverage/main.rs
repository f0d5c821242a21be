//! Do 95 % intervals cover the truth in 95 of 100 cases, and does the gate raise no more false alarms than it says?
//!
//! ```sh
//! cargo run --release --example coverage -- A.json B.json REFERENCES.json [SUITE] [CAPTIONS] [TRIALS] [RESAMPLES]
//! ```
//!
//! `A.json` and `B.json` are two systems' captions as COCO results, `REFERENCES.json` COCO captions. The captions that
//! both have are the world: the true difference between two systems is that over all of them. Each of TRIALS (1,000)
//! pairs of systems has a test set of CAPTIONS (500) pictures drawn from the world, and is tested as `bench compare`
//! and `bench gate` test, with RESAMPLES (2,000) resamples under the metrics of SUITE (`paper`). In one half of the
//! trials the systems differ by a known amount, in the other not at all.

mod simulation;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::time::Instant;

use caption_bench::metrics::Case;
use caption_bench::results::contrast::FEW_DIFFERING;
use serde::Deserialize;
use simulation::{Plan, Population};

#[derive(Deserialize)]
struct Caption {
    image_id: u64,
    caption: String,
}

#[derive(Deserialize)]
struct References {
    annotations: Vec<Caption>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [first, second, references, rest @ ..] = &arguments[..] else {
        return Err(
            "expected A.json B.json REFERENCES.json [SUITE] [CAPTIONS] [TRIALS] [RESAMPLES]".into(),
        );
    };
    let number = |at: usize, default: usize| rest.get(at).map_or(Ok(default), |text| text.parse());
    let plan = Plan {
        captions: number(1, 500)?,
        trials: number(2, 1000)?,
        resamples: number(3, 2000)?,
        alpha: 0.05,
        threads: std::thread::available_parallelism()?.get(),
    };
    let systems = [read(first)?, read(second)?];
    let references: References = serde_json::from_str(&fs::read_to_string(references)?)?;
    let mut by_image: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for reference in references.annotations {
        by_image
            .entry(reference.image_id)
            .or_default()
            .push(reference.caption);
    }
    let both = systems[0].keys().filter(|id| systems[1].contains_key(id));
    let both: Vec<u64> = both
        .filter(|id| by_image.contains_key(id))
        .copied()
        .collect();
    let [first, second] = [&systems[0], &systems[1]].map(|system| {
        let case = |id: &u64| Case {
            id: id.to_string().into(),
            hypothesis: Cow::Borrowed(system[id].as_str()),
            references: by_image[id].iter().map(Cow::from).collect(),
        };
        both.iter().map(case).collect::<Vec<Case>>()
    });
    let suite = rest.first().map_or("paper", String::as_str);
    let population = Population::new([&first, &second], suite, plan.threads);
    println!(
        "{} pictures; {} pairs of systems, test sets of {}, {} resamples",
        both.len(),
        plan.trials,
        plan.captions,
        plan.resamples
    );
    let started = Instant::now();
    let rates = population.simulate(&plan);
    for ((metric, covered), of_scores) in rates.coverage.iter().zip(&rates.coverage_of_scores) {
        println!(
            "{metric}: 95 % intervals cover the true difference in {:.1} %, the true score in {:.1} %",
            100.0 * covered,
            100.0 * of_scores
        );
    }
    let [few, many] = rates.coverage_by_differing;
    println!(
        "all metrics: {:.1} % of test sets have fewer than {FEW_DIFFERING} captions that differ, and {:.1} % of their intervals \
         hold the truth; {:.1} % of the others'",
        100.0 * rates.few_differing,
        100.0 * few,
        100.0 * many
    );
    let [bootstrap, randomization] = rates.rejected_by_sacrebleu;
    println!(
        "without a difference: the gate alarms in {:.1} %\n\
         tests of one metric at 5 %: {:.1} % below it; by sacreBLEU's count {:.1} % (paired-bs), {:.1} % (paired-ar)\n\
         {:.0} s",
        100.0 * rates.false_alarms,
        100.0 * rates.rejected,
        100.0 * bootstrap,
        100.0 * randomization,
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

fn read(path: &str) -> Result<BTreeMap<u64, String>, Box<dyn Error>> {
    let captions: Vec<Caption> = serde_json::from_str(&fs::read_to_string(path)?)?;
    let pairs = captions.into_iter().map(|c| (c.image_id, c.caption));
    Ok(pairs.collect())
}
