//! No caption makes a metric panic or score anything but a finite number.

#![no_main]

use caption_bench::metrics::{self, Case, describe};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: Vec<(String, String, Vec<String>)>| {
    let cases: Vec<Case> = texts
        .into_iter()
        .take(8)
        .enumerate()
        .map(|(i, (hypothesis, reference, more))| Case {
            id: i.to_string().into(),
            hypothesis: hypothesis.into(),
            references: std::iter::once(reference)
                .chain(more.into_iter().take(4))
                .map(Into::into)
                .collect(),
        })
        .collect();
    if cases.is_empty() {
        return;
    }
    let all = metrics::suite("all").unwrap();
    let evaluation = metrics::evaluate(&all, &cases, 1, 0);
    for metric in all {
        let Some(table) = evaluation.tables.get(metric.key()) else {
            continue;
        };
        assert!(metric.score(&table.sums()).is_finite(), "{}", metric.key());
        for i in 0..cases.len() {
            assert!(metric.caption_score(table.row(i)).is_finite(), "{}", metric.key());
        }
    }
    describe::describe(&cases, None);
});
