//! The vision transformer: a picture becomes one state a patch, and one for the class token.

use crate::nn::{Gelu, Graph, Init, LayoutBuilder, Mask, Norm, PatchEmbedding, Spans, Var};

use super::blocks::{Dropouts, Mlp, SelfAttention, Wanted, initial_std};
use super::config::VitConfig;

/// The spread of the first position embeddings: about that of the patches' own, as with GPT-2's
/// and BERT's 0.02 a norm in front would leave nearly nothing of them beside 192 pixels.
const POSITIONS_STD: f32 = 0.4;

/// One block: norm, self-attention, norm, perceptron.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub norm_before: Norm,
    pub attention: SelfAttention,
    pub norm_after: Norm,
    pub mlp: Mlp,
}

/// The tower's weights in a layout.
#[derive(Debug, Clone)]
pub(super) struct Vit {
    pub config: VitConfig,
    pub embedding: PatchEmbedding,
    pub blocks: Vec<Block>,
    pub norm: Norm,
}

impl Vit {
    pub fn new(builder: &mut LayoutBuilder, name: &str, config: VitConfig) -> Self {
        let VitConfig {
            width,
            patch,
            norm_eps,
            ..
        } = config;
        let inputs = 3 * patch * patch;
        let embedding = PatchEmbedding {
            projection: builder.linear(
                &format!("{name}.patches"),
                inputs,
                width,
                true,
                initial_std(inputs),
            ),
            class_token: builder.add(format!("{name}.class"), 1, width, Init::Normal(0.02)),
            positions: builder.add(
                format!("{name}.positions"),
                config.tokens(),
                width,
                Init::Grid(POSITIONS_STD),
            ),
            image: config.image,
            patch,
        };
        let additions = 2 * config.layers;
        let blocks = (0..config.layers)
            .map(|i| {
                let name = format!("{name}.{i}");
                Block {
                    norm_before: builder.norm(&format!("{name}.norm_before"), width, norm_eps),
                    attention: SelfAttention::new(
                        builder,
                        &format!("{name}.attention"),
                        width,
                        config.heads,
                        additions,
                    ),
                    norm_after: builder.norm(&format!("{name}.norm_after"), width, norm_eps),
                    mlp: Mlp::new(
                        builder,
                        &format!("{name}.mlp"),
                        width,
                        config.mlp,
                        Gelu::Erf,
                        additions,
                    ),
                }
            })
            .collect();
        let norm = builder.norm(&format!("{name}.norm"), width, norm_eps);
        Self {
            config,
            embedding,
            blocks,
            norm,
        }
    }

    /// The states after the final norm of normalised pictures (batch, 3, image, image): those of all
    /// tokens, (batch·tokens, width), of which the first of each picture is `[CLS]`, or of `[CLS]` alone,
    /// (batch, width), which spares most of the last block.
    pub fn forward(
        &self,
        graph: &mut dyn Graph,
        pictures: &[f32],
        wanted: Wanted,
        dropouts: &mut Dropouts,
    ) -> Var {
        let p = self.config.dropout;
        let tokens = self.config.tokens();
        // The graph may have pictures of its own.
        let mut stream = graph.patch_embedding(pictures, self.embedding);
        let samples = Spans::even(stream.rows / tokens, tokens);
        if let Some(dropout) = dropouts.next(p, tokens) {
            stream = graph.dropout(stream, dropout);
        }
        let first_norm = self.blocks.first().map_or(self.norm, |b| b.norm_before);
        let mut normed = graph.norm(stream, first_norm);
        for (i, block) in self.blocks.iter().enumerate() {
            let attention = &block.attention;
            let next = self.blocks.get(i + 1);
            let dropout = dropouts.next(p, tokens);
            let gathered = if next.is_none() && wanted == Wanted::One {
                let class = samples.firsts();
                let gathered = attention.attend_at(graph, normed, &samples, &class, dropout);
                stream = graph.rows(stream, &class);
                gathered
            } else {
                attention.attend(graph, normed, &samples, Mask::Full, dropout)
            };
            (stream, normed) = graph.linear_residual_norm(
                gathered,
                attention.out,
                stream,
                block.norm_after,
                dropouts.next(p, tokens),
            );
            let hidden = block.mlp.hidden(graph, normed);
            let next_norm = next.map_or(self.norm, |b| b.norm_before);
            (stream, normed) = graph.linear_residual_norm(
                hidden,
                block.mlp.down,
                stream,
                next_norm,
                dropouts.next(p, tokens),
            );
            // Of a large picture's states, one block's fill the caches already.
            graph.retain(&[stream, normed]);
        }
        normed
    }
}
