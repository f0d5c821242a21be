//! Logits and their cross-entropy, without keeping the logits.

use crate::nn::kernels::{cross_entropy as kernel, elementwise, matmul};
use crate::nn::layout::Linear;
use crate::nn::tape::{Tape, Var};

/// What a language model got wrong, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLosses {
    /// −ln p(target) of each row in nats; 0 where there is no target.
    pub rows: Vec<f32>,
    /// The token with the highest logit in each row (the first, if several are equal).
    pub predictions: Vec<u32>,
}

/// Logits held at a time, in floats: enough rows for a fast product, of any vocabulary.
const CHUNK: usize = 1 << 24;

impl TokenLosses {
    /// Sum over all rows in nats.
    pub fn sum(&self) -> f64 {
        self.rows.iter().map(|&loss| f64::from(loss)).sum()
    }
}

impl Tape<'_> {
    /// Cross-entropy of softmax(x Wᵀ + b) against one target a row; `None` is padding.
    ///
    /// `head` is usually [`Linear::tied`] to the embedding table. `weight` is the derivative of
    /// the total loss by one row's: the weight of the term in the loss, over the number of
    /// tokens of the whole batch. In training the logits become their gradient at once, a
    /// chunk of rows at a time; the backward pass adds this loss's gradient by itself.
    pub fn cross_entropy(
        &mut self,
        x: Var,
        head: Linear,
        targets: &[Option<u32>],
        weight: f32,
    ) -> TokenLosses {
        assert_eq!(x.cols, head.inputs(), "an input for every column");
        assert_eq!(targets.len(), x.rows, "a target, or none, for every row");
        let mark = self.mark();
        let (width, vocabulary) = (head.inputs(), head.outputs());
        let mut losses = TokenLosses {
            rows: Vec::with_capacity(x.rows),
            predictions: Vec::with_capacity(x.rows),
        };
        let chunk = (CHUNK / vocabulary).clamp(1, x.rows.max(1));
        let mut logits = self.pool.take(chunk * vocabulary);
        let mut dx = self.is_training().then(|| self.pool.take(x.rows * width));
        let precision = self.precision;
        let (params, values, mut gradients) = self.parts();
        let (x_data, w) = (values.data(x), params.slice(head.w));
        for (i, targets) in targets.chunks(chunk).enumerate() {
            let x_data = &x_data[i * chunk * width..][..targets.len() * width];
            let logits = &mut logits[..targets.len() * vocabulary];
            matmul::forward(precision, x_data, w, logits, width, vocabulary);
            if let Some(b) = head.b {
                elementwise::add_row(logits, params.slice(b));
            }
            for (row, target) in logits.chunks_exact_mut(vocabulary).zip(targets) {
                losses.predictions.push(kernel::argmax(row));
                losses.rows.push(match target {
                    Some(target) if dx.is_some() => {
                        kernel::loss_and_gradient(row, *target as usize, weight)
                    }
                    Some(target) => kernel::loss(row, *target as usize),
                    None => {
                        row.fill(0.0);
                        0.0
                    }
                });
            }
            if let (Some(dx), Some(gradients)) = (&mut dx, &mut gradients) {
                let dx = &mut dx[i * chunk * width..][..targets.len() * width];
                matmul::input_gradient(precision, logits, w, dx, width, vocabulary, false);
                let (dw, adds) = gradients.slice_or_vacant(head.w);
                matmul::weight_gradient(precision, logits, x_data, dw, width, vocabulary, adds);
                if let Some(b) = head.b {
                    elementwise::add_column_sums(logits, gradients.slice(b));
                }
            }
        }
        self.pool.put(logits);
        if let Some(dx) = dx {
            let dx = self.save(dx);
            self.record(mark, &head.slots(), move |back| {
                let dx = back.values.take_data(dx);
                back.pass_gradient(x, dx);
            });
        }
        losses
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::nn::layout::{Init, Layout};
    use crate::nn::ops::check::check_gradients;
    use crate::nn::{Params, Pool};

    #[test]
    fn gradients() {
        let mut builder = Layout::builder();
        let table = builder.add("table", 9, 5, Init::Normal(1.0));
        let head = builder.linear("head", 5, 40, true, 0.5);
        let targets = [Some(0), None, Some(8), Some(3)];
        check_gradients(builder.build(), &[(4, 5)], |tape, x| {
            let tied = tape.cross_entropy(x[0], Linear::tied(table), &targets, 0.7);
            let own = tape.cross_entropy(x[0], head, &targets, 0.3);
            assert_eq!((tied.rows[1], own.rows[1]), (0.0, 0.0));
            (vec![], 0.7 * tied.sum() + 0.3 * own.sum())
        });
    }

    #[test]
    fn losses_and_predictions_are_those_of_the_logits() {
        let mut builder = Layout::builder();
        let table = builder.add("table", 70, 5, Init::Normal(1.0));
        let params = Params::init(Arc::new(builder.build()), 11);
        let mut pool = Pool::new();
        let mut tape = Tape::inference(&params, &mut pool);
        let x: Vec<f32> = (0..30).map(|i| (i as f32 * 0.7).sin()).collect();
        let x = tape.constant(6, 5, &x);
        let head = Linear::tied(table);
        let logits = tape.linear(x, head);
        let losses = tape.cross_entropy(x, head, &[Some(69); 6], 1.0);
        for (i, row) in tape.value(logits).chunks_exact(70).enumerate() {
            let total: f64 = row.iter().map(|&v| f64::from(v).exp()).sum();
            let expected = total.ln() - f64::from(row[69]);
            assert!((f64::from(losses.rows[i]) - expected).abs() < 1e-6);
            let most = row[losses.predictions[i] as usize];
            assert!(row.iter().all(|&v| v <= most));
        }
    }
}
