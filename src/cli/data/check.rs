//! `bench data check`: every fault of a data set, or what it holds.

use clap::Args;

use super::super::plan::{data_options, threads};
use super::super::progress::Progress;
use super::super::run::tokenizer;
use crate::data::{Dataset, Lengths, Spec, check};
use crate::recipe::{self, Recipe};
use crate::{Error, Result};

/// Flags of `bench data check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    bench data check coco:flickr8k\n  \
    bench data check coco:captions.json,photos\n  \
    bench data check karpathy:dataset_coco.json,images --recipe coco-small")]
pub struct CheckArgs {
    /// scenes or scenes:N, coco:DIR, coco:CAPTIONS.json,IMAGES_DIR or karpathy:DATASET.json,IMAGES_DIR
    #[arg(value_name = "SPEC")]
    pub data: String,
    /// Whose vocabulary measures captions in tokens: a preset's name or a recipe file
    #[arg(long, default_value = "tiny", value_name = "NAME|FILE")]
    pub recipe: String,
    /// Worker threads [default: all cores]
    #[arg(long, value_name = "T")]
    pub threads: Option<usize>,
}

/// Runs the verb.
///
/// # Errors
/// Bad input with every fault that was found.
pub fn run(args: &CheckArgs) -> Result<()> {
    let spec: Spec = args.data.parse()?;
    let recipe = recipe::resolve(&recipe::Source::parse(&args.recipe)?, &[])?;
    let mut options = data_options(&recipe.data);
    options.limits = Default::default();
    let threads = threads(args.threads)?;
    let progress = Progress::new("Looking at pictures", 0);
    let report = check(&spec, &options, threads, &|done, total| {
        progress.set_total(total);
        progress.set(done);
    })?;
    progress.finish();
    if let Some(dataset) = &report.dataset {
        report.summary.iter().for_each(|line| println!("{line}"));
        return print_tokens(dataset, &recipe);
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

/// How long training captions are under the recipe's decoder vocabulary, and how many it cuts.
fn print_tokens(dataset: &Dataset, recipe: &Recipe) -> Result<()> {
    let tokenizer = tokenizer(recipe, true, dataset)?;
    let captions = dataset.training_captions();
    let tokens = Lengths::new(captions.map(|caption| tokenizer.encode(caption).len()));
    let limit = recipe.tokenizer.max_tokens;
    let (cut, count) = (tokens.longer_than(limit), tokens.count());
    println!("tokens       {tokens}");
    println!(
        "             {cut} of {count} training captions ({:.1} %) are longer than \
         tokenizer.max_tokens = {limit} (recipe {}, {} tokens in the vocabulary)",
        100.0 * cut as f64 / count.max(1) as f64,
        recipe.name,
        tokenizer.vocab_size()
    );
    Ok(())
}
