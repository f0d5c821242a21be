//! `bench compare`: two runs, two cells, or any two systems' captions, tested as the pairs they are.

mod changed;
mod output;
mod side;

use std::path::PathBuf;

use clap::Args;

use self::changed::Changed;
use self::side::{Side, SideRow};
use super::gate::show;
use super::plan::threads;
use super::score::output::{check, is_stdout};
use crate::error::{Error, Result};
use crate::metrics;
use crate::results::contrast::{Contrast, FEW_DIFFERING, System, contrasts};
use crate::results::points::ATTRIBUTES;
use crate::stats::paired::{LEVEL, MOST, SEED, Settings, resamples};

/// The metrics of who names none, of captions files.
const SUITE: &str = "paper";

/// Flags of `bench compare`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
A and B are two runs (rows of one label go together), two cells (RUN/cells/CELL), or two files of captions with
--ref, in the formats of `bench score`. Differences are B minus A, in points. p is two-sided, by approximate
randomization over images; p (Holm) is corrected over all lines. A true difference from `detectable` on would be
found at 5 % four times out of five.

Examples:
  bench compare runs/before runs/after
  bench compare runs/tiny/cells/encoder-decoder runs/tiny/cells/vae-cl
  bench compare magic.json zerocap.json --ref references.json --suite coco --json differences.json")]
pub struct CompareArgs {
    /// The first: a run, a cell's folder or a file of captions
    #[arg(value_name = "A")]
    pub first: PathBuf,
    /// The second
    #[arg(value_name = "B")]
    pub second: PathBuf,
    /// References of captions in files; each further file adds to them
    #[arg(long = "ref", value_name = "R", id = "references")]
    pub references: Vec<PathBuf>,
    /// Metrics by suite: paper, coco, sacrebleu, all [default: paper for files, what was scored for runs]
    #[arg(long)]
    pub suite: Option<String>,
    /// One more metric, such as hf.meteor; may be given often
    #[arg(long, value_name = "M")]
    pub metric: Vec<String>,
    /// Resamples, and as many exchanges, from 100 on [default: 10000, and more if more lines are corrected together]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=MOST as i64))]
    pub resamples: Option<u32>,
    /// The seed of both; sacreBLEU's is the default
    #[arg(long, value_name = "SEED", default_value_t = SEED)]
    pub seed: u64,
    /// Show so many captions that changed most
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub changed: usize,
    /// The metric that says how much a caption changed [default: hf.meteor, or else the first]
    #[arg(long, value_name = "M")]
    pub by: Option<String>,
    /// Write all of it as JSON; `-` prints it in place of the table
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Threads to use; no number depends on it [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// What a comparison found.
struct Comparison {
    names: [String; 2],
    /// The label of each pair of rows, and its number of captions.
    rows: Vec<(String, usize)>,
    /// By pair of rows and metric; a contrast's pair is `[2 · row, 2 · row + 1]`.
    contrasts: Vec<Contrast>,
    changed: Vec<Changed>,
    notes: Vec<String>,
    problems: Vec<String>,
    settings: Settings,
}

/// Runs `bench compare`.
///
/// # Errors
/// [`Error::Input`] for bad input, [`Error::NothingToCompare`] if no row is in both, [`Error::NotComparable`] if they
/// were not measured alike.
pub fn run(args: CompareArgs) -> Result<()> {
    if let Some(path) = &args.json {
        check(path)?;
    }
    let settings = Settings {
        seed: args.seed,
        ..Settings::new(threads(args.threads)?)
    };
    let asked = metrics_asked_for(&args)?;
    if let Some(by) = &args.by {
        metrics::named(by)?;
    }
    let mut notes = Vec::new();
    let sides = match [&args.first, &args.second].map(|path| path.is_dir()) {
        [true, true] if !args.references.is_empty() => {
            return Err(Error::input(
                "--ref is for files of captions; runs and cells have their references",
            ));
        }
        [true, true] => [Side::open(&args.first)?, Side::open(&args.second)?],
        [false, false] if args.references.is_empty() => {
            return Err(Error::input(
                "files of captions are compared against references: give --ref",
            ));
        }
        [false, false] => side::score(&args, &asked, settings.threads, &mut notes)?,
        _ => {
            return Err(Error::input(format!(
                "{} and {}: expected two runs, two cells or two files of captions",
                args.first.display(),
                args.second.display()
            )));
        }
    };
    let comparison = compare(&sides, &asked, &args, settings, notes)?;
    let to_stdout = args.json.as_deref().is_some_and(is_stdout);
    if let Some(path) = &args.json {
        output::json(path, &comparison)?;
    }
    if !to_stdout {
        show(&output::text(&comparison))?;
    }
    match &comparison.problems[..] {
        [] => Ok(()),
        problems => Err(Error::NotComparable(problems.join("; "))),
    }
}

/// The keys of the metrics asked for, none if all that there are.
fn metrics_asked_for(args: &CompareArgs) -> Result<Vec<&'static str>> {
    let mut keys: Vec<&'static str> = Vec::new();
    if let Some(suite) = &args.suite {
        keys.extend(metrics::suite(suite)?.iter().map(|metric| metric.key()));
    }
    for key in &args.metric {
        keys.push(match key.as_str() {
            ATTRIBUTES => ATTRIBUTES,
            _ => metrics::named(key)?.key(),
        });
    }
    Ok(keys)
}

fn compare(
    sides: &[Side; 2],
    asked: &[&'static str],
    args: &CompareArgs,
    mut settings: Settings,
    mut notes: Vec<String>,
) -> Result<Comparison> {
    let [first, second] = sides;
    let mut problems = Vec::new();
    if let (Some(a), Some(b)) = (&first.fingerprint, &second.fingerprint)
        && a != b
    {
        problems.push(format!(
            "{} and {} are of other data",
            first.name, second.name
        ));
    }
    let matched = matched(sides, &mut notes)?;
    let mut rows: Vec<[&SideRow; 2]> = Vec::new();
    for pair in matched {
        match pair[0].ids() == pair[1].ids() {
            true => rows.push(pair),
            false => problems.push(format!(
                "{}: the captions are of other pictures",
                pair[0].label
            )),
        }
    }
    let metrics = common_metrics(&rows, asked, &mut problems);
    if !problems.is_empty() && (rows.is_empty() || metrics.is_empty()) {
        return Err(Error::NotComparable(problems.join("; ")));
    }
    if metrics.is_empty() {
        return Err(Error::NothingToCompare(
            "there is no metric that both were scored under, with statistics of every caption"
                .into(),
        ));
    }
    let systems: Vec<System> = rows.iter().flatten().map(|row| row.system()).collect();
    let pairs: Vec<[usize; 2]> = (0..rows.len()).map(|row| [2 * row, 2 * row + 1]).collect();
    let needed = resamples(pairs.len() * metrics.len(), LEVEL).unwrap_or(MOST);
    settings.resamples = args.resamples.map_or(needed, |asked| asked as usize);
    let contrasts = match problems.is_empty() {
        true => contrasts(&systems, &pairs, &metrics, &settings),
        false => Vec::new(),
    };
    let tested = contrasts.iter().filter(|c| c.p_adjusted.is_some()).count();
    if tested as f64 / (settings.resamples + 1) as f64 > LEVEL {
        notes.push(format!(
            "with {} resamples no p of {tested} lines can be {LEVEL} or less once corrected: --resamples {needed}",
            settings.resamples
        ));
    }
    notes.extend(few_differ(&rows, &contrasts));
    if contrasts.is_empty() && problems.is_empty() {
        let message = format!(
            "there is nothing to test: a test takes two captions, and statistics that are those of {}",
            metrics.join(", ")
        );
        return Err(Error::NothingToCompare(message));
    }
    notes.extend(not_compared(asked, &metrics, &contrasts));
    let preferred = |key: &&str| {
        args.by
            .as_deref()
            .map_or(*key == "hf.meteor", |by| by == *key)
    };
    let by = metrics.iter().copied().find(preferred);
    if let (None, Some(by)) = (by, &args.by) {
        return Err(Error::input(format!(
            "--by {by}: the two were not both scored under it"
        )));
    }
    let by = by.or_else(|| metrics.iter().copied().find(|key| *key != ATTRIBUTES));
    Ok(Comparison {
        names: [first.name.clone(), second.name.clone()],
        changed: by.map_or_else(Vec::new, |by| changed::most(&rows, by, args.changed)),
        rows: rows
            .iter()
            .map(|row| (row[1].label.clone(), row[1].captions()))
            .collect(),
        contrasts,
        notes,
        problems,
        settings,
    })
}

/// What must be known of intervals that rest on a few captions, a sentence a row.
fn few_differ(rows: &[[&SideRow; 2]], contrasts: &[Contrast]) -> Vec<String> {
    let note = |(at, row): (usize, &[&SideRow; 2])| {
        let few = contrasts.iter().filter(|contrast| {
            contrast.pair[0] / 2 == at && (1..FEW_DIFFERING).contains(&contrast.differing)
        });
        let few: Vec<&Contrast> = few.collect();
        let most = few.iter().map(|contrast| contrast.differing).max()?;
        let metrics: Vec<&str> = few.iter().map(|c| c.metric.as_str()).collect();
        Some(format!(
            "{}: {most} of {} captions differ under {}; of fewer than {FEW_DIFFERING} that do, intervals are too narrow",
            row[1].label,
            row[1].captions(),
            metrics.join(", ")
        ))
    };
    rows.iter().enumerate().filter_map(note).collect()
}

/// The metrics that were asked for or are common to both and have no line, with the reason.
fn not_compared(asked: &[&str], common: &[&str], contrasts: &[Contrast]) -> Vec<String> {
    let mut notes = Vec::new();
    for key in asked.iter().filter(|key| !common.contains(key)) {
        let unavailable = metrics::metric(key).and_then(|metric| metric.unavailable());
        notes.push(match unavailable {
            Some(why) => format!("{key} is unavailable: it {why}"),
            None => format!("{key}: the two were not both scored under it"),
        });
    }
    for key in common {
        if !contrasts.iter().any(|contrast| contrast.metric == *key) {
            notes.push(format!(
                "{key}: its statistics of every caption are none that it can be computed from"
            ));
        }
    }
    notes
}

/// The rows of one label on both sides; or the only row of each.
fn matched<'a>(sides: &'a [Side; 2], notes: &mut Vec<String>) -> Result<Vec<[&'a SideRow; 2]>> {
    let [first, second] = sides;
    if let ([a], [b]) = (&first.rows[..], &second.rows[..]) {
        return Ok(vec![[a, b]]);
    }
    let with = |side: &'a Side, label: &str| side.rows.iter().find(|row| row.label == label);
    for (side, other) in [(first, second), (second, first)] {
        let alone = side
            .rows
            .iter()
            .filter(|row| with(other, &row.label).is_none());
        notes.extend(alone.map(|row| format!("{} is in {} alone", row.label, side.name)));
    }
    let pairs = first
        .rows
        .iter()
        .filter_map(|row| Some([row, with(second, &row.label)?]));
    let pairs: Vec<[&SideRow; 2]> = pairs.collect();
    match pairs.is_empty() {
        false => Ok(pairs),
        true => Err(Error::NothingToCompare(format!(
            "no row of {} has the label of one of {}; name two cells to compare them",
            first.name, second.name
        ))),
    }
}

/// The metrics that any pair of rows can be compared under, in the order of tables. That one was computed differently
/// for the two is a problem.
fn common_metrics<'a>(
    rows: &[[&'a SideRow; 2]],
    asked: &[&str],
    problems: &mut Vec<String>,
) -> Vec<&'a str> {
    let mut common: Vec<&str> = Vec::new();
    for [first, second] in rows {
        let now = second.system().signatures;
        for (metric, then) in first.system().signatures {
            let wanted = asked.is_empty() || asked.contains(&metric);
            match now.get(metric) {
                Some(&now) if wanted && then != now => problems.push(format!(
                    "{metric} of {}: other signature ({then} and {now})",
                    second.label
                )),
                Some(_) if wanted && !common.contains(&metric) => common.push(metric),
                _ => {}
            }
        }
    }
    let place = |metric: &&str| metrics::keys().position(|key| key == *metric);
    common.sort_by_key(|metric| place(metric).unwrap_or(usize::MAX));
    common
}
