//! BERT: a caption becomes one state a token, each having read the whole caption.

use crate::nn::{Gelu, Graph, Init, LayoutBuilder, Mask, Norm, Slot, Spans, Var};

use super::blocks::{Dropouts, Mlp, SelfAttention, Wanted};
use super::config::BertConfig;

/// One block: self-attention, norm, perceptron, norm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub attention: SelfAttention,
    pub norm_attention: Norm,
    pub mlp: Mlp,
    pub norm_mlp: Norm,
}

/// The tower's weights in a layout.
#[derive(Debug, Clone)]
pub(super) struct Bert {
    pub config: BertConfig,
    /// (vocab × width).
    pub words: Slot,
    /// (positions × width).
    pub positions: Slot,
    /// (2 × width): a row for each of BERT's two segments, of which captions have only the first.
    pub segments: Slot,
    pub norm: Norm,
    pub blocks: Vec<Block>,
}

impl Bert {
    pub fn new(builder: &mut LayoutBuilder, name: &str, config: BertConfig) -> Self {
        let BertConfig {
            width, norm_eps, ..
        } = config;
        let mut table = |part: &str, rows: usize| {
            builder.add(format!("{name}.{part}"), rows, width, Init::Normal(0.02))
        };
        let words = table("words", config.vocab);
        let positions = table("positions", config.positions);
        let segments = table("segments", 2);
        let norm = builder.norm(&format!("{name}.norm"), width, norm_eps);
        let blocks = (0..config.layers)
            .map(|i| {
                let name = format!("{name}.{i}");
                // After each sum a norm rescales the stream, so its maps need no smaller start.
                let additions = 1;
                Block {
                    attention: SelfAttention::new(
                        builder,
                        &format!("{name}.attention"),
                        width,
                        config.heads,
                        additions,
                    ),
                    norm_attention: builder.norm(
                        &format!("{name}.norm_attention"),
                        width,
                        norm_eps,
                    ),
                    mlp: Mlp::new(
                        builder,
                        &format!("{name}.mlp"),
                        width,
                        config.mlp,
                        Gelu::Erf,
                        additions,
                    ),
                    norm_mlp: builder.norm(&format!("{name}.norm_mlp"), width, norm_eps),
                }
            })
            .collect();
        Self {
            config,
            words,
            positions,
            segments,
            norm,
            blocks,
        }
    }

    /// The last states, (ids, width), of the `ids` of `samples`, or only those of each sample's first
    /// token, (samples, width), which spares most of the last block.
    pub fn forward(
        &self,
        graph: &mut dyn Graph,
        ids: &[u32],
        samples: &Spans,
        wanted: Wanted,
        dropouts: &mut Dropouts,
    ) -> Var {
        let (p, rows) = (self.config.dropout, self.config.positions);
        let segment = Some((self.segments, 0));
        let embedded = graph.embedding(ids, samples, self.words, self.positions, segment);
        let mut state = graph.norm(embedded, self.norm);
        if let Some(dropout) = dropouts.next(p, rows) {
            state = graph.dropout(state, dropout);
        }
        for (i, block) in self.blocks.iter().enumerate() {
            let attention = &block.attention;
            let dropout = dropouts.next(p, rows);
            let gathered = if i + 1 == self.blocks.len() && wanted == Wanted::One {
                let class = samples.firsts();
                let gathered = attention.attend_at(graph, state, samples, &class, dropout);
                state = graph.rows(state, &class);
                gathered
            } else {
                attention.attend(graph, state, samples, Mask::Full, dropout)
            };
            (_, state) = graph.linear_residual_norm(
                gathered,
                attention.out,
                state,
                block.norm_attention,
                dropouts.next(p, rows),
            );
            let hidden = block.mlp.hidden(graph, state);
            (_, state) = graph.linear_residual_norm(
                hidden,
                block.mlp.down,
                state,
                block.norm_mlp,
                dropouts.next(p, rows),
            );
        }
        state
    }
}
