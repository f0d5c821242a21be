//! The verbs and the flags of `bench run`, as they were typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::pretrained::HubArgs;
use crate::models::Variant;

/// Trains, captions, scores, compares and gates image-captioning models.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    version,
    after_help = "Example:\n  bench run --all-variants      train, caption, score and report, on an embedded data set"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Train variants, caption the test pictures, score the captions, write a report
    Run(RunArgs),
    /// Score any system's captions
    Score(super::score::ScoreArgs),
    /// Caption and score a data set with a trained model, without training
    Eval(super::eval::EvalArgs),
    /// Caption pictures with a trained model
    Caption(super::caption::CaptionArgs),
    /// Test the differences between two runs, cells or systems' captions
    Compare(super::compare::CompareArgs),
    /// Write the report of one or more runs again
    Report(super::report::ReportArgs),
    /// Compare a run or a captions file with a baseline; exit 3 on a regression
    Gate(super::gate::GateArgs),
    /// Save, show or accept baselines
    Baseline(super::baseline::BaselineArgs),
    /// Draw, check or prepare data sets
    Data(super::data::DataArgs),
    /// How fast this machine trains and captions
    Speed(super::speed::SpeedArgs),
    /// What this build and this machine can do
    Doctor(super::doctor::DoctorArgs),
}

/// A grid by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Grid {
    /// Latent types cls and patch, sizes 64, 128 and 768, all four variants: the paper's tables.
    Paper,
}

/// Flags of `bench run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    bench run --all-variants\n  \
    bench run --all-variants --data coco:flickr8k --max-minutes 20\n  \
    bench run --recipe coco-small --data coco:coco --grid paper\n  \
    bench run --variant vae-cl --seed 1 2 3 --set latent.size=64 --out runs/latent64\n  \
    bench run --all-variants --out runs/tiny --resume")]
pub struct RunArgs {
    /// Train all four variants
    #[arg(long, conflicts_with = "variant")]
    pub all_variants: bool,
    /// Train these variants: dual-encoder, encoder-decoder, vae, vae-cl
    #[arg(long, num_args = 1.., value_name = "V")]
    pub variant: Vec<Variant>,
    /// A preset's name (tiny, ci, coco-small, paper) or a recipe file
    #[arg(long, default_value = "tiny", value_name = "NAME|FILE")]
    pub recipe: String,
    /// scenes or scenes:N, coco:DIR, coco:CAPTIONS.json,IMAGES_DIR or karpathy:JSON,IMAGES_DIR
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub device: String,
    /// Train every variant once for each of these seeds
    #[arg(long, num_args = 1.., value_name = "N")]
    pub seed: Vec<u64>,
    /// Train every latent type and size of a grid: `paper` has the 14 cells of its tables
    #[arg(long, value_name = "NAME")]
    pub grid: Option<Grid>,
    /// Override recipe keys, such as train.epochs=2
    #[arg(long, num_args = 1.., value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The run's folder [default: runs/NAME-HASH]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with a run that was stopped
    #[arg(long)]
    pub resume: bool,
    /// Share this many minutes among the cells that are left; schedules are shortened to fit
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    pub max_minutes: Option<f64>,
    /// Threads; results do not depend on them [default: one a core]
    #[arg(long, value_name = "T")]
    pub threads: Option<usize>,
    #[command(flatten)]
    pub(super) hub: HubArgs,
}

impl RunArgs {
    /// All of a recipe, on data other than its own if there are any.
    pub(super) fn of(
        recipe: &str,
        data: Option<String>,
        threads: Option<usize>,
        hub: super::pretrained::HubArgs,
    ) -> Self {
        Self {
            all_variants: false,
            variant: Vec::new(),
            recipe: recipe.to_owned(),
            data,
            device: "auto".to_owned(),
            seed: Vec::new(),
            grid: None,
            set: Vec::new(),
            out: None,
            resume: false,
            max_minutes: None,
            threads,
            hub,
        }
    }
}
