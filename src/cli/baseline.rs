//! `bench baseline save | show | accept`: keeps the scores that the gate compares with.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};

use crate::cli::gate::SourceArgs;
use crate::error::{Error, Result};
use crate::gate::baseline::{self, Baseline, MAX_STATISTICS};
use crate::gate::snapshot::Snapshot;
use crate::gate::text;

/// Flags of `bench baseline`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bench baseline save ci --run runs/ci
  bench baseline show ci
  bench baseline accept ci --run runs/ci")]
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
    #[command(after_help = "Example:\n  bench baseline accept ci --run runs/ci")]
    Accept {
        /// Name and folder of the baseline
        #[command(flatten)]
        place: Place,
        /// What to save
        #[command(flatten)]
        source: SourceArgs,
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
            force,
        } => save(&place, &source, force),
        BaselineVerb::Show { place } => {
            print!("{}", text::baseline(&Baseline::read(&place.file()?)?));
            Ok(())
        }
        BaselineVerb::Accept { place, source } => accept(&place, &source),
    }
}

fn save(place: &Place, source: &SourceArgs, force: bool) -> Result<()> {
    let path = place.file()?;
    check_free(&path, force)?;
    write(place, &path, source.snapshot(None)?)
}

fn accept(place: &Place, source: &SourceArgs) -> Result<()> {
    let path = place.file()?;
    let old = Baseline::read(&path)?;
    let new = source.snapshot(Some(&old))?;
    print!("{}", text::change(&old.snapshot, &new));
    write(place, &path, new)
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
        Err(error @ Error::Input(_)) => Err(error),
        _ => Ok(()),
    }
}

fn write(place: &Place, path: &Path, snapshot: Snapshot) -> Result<()> {
    if !snapshot.unfinished.is_empty() {
        return Err(Error::Incomplete(format!(
            "a baseline is of whole runs, and these cells are not done: {}",
            snapshot.unfinished.join(", ")
        )));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let baseline = Baseline::new(&place.name, now.as_secs(), snapshot, MAX_STATISTICS);
    baseline.write(path)?;
    let scores = baseline
        .snapshot
        .rows
        .iter()
        .map(|row| row.metrics.len())
        .sum::<usize>();
    println!(
        "saved {scores} scores of {} rows to {}",
        baseline.snapshot.rows.len(),
        path.display()
    );
    for note in &baseline.notes {
        println!("note: {note}");
    }
    Ok(())
}
