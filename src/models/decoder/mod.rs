//! Writing captions token by token: what a decoder is, on the CPU and on a device.

mod on_cpu;
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
mod on_device;

use std::borrow::Cow;

pub use on_cpu::Decoder;
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
pub use on_device::{DeviceDecoder, PicturesOnTheirWay};

use super::gpt2::Gpt2;
use crate::error::{Error, Result};
pub use crate::nn::Likeliest;

/// Captions on their way, all equally long, a row each.
pub trait NextTokens {
    /// Captions on their way.
    fn rows(&self) -> usize;

    /// Takes every row's next token, the start token first.
    ///
    /// # Panics
    /// If there is not one token a row, if a token is outside the vocabulary, or if there is no room
    /// for another.
    fn step(&mut self, tokens: &[u32]);

    /// The logits of the tokens after those of the last step: (rows, vocabulary).
    fn logits(&mut self) -> Cow<'_, [f32]>;

    /// Each row's `count` likeliest next tokens after the last step.
    fn likeliest(&mut self, count: usize) -> Vec<Likeliest>;

    /// Goes on with these rows alone, in this order; a row may come several times (beams that share a
    /// past) or not at all (captions that have ended).
    ///
    /// # Panics
    /// If there is no such row.
    fn keep(&mut self, rows: &[usize]);
}

/// Refuses captions of more tokens than the decoder has positions.
fn check_positions(gpt2: &Gpt2, max_tokens: usize) -> Result<()> {
    let positions = gpt2.config.positions;
    match max_tokens <= positions {
        true => Ok(()),
        false => Err(Error::input(format!(
            "captions of {max_tokens} tokens are asked for; the model has {positions} positions"
        ))),
    }
}
