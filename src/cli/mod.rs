//! The command line: raw flags, then a resolved plan, then the verb.

pub mod args;
pub mod baseline;
pub mod caption;
mod checkpoint;
pub mod compare;
pub mod data;
mod decoding;
pub mod doctor;
pub mod eval;
pub mod gate;
mod interrupt;
mod pictures;
pub mod plan;
mod pretrained;
mod progress;
pub mod report;
pub mod run;
pub mod score;
pub mod speed;
mod timing;

use clap::Parser;

use crate::{Error, Result};
use args::{Cli, Verb};

/// Runs the command line given by `args`, the program's name first.
///
/// # Errors
/// Whatever the verb reports; [`Error::exit_code`] is the process's exit code. Usage errors are printed
/// as clap words them.
pub fn run(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<()> {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            return Ok(());
        }
        Err(error) => {
            let text = error.render().to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            return Err(Error::input(text.trim_end()));
        }
    };
    match cli.verb {
        Verb::Run(args) => run::run(args),
        Verb::Score(args) => score::run(args),
        Verb::Eval(args) => eval::run(args),
        Verb::Caption(args) => caption::run(args),
        Verb::Compare(args) => compare::run(args),
        Verb::Report(args) => report::run(args),
        Verb::Gate(args) => gate::run(args),
        Verb::Baseline(args) => baseline::run(args),
        Verb::Data(args) => data::run(args),
        Verb::Speed(args) => speed::run(args),
        Verb::Doctor(args) => doctor::run(args),
    }
}
