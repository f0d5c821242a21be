//! The decoder: GPT-2 with cross-attention, read with it or (for the contrastive loss) without.

mod forward;

use crate::nn::{
    Attention, Cols, Dropout, Gelu, Graph, Init, LayoutBuilder, Linear, Mask, Norm, Slot, Spans,
    Var,
};

pub(super) use forward::Reading;

use super::blocks::{Mlp, SelfAttention, initial_std, residual_std};
use super::config::Gpt2Config;

/// Attention of the text to the picture's states.
#[derive(Debug, Clone, Copy)]
pub(super) struct CrossAttention {
    /// (width × width), from the text.
    pub query: Linear,
    /// (2·width × width), from the memory: the rows of the keys, then the values'.
    pub key_value: Linear,
    /// (width × width), onto the residual stream.
    pub out: Linear,
    pub heads: usize,
}

/// What cross-attention reads: (batch·tokens, width).
#[derive(Debug, Clone, Copy)]
pub(super) struct MemoryVar {
    pub states: Var,
    pub tokens: usize,
}

impl CrossAttention {
    fn new(
        builder: &mut LayoutBuilder,
        name: &str,
        width: usize,
        heads: usize,
        additions: usize,
    ) -> Self {
        let (inner, outer) = (initial_std(width), residual_std(width, additions));
        Self {
            query: builder.linear(&format!("{name}.query"), width, width, true, inner),
            key_value: builder.linear(&format!("{name}.key_value"), width, 2 * width, true, inner),
            out: builder.linear(&format!("{name}.out"), width, width, true, outer),
            heads,
        }
    }

    fn attend(
        &self,
        graph: &mut dyn Graph,
        x: Var,
        memory: MemoryVar,
        queries: &Spans,
        dropout: Option<Dropout>,
    ) -> Var {
        let query = graph.linear(x, self.query);
        let key_value = graph.linear(memory.states, self.key_value);
        let shape = Attention {
            heads: self.heads,
            queries: queries.clone(),
            keys: Spans::even(queries.samples(), memory.tokens),
            mask: Mask::Full,
            dropout,
        };
        let (key, value) = (Cols::part(key_value, 0, 2), Cols::part(key_value, 1, 2));
        graph.attention(Cols::all(query), key, value, shape)
    }
}

/// One block: norm, causal self-attention, norm, cross-attention, norm, perceptron.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub norm_self: Norm,
    pub attention: SelfAttention,
    pub norm_cross: Norm,
    pub cross: CrossAttention,
    pub norm_mlp: Norm,
    pub mlp: Mlp,
}

/// The decoder's weights in a layout.
#[derive(Debug, Clone)]
pub(super) struct Gpt2 {
    pub config: Gpt2Config,
    /// (vocab × width): the embeddings, and the output layer.
    pub words: Slot,
    /// (positions × width).
    pub positions: Slot,
    pub blocks: Vec<Block>,
    pub norm: Norm,
}

impl Gpt2 {
    pub fn new(builder: &mut LayoutBuilder, name: &str, config: Gpt2Config) -> Self {
        let Gpt2Config {
            width,
            heads,
            norm_eps,
            ..
        } = config;
        let words = builder.add(
            format!("{name}.words"),
            config.vocab,
            width,
            Init::Normal(0.02),
        );
        let positions = builder.add(
            format!("{name}.positions"),
            config.positions,
            width,
            Init::Normal(0.02),
        );
        let additions = 3 * config.layers;
        let blocks = (0..config.layers)
            .map(|i| {
                let name = format!("{name}.{i}");
                Block {
                    norm_self: builder.norm(&format!("{name}.norm_self"), width, norm_eps),
                    attention: SelfAttention::new(
                        builder,
                        &format!("{name}.attention"),
                        width,
                        heads,
                        additions,
                    ),
                    norm_cross: builder.norm(&format!("{name}.norm_cross"), width, norm_eps),
                    cross: CrossAttention::new(
                        builder,
                        &format!("{name}.cross"),
                        width,
                        heads,
                        additions,
                    ),
                    norm_mlp: builder.norm(&format!("{name}.norm_mlp"), width, norm_eps),
                    mlp: Mlp::new(
                        builder,
                        &format!("{name}.mlp"),
                        width,
                        config.mlp,
                        Gelu::Tanh,
                        additions,
                    ),
                }
            })
            .collect();
        let norm = builder.norm(&format!("{name}.norm"), width, norm_eps);
        Self {
            config,
            words,
            positions,
            blocks,
            norm,
        }
    }
}
