//! `bench baseline save | show | accept`: keeps the scores that the gate compares with.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};

use crate::cli::gate::{SourceArgs, metrics_of, show};
use crate::error::{Error, Result};
use crate::gate::baseline::{self, Baseline};
use crate::gate::history::Accepted;
use crate::gate::snapshot::Snapshot;
use crate::gate::text;
use crate::metrics;

/// Flags of `bench baseline`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bench baseline save ci --run runs/ci
  bench baseline show ci
  bench baseline accept ci --run runs/ci --reason \"beam search by default\"")]
pub struct BaselineArgs {
    /// What to do
    #[command(subcommand)]
    pub verb: BaselineVerb,
}

/// What `bench baseline` does.
#[derive(Debug, Clone, Subcommand)]
pub enum BaselineVerb {
    /// Saves scores as a new baseline
    #[command(after_help = "\
Examples:
  bench baseline save ci --run runs/ci
  bench baseline save mine --hyp captions.json --ref captions_val2014.json")]
    Save {
        /// Name and folder of the baseline
        #[command(flatten)]
        place: Place,
        /// What to save
        #[command(flatten)]
        source: SourceArgs,
        /// Metrics of caption files by suite: paper, coco, sacrebleu, all
        #[arg(long, default_value = "paper")]
        suite: String,
        /// Replace a baseline of that name
        #[arg(long)]
        force: bool,
    },
    /// Prints a baseline's scores
    #[command(after_help = "Example:\n  bench baseline show ci")]
    Show {
        /// Name and folder of the baseline
        #[command(flatten)]
        place: Place,
    },
    /// Replaces a baseline after a wanted change, and prints what changes
    #[command(
        after_help = "Example:\n  bench baseline accept ci --run runs/ci --reason \"beam search by default\""
    )]
    Accept {
        /// Name and folder of the baseline
        #[command(flatten)]
        place: Place,
        /// What to save
        #[command(flatten)]
        source: SourceArgs,
        /// Why; the baseline keeps it, with who, when and the old scores
        #[arg(long, value_name = "WHY")]
        reason: Option<String>,
    },
}

/// Which baseline.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The baseline's name
    pub name: String,
    /// The folder that baselines live in
    #[arg(long, value_name = "DIR", default_value = "baselines")]
    pub baselines: PathBuf,
}

impl Place {
    fn file(&self) -> Result<PathBuf> {
        baseline::file(&self.name, &self.baselines)
    }
}

/// Runs `bench baseline`.
///
/// # Errors
/// [`Error::Input`] for bad input and for a name that is taken, [`Error::NothingToCompare`] if the baseline or the
/// scores are not there, [`Error::Incomplete`] if the run has cells that are not done.
pub fn run(args: BaselineArgs) -> Result<()> {
    match args.verb {
        BaselineVerb::Save {
            place,
            source,
            suite,
            force,
        } => save(&place, &source, &suite, force),
        BaselineVerb::Show { place } => show(&text::baseline(&Baseline::read(&place.file()?)?)),
        BaselineVerb::Accept {
            place,
            source,
            reason,
        } => accept(&place, &source, reason),
    }
}

fn save(place: &Place, source: &SourceArgs, suite: &str, force: bool) -> Result<()> {
    let path = place.file()?;
    check_free(&path, force)?;
    write(
        place,
        &path,
        source.snapshot(&metrics::suite(suite)?)?,
        Vec::new(),
    )
}

fn accept(place: &Place, source: &SourceArgs, reason: Option<String>) -> Result<()> {
    let path = place.file()?;
    let old = Baseline::read(&path)?;
    let new = source.snapshot(&metrics_of(&old))?;
    show(&text::change(&old.snapshot, &new))?;
    if reason.is_none() {
        eprintln!("note: no --reason was given; who reads the baseline later will want one");
    }
    let mut history = old.history;
    history.push(Accepted::new(&old.snapshot, unix_now(), user(), reason));
    write(place, &path, new, history)
}

/// Who is at work here: the one that a CI names, or the system's user.
fn user() -> Option<String> {
    ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "USERNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|user| !user.is_empty())
}

fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

/// A baseline is replaced with `--force` only, and a file that is no baseline never.
fn check_free(path: &Path, force: bool) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    match Baseline::read(path) {
        Ok(_) if !force => Err(Error::input(format!(
            "there is already a baseline {}: `bench baseline accept` replaces it and says what changes, --force just \
             replaces it",
            path.display()
        ))),
        Err(error @ Error::Input(_)) if !(force && baseline::is_one(path)) => Err(error),
        _ => Ok(()),
    }
}

fn write(place: &Place, path: &Path, snapshot: Snapshot, history: Vec<Accepted>) -> Result<()> {
    if !snapshot.unfinished.is_empty() {
        return Err(Error::Incomplete(format!(
            "a baseline is of whole runs, and these cells are not done: {}",
            snapshot.unfinished.join(", ")
        )));
    }
    let mut baseline = Baseline {
        history,
        ..Baseline::new(&place.name, unix_now(), snapshot)
    };
    baseline.write(path)?;
    let rows = &baseline.snapshot.rows;
    show(&format!(
        "saved {} scores of {} rows to {}\n",
        rows.iter().map(|row| row.metrics.len()).sum::<usize>(),
        rows.len(),
        path.display()
    ))
}
