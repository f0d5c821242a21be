//! The contrastive head: both sides' states are projected into one space, whose cosines, over a
//! temperature, are the logits of the contrastive loss (paper, formula 4).
//!
//! The loss itself needs the whole batch and lives in [`crate::nn::contrastive`].

use crate::nn::{Graph, Init, LayoutBuilder, Linear, Slot, Var};

use super::blocks::initial_std;
use super::config::ContrastiveConfig;

/// Two projections without bias, and the learned temperature σ itself (CLIP keeps its logarithm).
#[derive(Debug, Clone, Copy)]
pub(super) struct ContrastiveHead {
    pub config: ContrastiveConfig,
    /// (projection width × image tower's width).
    pub image: Linear,
    /// (projection width × text tower's width).
    pub text: Linear,
    /// One number.
    pub sigma: Slot,
}

impl ContrastiveHead {
    pub fn new(
        builder: &mut LayoutBuilder,
        name: &str,
        config: ContrastiveConfig,
        image_width: usize,
        text_width: usize,
    ) -> Self {
        let mut projection = |part: &str, width: usize| {
            let std = initial_std(width);
            builder.linear(&format!("{name}.{part}"), width, config.width, false, std)
        };
        let image = projection("image", image_width);
        let text = projection("text", text_width);
        let sigma = builder.add(format!("{name}.sigma"), 1, 1, Init::Constant(config.sigma));
        Self {
            config,
            image,
            text,
            sigma,
        }
    }
}

/// The states of the pictures' `[CLS]`, projected where there is a head: (batch, width).
pub(super) fn image_embedding(
    graph: &mut dyn Graph,
    head: Option<&ContrastiveHead>,
    class: Var,
) -> Var {
    head.map_or(class, |head| graph.linear(class, head.image))
}

/// The captions' states, one each, projected where there is a head: (batch, width).
pub(super) fn text_embedding(
    graph: &mut dyn Graph,
    head: Option<&ContrastiveHead>,
    ends: Var,
) -> Var {
    head.map_or(ends, |head| graph.linear(ends, head.text))
}
