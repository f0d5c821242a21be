//! `bench caption`: caption pictures with a trained model.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::checkpoint::Checkpoint;
use super::plan::{check_device, threads};
use super::progress::Progress;
use crate::data::{Example, ImageStore, Picture};
use crate::nn::Workers;
use crate::{Error, Result};

/// Flags of `bench caption`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    bench caption --model runs/tiny/cells/vae-cl-1a2b3c4d cat.jpg dog.png --json")]
pub struct CaptionArgs {
    /// A cell, its checkpoint, or a Hugging Face encoder-decoder folder
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// JPEG or PNG files
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// Print JSON: [{"image","caption","tokens"}]
    #[arg(long)]
    pub json: bool,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub device: String,
    /// Threads; results do not depend on them
    #[arg(long, value_name = "T")]
    pub threads: Option<usize>,
}

/// One entry of `--json`.
#[derive(Debug, Serialize)]
struct Captioned<'a> {
    image: &'a str,
    caption: &'a str,
    tokens: &'a [u32],
}

/// Runs the verb.
///
/// # Errors
/// [`Error::Input`] for a broken model or picture.
pub fn run(args: CaptionArgs) -> Result<()> {
    check_device(&args.device)?;
    let examples: Vec<Example> = args
        .images
        .iter()
        .zip(0..)
        .map(|(path, image_id)| Example {
            image_id,
            image: Picture::File(path.clone()),
            captions: Vec::new(),
        })
        .collect();
    let workers = Workers::new(threads(args.threads)?)?;
    let checkpoint = Checkpoint::open(&args.model, &workers)?;
    let size = checkpoint.model.config().vit.image;
    let images = ImageStore::build(&examples, size, workers.threads(), None, &|_, _| ())?;
    let bar = Progress::new("captioning", examples.len());
    let captions = checkpoint.caption(
        examples.len(),
        &|i, out| images.normalized(i, out),
        &workers,
        &|done| bar.advance(done, ""),
    )?;
    bar.finish();
    let names: Vec<String> = args
        .images
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    if !args.json {
        for (name, caption) in names.iter().zip(&captions) {
            println!("{name}\t{}", caption.text);
        }
        return Ok(());
    }
    let rows: Vec<Captioned> = names
        .iter()
        .zip(&captions)
        .map(|(image, caption)| Captioned {
            image,
            caption: &caption.text,
            tokens: &caption.tokens,
        })
        .collect();
    let text = serde_json::to_string_pretty(&rows)
        .map_err(|e| Error::failed(format!("cannot write JSON: {e}")))?;
    println!("{text}");
    Ok(())
}
