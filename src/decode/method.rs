//! The ways to write a caption, and their settings.

use serde::{Deserialize, Serialize};

use super::Hypothesis;
use super::beam::{Beams, beam};
use super::greedy::greedy;
use super::sample::{Sampling, sample};
use crate::models::{NextTokens, Specials};
use crate::recipe::{DecodeRecipe, Strategy};
use crate::{Error, Result};

/// The most beams and the most hypotheses a picture.
const MOST_BEAMS: usize = 1024;

/// How captions are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "strategy", rename_all = "kebab-case")]
pub enum Method {
    /// The most probable token at every position.
    #[default]
    Greedy,
    /// Beam search; one beam is greedy decoding, also in its score.
    Beam(Beams),
    /// Every token drawn from the model's distribution.
    Sample(Sampling),
}

impl Method {
    /// What a recipe asks for, of a cell with this seed; `None` for teacher forcing, which writes nothing
    /// of its own.
    pub fn of(recipe: &DecodeRecipe, seed: u64) -> Option<Self> {
        Some(match recipe.strategy {
            Strategy::Greedy => Self::Greedy,
            Strategy::Beam => Self::Beam(Beams {
                beams: recipe.beams,
                length_penalty: recipe.length_penalty,
            }),
            Strategy::Sample => Self::Sample(Sampling {
                temperature: recipe.temperature,
                top_k: recipe.top_k,
                top_p: recipe.top_p,
                seed,
            }),
            Strategy::TeacherForced => return None,
        })
    }

    /// Refuses settings that cannot be meant.
    ///
    /// # Errors
    /// [`Error::Input`] that names the setting, its value and what was expected.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::Greedy => Ok(()),
            Self::Beam(settings) => {
                let expected = format!("a whole number from 1 to {MOST_BEAMS}");
                let ok = (1..=MOST_BEAMS).contains(&settings.beams);
                require(ok, "beams", settings.beams, &expected)?;
                let penalty = settings.length_penalty;
                let ok = (-100.0..=100.0).contains(&penalty);
                require(ok, "length_penalty", penalty, "a number from -100 to 100")
            }
            Self::Sample(settings) => {
                let Sampling {
                    temperature, top_p, ..
                } = *settings;
                let ok = temperature.is_finite() && temperature > 0.0;
                require(ok, "temperature", temperature, "a number above 0")?;
                let ok = top_p > 0.0 && top_p <= 1.0;
                require(ok, "top_p", top_p, "a number above 0 and at most 1")
            }
        }
    }

    /// The most captions that are followed at a time for a picture.
    #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
    pub(super) fn most_rows(&self) -> usize {
        match self {
            Self::Beam(settings) => settings.beams,
            Self::Greedy | Self::Sample(_) => 1,
        }
    }

    /// Each row's captions, best first; the first row is picture number `first`.
    pub(super) fn write(
        &self,
        decoder: impl NextTokens,
        specials: Specials,
        max_tokens: usize,
        first: usize,
    ) -> Vec<Vec<Hypothesis>> {
        let single = match *self {
            Self::Beam(settings) if settings.beams > 1 => {
                return beam(decoder, specials, max_tokens, settings);
            }
            Self::Greedy | Self::Beam(_) => greedy(decoder, specials, max_tokens),
            Self::Sample(settings) => sample(decoder, specials, max_tokens, settings, first),
        };
        single.into_iter().map(|caption| vec![caption]).collect()
    }
}

fn require(ok: bool, key: &str, value: impl std::fmt::Display, expected: &str) -> Result<()> {
    match ok {
        true => Ok(()),
        false => Err(Error::input(format!(
            "{key} = {value}: expected {expected}"
        ))),
    }
}
