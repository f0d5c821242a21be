//! BLEU as sacreBLEU 2.6.0 computes it, with its defaults or any other of its settings.
//!
//! ```text
//! pₙ   = 100 · Σ clipped n-gram matches / Σ n-grams     n = 1…4, smoothed: see [`Smoothing`]
//! BP   = 1 if c ≥ r else exp(1 − r/c)                   c tokens written, r of the closest references
//! BLEU = BP · exp(Σ ln pₙ / N)                          0 without any match
//! ```
//!
//! N is 4, or under "effective order" the longest n for which anything was written. A corpus is
//! scored without it unless asked; a single caption always with it, or no caption of three words
//! could score anything.

use super::{ORDER, Sums, WIDTH, closest, push};
use crate::metrics::signature::signature;
use crate::metrics::tokenizers::python::is_space;
use crate::metrics::tokenizers::{international, plain, thirteen_a};
use crate::metrics::{Metric, Prepared};

/// `sacrebleu.bleu`, on a 0…100 scale.
///
/// A caption's statistics: its length, its closest reference's length, then for n = 1…4 the matched
/// n-grams, then for n = 1…4 the n-grams written. Tokenizer and case change them; smoothing and
/// effective order only change what is made of their sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SacreBleu {
    /// What texts are cut into.
    pub tokenizer: SacreTokenizer,
    /// What an order without a match counts as.
    pub smoothing: Smoothing,
    /// Whether texts are put in lower case first.
    ///
    /// That is Python's `str.lower()`, final sigma and dotted İ included; of characters that Unicode
    /// got or changed after version 14, that of a Python newer than 3.11.
    pub lowercase: bool,
    /// Whether a corpus too is scored by the orders that were written, and not by all four.
    pub effective_order: bool,
}

/// sacreBLEU's tokenizers that need no model and no dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SacreTokenizer {
    /// `13a`: mteval-v13a's, for English.
    ThirteenA,
    /// `intl`: mteval-v14's, by Unicode's categories.
    International,
    /// `none`: at white space.
    None,
    /// `char`: code points.
    Char,
}

impl SacreTokenizer {
    /// Its name in signatures.
    pub fn name(self) -> &'static str {
        match self {
            Self::ThirteenA => "13a",
            Self::International => "intl",
            Self::None => "none",
            Self::Char => "char",
        }
    }

    fn tokenize(self, text: &str) -> Vec<String> {
        match self {
            Self::ThirteenA => thirteen_a(text),
            Self::International => international::tokenize(text),
            Self::None => plain::words(text),
            Self::Char => plain::characters(text),
        }
    }
}

/// What becomes of an order without a match (Chen and Cherry 2014, whose numbers these are).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Smoothing {
    /// Method 3: the k-th order without a match has the precision 1/(2ᵏ · n-grams).
    Exp,
    /// Method 1: this many matches in place of none; 0 or more.
    Floor(f64),
    /// Method 2: this many matches and n-grams more in each order but the first, matched or not; 0
    /// or more.
    AddK(f64),
    /// Nothing: the score is 0.
    None,
}

impl Smoothing {
    /// Method 1 with Chen and Cherry's value.
    pub const FLOOR: Self = Self::Floor(0.1);
    /// Method 2 with the usual one.
    pub const ADD_K: Self = Self::AddK(1.0);

    /// Its name and value in signatures, the value with two decimals.
    fn name(self) -> String {
        match self {
            Self::Exp => "exp".to_owned(),
            Self::Floor(value) => format!("floor[{value:.2}]"),
            Self::AddK(value) => format!("add-k[{value:.2}]"),
            Self::None => "none".to_owned(),
        }
    }
}

impl SacreBleu {
    /// sacreBLEU's defaults: 13a, case kept, exponential smoothing, all four orders.
    pub const DEFAULT: Self = Self {
        tokenizer: SacreTokenizer::ThirteenA,
        smoothing: Smoothing::Exp,
        lowercase: false,
        effective_order: false,
    };

    fn bleu(&self, sums: &Sums<'_>, effective_order: bool) -> f64 {
        if sums.matched.iter().all(|&matched| matched == 0.0) {
            return 0.0;
        }
        let (mut unmatched, mut logs) = (1.0, Vec::with_capacity(ORDER));
        for (i, (mut matched, mut all)) in sums.orders().enumerate() {
            if let (Smoothing::AddK(k), 1..) = (self.smoothing, i) {
                matched += k;
                all += k;
            }
            if all == 0.0 {
                break;
            }
            let precision = match self.smoothing {
                _ if matched > 0.0 => 100.0 * matched / all,
                Smoothing::Exp => {
                    unmatched *= 2.0;
                    100.0 / (unmatched * all)
                }
                Smoothing::Floor(value) => 100.0 * value / all,
                Smoothing::AddK(_) | Smoothing::None => 0.0,
            };
            if precision == 0.0 {
                return 0.0;
            }
            logs.push(precision.ln());
        }
        if logs.len() < ORDER && !effective_order {
            return 0.0;
        }
        let penalty = if sums.written < sums.reference {
            (1.0 - sums.reference / sums.written).exp()
        } else {
            1.0
        };
        penalty * (logs.iter().sum::<f64>() / logs.len() as f64).exp()
    }
}

impl Metric for SacreBleu {
    fn key(&self) -> &'static str {
        "sacrebleu.bleu"
    }

    fn width(&self) -> usize {
        WIDTH
    }

    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>) {
        let mut put = |tokens| push(tokens, closest(tokens), 0, row);
        if self.tokenizer == SacreTokenizer::ThirteenA && !self.lowercase {
            return put(caption.stripped_thirteen_a());
        }
        put(&caption.ids_of(|text| {
            let text = text.trim_end_matches(is_space);
            match self.lowercase {
                true => self.tokenizer.tokenize(&text.to_lowercase()),
                false => self.tokenizer.tokenize(text),
            }
        }));
    }

    fn score(&self, sums: &[f64]) -> f64 {
        self.bleu(&Sums::of(sums), self.effective_order)
    }

    fn caption_score(&self, row: &[f64]) -> f64 {
        self.bleu(&Sums::of(row), true)
    }

    fn points_factor(&self) -> f64 {
        1.0
    }

    fn signature(&self, references: Option<usize>) -> String {
        let fields = [
            ("case", if self.lowercase { "lc" } else { "mixed" }),
            ("eff", if self.effective_order { "yes" } else { "no" }),
            ("tok", self.tokenizer.name()),
            ("smooth", &self.smoothing.name()),
            ("version", "2.6.0"),
        ];
        signature(references, &fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::bleu::tests::score as score_of;

    const DEFAULT: SacreBleu = SacreBleu::DEFAULT;

    #[test]
    fn a_short_copy_scores_its_own_orders_alone_and_nothing_in_a_corpus() {
        let sums = [3.0, 3.0, 3.0, 2.0, 1.0, 0.0, 3.0, 2.0, 1.0, 0.0];
        assert!((DEFAULT.caption_score(&sums) - 100.0).abs() < 1e-9);
        assert_eq!(DEFAULT.score(&sums), 0.0);
        let effective = SacreBleu {
            effective_order: true,
            ..DEFAULT
        };
        assert!((effective.score(&sums) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn missing_orders_are_smoothed_in_four_ways() {
        let penalty = (1.0f64 - 5.0 / 4.0).exp();
        for (smoothing, product) in [
            // Of 4, 3, 2 and 1 n-grams 3, 0, 0 and 0 are matched.
            (Smoothing::Exp, 75.0 * (100.0 / 6.0) * 12.5 * 12.5),
            (Smoothing::FLOOR, 75.0 * (10.0 / 3.0) * 5.0 * 10.0),
            (Smoothing::Floor(0.5), 75.0 * (50.0 / 3.0) * 25.0 * 50.0),
            (Smoothing::ADD_K, 75.0 * 25.0 * (100.0 / 3.0) * 50.0),
            (Smoothing::AddK(2.0), 75.0 * 40.0 * 50.0 * (200.0 / 3.0)),
            (Smoothing::None, 0.0),
            (Smoothing::Floor(0.0), 0.0),
            (Smoothing::AddK(0.0), 0.0),
        ] {
            let metric = SacreBleu {
                smoothing,
                ..DEFAULT
            };
            let score = score_of(&metric, "a cat b d", &["a dog b c d"]);
            let expected = penalty * f64::powf(product, 0.25);
            assert!((score - expected).abs() < 1e-9, "{smoothing:?}: {score}");
        }
    }

    #[test]
    fn tokenizer_and_case() {
        let score = |tokenizer, lowercase| {
            let metric = SacreBleu {
                tokenizer,
                lowercase,
                ..DEFAULT
            };
            score_of(
                &metric,
                "Zwei Hunde, laufen los! ",
                &["zwei hunde , laufen los !"],
            )
        };
        let full = |score: f64| (score - 100.0).abs() < 1e-9;
        assert!(full(score(SacreTokenizer::ThirteenA, true)));
        assert!(full(score(SacreTokenizer::International, true)));
        assert!(full(score(SacreTokenizer::Char, true)));
        assert!(!full(score(SacreTokenizer::None, true)));
        assert!(!full(score(SacreTokenizer::Char, false)));
    }

    #[test]
    fn signatures_name_every_setting() {
        let other = SacreBleu {
            tokenizer: SacreTokenizer::International,
            smoothing: Smoothing::FLOOR,
            lowercase: true,
            effective_order: true,
        };
        assert_eq!(
            DEFAULT.signature(None),
            "nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
        );
        assert_eq!(
            other.signature(Some(5)),
            "nrefs:5|case:lc|eff:yes|tok:intl|smooth:floor[0.10]|version:2.6.0"
        );
        assert_eq!(Smoothing::AddK(2.0).name(), "add-k[2.00]");
    }

    #[test]
    fn empty_texts_score_zero() {
        assert_eq!(score_of(&DEFAULT, "", &["a"]), 0.0);
        assert_eq!(score_of(&DEFAULT, "a", &[""]), 0.0);
    }
}
