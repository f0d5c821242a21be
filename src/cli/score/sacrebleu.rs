//! sacreBLEU's settings as flags.

use clap::{Args, ValueEnum};

use crate::error::{Error, Result};
use crate::metrics::bleu::{SacreBleu, SacreTokenizer, Smoothing};

/// Flags that change how `sacrebleu.bleu` counts; its signature names them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings of sacrebleu.bleu")]
pub struct SacreArgs {
    /// How text is cut: mteval-v13a's rules, mteval-v14's international ones, at white space, or into characters
    #[arg(
        long = "sacrebleu-tokenize",
        value_name = "T",
        value_enum,
        default_value = "13a"
    )]
    pub tokenize: TokenizerName,
    /// How an order without a match is smoothed
    #[arg(
        long = "sacrebleu-smooth",
        value_name = "S",
        value_enum,
        default_value = "exp"
    )]
    pub smooth: SmoothingName,
    /// The value of floor or add-k, 0 or more [default: 0.1 of floor, 1 of add-k]
    #[arg(
        long = "sacrebleu-smooth-value",
        value_name = "V",
        allow_negative_numbers = true
    )]
    pub smooth_value: Option<f64>,
    /// Put text in lower case first
    #[arg(long = "sacrebleu-lowercase")]
    pub lowercase: bool,
    /// Leave out orders for which all captions together are too short (of a single caption they always are)
    #[arg(long = "sacrebleu-effective-order")]
    pub effective_order: bool,
}

/// Values of `--sacrebleu-tokenize`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum TokenizerName {
    /// mteval-v13a's.
    #[value(name = "13a", help = None)]
    ThirteenA,
    /// mteval-v14's.
    #[value(name = "intl", help = None)]
    International,
    /// At white space.
    #[value(help = None)]
    None,
    /// Characters.
    #[value(help = None)]
    Char,
}

/// Values of `--sacrebleu-smooth`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum SmoothingName {
    /// Exponential.
    #[value(help = None)]
    Exp,
    /// A floor under matches.
    #[value(help = None)]
    Floor,
    /// More matches and n-grams.
    #[value(help = None)]
    AddK,
    /// None.
    #[value(help = None)]
    None,
}

impl SacreArgs {
    /// The metric with these settings.
    ///
    /// # Errors
    /// [`Error::Input`] for a smoothing value that is negative or no number, or that the method has no
    /// use for.
    pub fn metric(&self) -> Result<SacreBleu> {
        let smoothing = match (self.smooth, self.smooth_value) {
            (_, Some(value)) if !(value.is_finite() && value >= 0.0) => {
                return Err(Error::input(format!(
                    "--sacrebleu-smooth-value is {value}; expected a number of 0 or more"
                )));
            }
            (SmoothingName::Floor, Some(value)) => Smoothing::Floor(value),
            (SmoothingName::Floor, None) => Smoothing::FLOOR,
            (SmoothingName::AddK, Some(value)) => Smoothing::AddK(value),
            (SmoothingName::AddK, None) => Smoothing::ADD_K,
            (SmoothingName::Exp | SmoothingName::None, Some(_)) => {
                return Err(Error::input(
                    "--sacrebleu-smooth-value goes with --sacrebleu-smooth floor or add-k",
                ));
            }
            (SmoothingName::Exp, None) => Smoothing::Exp,
            (SmoothingName::None, None) => Smoothing::None,
        };
        Ok(SacreBleu {
            tokenizer: match self.tokenize {
                TokenizerName::ThirteenA => SacreTokenizer::ThirteenA,
                TokenizerName::International => SacreTokenizer::International,
                TokenizerName::None => SacreTokenizer::None,
                TokenizerName::Char => SacreTokenizer::Char,
            },
            smoothing,
            lowercase: self.lowercase,
            effective_order: self.effective_order,
        })
    }
}
