//! The dual encoder: a picture's `[CLS]` and a caption's `[CLS]` in one space. It writes no
//! captions; it finds the nearest one in a bank.

use crate::nn::{Graph, LayoutBuilder, Var};

use super::batch::{Specials, Texts};
use super::bert::Bert;
use super::blocks::{Dropouts, Wanted};
use super::config::ModelConfig;
use super::contrastive::{ContrastiveHead, image_embedding, text_embedding};
use super::vit::Vit;
use super::{Forward, Pass};

/// Both towers and the contrastive head.
#[derive(Debug, Clone)]
pub(super) struct DualEncoder {
    pub vit: Vit,
    pub bert: Bert,
    pub head: ContrastiveHead,
}

impl DualEncoder {
    /// The weights of `config`, which has a text tower and a head.
    pub fn new(builder: &mut LayoutBuilder, config: &ModelConfig) -> Option<Self> {
        let (vit, bert, contrastive) = (config.vit, config.bert?, config.contrastive?);
        Some(Self {
            vit: Vit::new(builder, "vit", vit),
            bert: Bert::new(builder, "bert", bert),
            head: ContrastiveHead::new(builder, "contrastive", contrastive, vit.width, bert.width),
        })
    }

    /// The embedding of each normalised picture of (batch, 3, image, image): (batch, width).
    pub fn embed_image(
        &self,
        graph: &mut dyn Graph,
        pictures: &[f32],
        dropouts: &mut Dropouts,
    ) -> Var {
        let class = self.vit.forward(graph, pictures, Wanted::One, dropouts);
        image_embedding(graph, Some(&self.head), class)
    }

    /// The embedding of each caption: (batch, width).
    pub fn embed_text(
        &self,
        graph: &mut dyn Graph,
        captions: &[&[u32]],
        specials: Specials,
        dropouts: &mut Dropouts,
    ) -> Var {
        let Texts { ids, samples, .. } = Texts::with_end(captions, specials);
        let class = self
            .bert
            .forward(graph, &ids, &samples, Wanted::One, dropouts);
        text_embedding(graph, Some(&self.head), class)
    }

    /// Everything training needs of one shard.
    pub fn forward(
        &self,
        graph: &mut dyn Graph,
        pictures: &[f32],
        captions: &[&[u32]],
        specials: Specials,
        pass: Pass,
    ) -> Forward {
        let mut dropouts = Dropouts::new(pass.dropout, pass.first_sample);
        let image = self.embed_image(graph, pictures, &mut dropouts);
        let text = self.embed_text(graph, captions, specials, &mut dropouts);
        Forward {
            lm: None,
            kl: None,
            posterior: None,
            embeddings: Some((image, text)),
        }
    }
}
