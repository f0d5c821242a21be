//! The recipe's shape: every key, its type and its meaning.

use serde::{Deserialize, Serialize};

use crate::models::{KlReduction, LatentType, TextPass, Variant};
use crate::nn::Precision;

/// A complete recipe. Every key is present after [`super::resolve`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The recipe's name; a run's folder is called after it.
    pub name: String,
    /// The variants to train, in the order of the table's rows.
    pub variants: Vec<Variant>,
    /// One cell of each variant is trained for every seed.
    pub seeds: Vec<u64>,
    /// What is trained on.
    pub data: DataRecipe,
    /// How captions become tokens.
    pub tokenizer: TokenizerRecipe,
    /// Widths and depths.
    pub model: ArchitectureRecipe,
    /// The variational bottleneck (paper §3.2).
    pub latent: LatentRecipe,
    /// The contrastive head (paper §3.3).
    pub contrastive: ContrastiveRecipe,
    /// The weights of the loss's parts (paper §3.4).
    pub loss: LossRecipe,
    /// The optimizer and its schedule.
    pub train: TrainRecipe,
    /// How captions are written.
    pub decode: DecodeRecipe,
    /// How captions are scored.
    pub score: ScoreRecipe,
    /// Axes beyond variants and seeds.
    pub grid: GridRecipe,
}

/// What is trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecipe {
    /// A data specification: `scenes[:N]`, `coco:DIR`, `coco:JSON,IMAGES`, `karpathy:JSON,IMAGES`.
    pub spec: String,
    /// The seed that draws scenes and cuts splits; apart from the training seeds, so that seeds share data.
    pub seed: u64,
    /// Whether splits keep a picture's captions together.
    pub split: SplitRule,
    /// The most of the training split to use: pictures, or pairs where `split` is by pairs; 0 for all.
    pub train: usize,
    /// The most of the validation split to use, counted likewise.
    pub validation: usize,
    /// The most of the test split to use, counted likewise.
    pub test: usize,
}

/// How a data set without splits of its own is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitRule {
    /// By picture: no test picture was seen in training.
    Images,
    /// By picture-caption pair, as the paper's counts suggest; test pictures leak into training.
    Pairs,
}

/// How captions become tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerRecipe {
    /// The most entries that the trained vocabularies may have.
    pub vocab: usize,
    /// Whether captions are lower-cased before they become tokens (and come back so).
    pub lowercase: bool,
    /// The longest caption in tokens, start and end token not counted; longer captions are cut.
    /// A pretrained decoder may have room for more.
    pub max_tokens: usize,
}

/// Widths and depths of encoder and decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchitectureRecipe {
    /// Side of the square input picture in pixels.
    pub image: usize,
    /// Side of a square patch in pixels.
    pub patch: usize,
    /// Hidden width of encoder and decoder.
    pub width: usize,
    /// Encoder layers.
    pub encoder_layers: usize,
    /// Decoder layers (text-encoder layers in the dual encoder).
    pub decoder_layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the feed-forward layers.
    pub mlp: usize,
    /// Dropout probability in training (after embeddings, on attention weights, before residual adds).
    pub dropout: f32,
    /// Pretrained weights of the picture encoder (a ViT): a Hugging Face folder, or a model's id, which is
    /// downloaded unless the cache of Hugging Face's tools has it. Empty: from scratch. All sizes but `image` are then the checkpoint's.
    pub vision_weights: String,
    /// Pretrained weights of the decoder (a GPT-2), likewise, and its vocabulary.
    pub decoder_weights: String,
    /// Pretrained weights of the dual encoder's text tower (a BERT), likewise, and its vocabulary.
    pub text_weights: String,
}

/// The variational bottleneck.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentRecipe {
    /// `cls`: one latent from the class token; `patch`: one for every token.
    #[serde(rename = "type")]
    pub kind: LatentType,
    /// Latent dimensions (the paper's 64, 128 or 768).
    pub size: usize,
    /// Whether the KL divergence is a mean over dimensions and tokens, or a sum.
    pub kl_reduction: KlReduction,
    /// What stands for z at test time.
    pub test: TestLatent,
}

/// What stands for z at test time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestLatent {
    /// The posterior's mean.
    Mean,
    /// A sample of the posterior, drawn from the cell's seed.
    Sample,
}

/// The contrastive head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContrastiveRecipe {
    /// Width of the shared embedding space.
    pub width: usize,
    /// Whether the text side of +CL sees the picture (`fused`) or not (`unimodal`).
    pub text_pass: TextPass,
    /// The temperature that training starts from.
    pub temperature: f32,
    /// Which captions the Dual-Encoder's main row retrieves from.
    pub bank: Bank,
}

/// Which captions a dual encoder retrieves from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bank {
    /// The training captions.
    Train,
    /// The test captions, the gold ones among them: an oracle.
    Test,
}

/// `loss = alpha · LM + beta · KL + gamma · CL`, of the parts that a variant has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossRecipe {
    /// Weight of the language-model loss where there is a bottleneck.
    pub alpha: f32,
    /// Weight of the KL divergence.
    pub beta: f32,
    /// Weight of the contrastive loss in +VAE+CL.
    pub gamma: f32,
    /// The part of all steps over which `beta` grows from 0 to its value; 0 has it whole from the start.
    #[serde(default)]
    pub kl_annealing: f64,
    /// KL divergence in nats that every latent dimension has for free, of its mean over the batch.
    #[serde(default)]
    pub free_bits: f64,
}

/// The optimizer and its schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainRecipe {
    /// Passes over the training pictures.
    pub epochs: usize,
    /// Picture-caption pairs a step.
    pub batch: usize,
    /// What an epoch sees of a picture's captions.
    pub captions: CaptionsPerEpoch,
    /// `adamw` or `adam`.
    pub optimizer: Optimizer,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// The learning rate at the schedule's end.
    pub min_learning_rate: f64,
    /// Steps of linear warm-up before the cosine.
    pub warmup_steps: usize,
    /// Whether cosine annealing moves every step or every epoch.
    pub schedule: ScheduleStep,
    /// Weight decay.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm; 0 switches it off.
    pub clip: f32,
    /// What the products of linear maps are computed in while training; captions are written in f32.
    #[serde(default)]
    pub precision: Precision,
    /// Parts that a batch is cut into, whatever the number of threads; part of the numbers' definition.
    pub shards: usize,
    /// The validation value, smaller is better, that chooses the checkpoint to caption with.
    pub select: String,
    /// Validation pictures looked at each epoch, at most.
    pub validation_pictures: usize,
}

/// What an epoch sees of a picture's captions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptionsPerEpoch {
    /// One, drawn anew each epoch.
    One,
    /// The first, always: a picture is one pair.
    First,
    /// All: an epoch is a pass over picture-caption pairs.
    All,
}

/// The optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Adam with decoupled weight decay.
    Adamw,
    /// Adam; weight decay, if any, is added to the gradient.
    Adam,
}

/// When the cosine schedule moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleStep {
    /// After every optimizer step.
    Step,
    /// After every epoch, as PyTorch's `CosineAnnealingLR` is often used.
    Epoch,
}

/// How captions are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecodeRecipe {
    /// The strategy.
    pub strategy: Strategy,
    /// The most tokens a caption may have.
    pub max_tokens: usize,
    /// Of `beam`: captions that are followed at a time; 1 is greedy.
    pub beams: usize,
    /// Of `beam`: the power of the length that a sum of log-probabilities is divided by.
    pub length_penalty: f64,
    /// Of `sample`: what logits are divided by.
    pub temperature: f64,
    /// Of `sample`: the number of likeliest tokens to draw from; 0 is all of them.
    pub top_k: usize,
    /// Of `sample`: the probability that the tokens to draw from have together; 1 is all of them.
    pub top_p: f64,
}

/// The decoding strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The most probable token at each position.
    Greedy,
    /// Beam search.
    Beam,
    /// Each token drawn from the model's distribution, from the cell's seed.
    Sample,
    /// Each word predicted from the true words before it: no captioning, but what some papers score.
    TeacherForced,
}

/// How captions are scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreRecipe {
    /// The metric suite.
    pub suite: String,
    /// Whether a caption is compared with all of its picture's captions or with the first.
    pub references: References,
}

/// How many references a caption is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum References {
    /// All captions of the picture.
    All,
    /// The first caption of the picture.
    Single,
}

/// Axes beyond variants and seeds; an empty list means the value under `latent` or `train`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridRecipe {
    /// Latent types to try in the variants that have a bottleneck.
    pub latent_types: Vec<LatentType>,
    /// Latent sizes to try in the variants that have a bottleneck.
    pub latent_sizes: Vec<usize>,
    /// Learning rates to train every cell with; the one with the best validation value is the row.
    pub learning_rates: Vec<f64>,
}

impl GridRecipe {
    /// The axes of the paper's Tables 2 and 3, fourteen cells with all four variants.
    pub fn paper() -> Self {
        Self {
            latent_types: vec![LatentType::Cls, LatentType::Patch],
            latent_sizes: vec![64, 128, 768],
            learning_rates: Vec::new(),
        }
    }
}
