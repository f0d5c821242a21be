//! Retrieval: a picture gets the caption of highest cosine similarity from a bank.

use crate::Result;
use crate::models::{Inference, Specials};
use crate::nn::Workers;
use crate::nn::kernels::cross_entropy::argmax;
use crate::nn::kernels::few_rows;

/// Captions that a thread tokenizes at a time.
const CAPTIONS: usize = 256;
/// Pictures that are compared with a whole bank at a time.
const PICTURES: usize = 16;

/// Captions to retrieve from, with their normalised embeddings.
pub struct TextBank {
    captions: Vec<String>,
    embeddings: Vec<f32>,
    width: usize,
}

impl TextBank {
    /// Embeds `captions`; a caption that stands more than once is kept once, at its first place.
    ///
    /// # Errors
    /// Those of the text encoder; an empty bank.
    pub fn build(
        inference: &mut Inference,
        captions: &[String],
        tokenize: &(dyn Fn(&str) -> Vec<u32> + Sync),
        specials: Specials,
    ) -> Result<Self> {
        let mut seen = std::collections::HashSet::new();
        let captions: Vec<String> = captions
            .iter()
            .filter(|caption| seen.insert(caption.as_str()))
            .cloned()
            .collect();
        if captions.is_empty() {
            return Err(crate::Error::input("the retrieval bank holds no caption"));
        }
        let longest = inference.model().config().max_words();
        let tokens = inference
            .workers()
            .map(captions.chunks(CAPTIONS), |_, captions| {
                let cut = |caption: &String| {
                    let mut words = tokenize(caption);
                    words.truncate(longest);
                    words
                };
                captions.iter().map(cut).collect::<Vec<_>>()
            });
        let words: Vec<&[u32]> = tokens.iter().flatten().map(Vec::as_slice).collect();
        let embeddings = inference.text_embeddings(&words, specials)?;
        let width = embeddings.len() / captions.len();
        Ok(Self {
            captions,
            embeddings,
            width,
        })
    }

    /// The caption nearest to each of the normalised picture embeddings, the first of equals.
    pub fn nearest(&self, pictures: &[f32], workers: &Workers) -> Vec<&str> {
        let blocks = pictures.chunks(PICTURES * self.width);
        let nearest = workers.map(blocks, |_, pictures| {
            let mut cosines = vec![0.0; pictures.len() / self.width * self.len()];
            few_rows::forward(
                pictures,
                &self.embeddings,
                &mut cosines,
                self.width,
                self.len(),
            );
            let rows = cosines.chunks_exact(self.len());
            rows.map(argmax).collect::<Vec<_>>()
        });
        let captions = nearest.into_iter().flatten();
        captions
            .map(|i| self.captions[i as usize].as_str())
            .collect()
    }

    /// The number of captions.
    pub fn len(&self) -> usize {
        self.captions.len()
    }

    /// Whether there is no caption; never true of a built bank.
    pub fn is_empty(&self) -> bool {
        self.captions.is_empty()
    }
}
