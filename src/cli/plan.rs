//! From raw flags to a plan: everything is resolved and checked, and only the plan travels on.

use std::path::PathBuf;
use std::time::Duration;

use super::args::{Grid, RunArgs};
use super::pretrained::HubArgs;
use crate::data::{Limits, OpenOptions};
use crate::models::Variant;
use crate::nn::Compute;
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
use crate::nn::cuda::Device;
use crate::recipe::{self, Cell, DataRecipe, GridRecipe, Recipe, Source, SplitRule};
use crate::{Error, Result, data};

/// What `bench run` will do.
#[derive(Debug)]
pub struct RunPlan {
    /// The resolved recipe.
    pub recipe: Recipe,
    /// Its trainings.
    pub cells: Vec<Cell>,
    /// The data.
    pub data: data::Spec,
    /// The run's folder.
    pub out: PathBuf,
    /// Whether an existing run may be continued.
    pub resume: bool,
    /// The time for all cells together.
    pub limit: Option<Duration>,
    /// Threads.
    pub threads: usize,
    /// What trains.
    pub compute: Compute,
    /// How pretrained models may be had.
    pub(super) hub: HubArgs,
}

impl RunPlan {
    /// Resolves the flags of `bench run`.
    ///
    /// # Errors
    /// [`Error::Input`] for anything that cannot be meant.
    pub fn resolve(args: RunArgs) -> Result<Self> {
        let compute = compute(&args.device)?;
        let mut sets = args.set;
        if let Some(spec) = &args.data {
            sets.push(format!("data.spec={}", toml::Value::String(spec.clone())));
        }
        let mut recipe = recipe::resolve(&Source::parse(&args.recipe)?, &sets)?;
        if let Some(Grid::Paper) = args.grid {
            recipe.grid = GridRecipe {
                learning_rates: recipe.grid.learning_rates,
                ..GridRecipe::paper()
            };
        }
        if args.all_variants || (args.grid.is_some() && args.variant.is_empty()) {
            recipe.variants = Variant::ALL.to_vec();
        } else if !args.variant.is_empty() {
            recipe.variants = args.variant;
        }
        if !args.seed.is_empty() {
            recipe.seeds = args.seed;
        }
        recipe.validate()?;
        let limit = match args.max_minutes {
            None => None,
            Some(minutes) if minutes.is_finite() && minutes > 0.0 => {
                Some(Duration::from_secs_f64(minutes * 60.0))
            }
            Some(minutes) => {
                let message = format!("--max-minutes {minutes}: expected a number above 0");
                return Err(Error::input(message));
            }
        };
        let hash = recipe::fingerprint(&recipe);
        Ok(Self {
            cells: recipe::cells(&recipe),
            data: recipe.data.spec.parse()?,
            out: args
                .out
                .unwrap_or_else(|| format!("runs/{}-{}", recipe.name, &hash[..8]).into()),
            resume: args.resume,
            limit,
            threads: threads(args.threads)?,
            compute,
            hub: args.hub,
            recipe,
        })
    }
}

/// How a recipe opens its data.
pub fn data_options(recipe: &DataRecipe) -> OpenOptions {
    let some = |limit: usize| (limit > 0).then_some(limit);
    OpenOptions {
        seed: recipe.seed,
        split_rule: match recipe.split {
            SplitRule::Images => data::SplitRule::Images,
            SplitRule::Pairs => data::SplitRule::Pairs,
        },
        limits: Limits {
            train: some(recipe.train),
            validation: some(recipe.validation),
            test: some(recipe.test),
        },
    }
}

/// The number of threads asked for, or one a core.
///
/// # Errors
/// [`Error::Input`] for 0 and for more than 1,024.
pub fn threads(asked: Option<usize>) -> Result<usize> {
    match asked {
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
        Some(n @ 1..=1024) => Ok(n),
        Some(n) => Err(Error::input(format!("--threads {n}: expected 1 to 1024"))),
    }
}

/// What `--device` asks for to train on. `auto` is the first device of a build and machine that have one, and
/// says so if it is not.
///
/// # Errors
/// [`Error::Input`] for a name that is none, and for a device that is not there.
pub fn compute(device: &str) -> Result<Compute> {
    let number = device.strip_prefix("cuda:").and_then(|n| n.parse().ok());
    match (device, number) {
        ("cpu", _) => Ok(Compute::Cpu),
        #[cfg(feature = "cuda-emulator")]
        ("emulated", _) => Ok(Compute::Device(Device::emulated())),
        ("auto", _) => Ok(any_device()),
        (_, Some(number)) => device_of(number),
        _ => Err(Error::input(format!(
            "--device {device}: expected auto, cpu or cuda:N"
        ))),
    }
}

#[cfg(feature = "cuda")]
fn any_device() -> Compute {
    match Device::open(0) {
        Ok(device) => Compute::Device(device),
        Err(error) => {
            eprintln!("{}; going on on the CPU", error.message());
            Compute::Cpu
        }
    }
}

#[cfg(not(feature = "cuda"))]
fn any_device() -> Compute {
    Compute::Cpu
}

#[cfg(feature = "cuda")]
fn device_of(number: u32) -> Result<Compute> {
    Device::open(number)
        .map(Compute::Device)
        .map_err(|error| error.context("--device"))
}

#[cfg(not(feature = "cuda"))]
fn device_of(number: u32) -> Result<Compute> {
    Err(Error::input(format!(
        "--device cuda:{number}: this build has no CUDA; use auto or cpu"
    )))
}
