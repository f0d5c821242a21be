//! What models are fed with: pictures, and captions one after the other.

use crate::error::{Error, Result};
use crate::nn::Spans;

use super::config::ModelConfig;

/// The tokens that are not words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Specials {
    /// Starts a text: `<|endoftext|>` for GPT-2, `[CLS]` for BERT.
    pub start: u32,
    /// Ends a text: `<|endoftext|>` again, or `[SEP]`.
    pub end: u32,
    /// Fills rows up where other tools want them of one length; here none is.
    pub pad: u32,
}

impl Specials {
    /// GPT-2's way: one token starts, ends and fills.
    pub fn single(token: u32) -> Self {
        Self {
            start: token,
            end: token,
            pad: token,
        }
    }
}

/// Writes picture `i`, (3, image, image), normalised to mean 0.5 and deviation 0.5, into a slice of
/// that many numbers. Called from worker threads, in any order.
pub type Pictures<'a> = &'a (dyn Fn(usize, &mut [f32]) + Sync);

/// Pairs of pictures and captions.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// The pictures; as many as there are captions.
    pub pictures: Pictures<'a>,
    /// Each picture's caption: word tokens without start and end.
    pub captions: &'a [&'a [u32]],
    /// The tokens to put around them.
    pub specials: Specials,
}

impl Batch<'_> {
    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.captions.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.captions.is_empty()
    }

    /// Checks that the captions fit a model.
    ///
    /// # Errors
    /// [`Error::Input`] as [`check_captions`]; also for a batch without any caption.
    pub fn validate(&self, config: &ModelConfig) -> Result<()> {
        if self.is_empty() {
            return Err(Error::input("a batch without any caption"));
        }
        check_captions(config, self.captions, self.specials)
    }
}

/// Checks that captions are short enough for a model and made of its vocabulary.
///
/// # Errors
/// [`Error::Input`] that names the caption by its place in the batch, and the limit it breaks.
pub fn check_captions(config: &ModelConfig, captions: &[&[u32]], specials: Specials) -> Result<()> {
    let (vocab, most) = (config.vocab(), config.max_words());
    for (name, id) in [
        ("start", specials.start),
        ("end", specials.end),
        ("pad", specials.pad),
    ] {
        if id as usize >= vocab {
            return Err(Error::input(format!(
                "the {name} token {id} is outside the model's vocabulary of {vocab}"
            )));
        }
    }
    for (i, caption) in captions.iter().enumerate() {
        if caption.len() > most {
            return Err(Error::input(format!(
                "caption {i} of the batch has {} tokens; the model takes at most {most}",
                caption.len()
            )));
        }
        if let Some(id) = caption.iter().find(|&&id| id as usize >= vocab) {
            return Err(Error::input(format!(
                "caption {i} of the batch has the token {id}, outside the model's vocabulary of {vocab}"
            )));
        }
    }
    Ok(())
}

/// Captions one after the other, each with its start token and perhaps its end token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts {
    /// The tokens of all captions.
    pub ids: Vec<u32>,
    /// Which of them are a caption's.
    pub samples: Spans,
    end: bool,
}

impl Texts {
    /// `start words`, each the input that predicts the next token.
    pub fn without_end(captions: &[&[u32]], specials: Specials) -> Self {
        Self::new(captions, specials, false)
    }

    /// `start words end`.
    pub fn with_end(captions: &[&[u32]], specials: Specials) -> Self {
        Self::new(captions, specials, true)
    }

    fn new(captions: &[&[u32]], specials: Specials, end: bool) -> Self {
        let texts = captions.iter().flat_map(|words| {
            let end = end.then_some(specials.end);
            [specials.start]
                .into_iter()
                .chain(words.iter().copied())
                .chain(end)
        });
        Self {
            ids: texts.collect(),
            samples: Spans::of(captions.iter().map(|c| 1 + c.len() + usize::from(end))),
            end,
        }
    }

    /// The rows whose states predict a caption's words and its end, caption after caption; `None` if
    /// these are all.
    pub fn predicting(&self) -> Option<Vec<usize>> {
        let rows = self
            .samples
            .iter()
            .flat_map(|rows| rows.start..rows.end - 1);
        self.end.then(|| rows.collect())
    }
}

/// What the rows of [`Texts::predicting`] are to predict: every caption's words and its end.
pub(super) fn targets(captions: &[&[u32]], specials: Specials) -> Vec<Option<u32>> {
    let texts = captions.iter();
    texts
        .flat_map(|words| words.iter().copied().chain([specials.end]))
        .map(Some)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::config::Variant;
    use super::*;

    const SPECIALS: Specials = Specials {
        start: 1,
        end: 2,
        pad: 0,
    };

    #[test]
    fn texts_follow_each_other_from_start_to_end() {
        let captions: [&[u32]; 3] = [&[7, 8], &[], &[9]];
        let texts = Texts::with_end(&captions, SPECIALS);
        assert_eq!(texts.ids, [1, 7, 8, 2, 1, 2, 1, 9, 2]);
        assert_eq!(texts.samples, Spans::of([4, 2, 3]));
        assert_eq!(texts.predicting().unwrap(), [0, 1, 2, 4, 6, 7]);
        let texts = Texts::without_end(&captions, SPECIALS);
        assert_eq!(texts.ids, [1, 7, 8, 1, 1, 9]);
        assert_eq!(texts.samples, Spans::of([3, 1, 2]));
        assert_eq!(texts.predicting(), None);
        let wanted = [7, 8, 2, 2, 9, 2].map(Some);
        assert_eq!(targets(&captions, SPECIALS), wanted);
    }

    #[test]
    fn captions_that_do_not_fit_are_refused() {
        let config = ModelConfig::tiny(Variant::EncoderDecoder, 50);
        let fits = vec![3; config.max_words()];
        let long = vec![3; config.max_words() + 1];
        let check = |captions: &[&[u32]], specials| check_captions(&config, captions, specials);
        check(&[&fits, &[]], SPECIALS).unwrap();
        let message = |result: Result<()>| result.unwrap_err().message().to_owned();
        assert!(
            message(check(&[&fits, &long], SPECIALS)).contains("caption 1 of the batch has 63")
        );
        assert!(message(check(&[&[49, 50]], SPECIALS)).contains("token 50"));
        assert!(message(check(&[], Specials::single(50))).contains("start token 50"));
    }
}
