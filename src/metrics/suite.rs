//! Which metrics there are, by key and by suite.

use super::Metric;
use super::bleu::{CocoBleu, HfBleu, NltkBleu, SacreBleu};
use super::cider::Cider;
use super::coco_meteor::CocoMeteor;
use super::meteor::HfMeteor;
use super::rouge::{CocoRouge, Rouge, RougeKind};
use crate::error::{Error, Result};

/// Every metric, in the order of tables.
static METRICS: [&dyn Metric; 15] = [
    &HfBleu,
    &Rouge::plain(RougeKind::One),
    &Rouge::plain(RougeKind::Two),
    &Rouge::plain(RougeKind::L),
    &Rouge::plain(RougeKind::Lsum),
    &HfMeteor,
    &CocoBleu(1),
    &CocoBleu(2),
    &CocoBleu(3),
    &CocoBleu(4),
    &CocoRouge,
    &CocoMeteor,
    &Cider,
    &SacreBleu::DEFAULT,
    &NltkBleu,
];

/// Suites by name, with their keys; `all` is every metric.
const SUITES: [(&str, &[&str]); 3] = [
    ("paper", &["hf.bleu", "hf.rouge1", "hf.rougeL", "hf.meteor"]),
    (
        "coco",
        &[
            "coco.bleu1",
            "coco.bleu2",
            "coco.bleu3",
            "coco.bleu4",
            "coco.rougeL",
            "coco.meteor",
            "coco.cider",
        ],
    ),
    ("sacrebleu", &["sacrebleu.bleu"]),
];

/// The keys of all metrics, in the order of tables.
pub fn keys() -> impl Iterator<Item = &'static str> {
    METRICS.iter().map(|metric| metric.key())
}

/// The metric with this key.
pub fn metric(key: &str) -> Option<&'static dyn Metric> {
    METRICS.iter().copied().find(|metric| metric.key() == key)
}

/// The metric with this key, or an input error that names the nearest key.
pub fn named(key: &str) -> Result<&'static dyn Metric> {
    metric(key).ok_or_else(|| {
        let nearest = keys()
            .max_by(|a, b| strsim::jaro_winkler(a, key).total_cmp(&strsim::jaro_winkler(b, key)));
        Error::input(format!(
            "there is no metric `{key}`; the nearest is `{}` (there are {})",
            nearest.unwrap_or_default(),
            keys().collect::<Vec<_>>().join(", ")
        ))
    })
}

/// The metrics of a suite: `paper` (the four of the paper's tables), `sacrebleu`, or `all`.
pub fn suite(name: &str) -> Result<Vec<&'static dyn Metric>> {
    if name == "all" {
        return Ok(METRICS.to_vec());
    }
    match SUITES.iter().find(|(suite, _)| *suite == name) {
        Some((_, keys)) => keys.iter().map(|key| named(key)).collect(),
        None => Err(Error::input(format!(
            "there is no suite `{name}` in this version; there are {} and all",
            SUITES.map(|(suite, _)| suite).join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_made_of_metrics() {
        let paper = suite("paper").unwrap();
        assert_eq!(paper.len(), 4);
        assert_eq!(suite("all").unwrap().len(), keys().count());
        assert!(metric("hf.meteor").is_some() && metric("meteor").is_none());
    }

    #[test]
    fn unknown_names_are_refused_with_what_there_is() {
        let error = named("hf.rougel").err().unwrap();
        assert!(error.message().contains("`hf.rougeL`"), "{error}");
        let error = suite("cocoa").err().unwrap();
        assert!(
            error.message().contains("paper, coco, sacrebleu and all"),
            "{error}"
        );
    }
}
