//! How the embeddings of pictures and of their captions lie.

use super::Probes;
use crate::Result;
use crate::models::{Batch, Embeddings, LatentNoise, Model, TextPass, Workspace};
use crate::nn::{Params, Workers};
use crate::probe::gap::Gap;
use crate::probe::retrieval::{CUTOFFS, Retrieval};
use crate::probe::shortcut::Shortcut;
use crate::probe::space::{alignment, cka, uniformity};
use crate::train::SplitData;

/// Some pictures with their first captions, and who embeds them.
pub struct Embedder<'a> {
    pub model: &'a Model,
    pub split: &'a SplitData<'a>,
    pub workers: &'a Workers,
}

impl Embedder<'_> {
    /// How embeddings under these weights lie; gap, alignment, uniformity and retrieval where both sides have one
    /// width.
    pub fn lie(&self, params: &Params, workspace: &mut Workspace) -> Result<Probes> {
        let own = self.model.text_pass();
        let found = self.embed(params, own, 0, workspace)?;
        let (image, text) = (&found.image[..], &found.text[..]);
        let (width, threads) = (found.image_width, self.workers.threads());
        let mut probes = Probes::new();
        let mut put = |name: &str, value: Option<f64>| {
            probes.extend(value.map(|value| (name.to_owned(), value)));
        };
        put("cka", cka(image, text, [width, found.text_width], threads));
        if width != found.text_width {
            return Ok(probes);
        }
        let gap = Gap::measure(image, text, width);
        put("paired_cosine", gap.map(|gap| gap.paired_cosine));
        put("unpaired_cosine", gap.map(|gap| gap.unpaired_cosine));
        put("alignment", alignment(image, text, width));
        put("uniformity_image", uniformity(image, width, threads));
        put("uniformity_text", uniformity(text, width, threads));
        probes.extend(meeting(&found, threads));
        Ok(probes)
    }

    /// What becomes of a captioner's pairs if its captions are read in the other way than in training, under
    /// `fused.` or `unimodal.`, and which picture an embedding is nearest to that was read beside another caption's,
    /// under `shortcut.`.
    pub fn shortcut(
        &self,
        params: &Params,
        workspace: &mut Workspace,
    ) -> Result<(Probes, Option<Shortcut>)> {
        let (prefix, other) = match self.model.text_pass() {
            TextPass::Unimodal => ("fused.", TextPass::Fused),
            TextPass::Fused => ("unimodal.", TextPass::Unimodal),
        };
        let threads = self.workers.threads();
        let found = meeting(&self.embed(params, other, 0, workspace)?, threads).into_iter();
        let mut probes: Probes = found
            .map(|(name, value)| (format!("{prefix}{name}"), value))
            .collect();
        let crossed = self.embed(params, TextPass::Fused, 1, workspace)?;
        let width = crossed.image_width;
        let shortcut = Shortcut::measure(&crossed.image, &crossed.text, width, threads);
        if let Some(shortcut) = shortcut {
            probes.insert("shortcut.to_picture".into(), shortcut.to_picture);
            probes.insert("shortcut.to_caption".into(), shortcut.to_caption);
        }
        Ok((probes, shortcut))
    }

    /// Every picture, with the first caption of the picture that is `ahead` places later, the last ones with those of
    /// the first.
    fn embed(
        &self,
        params: &Params,
        text_pass: TextPass,
        ahead: usize,
        workspace: &mut Workspace,
    ) -> Result<Embeddings> {
        let pairs = self.split.first_captions();
        self.split.with_batch(self.model, &pairs, |batch| {
            let mut captions = batch.captions.to_vec();
            let ahead = ahead.min(captions.len());
            captions.rotate_left(ahead);
            let batch = Batch {
                captions: &captions,
                ..*batch
            };
            let latent = LatentNoise::Mean;
            self.model
                .embeddings_read(params, &batch, latent, text_pass, self.workers, workspace)
        })
    }
}

/// Whether both sides, of one width, meet: their gap, and who finds whom.
fn meeting(found: &Embeddings, threads: usize) -> Probes {
    let (image, text, width) = (&found.image[..], &found.text[..], found.image_width);
    let mut probes = Probes::new();
    let gap = Gap::measure(image, text, width);
    probes.extend(gap.map(|gap| ("gap".to_owned(), gap.centroid_distance)));
    let Some([to_text, to_image]) = Retrieval::measure(image, text, width, threads) else {
        return probes;
    };
    for (direction, found) in [("", to_text), ("text_", to_image)] {
        for (cutoff, recall) in CUTOFFS.iter().zip(found.recall) {
            probes.insert(format!("retrieval_{direction}r{cutoff}"), recall);
        }
    }
    probes
}
