//! The parts that every tower is made of: packed self-attention, the two-layer perceptron, and the
//! scheme by which their weights start.

use crate::nn::{Attention, Cols, Dropout, Gelu, Graph, LayoutBuilder, Linear, Mask, Spans, Var};

/// Which of a tower's last states are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Those of all tokens.
    All,
    /// That of the token which stands for its sample: `[CLS]`, or the last token of a text for GPT-2.
    One,
}

/// The spread of a linear map's first weights: 0.02 at width 768, as in GPT-2, BERT and ViT, and
/// in proportion to 1/√width elsewhere, so that a narrow model starts with states of the same size.
pub(super) fn initial_std(width: usize) -> f32 {
    0.02 * (768.0 / width as f32).sqrt()
}

/// The spread for maps whose output is added to the residual stream: smaller by the root of the
/// number of additions, so that the stream's variance does not grow with depth (GPT-2, section 2.3).
pub(super) fn residual_std(width: usize, additions: usize) -> f32 {
    initial_std(width) / (additions as f32).sqrt()
}

/// A source of dropout masks for one shard's forward pass: every use gets a stream of its own.
pub(super) struct Dropouts {
    seed: Option<u64>,
    stream: u64,
    first_sample: usize,
}

impl Dropouts {
    /// Masks drawn from `seed`, or none at all, for a shard that begins with sample
    /// `first_sample` of the batch.
    pub fn new(seed: Option<u64>, first_sample: usize) -> Self {
        Self {
            seed,
            stream: 0,
            first_sample,
        }
    }

    /// No masks, as in evaluation.
    pub fn off() -> Self {
        Self::new(None, 0)
    }

    /// The next mask with probability `p`; `None` where nothing is dropped. `rows` is the most
    /// rows that a sample has here, so that no two shards draw the same.
    pub fn next(&mut self, p: f32, rows: usize) -> Option<Dropout> {
        let seed = self.seed.filter(|_| p > 0.0)?;
        self.stream += 1;
        Some(Dropout {
            p,
            seed,
            stream: self.stream,
            first_row: (self.first_sample * rows) as u64,
        })
    }
}

/// Attention of a sequence to itself: queries, keys and values come out of one product.
#[derive(Debug, Clone, Copy)]
pub(super) struct SelfAttention {
    /// (3·width × width): the rows of the queries, then the keys', then the values'.
    pub qkv: Linear,
    /// (width × width), onto the residual stream.
    pub out: Linear,
    pub heads: usize,
}

impl SelfAttention {
    pub fn new(
        builder: &mut LayoutBuilder,
        name: &str,
        width: usize,
        heads: usize,
        additions: usize,
    ) -> Self {
        let (inner, outer) = (initial_std(width), residual_std(width, additions));
        Self {
            qkv: builder.linear(&format!("{name}.qkv"), width, 3 * width, true, inner),
            out: builder.linear(&format!("{name}.out"), width, width, true, outer),
            heads,
        }
    }

    /// What one token of each sample gathers from all of it, before the output map: (samples, width)
    /// from (tokens, width). `rows` are the places of these tokens among all.
    pub fn attend_at(
        &self,
        graph: &mut dyn Graph,
        x: Var,
        samples: &Spans,
        rows: &[usize],
        dropout: Option<Dropout>,
    ) -> Var {
        let width = self.out.inputs();
        let picked = graph.rows(x, rows);
        let query = graph.linear(picked, self.qkv.part(0..width));
        let key_value = graph.linear(x, self.qkv.part(width..3 * width));
        let shape = Attention {
            heads: self.heads,
            queries: Spans::even(rows.len(), 1),
            keys: samples.clone(),
            mask: Mask::Full,
            dropout,
        };
        let (key, value) = (Cols::part(key_value, 0, 2), Cols::part(key_value, 1, 2));
        graph.attention(Cols::all(query), key, value, shape)
    }

    /// What every token gathers from its sample, before the output map: (tokens, width) from the same.
    pub fn attend(
        &self,
        graph: &mut dyn Graph,
        x: Var,
        samples: &Spans,
        mask: Mask,
        dropout: Option<Dropout>,
    ) -> Var {
        let qkv = graph.linear(x, self.qkv);
        let shape = Attention {
            heads: self.heads,
            queries: samples.clone(),
            keys: samples.clone(),
            mask,
            dropout,
        };
        let [q, k, v] = [0, 1, 2].map(|i| Cols::part(qkv, i, 3));
        graph.attention(q, k, v, shape)
    }
}

/// The perceptron of a block: up, GELU, down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mlp {
    /// (hidden × width), followed by the GELU.
    pub up: Linear,
    /// (width × hidden), onto the residual stream.
    pub down: Linear,
    pub gelu: Gelu,
}

impl Mlp {
    pub fn new(
        builder: &mut LayoutBuilder,
        name: &str,
        width: usize,
        hidden: usize,
        gelu: Gelu,
        additions: usize,
    ) -> Self {
        let (inner, outer) = (initial_std(width), residual_std(width, additions));
        Self {
            up: builder.linear(&format!("{name}.up"), width, hidden, true, inner),
            down: builder.linear(&format!("{name}.down"), hidden, width, true, outer),
            gelu,
        }
    }

    /// The hidden layer after its GELU: (rows, hidden) from (rows, width).
    pub fn hidden(&self, graph: &mut dyn Graph, x: Var) -> Var {
        graph.linear_gelu(x, self.up, self.gelu)
    }
}
