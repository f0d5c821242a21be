//! What all cells share: the data set, its decoded pictures, the tokenizers.

use super::super::plan::RunPlan;
use super::super::progress::Progress;
use super::architecture::pretrained_tokenizer;
use crate::data::{self, Dataset, Example, ImageStore, OpenOptions};
use crate::models::{Specials, Variant};
use crate::nn::Workers;
use crate::text::Tokenizer;
use crate::train::TokenizedCaptions;
use crate::{Result, recipe};

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
    /// Those of the data set and of its pictures.
    pub fn open(plan: &RunPlan, workers: &Workers) -> Result<Self> {
        let recipe = &plan.recipe;
        let some = |limit: usize| (limit > 0).then_some(limit);
        let options = OpenOptions {
            seed: recipe.data.seed,
            split_rule: match recipe.data.split {
                recipe::SplitRule::Images => data::SplitRule::Images,
                recipe::SplitRule::Pairs => data::SplitRule::Pairs,
            },
            limits: data::Limits {
                train: some(recipe.data.train),
                validation: some(recipe.data.validation),
                test: some(recipe.data.test),
            },
        };
        let dataset = data::open(&plan.data, &options)?;
        let decode = |name: &str, examples: &[Example]| -> Result<ImageStore> {
            let bar = Progress::new(format!("decoding {name} pictures"), examples.len());
            let progress = |done: usize, _total: usize| bar.set(done);
            let threads = workers.threads();
            let store = ImageStore::build(examples, recipe.model.image, threads, None, &progress)?;
            bar.finish();
            Ok(store)
        };
        let images = [
            decode("training", &dataset.train)?,
            decode("validation", &dataset.validation)?,
            decode("test", &dataset.test)?,
        ];
        let wants = |generates: bool| {
            plan.cells
                .iter()
                .any(|cell| cell.variant.generates() == generates)
        };
        let text = &recipe.tokenizer;
        let tokenizer =
            |generates: bool| match (pretrained_tokenizer(recipe, generates)?, generates) {
                (Some(pretrained), _) => Ok(pretrained),
                (None, true) => {
                    Tokenizer::train_bpe(dataset.training_captions(), text.vocab, text.lowercase)
                }
                (None, false) => {
                    Tokenizer::train_wordpiece(dataset.training_captions(), text.vocab)
                }
            };
        let texts = |generates: bool| -> Result<Option<Texts>> {
            match wants(generates) {
                true => Texts::new(tokenizer(generates)?, &dataset).map(Some),
                false => Ok(None),
            }
        };
        let (decoder, encoder) = (texts(true)?, texts(false)?);
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

impl Texts {
    fn new(tokenizer: Tokenizer, dataset: &Dataset) -> Result<Self> {
        let tokenize = |examples: &[Example]| -> TokenizedCaptions {
            let words = |example: &Example| {
                let texts = example.captions.iter();
                texts
                    .map(|caption| tokenizer.encode(&caption.text))
                    .collect()
            };
            examples.iter().map(words).collect()
        };
        let splits = [
            tokenize(&dataset.train),
            tokenize(&dataset.validation),
            tokenize(&dataset.test),
        ];
        Ok(Self { tokenizer, splits })
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
