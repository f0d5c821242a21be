//! The parameters whose gradient mathematics makes zero.

use std::ops::Range;

use crate::nn::{Linear, Slot};

use super::blocks::SelfAttention;
use super::captioner::{Bridge, Captioner};
use super::config::LatentType;
use super::dual_encoder::DualEncoder;
use super::{Model, Parts};

/// A piece of a parameter that no loss depends on.
///
/// What an optimizer sees there is rounding noise, which Adam turns into full steps; so such
/// pieces wander, and no result changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZeroGradient {
    /// The parameter's name in the layout.
    pub name: String,
    /// The parameter.
    pub slot: Slot,
    /// The piece of it, counted from the parameter's first number.
    pub range: Range<usize>,
    /// Why its gradient is zero.
    pub why: &'static str,
}

const KEY_BIAS: &str = "a key's bias adds the same to all logits of a softmax";
const ONE_KEY: &str = "a softmax over one key is 1 whatever the query and the key";
const UNREAD: &str = "captions have one segment, the first";

impl Model {
    /// Every piece of a parameter whose gradient is zero in theory, for every batch:
    ///
    /// * the bias of attention keys, in every tower;
    /// * with a CLS latent, whose cross-attention has one key: its queries, their norm, and its
    ///   keys;
    /// * BERT's second segment.
    ///
    /// Words and positions that a batch does not hold are not listed.
    pub fn zero_in_theory(&self) -> Vec<ZeroGradient> {
        let mut pieces = Vec::new();
        match &self.parts {
            Parts::Captioner(model) => captioner(model, &mut pieces),
            Parts::DualEncoder(model) => dual_encoder(model, &mut pieces),
        }
        let names = pieces.into_iter().filter_map(|(slot, range, why)| {
            let (name, _) = self.layout.slots().find(|(_, other)| *other == slot)?;
            Some(ZeroGradient {
                name: name.to_owned(),
                slot,
                range,
                why,
            })
        });
        names.collect()
    }
}

type Piece = (Slot, Range<usize>, &'static str);

fn captioner(model: &Captioner, pieces: &mut Vec<Piece>) {
    for block in &model.vit.blocks {
        key_bias_of_three(&block.attention, pieces);
    }
    let one_key =
        matches!(&model.bridge, Bridge::Bottleneck(b) if b.config.latent == LatentType::Cls);
    for block in &model.gpt2.blocks {
        key_bias_of_three(&block.attention, pieces);
        let Linear { w, b } = block.cross.key_value;
        let keys = w.rows / 2;
        pieces.extend(b.map(|slot| (slot, 0..keys, KEY_BIAS)));
        if one_key {
            pieces.push((w, 0..keys * w.cols, ONE_KEY));
            let query = block.cross.query;
            let norm = block.norm_cross;
            for slot in [Some(query.w), query.b, Some(norm.w), Some(norm.b)] {
                pieces.extend(slot.map(|slot| (slot, 0..slot.len(), ONE_KEY)));
            }
        }
    }
}

fn dual_encoder(model: &DualEncoder, pieces: &mut Vec<Piece>) {
    for block in &model.vit.blocks {
        key_bias_of_three(&block.attention, pieces);
    }
    for block in &model.bert.blocks {
        key_bias_of_three(&block.attention, pieces);
    }
    let segments = model.bert.segments;
    pieces.push((segments, segments.cols..segments.len(), UNREAD));
}

fn key_bias_of_three(attention: &SelfAttention, pieces: &mut Vec<Piece>) {
    let third = attention.qkv.w.rows / 3;
    let bias = attention.qkv.b;
    pieces.extend(bias.map(|slot| (slot, third..2 * third, KEY_BIAS)));
}
