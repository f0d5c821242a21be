//! Reading texts: with a memory, without, or both in one pass.

use crate::nn::{Dropout, Graph, Mask, Norm, Spans, Var};

use super::super::blocks::{Dropouts, Wanted};
use super::super::config::Gpt2Config;
use super::{Block, Gpt2, MemoryVar};

/// Texts to be read.
#[derive(Debug, Clone, Copy)]
pub(in crate::models) struct Reading<'r> {
    /// The tokens of all texts.
    pub ids: &'r [u32],
    /// Which of them are a text's.
    pub samples: &'r Spans,
    /// What is read along with them. Without it, every block leaves out cross-attention and its norm, as
    /// CoCa's text decoder does in its lower half: the texts are read without having seen a picture.
    pub memory: Option<MemoryVar>,
    /// The states that are asked for.
    pub wanted: Wanted,
}

impl Gpt2 {
    /// The states after the final norm, (ids, width), or only those of each sample's last token,
    /// (samples, width), which spares most of the last block.
    pub fn forward(
        &self,
        graph: &mut dyn Graph,
        reading: &Reading,
        dropouts: &mut Dropouts,
    ) -> Var {
        let mut masks = Masks::new(self.config, 1, dropouts);
        let mut stream = self.start(graph, reading.ids, reading.samples, &mut masks);
        for place in 0..self.blocks.len() {
            let wanted = match place + 1 == self.blocks.len() {
                true => reading.wanted,
                false => Wanted::All,
            };
            let reading = Reading { wanted, ..*reading };
            stream = self.block(graph, place, stream, &reading, &mut masks);
        }
        stream.normed
    }

    /// The states of two readings, as [`Self::forward`] has them, of which the first alone has a memory.
    ///
    /// The weights are read, and their gradients made, once for both: only cross-attention and the last
    /// block keep the two apart.
    pub fn forward_both(
        &self,
        graph: &mut dyn Graph,
        [multimodal, unimodal]: [&Reading; 2],
        dropouts: &mut Dropouts,
    ) -> [Var; 2] {
        let memory = multimodal.memory.expect("a memory for the first reading");
        assert!(unimodal.memory.is_none(), "no memory for the second");
        let mut masks = Masks::new(self.config, 2, dropouts);
        let rows = multimodal.ids.len();
        let ids = [multimodal.ids, unimodal.ids].concat();
        let samples = multimodal.samples.followed_by(unimodal.samples);
        let mut stream = self.start(graph, &ids, &samples, &mut masks);
        let last = self.blocks.len() - 1;
        for (place, block) in self.blocks[..last].iter().enumerate() {
            let Block {
                attention, cross, ..
            } = block;
            let (normed, dropout) = (stream.normed, masks.next());
            let gathered = attention.attend(graph, normed, &samples, Mask::Causal, dropout);
            let sum = graph.linear_residual(gathered, attention.out, stream.sum, masks.next());
            let (seeing, other) = graph.split(sum, rows);
            let normed = graph.norm(seeing, block.norm_cross);
            let gathered = cross.attend(graph, normed, memory, multimodal.samples, masks.next());
            let seeing = graph.linear_residual(gathered, cross.out, seeing, masks.next());
            let sum = graph.stack(seeing, other);
            let normed = graph.norm(sum, block.norm_mlp);
            stream = self.perceptron(graph, place, Stream { sum, normed }, &mut masks);
        }
        let sums = graph.split(stream.sum, rows);
        let normed = graph.split(stream.normed, rows);
        let ends = [(multimodal, sums.0, normed.0), (unimodal, sums.1, normed.1)];
        ends.map(|(reading, sum, normed)| {
            let stream = Stream { sum, normed };
            self.block(graph, last, stream, reading, &mut masks).normed
        })
    }

    /// What the first block begins with: embeddings, and their norm.
    fn start(
        &self,
        graph: &mut dyn Graph,
        ids: &[u32],
        samples: &Spans,
        masks: &mut Masks,
    ) -> Stream {
        let mut sum = graph.embedding(ids, samples, self.words, self.positions, None);
        if let Some(dropout) = masks.next() {
            sum = graph.dropout(sum, dropout);
        }
        let normed = graph.norm(sum, self.norm_before(0));
        Stream { sum, normed }
    }

    /// What the block at `place` makes of the stream of all tokens: that of those which are wanted.
    fn block(
        &self,
        graph: &mut dyn Graph,
        place: usize,
        Stream { sum, normed }: Stream,
        reading: &Reading,
        masks: &mut Masks,
    ) -> Stream {
        let &Block {
            attention,
            norm_cross,
            cross,
            norm_mlp,
            ..
        } = &self.blocks[place];
        let samples = reading.samples;
        let dropout = masks.next();
        let (gathered, residual, queries) = match reading.wanted {
            Wanted::All => (
                attention.attend(graph, normed, samples, Mask::Causal, dropout),
                sum,
                samples.clone(),
            ),
            Wanted::One => {
                let last = samples.lasts();
                let gathered = attention.attend_at(graph, normed, samples, &last, dropout);
                (gathered, graph.rows(sum, &last), Spans::even(last.len(), 1))
            }
        };
        let norm = reading.memory.map_or(norm_mlp, |_| norm_cross);
        let (mut sum, mut normed) =
            graph.linear_residual_norm(gathered, attention.out, residual, norm, masks.next());
        if let Some(memory) = reading.memory {
            let gathered = cross.attend(graph, normed, memory, &queries, masks.next());
            (sum, normed) =
                graph.linear_residual_norm(gathered, cross.out, sum, norm_mlp, masks.next());
        }
        self.perceptron(graph, place, Stream { sum, normed }, masks)
    }

    /// The second half of the block at `place`, which every token goes through alone.
    fn perceptron(
        &self,
        graph: &mut dyn Graph,
        place: usize,
        stream: Stream,
        masks: &mut Masks,
    ) -> Stream {
        let mlp = &self.blocks[place].mlp;
        let hidden = mlp.hidden(graph, stream.normed);
        let norm = self.norm_before(place + 1);
        let (sum, normed) =
            graph.linear_residual_norm(hidden, mlp.down, stream.sum, norm, masks.next());
        Stream { sum, normed }
    }

    /// The first norm of the block at `place`, or the last of all after the last block.
    fn norm_before(&self, place: usize) -> Norm {
        self.blocks.get(place).map_or(self.norm, |b| b.norm_self)
    }
}

/// The residual stream between two blocks, and its norm, which the next one reads.
#[derive(Debug, Clone, Copy)]
struct Stream {
    sum: Var,
    normed: Var,
}

/// The dropout masks of one pass.
struct Masks<'d> {
    dropouts: &'d mut Dropouts,
    p: f32,
    /// The most rows that a sample has.
    rows: usize,
}

impl<'d> Masks<'d> {
    fn new(config: Gpt2Config, readings: usize, dropouts: &'d mut Dropouts) -> Self {
        Self {
            dropouts,
            p: config.dropout,
            rows: readings * config.positions,
        }
    }

    fn next(&mut self) -> Option<Dropout> {
        self.dropouts.next(self.p, self.rows)
    }
}
