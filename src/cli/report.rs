//! `bench report`: makes the report of finished runs again, or of several side by side.

use std::path::PathBuf;

use clap::Args;

use crate::error::Result;
use crate::report::{self, ReportData};

/// The flags of `bench report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  bench report runs/scenes-tiny
  bench report runs/seed1 runs/seed2 -o reports/two-runs")]
pub struct ReportArgs {
    /// Run folders; with several, the tables have a column for the run
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,

    /// Where to write; for a single run, its own `report` folder if not given, otherwise `reports/NAMES`
    #[arg(short, long = "out", value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// Writes the report, prints the results and the page's path.
///
/// # Errors
///
/// `Input` (exit 2) if a folder is no run or broken, `NothingToCompare` (exit 4) if a run has no
/// finished cell, `Failed` (exit 1) if the report cannot be written.
pub fn run(args: ReportArgs) -> Result<()> {
    let data = ReportData::open(&args.runs)?;
    let out = args.output.unwrap_or_else(|| match &args.runs[..] {
        [only] => only.join("report"),
        several => PathBuf::from("reports").join(joined(several)),
    });
    let page = report::write(&data, &out)?;
    print!("{}", report::terminal(&data));
    println!("\nReport: {}", page.display());
    Ok(())
}

/// The folders' own names, joined.
fn joined(runs: &[PathBuf]) -> String {
    let name = |run: &PathBuf| {
        let absolute = run.canonicalize().unwrap_or_else(|_| run.clone());
        absolute
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
    };
    runs.iter().filter_map(name).collect::<Vec<_>>().join("+")
}
