//! `bench speed`: how fast this machine trains and captions.
//!
//! The step that is timed is the whole one: forward, backward, reduction and
//! AdamW, on random pictures and fixed tokens. `tiny` and `base` are the sizes
//! that a PyTorch peer can be timed on side by side.

use std::time::Instant;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::plan::{check_device, threads};
use crate::decode;
use crate::models::{
    Batch, Gpt2Config, LatentNoise, Model, ModelConfig, Objective, Specials, Variant, VitConfig,
    Workspace, loss_and_gradients,
};
use crate::nn::Workers;
use crate::nn::adamw::{self, AdamW, Moments};
use crate::train::Stream;
use crate::{Error, Result, recipe};

/// Flags of `bench speed`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  bench speed --preset tiny --threads 2 --steps 40 --json")]
pub struct SpeedArgs {
    /// The model's size
    #[arg(long, value_enum, default_value_t = Preset::Tiny)]
    pub preset: Preset,
    /// Threads [default: one a core]
    #[arg(long, value_name = "T")]
    pub threads: Option<usize>,
    /// Training steps to time
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub steps: usize,
    /// A recipe whose training time is estimated
    #[arg(long, default_value = "tiny", value_name = "NAME|FILE")]
    pub recipe: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub device: String,
}

/// The model's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// ViT 64×64/8 and decoder, width 128, 3+3 layers, vocabulary 500, 20 tokens, batch 48.
    Tiny,
    /// ViT-B/16 at 224 and GPT2-base with cross-attention, 24 tokens, batch 2.
    Base,
}

/// The work of a preset.
struct Work {
    config: ModelConfig,
    batch: usize,
    tokens: usize,
    shards: usize,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    preset: String,
    threads: usize,
    parameters: usize,
    batch: usize,
    steps: usize,
    step_ms_median: f64,
    step_ms_min: f64,
    cpu_ms: Option<f64>,
    images_per_s: f64,
    caption_ms_per_image: f64,
    loss_first: f64,
    loss_last: f64,
    recipe: String,
    recipe_minutes: f64,
}

/// Runs the verb.
///
/// # Errors
/// [`Error::Input`] for nonsense flags.
pub fn run(args: SpeedArgs) -> Result<()> {
    check_device(&args.device)?;
    if args.steps == 0 {
        return Err(Error::input("--steps 0: expected at least 1"));
    }
    let recipe = recipe::resolve(&recipe::Source::parse(&args.recipe)?, &[])?;
    let workers = Workers::new(threads(args.threads)?)?;
    let work = Work::of(args.preset);
    let measured = measure(&args, &work, &recipe, &workers)?;
    if args.json {
        let text = serde_json::to_string_pretty(&measured)
            .map_err(|e| Error::failed(format!("cannot write JSON: {e}")))?;
        println!("{text}");
        return Ok(());
    }
    let cpu = measured
        .cpu_ms
        .map_or(String::new(), |cpu| format!(", {cpu:.1} ms of CPU"));
    println!(
        "{}: {:.1} M parameters, batch {}, {} threads",
        measured.preset,
        measured.parameters as f64 / 1e6,
        measured.batch,
        measured.threads
    );
    println!(
        "training step  {:.1} ms (median of {}; fastest {:.1} ms{cpu}), {:.0} pictures a second",
        measured.step_ms_median, measured.steps, measured.step_ms_min, measured.images_per_s
    );
    println!(
        "captioning     {:.2} ms a picture",
        measured.caption_ms_per_image
    );
    println!(
        "recipe {}    about {:.1} minutes of training, if its pictures cost what these do",
        measured.recipe, measured.recipe_minutes
    );
    Ok(())
}

impl Work {
    fn of(preset: Preset) -> Self {
        let (image, patch, width, layers, heads, vocab, tokens, batch, shards) = match preset {
            Preset::Tiny => (64, 8, 128, 3, 4, 500, 20, 48, 4),
            Preset::Base => (224, 16, 768, 12, 12, 50257, 24, 2, 2),
        };
        let config = ModelConfig {
            variant: Variant::EncoderDecoder,
            vit: VitConfig {
                image,
                patch,
                width,
                layers,
                heads,
                mlp: 4 * width,
                norm_eps: 1e-12,
                dropout: 0.0,
            },
            gpt2: Some(Gpt2Config {
                vocab,
                positions: tokens + 1,
                width,
                layers,
                heads,
                mlp: 4 * width,
                norm_eps: 1e-5,
                dropout: 0.0,
            }),
            bert: None,
            vae: None,
            contrastive: None,
        };
        Self {
            config,
            batch,
            tokens,
            shards,
        }
    }
}

fn measure(
    args: &SpeedArgs,
    work: &Work,
    recipe: &recipe::Recipe,
    workers: &Workers,
) -> Result<Measured> {
    let model = Model::new(work.config)?;
    let mut params = model.init(0);
    let mut moments = Moments::new(params.values.len());
    let mut workspace = Workspace::new(&model, work.shards);
    let side = work.config.vit.image;
    let mut stream = Stream::new(0, 1, 2);
    let pixels: Vec<f32> = (0..work.batch * 3 * side * side)
        .map(|_| stream.below(256) as f32 / 127.5 - 1.0)
        .collect();
    let vocab = work.config.gpt2.as_ref().map_or(0, |gpt2| gpt2.vocab);
    // A start token, and tokens − 1 words: the decoder reads and predicts `tokens` positions.
    let ids: Vec<u32> = (0..work.batch * (work.tokens - 1))
        .map(|i| ((i * 7919 + 13) % (vocab - 1)) as u32)
        .collect();
    let captions: Vec<&[u32]> = ids.chunks_exact(work.tokens - 1).collect();
    let last = vocab as u32 - 1;
    let specials = Specials {
        start: last,
        end: last,
        pad: last,
    };
    let size = 3 * side * side;
    let pictures =
        |i: usize, out: &mut [f32]| out.copy_from_slice(&pixels[i * size..(i + 1) * size]);
    let batch = Batch {
        pictures: &pictures,
        captions: &captions,
        specials,
    };
    let objective = Objective {
        alpha: 1.0,
        beta: 0.0,
        gamma: 0.0,
        latent: LatentNoise::Mean,
        dropout: None,
    };
    let settings = AdamW {
        lr: 1e-4,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weight_decay: 0.01,
        decoupled: true,
    };

    const WARM_UP: usize = 3;
    let (mut walls, mut losses) = (Vec::new(), Vec::new());
    let mut cpu = None;
    for step in 0..WARM_UP + args.steps {
        if step == WARM_UP {
            cpu = cpu_seconds();
        }
        let started = Instant::now();
        let loss =
            loss_and_gradients(&model, &params, &batch, &objective, workers, &mut workspace)?;
        let mut gradients = workspace.gradients();
        adamw::update(
            &mut params.values,
            &mut gradients,
            &mut moments,
            &settings,
            1.0,
            workers,
        );
        losses.push(loss.loss);
        if step >= WARM_UP {
            walls.push(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    let cpu = cpu.zip(cpu_seconds());
    walls.sort_by(f64::total_cmp);
    let median = walls[walls.len() / 2];

    let captioning = Instant::now();
    let longest = work.tokens - 1;
    let request = decode::Request {
        model: &model,
        params: &params,
        specials,
        count: work.batch,
        pictures: &pictures,
        latent_seed: None,
        max_tokens: longest,
    };
    decode::generate(&request, &decode::Method::Greedy, workers, &|_| ())?;
    let caption_ms = captioning.elapsed().as_secs_f64() * 1e3 / work.batch as f64;
    let images_per_s = work.batch as f64 / median * 1e3;
    let pictures = match recipe.data.spec.parse()? {
        crate::data::Spec::Scenes { pictures } => pictures,
        _ => crate::data::scenes::PICTURES,
    };
    let trained = pictures * recipe.train.epochs * recipe::cells(recipe).len();
    Ok(Measured {
        preset: format!("{:?}", args.preset).to_lowercase(),
        threads: workers.threads(),
        parameters: model.parameters(),
        batch: work.batch,
        steps: args.steps,
        step_ms_median: median,
        step_ms_min: walls[0],
        cpu_ms: cpu.map(|(from, to)| (to - from) * 1e3 / args.steps as f64),
        images_per_s,
        caption_ms_per_image: caption_ms,
        loss_first: losses[0],
        loss_last: losses[losses.len() - 1],
        recipe: recipe.name.clone(),
        recipe_minutes: trained as f64 / images_per_s / 60.0,
    })
}

/// User and system seconds of this process so far, where the system tells.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after = &stat[stat.rfind(')')? + 2..];
    let fields: Vec<&str> = after.split(' ').collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    const TICKS_PER_SECOND: f64 = 100.0;
    Some(ticks / TICKS_PER_SECOND)
}
