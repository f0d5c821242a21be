//! `bench caption`: caption pictures with a trained model.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::checkpoint::{Caption, Checkpoint};
use super::decoding::DecodingArgs;
use super::plan::{compute, threads};
use super::pretrained::HubArgs;
use super::progress::Progress;
use crate::data::{Example, ImageStore, Picture};
use crate::decode::Method;
use crate::nn::Workers;
use crate::{Error, Result};

/// Flags of `bench caption`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    bench caption --model runs/tiny/cells/vae-cl-1a2b3c4d cat.jpg dog.png --json\n  \
    bench caption --model runs/tiny/cells/vae-cl-1a2b3c4d --beams 4 cat.jpg")]
pub struct CaptionArgs {
    /// A cell, its checkpoint, or a Hugging Face encoder-decoder: a folder, or an id to download
    #[arg(long, value_name = "DIR|ID")]
    pub model: PathBuf,
    /// JPEG or PNG files
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// Print JSON: [{"image","caption","tokens","score"}], with --beams all "hypotheses", best first
    #[arg(long)]
    pub json: bool,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub device: String,
    /// Threads; results do not depend on them
    #[arg(long, value_name = "T")]
    pub threads: Option<usize>,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    decoding: DecodingArgs,
}

/// One entry of `--json`.
#[derive(Debug, Serialize)]
struct Captioned<'a> {
    image: &'a str,
    #[serde(flatten)]
    best: Written<'a>,
    /// Of beam search: all captions, the best one among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hypotheses: Vec<Written<'a>>,
}

/// A caption in `--json`.
#[derive(Debug, Serialize)]
struct Written<'a> {
    caption: &'a str,
    tokens: &'a [u32],
    /// Summed log-probability; of beam search over tokens^length_penalty. A dual encoder has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
}

impl<'a> From<&'a Caption> for Written<'a> {
    fn from(caption: &'a Caption) -> Self {
        Self {
            caption: &caption.text,
            tokens: &caption.tokens,
            score: caption.score,
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// [`Error::Input`] for a broken model or picture.
pub fn run(args: CaptionArgs) -> Result<()> {
    let compute = compute(&args.device)?;
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
    let mut checkpoint = Checkpoint::open(&args.model, args.hub, compute, &workers)?;
    args.decoding.apply(&mut checkpoint)?;
    let size = checkpoint.model.config().vit.image;
    let images = ImageStore::build(&examples, size, workers.threads(), &|_, _| Ok(()))?;
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
            println!("{name}\t{}", caption[0].text);
        }
        return Ok(());
    }
    let rows: Vec<Captioned> = names
        .iter()
        .zip(&captions)
        .map(|(image, captions)| Captioned {
            image,
            best: (&captions[0]).into(),
            hypotheses: match checkpoint.settings.decode {
                Method::Beam(_) => captions.iter().map(Written::from).collect(),
                Method::Greedy | Method::Sample(_) => Vec::new(),
            },
        })
        .collect();
    let text = serde_json::to_string_pretty(&rows)
        .map_err(|e| Error::failed(format!("cannot write JSON: {e}")))?;
    println!("{text}");
    Ok(())
}
