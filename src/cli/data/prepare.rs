//! `bench data prepare`: decode a data set's pictures once, so that runs need not.

use std::path::PathBuf;

use clap::Args;

use super::super::plan::{data_options, threads};
use super::super::{interrupt, pictures};
use crate::data::{Example, OpenOptions, PictureCache, Spec, Split, default_cache_dir, open};
use crate::error::{Error, Result};
use crate::recipe;

/// Flags of `bench data prepare`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    bench data prepare coco:flickr8k --size 224\n  \
    bench data prepare karpathy:dataset_coco.json,images --recipe paper\n\n\
    Stopped at any moment, the same command goes on where it was.")]
pub struct PrepareArgs {
    /// coco:DIR, coco:CAPTIONS.json,IMAGES_DIR or karpathy:DATASET.json,IMAGES_DIR
    #[arg(value_name = "SPEC")]
    pub data: String,
    /// Decode the pictures that this recipe uses, at its size: a preset's name or a recipe file
    #[arg(long, value_name = "NAME|FILE")]
    pub recipe: Option<String>,
    /// Override recipe keys, as in the run to come
    #[arg(long, num_args = 1.., value_name = "KEY=VALUE", requires = "recipe")]
    pub set: Vec<String>,
    /// Height and width that the model looks at, in pixels [default: 224, or the recipe's]
    #[arg(long, value_name = "PIXELS", conflicts_with = "recipe")]
    pub size: Option<usize>,
    /// Draws splits that the data lacks and what limits keep [default: 0, or the recipe's data.seed]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Where decoded pictures are kept [default: CAPTION_BENCH_CACHE, or the user's cache folder]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Worker threads [default: all cores]
    #[arg(long, value_name = "T")]
    pub threads: Option<usize>,
}

/// The picture size without a recipe: that of ViT-B/16.
const SIZE: usize = 224;
/// The largest picture size that `prepare` takes, in pixels.
const MAX_SIZE: usize = 4096;

/// Runs the verb.
///
/// # Errors
/// Bad input where pictures are broken, when all others are kept; a failure where the cache cannot
/// be written.
pub fn run(args: &PrepareArgs) -> Result<()> {
    let spec: Spec = args.data.parse()?;
    let (mut options, size) = match &args.recipe {
        Some(name) => {
            let recipe = recipe::resolve(&recipe::Source::parse(name)?, &args.set)?;
            (data_options(&recipe.data), recipe.model.image)
        }
        None => (OpenOptions::default(), args.size.unwrap_or(SIZE)),
    };
    options.seed = args.seed.unwrap_or(options.seed);
    if !(1..=MAX_SIZE).contains(&size) {
        let message = format!("--size {size}: expected 1 to {MAX_SIZE} pixels");
        return Err(Error::input(message));
    }
    if matches!(spec, Spec::Scenes { .. }) {
        println!("{spec}: drawn when it is needed; there is nothing to prepare");
        return Ok(());
    }
    let threads = threads(args.threads)?;
    let folder = args.cache.clone().or_else(default_cache_dir);
    let folder = folder.ok_or_else(|| {
        Error::input("there is no cache folder for this user; name one with --cache DIR")
    })?;
    interrupt::flag();
    let data = open(&spec, &options)?;
    let examples: Vec<&Example> = Split::ALL.iter().flat_map(|&s| data.split(s)).collect();
    let cache = PictureCache::new(&folder, size);
    let filled = pictures::fill(&cache, &examples, threads)?;
    println!(
        "{} pictures decoded, {} were there already; {size} × {size} pixels, {} bytes each",
        filled.decoded,
        filled.present,
        3 * size * size
    );
    println!(
        "{:.1} MB in {}",
        filled.bytes as f64 / 1e6,
        cache.path().display()
    );
    Ok(())
}
