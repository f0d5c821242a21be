//! Teacher forcing: each word predicted from the true words before it.
//!
//! An upper diagnostic, not a caption: the model is told the truth at every
//! step. It is scored against the one reference it was told.

use crate::Result;
use crate::models::{Inference, LatentNoise, TeacherForced};
use crate::train::SplitData;

/// What teacher forcing gives for one picture and one of its captions.
#[derive(Debug, Clone, PartialEq)]
pub struct Forced {
    /// The predicted words; end tokens are left out, wherever they were predicted.
    pub words: Vec<u32>,
    /// The mean loss over the caption's words and its end token, in nats.
    pub lm_loss: f64,
    /// Words and end token.
    pub tokens: usize,
}

/// Runs every picture's caption number `caption` (the last one, where a picture has fewer).
///
/// # Errors
/// Those of the forward pass.
pub fn teacher_forced(
    inference: &mut Inference,
    split: &SplitData,
    pairs: &[crate::train::Pair],
) -> Result<Vec<Forced>> {
    let rows = split.with_batch(inference.model(), pairs, |batch| {
        inference.teacher_forced(batch, LatentNoise::Mean)
    })?;
    let end = split.specials().end;
    Ok(rows.into_iter().map(|row| forced(row, end)).collect())
}

fn forced(row: TeacherForced, end: u32) -> Forced {
    let tokens = row.losses.len();
    let sum: f64 = row.losses.iter().map(|&loss| f64::from(loss)).sum();
    Forced {
        lm_loss: sum / tokens as f64,
        tokens,
        words: row
            .predictions
            .into_iter()
            .filter(|&word| word != end)
            .collect(),
    }
}
