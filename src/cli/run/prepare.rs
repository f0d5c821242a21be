//! What all cells share: the data set, its decoded pictures, the tokenizers.

use super::super::pictures;
use super::super::plan::{RunPlan, data_options};
use super::architecture::pretrained_tokenizer;
use crate::Result;
use crate::data::{self, Caption, Dataset, Example, ImageStore};
use crate::models::{Specials, Variant};
use crate::nn::Workers;
use crate::recipe::Recipe;
use crate::text::Tokenizer;
use crate::train::TokenizedCaptions;

/// The data set as all cells see it.
pub struct Prepared {
    /// Pictures and captions.
    pub dataset: Dataset,
    /// Decoded pictures of the training, validation and test split.
    pub images: [ImageStore; 3],
    /// The decoder's vocabulary and captions, where a variant generates.
    pub decoder: Option<Texts>,
    /// The text encoder's vocabulary and captions, where a variant retrieves.
    pub encoder: Option<Texts>,
    /// Threads.
    pub threads: usize,
}

/// A tokenizer and every split's captions under it.
pub struct Texts {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// Training, validation and test captions.
    pub splits: [TokenizedCaptions; 3],
}

impl Prepared {
    /// Opens the plan's data, decodes its pictures and trains the tokenizers its variants need.
    ///
    /// # Errors
    /// Those of the data set, of its pictures and of the cache they are in.
    pub fn open(plan: &RunPlan, workers: &Workers) -> Result<Self> {
        let recipe = &plan.recipe;
        let dataset = data::open(&plan.data, &data_options(&recipe.data))?;
        let splits: [&[Example]; 3] = [&dataset.train, &dataset.validation, &dataset.test];
        let images = pictures::stores(splits, recipe.model.image, workers.threads())?;
        let wants = |generates: bool| {
            plan.cells
                .iter()
                .any(|cell| cell.variant.generates() == generates)
        };
        let texts = |generates: bool| -> Result<Option<Texts>> {
            match wants(generates) {
                true => {
                    let tokenizer = tokenizer(recipe, generates, &dataset)?;
                    let most = recipe.tokenizer.max_tokens;
                    Ok(Some(Texts::new(tokenizer, &dataset, most)))
                }
                false => Ok(None),
            }
        };
        // Side by side: of a small run, vocabularies are much of what comes before training.
        let texts = workers.map([true, false], |_, generates| texts(generates));
        let mut texts = texts.into_iter();
        let (decoder, encoder) = (texts.next(), texts.next());
        let (decoder, encoder) = (
            decoder.transpose()?.flatten(),
            encoder.transpose()?.flatten(),
        );
        Ok(Self {
            dataset,
            images,
            decoder,
            encoder,
            threads: workers.threads(),
        })
    }

    /// The texts that `variant` reads or writes.
    pub fn texts(&self, variant: Variant) -> &Texts {
        let texts = match variant.generates() {
            true => &self.decoder,
            false => &self.encoder,
        };
        texts.as_ref().expect("prepared for every cell's variant")
    }
}

/// The vocabulary of the decoder, where a variant `generates`, or of the text encoder: a pretrained
/// model's, or one trained on the training captions.
///
/// # Errors
/// Those of a pretrained model's folder, and of the captions.
pub fn tokenizer(recipe: &Recipe, generates: bool, dataset: &Dataset) -> Result<Tokenizer> {
    if let Some(pretrained) = pretrained_tokenizer(recipe, generates)? {
        return Ok(pretrained);
    }
    let (captions, text) = (dataset.training_captions(), &recipe.tokenizer);
    match generates {
        true => Tokenizer::train_bpe(captions, text.vocab, text.lowercase),
        false => Tokenizer::train_wordpiece(captions, text.vocab),
    }
}

impl Texts {
    /// Tokens of every split's captions, of each caption `most` at most.
    fn new(tokenizer: Tokenizer, dataset: &Dataset, most: usize) -> Self {
        let words = |caption: &Caption| {
            let mut words = tokenizer.encode(&caption.text);
            words.truncate(most);
            words
        };
        let tokenize = |examples: &[Example]| -> TokenizedCaptions {
            let captions = |example: &Example| example.captions.iter().map(words).collect();
            examples.iter().map(captions).collect()
        };
        let splits = [
            tokenize(&dataset.train),
            tokenize(&dataset.validation),
            tokenize(&dataset.test),
        ];
        Self { tokenizer, splits }
    }

    /// The special tokens as models want them.
    pub fn specials(&self) -> Specials {
        specials(&self.tokenizer)
    }
}

/// The special tokens as models want them.
pub fn specials(tokenizer: &Tokenizer) -> Specials {
    let ids = tokenizer.specials();
    Specials {
        start: ids.start,
        end: ids.end,
        pad: ids.pad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{OpenOptions, Spec};

    #[test]
    fn captions_are_cut_whatever_room_the_model_has() {
        let spec = Spec::Scenes { pictures: 16 };
        let dataset = data::open(&spec, &OpenOptions::default()).unwrap();
        let captions = dataset.training_captions();
        let tokenizer = Tokenizer::train_bpe(captions, 300, false).unwrap();
        let lengths = |most: usize| -> Vec<usize> {
            let texts = Texts::new(tokenizer.clone(), &dataset, most);
            texts
                .splits
                .iter()
                .flatten()
                .flatten()
                .map(Vec::len)
                .collect()
        };
        let (whole, cut) = (lengths(1000), lengths(7));
        assert!(whole.iter().any(|&n| n > 7));
        assert!(
            cut.iter()
                .zip(whole)
                .all(|(&cut, whole)| cut == whole.min(7))
        );
    }
}
