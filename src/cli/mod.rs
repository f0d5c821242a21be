//! The command line.

pub mod report;

use crate::error::Result;

/// Runs the command line given by `args`, the program's name first.
pub fn run(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<()> {
    let _ = args;
    Ok(())
}
