//! Contrasts: the differences between systems under metrics, tested as the pairs they are.

use std::collections::BTreeMap;

use crate::metrics::StatsTable;
use crate::results::points::{Points, points, width};
use crate::results::schema::Scores;
use crate::results::table::Measure;
use crate::stats::holm;
use crate::stats::paired::{Difference, Measured, Settings, differences};

/// One system: its captions' statistics and signatures by metric key.
#[derive(Debug, Clone, Default)]
pub struct System<'a> {
    /// Statistics of the captions of the same pictures in the same order as every other system's: a table a seed.
    pub tables: BTreeMap<&'a str, Vec<&'a StatsTable>>,
    /// What the metrics were computed as.
    pub signatures: BTreeMap<&'a str, &'a str>,
}

/// Captions that must differ for the interval of a difference to hold the truth about as often as it says: in
/// `examples/coverage` it does in 93 % of test sets of 100, and in 72 % where fewer than these differ.
pub const FEW_DIFFERING: usize = 10;

/// The difference between two systems under one metric, in points.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// The systems' places.
    pub pair: [usize; 2],
    /// The metric's key.
    pub metric: String,
    /// The points of both, means over seeds.
    pub points: [f64; 2],
    /// What the test images say of the difference.
    pub found: Difference,
    /// Its p-value by Holm's correction over all contrasts, where it has one.
    pub p_adjusted: Option<f64>,
    /// How many captions have other statistics, of any seed. The interval rests on these alone: of fewer than
    /// [`FEW_DIFFERING`], it is too narrow.
    pub differing: usize,
    /// How the difference varies from seed to seed: the standard deviation of that between one seed of each system,
    /// where either has several. It is no part of the interval, which is of the images.
    pub seed_sd: Option<f64>,
}

/// The contrast of every pair under every metric, by pair and then by metric in the order given.
///
/// Left out are those that cannot be tested: a metric that is not known, that either was not measured under or that was
/// computed differently for the two, fewer than two captions, tables of different widths.
pub fn contrasts(
    systems: &[System],
    pairs: &[[usize; 2]],
    metrics: &[&str],
    settings: &Settings,
) -> Vec<Contrast> {
    let known: Vec<(&str, Points)> = metrics
        .iter()
        .filter_map(|&metric| Some((metric, points(metric)?)))
        .collect();
    let measured: Vec<Measured> = known
        .iter()
        .map(|(metric, points)| Measured {
            score: points.as_ref(),
            systems: systems.iter().map(|s| s.of(metric)).collect(),
        })
        .collect();
    let found = differences(&measured, pairs, settings);
    let mut contrasts = Vec::new();
    for (at, &pair) in pairs.iter().enumerate() {
        for ((metric, points), found) in known.iter().zip(&found) {
            let alike = |systems: [&System; 2]| {
                let [a, b] = systems.map(|system| system.signatures.get(metric));
                a == b
            };
            let both = pair.map(|place| &systems[place]);
            let Some(found) = found[at].filter(|_| alike(both)) else {
                continue;
            };
            let measures = both.map(|system| {
                let scores = system
                    .of(metric)
                    .into_iter()
                    .map(|t| (points(&t.sums()), None));
                Measure::over_seeds(&scores.collect::<Vec<_>>())
            });
            let [Some(first), Some(second)] = measures else {
                continue;
            };
            contrasts.push(Contrast {
                pair,
                metric: (*metric).to_owned(),
                points: [first.mean, second.mean],
                found,
                p_adjusted: None,
                differing: differing(both.map(|system| system.of(metric))),
                seed_sd: match (first.sd, second.sd) {
                    (None, None) => None,
                    (a, b) => Some(a.unwrap_or(0.0).hypot(b.unwrap_or(0.0))),
                },
            });
        }
    }
    correct(&mut contrasts);
    contrasts
}

/// One seed of a system: its scores, and its captions' statistics, by metric key.
pub type OfSeed<'a> = (&'a Scores, &'a BTreeMap<String, StatsTable>);

impl<'a> System<'a> {
    /// The system of these seeds, under the metrics that all of them have statistics of and the same signature;
    /// [`ATTRIBUTES`] stand among no scores and have none.
    ///
    /// [`ATTRIBUTES`]: crate::results::points::ATTRIBUTES
    pub fn of_seeds(seeds: &[OfSeed<'a>]) -> Self {
        let mut system = Self::default();
        let Some((_, tables)) = seeds.first() else {
            return system;
        };
        let signature = |(scores, _): &OfSeed<'a>, metric: &str| -> &'a str {
            let score = scores.get(metric);
            score.map_or("", |score| score.signature.as_str())
        };
        for metric in tables.keys() {
            let first = signature(&seeds[0], metric);
            let table = |seed: &OfSeed<'a>| {
                let table = seed.1.get(metric);
                table.filter(|_| signature(seed, metric) == first)
            };
            if let Some(tables) = seeds.iter().map(table).collect() {
                system.tables.insert(metric, tables);
                system.signatures.insert(metric, first);
            }
        }
        system
    }

    /// The tables of a metric; none where they are not what the metric looks at.
    fn of(&self, metric: &str) -> Vec<&'a StatsTable> {
        let tables = self.tables.get(metric).cloned().unwrap_or_default();
        let fit = |table: &&StatsTable| Some(table.width) == width(metric);
        match tables.iter().all(fit) {
            true => tables,
            false => Vec::new(),
        }
    }
}

/// How many captions two systems have other statistics of, seed by seed.
fn differing([first, second]: [Vec<&StatsTable>; 2]) -> usize {
    let captions = first.first().map_or(0, |table| table.len());
    let (seeds, others) = (first.len().max(second.len()), second.len());
    let differs = |caption: &usize| {
        (0..seeds).any(|seed| {
            let [a, b] = [first[seed % first.len()], second[seed % others]];
            a.row(*caption) != b.row(*caption)
        })
    };
    (0..captions).filter(differs).count()
}

/// Holm's correction over all contrasts that have a p-value.
fn correct(contrasts: &mut [Contrast]) {
    let p_values: Vec<f64> = contrasts.iter().filter_map(|c| c.found.p).collect();
    let tested = contrasts.iter_mut().filter(|c| c.found.p.is_some());
    for (contrast, adjusted) in tested.zip(holm(&p_values)) {
        contrast.p_adjusted = Some(adjusted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::schema::Score;

    /// Ten captions, each with so many attributes right of two.
    fn table(right: [u8; 10]) -> StatsTable {
        let rows = right.iter().flat_map(|&right| [f64::from(right), 2.0]);
        StatsTable {
            width: 2,
            rows: rows.collect(),
        }
    }

    const METRIC: &str = crate::results::points::ATTRIBUTES;

    fn system<'a>(tables: Vec<&'a StatsTable>, signature: &'a str) -> System<'a> {
        System {
            tables: BTreeMap::from([(METRIC, tables)]),
            signatures: BTreeMap::from([(METRIC, signature)]),
        }
    }

    #[test]
    fn seeds_make_a_system_under_what_all_of_them_have_alike() {
        let score = |signature: &str| Score {
            value: 0.0,
            points: 0.0,
            ci95: None,
            signature: signature.into(),
        };
        let scores = |signature: &str| Scores::from([("m".into(), score(signature))]);
        let tables = || -> BTreeMap<String, StatsTable> {
            let names = ["m", METRIC].map(str::to_owned);
            names.map(|name| (name, table([1; 10]))).into()
        };
        let (alike, other) = ([scores("s"), scores("s")], [scores("s"), scores("t")]);
        let tables = [tables(), tables()];
        let system = |scores: &'_ [Scores; 2]| {
            let system = System::of_seeds(&[(&scores[0], &tables[0]), (&scores[1], &tables[1])]);
            let of = |name: &str| system.tables.get(name).map_or(0, Vec::len);
            ["m", METRIC].map(of)
        };
        // Attributes stand among no scores, and are a metric all the same.
        assert_eq!(system(&alike), [2, 2]);
        assert_eq!(system(&other), [0, 2]);
        assert!(System::of_seeds(&[]).tables.is_empty());
    }

    #[test]
    fn contrasts_are_in_points_corrected_and_know_their_seeds() {
        let [low, mid, high] = [table([0; 10]), table([1; 10]), table([2; 10])];
        let systems = [
            system(vec![&low], "s"),
            system(vec![&mid, &high], "s"),
            system(vec![&low], "other"),
        ];
        let pairs = [[0, 1], [0, 2], [0, 0]];
        let found = contrasts(&systems, &pairs, &["none", METRIC], &Settings::new(1));
        assert_eq!(found.len(), 2, "another signature is no contrast");
        assert_eq!(found[0].points, [0.0, 75.0]);
        assert_eq!(found[0].found.difference, 75.0);
        // One seed has no spread of its own; 50 and 100 deviate by √1250.
        assert!((found[0].seed_sd.unwrap() - 1250f64.sqrt()).abs() < 1e-9);
        assert_eq!((found[0].found.p, found[0].p_adjusted), (None, None));
        assert_eq!(
            (found[1].found.p, found[1].p_adjusted),
            (Some(1.0), Some(1.0))
        );
        assert_eq!(found[1].seed_sd, None);
        assert_eq!([found[0].differing, found[1].differing], [10, 0]);
    }
}
