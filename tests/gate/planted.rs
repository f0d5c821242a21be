//! A regression that was planted is found, a harmless change passes: on 5,000 captions of drawn scenes.

use std::path::Path;

use caption_bench::data::scenes;
use caption_bench::metrics::{self, Case};
use caption_bench::results::scores::scores;
use caption_bench::results::stats_file::CaptionStats;
use caption_bench::stats::Draws;

use crate::bench::{Bench, Scored, contains, write_scored};

/// Pictures of the test set.
const PICTURES: usize = 5000;

/// Of each picture its first caption as a system's, and the others as references.
fn captions() -> Vec<Case<'static>> {
    let [_, _, test] = scenes::splits(3, [1, 1, PICTURES]);
    let case = |example: &caption_bench::data::Example| {
        let mut texts = example.captions.iter().map(|c| c.text.clone().into());
        Case {
            id: example.image_id.to_string().into(),
            hypothesis: texts.next().unwrap(),
            references: texts.collect(),
        }
    };
    test.iter().map(case).collect()
}

/// Without three of a hundred words, by lot.
fn without_words(captions: &[Case<'static>]) -> Vec<Case<'static>> {
    let draws = Draws::new(1, 0);
    let mut word_number = 0;
    let mut keeps = |_: &&str| {
        word_number += 1;
        draws.below(word_number, 100) >= 3
    };
    let cut = |case: &Case<'static>| {
        let words: Vec<&str> = case.hypothesis.split(' ').filter(&mut keeps).collect();
        Case {
            hypothesis: words.join(" ").into(),
            ..case.clone()
        }
    };
    captions.iter().map(cut).collect()
}

fn write(path: &Path, systems: [(&'static str, &[Case<'static>]); 2]) {
    let cells = systems.map(|(name, cases)| {
        let suite = metrics::suite("paper").unwrap();
        let evaluation = metrics::evaluate(&suite, cases, 2, 0);
        Scored {
            name,
            seed: 1,
            scores: scores(&suite, &evaluation),
            stats: CaptionStats {
                ids: cases.iter().map(|case| case.id.parse().unwrap()).collect(),
                tables: evaluation.tables,
            },
        }
    });
    write_scored(path, "recipe", "data", &cells);
}

#[test]
fn a_planted_regression_exits_3_and_a_harmless_change_passes() {
    let bench = Bench::new();
    let plain = captions();
    write(&bench.path("before"), [("vae", &plain), ("vae-cl", &plain)]);
    bench.exits(0, "baseline save main --run before");

    let worse = without_words(&plain);
    write(&bench.path("worse"), [("vae", &plain), ("vae-cl", &worse)]);
    let text = bench.exits(3, "gate --baseline main --run worse");
    contains(&text, &["4 of 8 scores fell", "of vae-cl by"]);
    assert!(!text.contains("unconfirmed"), "{text}");

    let mut harmless = plain.clone();
    for case in &mut harmless[700..702] {
        case.hypothesis = "a photo of something else".into();
    }
    write(
        &bench.path("harmless"),
        [("vae", &plain), ("vae-cl", &harmless)],
    );
    let text = bench.exits(0, "gate --baseline main --run harmless");
    contains(&text, &["all 8 scores hold"]);
    // Not even where any sure fall fails: two captions are no evidence.
    bench.exits(0, "gate --baseline main --run harmless --rule stat");
}
