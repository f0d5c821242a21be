//! The gate and its baselines on the terminal: aligned tables.

use crate::gate::baseline::Baseline;
use crate::gate::snapshot::Snapshot;
use crate::gate::verdict::{Check, Outcome, Verdict};
use crate::report::aligned::Align::{Left, Right};
use crate::report::aligned::{interval, p_value, signed, table};
use crate::results::schema::Score;
use crate::results::store::short_hash;

/// The verdicts, then notes and problems; [`Outcome::summary`] is apart.
pub fn outcome(outcome: &Outcome) -> String {
    let header = [
        ("row", Left),
        ("metric", Left),
        ("baseline", Right),
        ("now", Right),
        ("difference", Right),
        ("its 95 % interval", Right),
        ("p (Holm)", Right),
        ("may fall", Right),
        ("verdict", Left),
    ];
    let rows: Vec<_> = outcome.checks.iter().map(check_cells).collect();
    let mut text = String::new();
    if !rows.is_empty() {
        text += &table(&header, &rows);
        text.push('\n');
    }
    for (what, lines) in [
        ("note", &outcome.notes),
        ("missing", &outcome.missing),
        ("not comparable", &outcome.problems),
    ] {
        for line in lines {
            text += &format!("{what}: {line}\n");
        }
    }
    text
}

/// The cells of one verdict, as the terminal and the step summary show them.
pub(super) fn check_cells(check: &Check) -> Vec<String> {
    vec![
        check.label.clone(),
        check.metric.clone(),
        format!("{:.2}", check.baseline),
        format!("{:.2}", check.now),
        signed(check.difference),
        check
            .test
            .map_or(String::new(), |test| interval(test.difference_ci95)),
        check
            .test
            .map_or(String::new(), |test| p_value(test.p_fall_adjusted)),
        format!("{:.2}", check.max_drop),
        match doubt(check) {
            Some(doubt) => format!("{}: {doubt}", check.verdict),
            None => check.verdict.to_string(),
        },
    ]
}

/// What a test set could have told, of a fall that it cannot confirm.
pub(super) fn doubt(check: &Check) -> Option<String> {
    let test = check
        .test
        .filter(|_| check.verdict == Verdict::Unconfirmed)?;
    let detectable = test.detectable?;
    Some(format!("detects falls from {detectable:.2} points"))
}

/// A baseline as `bench baseline show` prints it.
pub fn baseline(baseline: &Baseline) -> String {
    let snapshot = &baseline.snapshot;
    let recipe = snapshot
        .recipe_hash
        .as_deref()
        .map_or(String::new(), |hash| {
            format!(", recipe {}", short_hash(hash))
        });
    let mut text = format!(
        "{}: of {}, {} (fingerprint {}){recipe}, version {}, saved at {} s since 1970\n",
        baseline.name,
        snapshot.source,
        snapshot.data,
        short_hash(&snapshot.data_fingerprint),
        snapshot.version,
        baseline.created_unix
    );
    for accepted in &baseline.history {
        text += &format!(
            "accepted at {} s since 1970 by {}: {}\n",
            accepted.accepted_unix,
            accepted.by.as_deref().unwrap_or("somebody"),
            accepted.reason.as_deref().unwrap_or("no reason given")
        );
    }
    text.push('\n');
    let header = [
        ("row", Left),
        ("captions", Right),
        ("metric", Left),
        ("points", Right),
        ("95 % interval", Right),
        ("signature", Left),
    ];
    let rows = snapshot.rows.iter().flat_map(|row| {
        row.metrics.iter().map(|(metric, score)| {
            let interval = score.ci95.map_or(String::new(), |[low, high]| {
                format!("[{low:.2}, {high:.2}]")
            });
            vec![
                row.label.clone(),
                row.n.to_string(),
                metric.clone(),
                format!("{:.2}", score.points),
                interval,
                score.signature.clone(),
            ]
        })
    });
    text + &table(&header, &rows.collect::<Vec<_>>())
}

/// What `bench baseline accept` changes, old → new.
pub fn change(old: &Snapshot, new: &Snapshot) -> String {
    let mut text = String::new();
    let recipes =
        [&old.recipe_hash, &new.recipe_hash].map(|hash| hash.as_deref().unwrap_or("none"));
    let data = [&old.data_fingerprint, &new.data_fingerprint].map(String::as_str);
    let versions = [&old.version, &new.version].map(String::as_str);
    for (what, [before, after]) in [("recipe", recipes), ("data", data), ("version", versions)] {
        if before != after {
            text += &format!("{what}: {} → {}\n", short_hash(before), short_hash(after));
        }
    }
    let header = [
        ("row", Left),
        ("metric", Left),
        ("old", Right),
        ("new", Right),
        ("change", Right),
        ("", Left),
    ];
    let mut rows = Vec::new();
    let of = |snapshot: &Snapshot, row: &str, metric: &str| {
        snapshot.row(row)?.metrics.get(metric).cloned()
    };
    for row in &new.rows {
        for (metric, score) in &row.metrics {
            let before = of(old, &row.row, metric);
            rows.push(change_cells(
                &row.label,
                metric,
                before.as_ref(),
                Some(score),
            ));
        }
    }
    for row in &old.rows {
        for (metric, score) in &row.metrics {
            if of(new, &row.row, metric).is_none() {
                rows.push(change_cells(&row.label, metric, Some(score), None));
            }
        }
    }
    text + &table(&header, &rows)
}

fn change_cells(
    label: &str,
    metric: &str,
    old: Option<&Score>,
    new: Option<&Score>,
) -> Vec<String> {
    let points =
        |score: Option<&Score>| score.map_or("none".into(), |s| format!("{:.2}", s.points));
    let (change, remark) = match (old, new) {
        (Some(old), Some(new)) if old.signature != new.signature => {
            (String::new(), "other signature")
        }
        (Some(old), Some(new)) => (signed(new.points - old.points), ""),
        _ => (String::new(), ""),
    };
    vec![
        label.into(),
        metric.into(),
        points(old),
        points(new),
        change,
        remark.into(),
    ]
}
