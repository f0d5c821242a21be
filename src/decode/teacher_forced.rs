//! Teacher forcing: each word predicted from the true words before it.
//!
//! An upper diagnostic, not a caption: the model is told the truth at every
//! step. It is scored against the one reference it was told.

use crate::Result;
use crate::models::{LatentNoise, Model, TeacherForced, Workspace};
use crate::nn::{Params, Workers};
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
    model: &Model,
    params: &Params,
    split: &SplitData,
    pairs: &[crate::train::Pair],
    workers: &Workers,
) -> Result<Vec<Forced>> {
    let mut workspace = Workspace::new(model, 4);
    let mut all = Vec::with_capacity(pairs.len());
    for chunk in pairs.chunks(48) {
        let rows = split.with_batch(model, chunk, |batch| {
            model.teacher_forced(params, batch, LatentNoise::Mean, workers, &mut workspace)
        })?;
        let end = split.specials().end;
        all.extend(rows.into_iter().map(|row| forced(row, end)));
    }
    Ok(all)
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
