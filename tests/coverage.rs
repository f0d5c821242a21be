//! Intervals cover the truth and the gate keeps its level: the simulation of `examples/coverage`, small.

#[path = "../examples/coverage/simulation.rs"]
mod simulation;

use caption_bench::data::scenes;
use caption_bench::metrics::Case;
use simulation::{Plan, Population};

/// Two systems' captions of drawn scenes: each picture's first and second caption, against the others. The second
/// system is worse: of every third picture it tells of the next one.
fn systems() -> [Vec<Case<'static>>; 2] {
    let [_, _, scenes] = scenes::splits(5, [1, 1, 3000]);
    let text = |picture: usize, caption: usize| scenes[picture].captions[caption].text.clone();
    [0, 1].map(|system| {
        let case = |picture: usize| {
            let other = usize::from(system == 1 && picture.is_multiple_of(3));
            Case {
                id: scenes[picture].image_id.to_string().into(),
                hypothesis: text((picture + other) % scenes.len(), system).into(),
                references: (2..5)
                    .map(|caption| text(picture, caption).into())
                    .collect(),
            }
        };
        (0..scenes.len()).map(case).collect()
    })
}

#[test]
fn intervals_cover_the_truth_and_the_gate_keeps_its_level() {
    let [first, second] = systems();
    let population = Population::new([&first, &second], "paper", 2);
    let rates = population.simulate(&Plan {
        trials: 1000,
        captions: 300,
        resamples: 500,
        alpha: 0.05,
        threads: 2,
    });
    assert_eq!(rates.coverage.len(), 4);
    for (metric, covered) in &rates.coverage {
        assert!((0.93..=0.97).contains(covered), "{metric}: {covered}");
    }
    let [_, where_many_differ] = rates.coverage_by_differing;
    assert!(where_many_differ >= 0.93, "{where_many_differ}");
    assert!(rates.few_differing < 0.1, "{}", rates.few_differing);
    for covered in &rates.coverage_of_scores {
        assert!((0.93..=0.97).contains(covered), "{covered}");
    }
    assert!(rates.false_alarms <= 0.05, "{}", rates.false_alarms);
    // Near its level from both sides, or the tests would be no tests.
    assert!(
        (0.03..=0.065).contains(&rates.rejected),
        "{}",
        rates.rejected
    );
    // What is said of sacreBLEU's count: it rejects about twice as often.
    let [bootstrap, _] = rates.rejected_by_sacrebleu;
    assert!((0.07..=0.13).contains(&bootstrap), "{bootstrap}");
}
