//! `bench data`: draw the embedded set as files, check a data set, decode one ahead of time.

mod check;
mod prepare;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::progress::Progress;
use crate::data::{Spec, scenes};
use crate::error::{Error, Result};

/// What `bench data` can do.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    bench data scenes --out scenes --count 400\n  \
    bench data check coco:flickr8k\n  \
    bench data prepare coco:coco --recipe paper")]
pub struct DataArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: DataVerb,
}

/// The verbs of `bench data`.
#[derive(Debug, Subcommand)]
pub enum DataVerb {
    /// Write the embedded set out as files, in COCO's layout
    Scenes(ScenesArgs),
    /// Read a data set whole and name everything that is wrong with it; exit 2 if anything is
    Check(check::CheckArgs),
    /// Decode a data set's pictures once, so that runs need not
    Prepare(prepare::PrepareArgs),
}

/// Flags of `bench data scenes`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    bench data scenes --out scenes --count 400    then: bench run --data coco:scenes")]
pub struct ScenesArgs {
    /// The folder to write; it must be new or empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Training pictures; validation and test have an eighth each
    #[arg(long, value_name = "N", default_value_t = scenes::PICTURES)]
    pub count: usize,
    /// What the pictures are drawn from
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
}

/// Runs `bench data`.
///
/// # Errors
///
/// Bad input where a data set is broken, with every fault that was found.
pub fn run(args: DataArgs) -> Result<()> {
    match args.verb {
        DataVerb::Scenes(args) => write_scenes(&args),
        DataVerb::Check(args) => check::run(&args),
        DataVerb::Prepare(args) => prepare::run(&args),
    }
}

fn write_scenes(args: &ScenesArgs) -> Result<()> {
    let Spec::Scenes { pictures } = format!("scenes:{}", args.count).parse()? else {
        return Err(Error::input(format!(
            "--count {}: expected a number",
            args.count
        )));
    };
    let progress = Progress::new(
        "Drawing pictures",
        scenes::split_sizes(pictures).iter().sum(),
    );
    scenes::write(&args.out, pictures, args.seed, &|done, _| {
        progress.set(done)
    })?;
    progress.finish();
    let [train, validation, test] = scenes::split_sizes(pictures);
    let folder = args.out.display();
    println!("{folder}: {train} training, {validation} validation and {test} test pictures");
    println!("use them with --data coco:{folder}");
    Ok(())
}
