//! `bench speed`: how fast this machine trains and captions.
//!
//! The step that is timed is the whole one: forward, backward, reduction and
//! AdamW, on random pictures and fixed tokens. `tiny` and `base` are the sizes
//! that `benches/peers/speed.py` times PyTorch on side by side.

use clap::{Args, ValueEnum};
use serde::Serialize;

#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
mod on_device;

use super::plan::{compute, threads};
use super::pretrained::HubArgs;
use super::timing::Bench;
use crate::models::{
    ContrastiveConfig, Gpt2Config, KlReduction, LatentType, Model, ModelConfig, TextPass,
    VaeConfig, Variant, VitConfig,
};
use crate::nn::kernels::meter;
use crate::nn::{Compute, Precision, Workers};
use crate::{Error, Result};

/// Flags of `bench speed`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    bench speed --preset tiny --threads 2 --steps 40 --json\n  \
    bench speed --preset base --variant vae-cl --dropout 0.1 --clip 1\n  \
    bench speed --recipe coco-small --data coco:coco      how long that recipe takes here")]
pub struct SpeedArgs {
    /// The model's size
    #[arg(long, value_enum, default_value_t = Preset::Tiny)]
    pub preset: Preset,
    /// What is trained: encoder-decoder, vae or vae-cl
    #[arg(long, default_value = "encoder-decoder", value_name = "V")]
    pub variant: Variant,
    /// Dropout in the timed step
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub dropout: f32,
    /// Scale gradients down to this norm in the timed step; 0 leaves them
    #[arg(long, default_value_t = 0.0, value_name = "NORM")]
    pub clip: f32,
    /// What linear maps are multiplied in, in the timed step: f32 or bf16
    #[arg(long, default_value_t, value_name = "P")]
    pub precision: Precision,
    /// Threads [default: one a core]
    #[arg(long, value_name = "T")]
    pub threads: Option<usize>,
    /// Training steps to time
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub steps: usize,
    /// Tell instead how long a run of this recipe takes on this machine
    #[arg(long, value_name = "NAME|FILE")]
    pub recipe: Option<String>,
    /// Its data, if not the recipe's own
    #[arg(long, value_name = "SPEC", requires = "recipe")]
    pub data: Option<String>,
    /// Pictures in a batch [default: the preset's]
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// cpu, cuda:N or auto
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    pub device: String,
    #[command(flatten)]
    pub(super) hub: HubArgs,
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
    /// Pictures that are captioned.
    captions: usize,
    /// Words of each.
    caption_words: usize,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    preset: String,
    variant: Variant,
    precision: Precision,
    /// Whether this processor multiplies in that precision itself.
    native: bool,
    threads: usize,
    parameters: usize,
    batch: usize,
    steps: usize,
    step_ms_median: f64,
    /// The fastest and the slowest step.
    step_ms_range: [f64; 2],
    /// Processor time a step, of all threads together.
    cpu_ms: Option<f64>,
    images_per_s: f64,
    /// Of the processor time, the part that goes into the products of linear maps.
    products_share: Option<f64>,
    /// Operations of those products a second, while they run, on one thread.
    products_gflops: f64,
    /// What one thread reaches on products that fit the caches.
    peak_gflops: f64,
    /// Operations of those products over what all threads could do in the whole step.
    utilisation: f64,
    captions_per_s: f64,
    /// Of training, before anything is captioned.
    peak_memory_mb: Option<f64>,
    loss_first: f64,
    loss_last: f64,
}

/// Runs the verb.
///
/// # Errors
/// [`Error::Input`] for nonsense flags.
pub fn run(args: SpeedArgs) -> Result<()> {
    let compute = compute(&args.device)?;
    if let Some(recipe) = args.recipe {
        let seconds = super::run::estimated(&recipe, args.data, args.threads, args.hub)?;
        match args.json {
            true => println!(
                "{}",
                serde_json::json!({"recipe": recipe, "seconds": seconds})
            ),
            false => println!(
                "{recipe}: about {:.1} minutes on this machine",
                seconds / 60.0
            ),
        }
        return Ok(());
    }
    if args.steps == 0 {
        return Err(Error::input("--steps 0: expected at least 1"));
    }
    if !(0.0..1.0).contains(&args.dropout) {
        let message = format!(
            "--dropout {}: expected at least 0 and below 1",
            args.dropout
        );
        return Err(Error::input(message));
    }
    if args.clip.is_nan() || args.clip < 0.0 {
        return Err(Error::input(format!(
            "--clip {}: expected a number not below 0",
            args.clip
        )));
    }
    if !args.variant.generates() {
        return Err(Error::input(
            "--variant dual-encoder: expected a variant that writes captions",
        ));
    }
    if args.batch == Some(0) {
        return Err(Error::input("--batch 0: expected at least 1"));
    }
    match compute {
        Compute::Cpu => on_cpu(&args),
        #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
        Compute::Device(device) => on_device::run(&args, &Work::of(&args), &device),
    }
}

fn on_cpu(args: &SpeedArgs) -> Result<()> {
    let workers = Workers::new(threads(args.threads)?)?;
    let measured = measure(args, &Work::of(args), &workers)?;
    if args.json {
        let text = serde_json::to_string_pretty(&measured)
            .map_err(|e| Error::failed(format!("cannot write JSON: {e}")))?;
        println!("{text}");
        return Ok(());
    }
    measured.print();
    Ok(())
}

impl Measured {
    fn print(&self) {
        let cpu = self
            .cpu_ms
            .map_or(String::new(), |cpu| format!(", {cpu:.1} ms of CPU"));
        let share = self.products_share.map_or(String::new(), |share| {
            format!("{:.0} % of the CPU time, ", 100.0 * share)
        });
        let [fastest, slowest] = self.step_ms_range;
        println!(
            "{} {}: {:.1} M parameters, batch {}, {} threads, {}{}",
            self.preset,
            self.variant,
            self.parameters as f64 / 1e6,
            self.batch,
            self.threads,
            self.precision,
            if self.native { "" } else { " emulated" }
        );
        println!(
            "training step    {:.1} ms (median of {}; {fastest:.1} to {slowest:.1} ms{cpu}), {:.0} pictures a second",
            self.step_ms_median, self.steps, self.images_per_s
        );
        println!(
            "matrix products  {share}{:.0} of {:.0} GFLOP/s a thread; {:.0} % of what {} threads could do",
            self.products_gflops,
            self.peak_gflops,
            100.0 * self.utilisation,
            self.threads
        );
        println!(
            "captioning       {:.1} captions a second",
            self.captions_per_s
        );
        if let Some(memory) = self.peak_memory_mb {
            println!("peak memory      {memory:.0} MB of training");
        }
    }
}

impl Work {
    fn of(args: &SpeedArgs) -> Self {
        let preset = args.preset;
        let (image, patch, width, layers, heads, vocab, tokens, batch, shards) = match preset {
            Preset::Tiny => (64, 8, 128, 3, 4, 500, 20, 48, 4),
            Preset::Base => (224, 16, 768, 12, 12, 50257, 24, 2, 2),
        };
        let captions = match preset {
            Preset::Tiny => 256,
            Preset::Base => 16,
        };
        let config = ModelConfig {
            variant: args.variant,
            vit: VitConfig {
                image,
                patch,
                width,
                layers,
                heads,
                mlp: 4 * width,
                norm_eps: 1e-12,
                dropout: args.dropout,
            },
            gpt2: Some(Gpt2Config {
                vocab,
                positions: tokens + 1,
                width,
                layers,
                heads,
                mlp: 4 * width,
                norm_eps: 1e-5,
                dropout: args.dropout,
            }),
            bert: None,
            vae: args.variant.has_bottleneck().then_some(VaeConfig {
                latent: LatentType::Patch,
                size: 128,
                kl_reduction: KlReduction::Mean,
            }),
            contrastive: args.variant.is_contrastive().then_some(ContrastiveConfig {
                width,
                text_pass: TextPass::Unimodal,
                sigma: 0.07,
            }),
        };
        Self {
            config,
            batch: args.batch.unwrap_or(batch),
            tokens,
            shards,
            captions,
            caption_words: 19,
        }
    }

    /// The captions that are learnt: tokens − 1 words each, after which the decoder has read and predicted
    /// `tokens` positions.
    fn texts(&self) -> Vec<Vec<u32>> {
        let (words, vocab) = (self.tokens - 1, self.config.vocab());
        let word = |i: usize| ((i * 7919 + 13) % (vocab - 1)) as u32;
        (0..self.batch)
            .map(|caption| (0..words).map(|i| word(caption * words + i)).collect())
            .collect()
    }
}

fn measure(args: &SpeedArgs, work: &Work, workers: &Workers) -> Result<Measured> {
    const WARM_UP: usize = 3;
    let peak = meter::peak(args.precision);
    let model = Model::new(work.config)?;
    let mut bench = Bench::new(&model, workers, work.texts(), work.shards);
    bench.training(args.dropout > 0.0, args.clip, args.precision);
    let mut losses = Vec::new();
    for _ in 0..WARM_UP {
        losses.push(bench.step()?.1);
    }
    let before = cpu_seconds();
    let (steps, products) = meter::products(|| {
        let steps = (0..args.steps).map(|_| bench.step());
        steps.collect::<Result<Vec<(f64, f64)>>>()
    });
    let cpu = before.zip(cpu_seconds()).map(|(from, to)| to - from);
    let steps = steps?;
    losses.extend(steps.iter().map(|(_, loss)| loss));
    let mut walls: Vec<f64> = steps.iter().map(|(seconds, _)| seconds * 1e3).collect();
    walls.sort_by(f64::total_cmp);
    let median = walls[walls.len() / 2];

    let memory = peak_memory_mb();
    // Once to warm up: the first pays for the memory.
    bench.caption(work.captions, work.caption_words)?;
    let caption = bench.caption(work.captions, work.caption_words)?;
    let count = args.steps as f64;
    let wall: f64 = walls.iter().sum::<f64>() / 1e3;
    Ok(Measured {
        preset: format!("{:?}", args.preset).to_lowercase(),
        variant: args.variant,
        precision: args.precision,
        native: args.precision.is_native(),
        threads: workers.threads(),
        parameters: model.parameters(),
        batch: work.batch,
        steps: args.steps,
        step_ms_median: median,
        step_ms_range: [walls[0], walls[walls.len() - 1]],
        cpu_ms: cpu.map(|cpu| cpu * 1e3 / count),
        images_per_s: work.batch as f64 / median * 1e3,
        products_share: cpu.map(|cpu| products.seconds / cpu),
        products_gflops: products.operations / products.seconds / 1e9,
        peak_gflops: peak / 1e9,
        utilisation: products.operations / (wall * peak * workers.threads() as f64),
        captions_per_s: 1.0 / caption,
        peak_memory_mb: memory,
        loss_first: losses[0],
        loss_last: losses[losses.len() - 1],
    })
}

/// The most memory that this process has had, where the system tells.
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
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
