//! What models are written in.

use super::layout::{Linear, Norm, Slot};
use super::ops::{Attention, Cols, Dropout, Gelu, Kl, Noise, PatchEmbedding, TokenLosses};
use super::spans::Spans;
#[cfg(doc)]
use super::tape::Tape;
use super::tape::Var;

/// The operations of a forward pass, whatever runs them: a [`Tape`] on the CPU, or a device's.
///
/// A model says what it computes in these terms alone. Going backward, and reading values, are
/// matters of whoever built the graph. [`Tape`]'s own methods say what each operation is.
pub trait Graph {
    /// Frees every value but these, unless the way back needs them: [`Tape::retain`].
    fn retain(&mut self, keep: &[Var]);
    /// The values of a matrix, row by row.
    fn value(&self, x: Var) -> Vec<f32>;
    /// A matrix of given values that wants no gradient: [`Tape::constant`].
    fn constant(&mut self, rows: usize, cols: usize, data: &[f32]) -> Var;
    /// x Wᵀ + b: [`Tape::linear`].
    fn linear(&mut self, x: Var, linear: Linear) -> Var;
    /// gelu(x Wᵀ + b): [`Tape::linear_gelu`].
    fn linear_gelu(&mut self, x: Var, linear: Linear, gelu: Gelu) -> Var;
    /// residual + dropout(x Wᵀ + b): [`Tape::linear_residual`].
    fn linear_residual(
        &mut self,
        x: Var,
        linear: Linear,
        residual: Var,
        dropout: Option<Dropout>,
    ) -> Var;
    /// That sum, and its norm: [`Tape::linear_residual_norm`].
    fn linear_residual_norm(
        &mut self,
        x: Var,
        linear: Linear,
        residual: Var,
        norm: Norm,
        dropout: Option<Dropout>,
    ) -> (Var, Var);
    /// Layer norm: [`Tape::norm`].
    fn norm(&mut self, x: Var, norm: Norm) -> Var;
    /// Dropout: [`Tape::dropout`].
    fn dropout(&mut self, x: Var, dropout: Dropout) -> Var;
    /// softmax(q kᵀ / √(head width)) v, head by head: [`Tape::attention`].
    fn attention(&mut self, q: Cols, k: Cols, v: Cols, attention: Attention) -> Var;
    /// Words and positions: [`Tape::embedding`].
    fn embedding(
        &mut self,
        ids: &[u32],
        samples: &Spans,
        words: Slot,
        positions: Slot,
        extra: Option<(Slot, usize)>,
    ) -> Var;
    /// Pictures as tokens: [`Tape::patch_embedding`].
    fn patch_embedding(&mut self, images: &[f32], patches: PatchEmbedding) -> Var;
    /// Losses of tokens, which go backward by themselves: [`Tape::cross_entropy`].
    fn cross_entropy(
        &mut self,
        x: Var,
        head: Linear,
        targets: &[Option<u32>],
        weight: f32,
    ) -> TokenLosses;
    /// The variational bottleneck: [`Tape::gaussian_bottleneck`].
    fn gaussian_bottleneck(
        &mut self,
        mean: Var,
        log_variance: Var,
        noise: Noise<'_>,
        kl_weight: f32,
    ) -> (Var, Kl);
    /// a + b: [`Tape::add`].
    fn add(&mut self, a: Var, b: Var) -> Var;
    /// Some rows: [`Tape::rows`].
    fn rows(&mut self, x: Var, indices: &[usize]) -> Var;
    /// One matrix on top of another: [`Tape::stack`].
    fn stack(&mut self, top: Var, bottom: Var) -> Var;
    /// The first rows, and the others: [`Tape::split`].
    fn split(&mut self, x: Var, rows: usize) -> (Var, Var);
}

/// Implements [`Graph`] by the methods of the same names.
macro_rules! graph_by_methods {
    ($graph:ty) => {
        const _: () = {
            use $crate::nn::layout::{Linear, Norm, Slot};
            use $crate::nn::ops::{
                Attention, Cols, Dropout, Gelu, Kl, Noise, PatchEmbedding, TokenLosses,
            };
            use $crate::nn::spans::Spans;
            use $crate::nn::tape::Var;

            impl $crate::nn::Graph for $graph {
                fn retain(&mut self, keep: &[Var]) {
                    self.retain(keep);
                }

                fn value(&self, x: Var) -> Vec<f32> {
                    self.value(x).to_vec()
                }

                fn constant(&mut self, rows: usize, cols: usize, data: &[f32]) -> Var {
                    self.constant(rows, cols, data)
                }

                fn linear(&mut self, x: Var, linear: Linear) -> Var {
                    self.linear(x, linear)
                }

                fn linear_gelu(&mut self, x: Var, linear: Linear, gelu: Gelu) -> Var {
                    self.linear_gelu(x, linear, gelu)
                }

                fn linear_residual(
                    &mut self,
                    x: Var,
                    linear: Linear,
                    residual: Var,
                    dropout: Option<Dropout>,
                ) -> Var {
                    self.linear_residual(x, linear, residual, dropout)
                }

                fn linear_residual_norm(
                    &mut self,
                    x: Var,
                    linear: Linear,
                    residual: Var,
                    norm: Norm,
                    dropout: Option<Dropout>,
                ) -> (Var, Var) {
                    self.linear_residual_norm(x, linear, residual, norm, dropout)
                }

                fn norm(&mut self, x: Var, norm: Norm) -> Var {
                    self.norm(x, norm)
                }

                fn dropout(&mut self, x: Var, dropout: Dropout) -> Var {
                    self.dropout(x, dropout)
                }

                fn attention(&mut self, q: Cols, k: Cols, v: Cols, attention: Attention) -> Var {
                    self.attention(q, k, v, attention)
                }

                fn embedding(
                    &mut self,
                    ids: &[u32],
                    samples: &Spans,
                    words: Slot,
                    positions: Slot,
                    extra: Option<(Slot, usize)>,
                ) -> Var {
                    self.embedding(ids, samples, words, positions, extra)
                }

                fn patch_embedding(&mut self, images: &[f32], patches: PatchEmbedding) -> Var {
                    self.patch_embedding(images, patches)
                }

                fn cross_entropy(
                    &mut self,
                    x: Var,
                    head: Linear,
                    targets: &[Option<u32>],
                    weight: f32,
                ) -> TokenLosses {
                    self.cross_entropy(x, head, targets, weight)
                }

                fn gaussian_bottleneck(
                    &mut self,
                    mean: Var,
                    log_variance: Var,
                    noise: Noise<'_>,
                    kl_weight: f32,
                ) -> (Var, Kl) {
                    self.gaussian_bottleneck(mean, log_variance, noise, kl_weight)
                }

                fn add(&mut self, a: Var, b: Var) -> Var {
                    self.add(a, b)
                }

                fn rows(&mut self, x: Var, indices: &[usize]) -> Var {
                    self.rows(x, indices)
                }

                fn stack(&mut self, top: Var, bottom: Var) -> Var {
                    self.stack(top, bottom)
                }

                fn split(&mut self, x: Var, rows: usize) -> (Var, Var) {
                    self.split(x, rows)
                }
            }
        };
    };
}
