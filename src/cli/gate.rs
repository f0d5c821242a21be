//! `bench gate`: fails if scores fell below a baseline.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::{Error, Result};
use crate::gate::baseline::{self, Baseline};
use crate::gate::compare::compare;
use crate::gate::snapshot::Snapshot;
use crate::gate::tolerance::{DEFAULT_POINTS, Tolerances};
use crate::gate::verdict::Outcome;
use crate::gate::{github, junit, text};
use crate::results::atomic;
use crate::results::store::RunDir;

/// Where GitHub wants a step's summary, if it runs there.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Flags of `bench gate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Exit codes: 0 passed, 2 bad input, 3 regression, 4 nothing to compare with, 5 not comparable.

Examples:
  bench gate --baseline ci --run runs/ci
  bench gate --baseline ci --run runs/ci --tolerance 0.2 --metric hf.meteor=1 --junit gate.xml
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
    #[arg(long, value_name = "POINTS", default_value_t = DEFAULT_POINTS, allow_negative_numbers = true)]
    pub tolerance: f64,
    /// Another tolerance for one metric; may be given often
    #[arg(long, value_name = "KEY=POINTS")]
    pub metric: Vec<String>,
    /// Write the verdicts as JSON
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
#[group(required = true, multiple = false)]
pub struct SourceArgs {
    /// The folder of a run
    #[arg(long, value_name = "DIR")]
    pub run: PathBuf,
}

impl SourceArgs {
    /// Reads, and for caption files scores, what is to be judged.
    ///
    /// # Errors
    /// [`Error::Input`] for bad input, [`Error::NothingToCompare`] if there is no score.
    pub(super) fn snapshot(&self, _like: Option<&Baseline>) -> Result<Snapshot> {
        Snapshot::of_run(&RunDir::open(&self.run)?)
    }
}

/// Runs `bench gate`.
///
/// # Errors
/// [`Error::Regression`] if a score fell too far, [`Error::NothingToCompare`] without baseline or scores,
/// [`Error::NotComparable`] if the two were not measured alike, [`Error::Input`] for bad input.
pub fn run(args: GateArgs) -> Result<()> {
    let tolerances = Tolerances::parse(args.tolerance, &args.metric)?;
    let baseline = Baseline::read(&baseline::locate(&args.baseline, &args.baselines)?)?;
    tolerances.check_keys(&baseline.metrics())?;
    let now = args.source.snapshot(Some(&baseline))?;
    let outcome = compare(&baseline, &now, &tolerances);
    print!("{}", text::outcome(&outcome));
    publish(&args, &outcome)?;
    let summary = outcome.summary();
    outcome.into_result()?;
    println!("{summary}");
    Ok(())
}

/// Writes the verdicts to all places that were asked for.
fn publish(args: &GateArgs, outcome: &Outcome) -> Result<()> {
    if let Some(path) = &args.json {
        make_parent(path)?;
        atomic::write_json(path, &outcome.document())?;
    }
    if let Some(path) = &args.junit {
        make_parent(path)?;
        atomic::write_file(path, junit::document(outcome).as_bytes())?;
    }
    if args.github {
        print!("{}", github::annotations(outcome));
        if let Some(path) = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()) {
            append(Path::new(&path), &github::summary(outcome))?;
        }
    }
    Ok(())
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
