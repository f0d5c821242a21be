//! The models that write captions: a vision transformer, a bridge, and GPT-2 that attends to what
//! comes over it. With a bottleneck as the bridge this is the paper's Baseline+VAE, and with the
//! contrastive head as well its Baseline+VAE+CL.

use crate::nn::{Graph, LayoutBuilder, Linear, Noise, TokenLosses, Var};

use super::batch::{Specials, Texts, targets};
use super::blocks::{Dropouts, Wanted, initial_std};
use super::config::{LatentType, ModelConfig, TextPass};
use super::contrastive::{ContrastiveHead, image_embedding, text_embedding};
use super::gpt2::{Gpt2, MemoryVar, Reading};
use super::vae::{Bottleneck, Gaussians};
use super::vit::Vit;
use super::{Forward, Pass};

/// What stands between the picture's states and cross-attention.
#[derive(Debug, Clone)]
pub(super) enum Bridge {
    /// Nothing: both towers are equally wide.
    Direct,
    /// A map to the decoder's width.
    Projection(Linear),
    /// The variational bottleneck, which ends at the decoder's width.
    Bottleneck(Bottleneck),
}

/// Encoder, bridge, decoder, and perhaps the contrastive head.
#[derive(Debug, Clone)]
pub(super) struct Captioner {
    pub vit: Vit,
    pub bridge: Bridge,
    pub gpt2: Gpt2,
    pub head: Option<ContrastiveHead>,
}

/// Pictures after the encoder.
#[derive(Debug)]
pub(super) struct Encoded {
    /// The encoder's states after its final norm, (batch·tokens, encoder width): of all tokens, or of
    /// `[CLS]` alone where the bridge reads no other.
    states: Var,
    /// How many of them a picture has.
    tokens: usize,
    /// What the decoder attends to.
    pub memory: MemoryVar,
    /// The bottleneck's posterior.
    pub posterior: Option<Gaussians>,
}

impl Captioner {
    /// The weights of `config`, which has a decoder.
    pub fn new(builder: &mut LayoutBuilder, config: &ModelConfig) -> Option<Self> {
        let (vit, gpt2) = (config.vit, config.gpt2?);
        Some(Self {
            vit: Vit::new(builder, "vit", vit),
            gpt2: Gpt2::new(builder, "gpt2", gpt2),
            bridge: match config.vae {
                Some(vae) => Bridge::Bottleneck(Bottleneck::new(
                    builder, "latent", vae, vit.width, gpt2.width,
                )),
                None if vit.width == gpt2.width => Bridge::Direct,
                None => Bridge::Projection(builder.linear(
                    "bridge",
                    vit.width,
                    gpt2.width,
                    true,
                    initial_std(vit.width),
                )),
            },
            head: config.contrastive.map(|contrastive| {
                let name = "contrastive";
                ContrastiveHead::new(builder, name, contrastive, vit.width, gpt2.width)
            }),
        })
    }

    /// Encodes normalised pictures, (batch, 3, image, image).
    pub fn encode(
        &self,
        graph: &mut dyn Graph,
        pictures: &[f32],
        noise: Noise,
        kl_weight: f32,
        dropouts: &mut Dropouts,
    ) -> Encoded {
        let (states, tokens) = self.read(graph, pictures, dropouts);
        let (memory, posterior) = match &self.bridge {
            Bridge::Direct => (MemoryVar { states, tokens }, None),
            Bridge::Projection(map) => {
                let states = graph.linear(states, *map);
                (MemoryVar { states, tokens }, None)
            }
            Bridge::Bottleneck(bottleneck) => {
                let (memory, posterior) =
                    bottleneck.forward(graph, states, tokens, noise, kl_weight);
                (memory, Some(posterior))
            }
        };
        Encoded {
            states,
            tokens,
            memory,
            posterior,
        }
    }

    /// The encoder's states that the bridge reads, and how many of them a picture has.
    fn read(
        &self,
        graph: &mut dyn Graph,
        pictures: &[f32],
        dropouts: &mut Dropouts,
    ) -> (Var, usize) {
        let (wanted, tokens) = match &self.bridge {
            Bridge::Bottleneck(b) if b.config.latent == LatentType::Cls => (Wanted::One, 1),
            _ => (Wanted::All, self.vit.config.tokens()),
        };
        let states = self.vit.forward(graph, pictures, wanted, dropouts);
        (states, tokens)
    }

    /// The bottleneck, if there is one.
    pub fn bottleneck(&self) -> Option<&Bottleneck> {
        match &self.bridge {
            Bridge::Bottleneck(bottleneck) => Some(bottleneck),
            _ => None,
        }
    }

    /// The posterior's means and log variances, (batch × latent tokens, size), and its divergence from the prior;
    /// `None` without a bottleneck.
    pub fn posterior(&self, graph: &mut dyn Graph, pictures: &[f32]) -> Option<Gaussians> {
        let bottleneck = self.bottleneck()?;
        let (states, tokens) = self.read(graph, pictures, &mut Dropouts::off());
        let (_, posterior) = bottleneck.draw(graph, states, tokens, Noise::Mean, 0.0);
        Some(posterior)
    }

    /// The loss of every caption token and end token, each predicted from the true tokens before
    /// it; `weight` is the derivative of the total loss by one of them.
    pub fn predict(
        &self,
        graph: &mut dyn Graph,
        memory: MemoryVar,
        captions: &[&[u32]],
        specials: Specials,
        weight: f32,
        dropouts: &mut Dropouts,
    ) -> TokenLosses {
        let texts = Texts::without_end(captions, specials);
        let reading = reading(&texts, Some(memory), Wanted::All);
        let states = self.gpt2.forward(graph, &reading, dropouts);
        self.token_losses(graph, states, &texts, captions, specials, weight)
    }

    /// The embeddings of both sides, (batch, width) each: `[CLS]` of the encoder before the
    /// bridge, and the decoder's state at the end token, read with the picture if `fused`.
    pub fn embed(
        &self,
        graph: &mut dyn Graph,
        encoded: &Encoded,
        captions: &[&[u32]],
        specials: Specials,
        fused: bool,
        dropouts: &mut Dropouts,
    ) -> (Var, Var) {
        let memory = fused.then_some(encoded.memory);
        let text = self.embed_text(graph, memory, captions, specials, dropouts);
        (self.embed_encoded(graph, encoded), text)
    }

    /// The embedding of each encoded picture.
    fn embed_encoded(&self, graph: &mut dyn Graph, encoded: &Encoded) -> Var {
        let Encoded { states, tokens, .. } = *encoded;
        let class = match tokens {
            1 => states,
            _ => graph.rows(
                states,
                &(0..states.rows).step_by(tokens).collect::<Vec<_>>(),
            ),
        };
        image_embedding(graph, self.head.as_ref(), class)
    }

    /// The embedding of each picture, which is all that is asked of it.
    pub fn embed_image(&self, graph: &mut dyn Graph, pictures: &[f32]) -> Var {
        let off = &mut Dropouts::off();
        let class = self.vit.forward(graph, pictures, Wanted::One, off);
        image_embedding(graph, self.head.as_ref(), class)
    }

    /// The embedding of each caption, read with or without a memory.
    pub fn embed_text(
        &self,
        graph: &mut dyn Graph,
        memory: Option<MemoryVar>,
        captions: &[&[u32]],
        specials: Specials,
        dropouts: &mut Dropouts,
    ) -> Var {
        let texts = Texts::with_end(captions, specials);
        let reading = reading(&texts, memory, Wanted::One);
        let ends = self.gpt2.forward(graph, &reading, dropouts);
        text_embedding(graph, self.head.as_ref(), ends)
    }

    /// Whether a caption's embedding has seen the picture.
    pub fn reads_fused(&self) -> bool {
        let text_pass = self.head.as_ref().map(|head| head.config.text_pass);
        text_pass == Some(TextPass::Fused)
    }

    /// Everything training needs of one shard.
    pub fn forward(
        &self,
        graph: &mut dyn Graph,
        pictures: &[f32],
        captions: &[&[u32]],
        specials: Specials,
        pass: Pass,
    ) -> Forward {
        let mut dropouts = Dropouts::new(pass.dropout, pass.first_sample);
        let encoded = self.encode(graph, pictures, pass.noise, pass.kl_weight, &mut dropouts);
        let memory = Some(encoded.memory);
        let (states, texts, ends) = if self.head.is_none() {
            let texts = Texts::without_end(captions, specials);
            let states =
                self.gpt2
                    .forward(graph, &reading(&texts, memory, Wanted::All), &mut dropouts);
            (states, texts, None)
        } else if self.reads_fused() {
            // One reading serves both losses: no token looks ahead to the end token.
            let texts = Texts::with_end(captions, specials);
            let states =
                self.gpt2
                    .forward(graph, &reading(&texts, memory, Wanted::All), &mut dropouts);
            let ends = graph.rows(states, &texts.samples.lasts());
            (states, texts, Some(ends))
        } else {
            let texts = Texts::without_end(captions, specials);
            let whole = Texts::with_end(captions, specials);
            let readings = [
                &reading(&texts, memory, Wanted::All),
                &reading(&whole, None, Wanted::One),
            ];
            let [states, ends] = self.gpt2.forward_both(graph, readings, &mut dropouts);
            (states, texts, Some(ends))
        };
        let lm = self.token_losses(graph, states, &texts, captions, specials, pass.lm_weight);
        let embeddings = ends.map(|ends| {
            let text = text_embedding(graph, self.head.as_ref(), ends);
            (self.embed_encoded(graph, &encoded), text)
        });
        let posterior = encoded.posterior;
        Forward {
            lm: Some(lm),
            posterior: posterior.as_ref().map(|p| (p.mean, p.log_variance)),
            kl: posterior.map(|p| p.kl),
            embeddings,
        }
    }

    fn token_losses(
        &self,
        graph: &mut dyn Graph,
        states: Var,
        texts: &Texts,
        captions: &[&[u32]],
        specials: Specials,
        weight: f32,
    ) -> TokenLosses {
        // Only rows that predict something meet the vocabulary: the largest product of all.
        let predicting = match texts.predicting() {
            Some(rows) => graph.rows(states, &rows),
            None => states,
        };
        let targets = targets(captions, specials);
        graph.cross_entropy(predicting, Linear::tied(self.gpt2.words), &targets, weight)
    }
}

fn reading(texts: &Texts, memory: Option<MemoryVar>, wanted: Wanted) -> Reading<'_> {
    Reading {
        ids: &texts.ids,
        samples: &texts.samples,
        memory,
        wanted,
    }
}
