//! `bench data`: draw the embedded set as files, check a data set, decode one ahead of time.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::progress::Progress;
use crate::data::{ImageStore, OpenOptions, Spec, Split, check, default_cache_dir, open, scenes};
use crate::error::{Error, Result};

/// What `bench data` can do.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    bench data scenes --out scenes --count 400\n  \
    bench data check coco:flickr8k\n  \
    bench data prepare coco:flickr8k --size 224")]
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
    Check(CheckArgs),
    /// Decode a data set's pictures once, so that runs need not
    Prepare(PrepareArgs),
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

/// Flags of `bench data check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    bench data check coco:flickr8k\n  \
    bench data check coco:captions.json,photos\n  \
    bench data check karpathy:dataset_coco.json,images")]
pub struct CheckArgs {
    /// scenes or scenes:N, coco:DIR, coco:CAPTIONS.json,IMAGES_DIR or karpathy:DATASET.json,IMAGES_DIR
    #[arg(value_name = "SPEC")]
    pub data: String,
    /// Worker threads [default: all cores]
    #[arg(long, value_name = "T")]
    pub threads: Option<usize>,
}

/// Flags of `bench data prepare`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  bench data prepare coco:flickr8k --size 224")]
pub struct PrepareArgs {
    /// coco:DIR, coco:CAPTIONS.json,IMAGES_DIR or karpathy:DATASET.json,IMAGES_DIR
    #[arg(value_name = "SPEC")]
    pub data: String,
    /// Height and width that the model looks at, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 224)]
    pub size: usize,
    /// Draws splits that the data lacks, as in the run to come
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Where decoded pictures are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Worker threads [default: all cores]
    #[arg(long, value_name = "T")]
    pub threads: Option<usize>,
}

/// The largest picture size that `prepare` takes, in pixels.
const MAX_SIZE: usize = 4096;

/// Runs `bench data`.
///
/// # Errors
///
/// Bad input where a data set is broken, with every fault that was found.
pub fn run(args: DataArgs) -> Result<()> {
    match args.verb {
        DataVerb::Scenes(args) => write_scenes(&args),
        DataVerb::Check(args) => check_data(&args),
        DataVerb::Prepare(args) => prepare(&args),
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

fn check_data(args: &CheckArgs) -> Result<()> {
    let spec: Spec = args.data.parse()?;
    let progress = Progress::new("Looking at pictures", 0);
    let report = check(
        &spec,
        &OpenOptions::default(),
        threads(args.threads)?,
        &|done, total| {
            progress.set_total(total);
            progress.set(done);
        },
    )?;
    progress.finish();
    if report.faults.is_empty() {
        report.summary.iter().for_each(|line| println!("{line}"));
        return Ok(());
    }
    let count = report.faults.len();
    let mut message = format!(
        "data `{spec}` has {count} fault{}",
        if count == 1 { "" } else { "s" }
    );
    for fault in &report.faults {
        message.push_str(&format!("\n  {fault}"));
    }
    Err(Error::input(message))
}

fn prepare(args: &PrepareArgs) -> Result<()> {
    let spec: Spec = args.data.parse()?;
    if !(1..=MAX_SIZE).contains(&args.size) {
        let message = format!("--size {}: expected 1 to {MAX_SIZE} pixels", args.size);
        return Err(Error::input(message));
    }
    if matches!(spec, Spec::Scenes { .. }) {
        println!("{spec}: drawn when it is needed; there is nothing to prepare");
        return Ok(());
    }
    let threads = threads(args.threads)?;
    let cache = args
        .cache
        .clone()
        .or_else(default_cache_dir)
        .ok_or_else(|| {
            Error::input("there is no cache folder for this user; name one with --cache DIR")
        })?;
    let data = open(
        &spec,
        &OpenOptions {
            seed: args.seed,
            ..OpenOptions::default()
        },
    )?;
    for split in Split::ALL {
        let examples = data.split(split);
        let label = format!("Decoding {} pictures", split.name());
        let progress = Progress::new(label, examples.len());
        ImageStore::build(examples, args.size, threads, Some(&cache), &|done, _| {
            progress.set(done)
        })?;
        progress.finish();
        println!(
            "{:<10} {} pictures, {size} × {size} pixels",
            split.name(),
            examples.len(),
            size = args.size
        );
    }
    println!("kept in {}", cache.display());
    Ok(())
}

fn threads(given: Option<usize>) -> Result<usize> {
    match given {
        Some(0) => Err(Error::input("--threads 0: expected at least 1")),
        Some(threads) => Ok(threads),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}
