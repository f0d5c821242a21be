//! `bench gate`: fails if scores fell below a baseline.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::plan::threads;
use crate::cli::score;
use crate::cli::score::input::Files;
use crate::cli::score::output::{check, is_stdout, json, write};
use crate::error::{Error, Result};
use crate::gate::baseline::{self, Baseline};
use crate::gate::compare::compare;
use crate::gate::rule::{Policy, Rule};
use crate::gate::snapshot::Snapshot;
use crate::gate::tolerance::{DEFAULT_POINTS, Tolerances};
use crate::gate::verdict::Outcome;
use crate::gate::{github, junit, text};
use crate::metrics::{self, Metric};
use crate::results::scores::scores;
use crate::results::store::RunDir;
use crate::stats::paired::LEVEL;

/// Where GitHub wants a step's summary, if it runs there.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Flags of `bench gate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Exit codes: 0 passed, 1 a file could not be written, 2 bad input, 3 regression, 4 nothing to compare with, 5 not
comparable, 6 cells missing.

Examples:
  bench gate --baseline ci --run runs/ci
  bench gate --baseline ci --run runs/ci --max-drop 0.2 --metric hf.meteor=1 --junit gate.xml
  bench gate --baseline mine --hyp captions.json --ref captions_val2014.json --github")]
pub struct GateArgs {
    /// The baseline: a file, or the name of one in the baselines' folder
    #[arg(long, value_name = "FILE|NAME")]
    pub baseline: String,
    /// The folder that baselines live in
    #[arg(long, value_name = "DIR", default_value = "baselines")]
    pub baselines: PathBuf,
    /// What to judge
    #[command(flatten)]
    pub source: SourceArgs,
    /// Points (0 to 100) that a score may fall below its baseline
    #[arg(long, alias = "tolerance", value_name = "POINTS", default_value_t = DEFAULT_POINTS, allow_negative_numbers = true)]
    pub max_drop: f64,
    /// The probability with which tests may find a fall where nothing fell, over all scores together
    #[arg(long, value_name = "LEVEL", default_value_t = LEVEL, allow_negative_numbers = true)]
    pub alpha: f64,
    /// What fails: a fall beyond --max-drop that is sure (both), one beyond --max-drop (tolerance), or a sure one (stat)
    #[arg(long, value_enum, default_value_t)]
    pub rule: Rule,
    /// Fail on a fall beyond --max-drop that the test set cannot confirm, too
    #[arg(long)]
    pub strict: bool,
    /// Another --max-drop for one metric; may be given often
    #[arg(long, value_name = "KEY=POINTS")]
    pub metric: Vec<String>,
    /// Write the verdicts as JSON; `-` prints it in place of the table
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the verdicts as JUnit XML, one test case a score
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Print GitHub annotations, and add a summary to $GITHUB_STEP_SUMMARY if it is set
    #[arg(long)]
    pub github: bool,
}

/// What is judged or saved: a run, or captions with their references.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// The folder of a run
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["hyp", "references"],
        required_unless_present = "hyp"
    )]
    pub run: Option<PathBuf>,
    /// Captions: COCO results JSON, one a line, or as `bench score --help` has it
    #[arg(long, value_name = "H", requires = "references")]
    pub hyp: Option<PathBuf>,
    /// Their references: COCO captions JSON, or in another format of `bench score`; each further file adds to them
    #[arg(long = "ref", value_name = "R", id = "references", requires = "hyp")]
    pub references: Vec<PathBuf>,
}

impl SourceArgs {
    /// Reads what is to be judged; caption files are scored under `metrics`.
    ///
    /// # Errors
    /// [`Error::Input`] for bad input, [`Error::NothingToCompare`] if there is no score.
    pub(super) fn snapshot(&self, metrics: &[&dyn Metric]) -> Result<Snapshot> {
        match (&self.run, &self.hyp) {
            (Some(run), _) => Snapshot::of_run(&RunDir::open(run)?),
            (None, Some(hypotheses)) => self.score(hypotheses, metrics),
            (None, None) => Err(Error::input("give --run, or --hyp and --ref")),
        }
    }

    fn score(&self, hypotheses: &Path, metrics: &[&dyn Metric]) -> Result<Snapshot> {
        let threads = threads(None)?;
        let files = Files::read(hypotheses, &self.references)?;
        let mut cases = score::captions(&files, threads)?;
        // Files of captions have no order; statistics of two are paired by theirs.
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        score::say_unavailable(metrics);
        let evaluation = score::evaluate(metrics, &cases, threads);
        let references: Vec<_> = self
            .references
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        Snapshot::of_cases(
            &cases,
            references.join(" "),
            scores(metrics, &evaluation),
            evaluation.tables,
        )
    }
}

/// The metrics of a baseline. One that this version does not know is left out, so that it is missing in what is
/// scored, and the gate says so.
pub(super) fn metrics_of(baseline: &Baseline) -> Vec<&'static dyn Metric> {
    let keys = baseline.metrics().into_iter();
    keys.filter_map(metrics::metric).collect()
}

/// Runs `bench gate`.
///
/// # Errors
/// [`Error::Regression`] if a score fell, [`Error::NothingToCompare`] without baseline or scores,
/// [`Error::NotComparable`] if the two were not measured alike, [`Error::Incomplete`] if a row is missing,
/// [`Error::Input`] for bad input.
pub fn run(args: GateArgs) -> Result<()> {
    let policy = Policy {
        max_drop: Tolerances::parse(args.max_drop, &args.metric)?,
        alpha: args.alpha,
        rule: args.rule,
        strict: args.strict,
        threads: threads(None)?,
    };
    policy.check(0)?;
    let outputs = args.json.iter().chain(&args.junit);
    outputs
        .filter(|path| !is_stdout(path))
        .try_for_each(|path| {
            make_parent(path)?;
            check(path)
        })?;
    let baseline = Baseline::read(&baseline::locate(&args.baseline, &args.baselines)?)?;
    let rows = baseline.snapshot.rows.iter();
    policy.check(rows.map(|row| row.metrics.len()).sum())?;
    policy.max_drop.check_keys(&baseline.metrics())?;
    let now = args.source.snapshot(&metrics_of(&baseline))?;
    let outcome = compare(&baseline, &now, &policy);
    if !args.json.as_deref().is_some_and(is_stdout) {
        show(&text::outcome(&outcome))?;
    }
    let published = publish(&args, &outcome);
    let summary = outcome.summary();
    if let Err(verdict) = outcome.into_result() {
        // A file that cannot be written must not hide a regression.
        if let Err(error) = published {
            eprintln!("error: {error}");
        }
        return Err(verdict);
    }
    published?;
    match args.json.as_deref().is_some_and(is_stdout) {
        true => Ok(()),
        false => show(&format!("{summary}\n")),
    }
}

/// Writes the verdicts to all places that were asked for.
fn publish(args: &GateArgs, outcome: &Outcome) -> Result<()> {
    if let Some(path) = &args.json {
        json(path, &outcome.document())?;
    }
    if let Some(path) = &args.junit {
        write(path, junit::document(outcome).as_bytes())?;
    }
    if args.github {
        show(&github::annotations(outcome))?;
        if let Some(path) = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()) {
            append(Path::new(&path), &github::summary(outcome))?;
        }
    }
    Ok(())
}

/// Prints to standard output; a reader that has read enough is no failure, and changes no exit code.
pub(super) fn show(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::writing("-".as_ref(), e)),
        _ => Ok(()),
    }
}

fn make_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(|e| Error::writing(folder, e)),
        None => Ok(()),
    }
}

fn append(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| Error::writing(path, e))
}
