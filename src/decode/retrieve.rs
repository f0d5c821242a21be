//! Retrieval: a picture gets the caption of highest cosine similarity from a bank.

use crate::Result;
use crate::models::{Model, Specials, Workspace};
use crate::nn::{Params, Workers};

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
        model: &Model,
        params: &Params,
        captions: &[String],
        tokenize: &dyn Fn(&str) -> Vec<u32>,
        specials: Specials,
        workers: &Workers,
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
        let longest = model.config().max_words();
        let tokens: Vec<Vec<u32>> = captions
            .iter()
            .map(|caption| {
                let mut words = tokenize(caption);
                words.truncate(longest);
                words
            })
            .collect();
        let words: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
        let mut workspace = Workspace::new(model, 1);
        let embeddings =
            model.text_embeddings(params, &words, specials, workers, &mut workspace)?;
        let width = embeddings.len() / captions.len();
        Ok(Self {
            captions,
            embeddings,
            width,
        })
    }

    /// The caption nearest to each of the normalised picture embeddings, the first of equals.
    pub fn nearest(&self, pictures: &[f32]) -> Vec<&str> {
        pictures
            .chunks_exact(self.width)
            .map(|picture| {
                let mut best = (f32::NEG_INFINITY, 0);
                for (index, caption) in self.embeddings.chunks_exact(self.width).enumerate() {
                    let cosine: f32 = picture.iter().zip(caption).map(|(a, b)| a * b).sum();
                    if cosine > best.0 {
                        best = (cosine, index);
                    }
                }
                self.captions[best.1].as_str()
            })
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
