//! Embeddings of tokens and of their positions.

use crate::nn::kernels::elementwise;
use crate::nn::layout::Slot;
use crate::nn::tape::{Tape, Var};

impl Tape<'_> {
    /// words\[id\] + positions\[i mod tokens\] (+ one row of a further table): (ids, width).
    ///
    /// `ids` are samples of `tokens` ids each, one sample after the other. `extra` is a table
    /// and the row of it that is added everywhere, as BERT's token type 0.
    pub fn embedding(
        &mut self,
        ids: &[u32],
        tokens: usize,
        words: Slot,
        positions: Slot,
        extra: Option<(Slot, usize)>,
    ) -> Var {
        let width = words.cols;
        assert!(
            tokens > 0 && ids.len().is_multiple_of(tokens),
            "whole samples of {tokens} tokens"
        );
        assert!(
            tokens <= positions.rows,
            "{tokens} tokens, but {} positions",
            positions.rows
        );
        assert!(
            extra.is_none_or(|(table, row)| row < table.rows),
            "a row of the further table"
        );
        let mark = self.mark();
        let mut out = self.pool.take(ids.len() * width);
        for (i, (out, &id)) in out.chunks_exact_mut(width).zip(ids).enumerate() {
            out.copy_from_slice(self.params.slice(row_of(words, id as usize)));
            elementwise::add(out, self.params.slice(row_of(positions, i % tokens)));
            if let Some((table, row)) = extra {
                elementwise::add(out, self.params.slice(row_of(table, row)));
            }
        }
        let out = self.push(ids.len(), width, out);
        let ids = ids.to_vec();
        let mut tables = vec![words, positions];
        tables.extend(extra.map(|(table, _)| table));
        self.record(mark, &tables, move |back| {
            let Some(gradient) = back.take_gradient(out) else {
                return;
            };
            for (i, (gradient, id)) in gradient.chunks_exact(width).zip(ids).enumerate() {
                let mut add = |row: Slot| elementwise::add(back.gradients.slice(row), gradient);
                add(row_of(words, id as usize));
                add(row_of(positions, i % tokens));
                if let Some((table, row)) = extra {
                    add(row_of(table, row));
                }
            }
            back.pool.put(gradient);
        });
        out
    }
}

/// One row of a table.
fn row_of(table: Slot, row: usize) -> Slot {
    assert!(row < table.rows, "row {row} of a table of {}", table.rows);
    table.rows(row..row + 1)
}

#[cfg(test)]
mod tests {
    use crate::nn::layout::{Init, Layout};
    use crate::nn::ops::check::check_gradients;

    #[test]
    fn gradients() {
        let mut builder = Layout::builder();
        let words = builder.add("words", 5, 4, Init::Normal(1.0));
        let positions = builder.add("positions", 4, 4, Init::Normal(1.0));
        let types = builder.add("types", 2, 4, Init::Normal(1.0));
        check_gradients(builder.build(), &[], |tape, _| {
            let a = tape.embedding(&[1, 4, 1, 0, 0, 2], 3, words, positions, Some((types, 1)));
            (
                vec![a, tape.embedding(&[3, 1], 2, words, positions, None)],
                0.0,
            )
        });
    }

    #[test]
    #[should_panic(expected = "row 5 of a table of 5")]
    fn an_id_outside_of_the_vocabulary_panics() {
        let mut builder = Layout::builder();
        let words = builder.add("words", 5, 4, Init::Normal(1.0));
        check_gradients(builder.build(), &[], |tape, _| {
            (vec![tape.embedding(&[5], 1, words, words, None)], 0.0)
        });
    }
}
