//! The decoder: GPT-2 with cross-attention, read with it or (for the contrastive loss) without.

use crate::nn::{
    Attention, Cols, Dropout, Gelu, Init, LayoutBuilder, Linear, Mask, Norm, Slot, Spans, Tape, Var,
};

use super::blocks::{Dropouts, Mlp, SelfAttention, Wanted, initial_std, residual_std};
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
        tape: &mut Tape,
        x: Var,
        memory: MemoryVar,
        queries: &Spans,
        dropout: Option<Dropout>,
    ) -> Var {
        let query = tape.linear(x, self.query);
        let key_value = tape.linear(memory.states, self.key_value);
        let shape = Attention {
            heads: self.heads,
            queries: queries.clone(),
            keys: Spans::even(queries.samples(), memory.tokens),
            mask: Mask::Full,
            dropout,
        };
        let (key, value) = (Cols::part(key_value, 0, 2), Cols::part(key_value, 1, 2));
        tape.attention(Cols::all(query), key, value, shape)
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

    /// The states after the final norm, (ids, width), of the `ids` of `samples`, or only those of each
    /// sample's last token, (samples, width), which spares most of the last block.
    ///
    /// Without a `memory`, every block leaves out cross-attention and its norm, as CoCa's text
    /// decoder does in its lower half: the text is then read without having seen the picture.
    pub fn forward(
        &self,
        tape: &mut Tape,
        ids: &[u32],
        samples: &Spans,
        memory: Option<MemoryVar>,
        wanted: Wanted,
        dropouts: &mut Dropouts,
    ) -> Var {
        let (p, rows) = (self.config.dropout, self.config.positions);
        let mut queries = samples.clone();
        let mut stream = tape.embedding(ids, samples, self.words, self.positions, None);
        if let Some(dropout) = dropouts.next(p, rows) {
            stream = tape.dropout(stream, dropout);
        }
        let first_norm = self.blocks.first().map_or(self.norm, |b| b.norm_self);
        let mut normed = tape.norm(stream, first_norm);
        for (i, block) in self.blocks.iter().enumerate() {
            let attention = &block.attention;
            let dropout = dropouts.next(p, rows);
            let gathered = if i + 1 == self.blocks.len() && wanted == Wanted::One {
                let last = samples.lasts();
                let gathered = attention.attend_at(tape, normed, samples, &last, dropout);
                stream = tape.rows(stream, &last);
                queries = Spans::even(last.len(), 1);
                gathered
            } else {
                attention.attend(tape, normed, samples, Mask::Causal, dropout)
            };
            let norm = memory.map_or(block.norm_mlp, |_| block.norm_cross);
            (stream, normed) = tape.linear_residual_norm(
                gathered,
                attention.out,
                stream,
                norm,
                dropouts.next(p, rows),
            );
            if let Some(memory) = memory {
                let cross = &block.cross;
                let dropout = dropouts.next(p, rows);
                let gathered = cross.attend(tape, normed, memory, &queries, dropout);
                (stream, normed) = tape.linear_residual_norm(
                    gathered,
                    cross.out,
                    stream,
                    block.norm_mlp,
                    dropouts.next(p, rows),
                );
            }
            let hidden = block.mlp.hidden(tape, normed);
            let next_norm = self.blocks.get(i + 1).map_or(self.norm, |b| b.norm_self);
            (stream, normed) = tape.linear_residual_norm(
                hidden,
                block.mlp.down,
                stream,
                next_norm,
                dropouts.next(p, rows),
            );
        }
        normed
    }
}
