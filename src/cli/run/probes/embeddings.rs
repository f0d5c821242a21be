//! How the embeddings of pictures and of their captions lie.

use super::Probes;
use crate::Result;
use crate::models::{Batch, Embeddings, Inference, LatentNoise, TextPass};
use crate::probe::gap::Gap;
use crate::probe::retrieval::{CUTOFFS, Retrieval};
use crate::probe::shortcut::Shortcut;
use crate::probe::space::{alignment, cka, uniformity};
use crate::train::SplitData;

/// Some pictures with their first captions, and what embeds them.
pub struct Embedder<'a, 'm> {
    pub inference: &'a mut Inference<'m>,
    pub split: &'a SplitData<'a>,
}

impl Embedder<'_, '_> {
    /// How embeddings lie; gap, alignment, uniformity and retrieval where both sides have one
    /// width.
    pub fn lie(&mut self) -> Result<Probes> {
        let own = self.inference.model().text_pass();
        let found = self.embed(own, 0)?;
        let (image, text) = (&found.image[..], &found.text[..]);
        let (width, threads) = (found.image_width, self.threads());
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
    pub fn shortcut(&mut self) -> Result<(Probes, Option<Shortcut>)> {
        let (prefix, other) = match self.inference.model().text_pass() {
            TextPass::Unimodal => ("fused.", TextPass::Fused),
            TextPass::Fused => ("unimodal.", TextPass::Unimodal),
        };
        let threads = self.threads();
        let found = meeting(&self.embed(other, 0)?, threads).into_iter();
        let mut probes: Probes = found
            .map(|(name, value)| (format!("{prefix}{name}"), value))
            .collect();
        let crossed = self.embed(TextPass::Fused, 1)?;
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
    fn embed(&mut self, text_pass: TextPass, ahead: usize) -> Result<Embeddings> {
        let (split, inference) = (self.split, &mut *self.inference);
        let pairs = split.first_captions();
        split.with_batch(inference.model(), &pairs, |batch| {
            let mut captions = batch.captions.to_vec();
            let ahead = ahead.min(captions.len());
            captions.rotate_left(ahead);
            let batch = Batch {
                captions: &captions,
                ..*batch
            };
            inference.embeddings(&batch, LatentNoise::Mean, text_pass)
        })
    }

    fn threads(&self) -> usize {
        self.inference.workers().threads()
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
