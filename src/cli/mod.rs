//! The command line.

use clap::{Parser, Subcommand};

use crate::error::{Error, Result};

pub mod baseline;
pub mod gate;
mod progress;
pub mod score;

/// The command line's flags.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Verb {
    Gate(gate::GateArgs),
    Baseline(baseline::BaselineArgs),
    Score(score::ScoreArgs),
}

/// Runs the command line given by `args`, the program's name first.
///
/// # Errors
/// Whatever the verb reports.
pub fn run(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<()> {
    let cli = Cli::try_parse_from(args).map_err(|e| Error::input(e.to_string()))?;
    match cli.verb {
        Verb::Gate(args) => gate::run(args),
        Verb::Baseline(args) => baseline::run(args),
        Verb::Score(args) => score::run(args),
    }
}
