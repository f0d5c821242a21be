//! Test sets drawn from two systems' captions, whose true difference is known: that over all the captions.

use caption_bench::metrics::{Case, StatsTable, evaluate, suite};
use caption_bench::results::contrast::FEW_DIFFERING;
use caption_bench::results::points::{Points, points};
use caption_bench::stats::bootstrap::{OfSums, intervals95};
use caption_bench::stats::paired::{Difference, Measured, Settings, differences};
use caption_bench::stats::{Draws, holm};

/// Two systems' captions of the same pictures under several metrics.
pub struct Population {
    metrics: Vec<Measure>,
    captions: usize,
}

struct Measure {
    key: String,
    points: Points,
    systems: [StatsTable; 2],
}

/// What is simulated.
pub struct Plan {
    /// Pairs of systems, each with a test set of its own.
    pub trials: usize,
    /// Pictures of a test set.
    pub captions: usize,
    /// Resamples of every test.
    pub resamples: usize,
    /// The level.
    pub alpha: f64,
    pub threads: usize,
}

/// How often something happened that should at a known rate.
pub struct Rates {
    /// By metric, the share of pairs whose 95 % interval had the true difference in it.
    pub coverage: Vec<(String, f64)>,
    /// By metric, the share of test sets whose 95 % interval of the first system's score had its true score in it.
    pub coverage_of_scores: Vec<f64>,
    /// [`Rates::coverage`] over all metrics, by how many captions of the test set differed: fewer than [`FEW_DIFFERING`], and others. NaN
    /// where there was no such test set.
    pub coverage_by_differing: [f64; 2],
    /// The share of test sets of which fewer than [`FEW_DIFFERING`] captions differed.
    pub few_differing: f64,
    /// The share of pairs without a difference in which the gate found a fall in any metric.
    pub false_alarms: f64,
    /// Of tests of one metric without a difference, the share below the level: by randomization as it stands here,
    /// and by sacreBLEU's count of the paired bootstrap and of the randomization.
    pub rejected: f64,
    pub rejected_by_sacrebleu: [f64; 2],
}

/// Two systems that differ, by metric.
struct Different {
    truth: Vec<f64>,
    /// What a test set of them says.
    found: Vec<Difference>,
    /// How many captions of the test set are the one system's and not the other's.
    captions: usize,
}

impl Population {
    /// # Panics
    /// If the cases are not of the same pictures in the same order, or there is no such suite.
    pub fn new(systems: [&[Case]; 2], suite_name: &str, threads: usize) -> Self {
        let ids = systems.map(|cases| cases.iter().map(|case| &case.id));
        let [first, second] = ids;
        assert!(first.eq(second), "captions of the same pictures");
        let metrics = suite(suite_name).expect("a suite");
        let [first, second] = systems.map(|cases| evaluate(&metrics, cases, threads, 0).tables);
        let measures = first.into_iter().map(|(key, table)| Measure {
            points: points(&key).expect("a known metric"),
            systems: [table, second[&key].clone()],
            key,
        });
        Self {
            metrics: measures.collect(),
            captions: systems[0].len(),
        }
    }

    pub fn simulate(&self, plan: &Plan) -> Rates {
        let mut covered = vec![0; self.metrics.len()];
        let mut covered_scores = vec![0; self.metrics.len()];
        let mut by_differing = [(0, 0); 2];
        let (mut alarms, mut rejected, mut by_sacrebleu) = (0, 0, [0; 2]);
        for trial in 0..plan.trials {
            for (covered, holds) in covered_scores
                .iter_mut()
                .zip(self.score_is_held(trial, plan))
            {
                *covered += usize::from(holds);
            }
            let different = self.different(trial, plan);
            let (of_kind, all_of_kind) =
                &mut by_differing[usize::from(different.captions >= FEW_DIFFERING)];
            let truths = different.truth.into_iter().zip(different.found);
            for (covered, (truth, found)) in covered.iter_mut().zip(truths) {
                let [low, high] = found.interval;
                let holds = usize::from(low <= truth && truth <= high);
                *covered += holds;
                *of_kind += holds;
                *all_of_kind += 1;
            }
            let found = self.alike(trial, plan);
            let falls: Vec<f64> = found.iter().map(|found| found.p_fall).collect();
            alarms += usize::from(holm(&falls).iter().any(|p| *p <= plan.alpha));
            for found in &found {
                let below = |p: Option<f64>| usize::from(p.is_some_and(|p| p <= plan.alpha));
                rejected += below(found.p);
                by_sacrebleu[0] += below(Some(found.sacrebleu.paired_bs));
                by_sacrebleu[1] += below(found.sacrebleu.paired_ar);
            }
        }
        let share = |count: usize| count as f64 / plan.trials as f64;
        let share_of_all = |count: usize| share(count) / self.metrics.len() as f64;
        let coverage = self.metrics.iter().zip(covered);
        Rates {
            coverage: coverage
                .map(|(metric, covered)| (metric.key.clone(), share(covered)))
                .collect(),
            coverage_of_scores: covered_scores.into_iter().map(share).collect(),
            coverage_by_differing: by_differing.map(|(holds, all)| holds as f64 / all as f64),
            few_differing: share_of_all(by_differing[0].1),
            false_alarms: share(alarms),
            rejected: share_of_all(rejected),
            rejected_by_sacrebleu: by_sacrebleu.map(share_of_all),
        }
    }

    /// A pair of systems that differ: the first, and one that has the second's caption of a part of the pictures,
    /// another part every trial.
    fn different(&self, trial: usize, plan: &Plan) -> Different {
        let draws = Draws::new(1, trial as u64);
        let part = draws.below(0, 101);
        let second: Vec<usize> = (0..self.captions)
            .map(|caption| usize::from(draws.below(1 + caption as u64, 100) < part))
            .collect();
        let truth = self.metrics.iter().map(|metric| {
            let all = 0..self.captions;
            let of = |table: StatsTable| (metric.points)(&table.sums());
            let first = metric.systems[0].clone();
            let mixed = pick(
                &metric.systems,
                all.map(|caption| (second[caption], caption)),
            );
            of(mixed) - of(first)
        });
        let drawn = self.draw(trial, plan);
        let first = drawn.iter().map(|&caption| (0, caption)).collect();
        let mixed: Vec<(usize, usize)> = drawn
            .iter()
            .map(|&caption| (second[caption], caption))
            .collect();
        Different {
            truth: truth.collect(),
            captions: mixed.iter().map(|(system, _)| system).sum(),
            found: self.test([first, mixed], plan),
        }
    }

    /// By metric, whether the interval of the first system's score on a test set has its true score in it.
    fn score_is_held(&self, trial: usize, plan: &Plan) -> Vec<bool> {
        let drawn = self.draw(trial, plan);
        let tables: Vec<StatsTable> = self
            .metrics
            .iter()
            .map(|metric| pick(&metric.systems, drawn.iter().map(|&caption| (0, caption))))
            .collect();
        let scored: Vec<(&StatsTable, OfSums)> = tables
            .iter()
            .zip(&self.metrics)
            .map(|(table, metric)| (table, metric.points.as_ref() as OfSums))
            .collect();
        let intervals = intervals95(&scored, plan.resamples, trial as u64, plan.threads);
        let held = |(metric, interval): (&Measure, Option<[f64; 2]>)| {
            let truth = (metric.points)(&metric.systems[0].sums());
            interval.is_some_and(|[low, high]| low <= truth && truth <= high)
        };
        self.metrics.iter().zip(intervals).map(held).collect()
    }

    /// A pair of systems that do not differ: of every picture drawn, either has the one's caption or the other's, by
    /// lot.
    fn alike(&self, trial: usize, plan: &Plan) -> Vec<Difference> {
        let draws = Draws::new(2, trial as u64);
        let drawn = self.draw(trial, plan);
        let picked = [0, 1].map(|system| {
            let picked = drawn.iter().enumerate().map(|(at, &caption)| {
                let exchanged = draws.below(at as u64, 2);
                ((system + exchanged) % 2, caption)
            });
            picked.collect()
        });
        self.test(picked, plan)
    }

    /// The pictures of a trial's test set.
    fn draw(&self, trial: usize, plan: &Plan) -> Vec<usize> {
        let draws = Draws::new(3, trial as u64);
        let draw = |at: usize| draws.below(at as u64, self.captions);
        (0..plan.captions).map(draw).collect()
    }

    /// What paired tests say of two systems, given by whose caption of which picture they have.
    fn test(&self, picked: [Vec<(usize, usize)>; 2], plan: &Plan) -> Vec<Difference> {
        let tables: Vec<[StatsTable; 2]> = self
            .metrics
            .iter()
            .map(|metric| {
                let of =
                    |picked: &Vec<(usize, usize)>| pick(&metric.systems, picked.iter().copied());
                [of(&picked[0]), of(&picked[1])]
            })
            .collect();
        let measured: Vec<Measured> = self
            .metrics
            .iter()
            .zip(&tables)
            .map(|(metric, tables)| Measured {
                score: metric.points.as_ref(),
                systems: tables.iter().map(|table| vec![table]).collect(),
            })
            .collect();
        let settings = Settings {
            resamples: plan.resamples,
            ..Settings::new(plan.threads)
        };
        let found = differences(&measured, &[[0, 1]], &settings);
        found
            .iter()
            .map(|of_pair| of_pair[0].expect("finite scores"))
            .collect()
    }
}

/// The rows of these systems and captions.
fn pick(systems: &[StatsTable; 2], rows: impl Iterator<Item = (usize, usize)>) -> StatsTable {
    let rows = rows.flat_map(|(system, caption)| systems[system].row(caption));
    StatsTable {
        width: systems[0].width,
        rows: rows.copied().collect(),
    }
}
