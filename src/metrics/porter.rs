//! Porter's stemmer (1980) with the changes that NLTK makes to it by default.
//!
//! METEOR's second stage compares these stems, and its third looks *them* up in WordNet. NLTK's
//! changes: a few fixed words; `dies` → `die`, `tied` → `tie`; `y` → `i` after any consonant that
//! is not the first letter; `-alli`, `-bli`, `-fulli`, `-logi`; and a short stem such as `ow` counts
//! as ending consonant-vowel-consonant. In steps 2 to 4 the first suffix of the list that fits
//! decides, even if its condition then fails.

use std::borrow::Cow;

/// Words that are not stemmed by rule.
const FIXED: [(&str, &str); 16] = [
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

const STEP_2: [(&str, &str); 22] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("fulli", "ful"),
    ("logi", "log"),
];

const STEP_3: [(&str, &str); 7] = [
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ful", ""),
    ("ness", ""),
];

const STEP_4: [&str; 19] = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou",
    "ism", "ate", "iti", "ous", "ive", "ize",
];

/// The stem of a word in lower case.
pub fn stem(word: &str) -> Cow<'_, str> {
    if let Some((_, stem)) = FIXED.iter().find(|(fixed, _)| *fixed == word) {
        return Cow::Borrowed(stem);
    }
    if word.chars().count() <= 2 {
        return Cow::Borrowed(word);
    }
    let mut stem = Stem(word.chars().collect());
    stem.plural();
    stem.past_and_progressive();
    stem.final_y();
    stem.step_2();
    stem.step_3();
    stem.step_4();
    stem.final_e();
    stem.double_l();
    Cow::Owned(stem.0.into_iter().collect())
}

/// A word on its way to its stem.
struct Stem(Vec<char>);

impl Stem {
    /// The part before `suffix`, if the word ends in it.
    fn before(&self, suffix: &str) -> Option<&[char]> {
        let at = self.0.len().checked_sub(suffix.len())?;
        let (before, end) = self.0.split_at(at);
        end.iter().copied().eq(suffix.chars()).then_some(before)
    }

    fn replace(&mut self, suffix: &str, with: &str) {
        self.0.truncate(self.0.len() - suffix.len());
        self.0.extend(with.chars());
    }

    /// Step 1a.
    fn plural(&mut self) {
        if self.before("sses").is_some() {
            self.replace("es", "");
        } else if self.before("ies").is_some() {
            let with = if self.0.len() == 4 { "ie" } else { "i" };
            self.replace("ies", with);
        } else if self.before("ss").is_none() && self.before("s").is_some() {
            self.replace("s", "");
        }
    }

    /// Step 1b.
    fn past_and_progressive(&mut self) {
        if self.before("ied").is_some() {
            let with = if self.0.len() == 4 { "ie" } else { "i" };
            return self.replace("ied", with);
        }
        if let Some(before) = self.before("eed") {
            if measure(before) > 0 {
                self.replace("d", "");
            }
            return;
        }
        let has_vowel = |before: &[char]| consonants(before).any(|consonant| !consonant);
        let Some(suffix) = ["ed", "ing"]
            .into_iter()
            .find(|suffix| self.before(suffix).is_some_and(has_vowel))
        else {
            return;
        };
        self.replace(suffix, "");
        if ["at", "bl", "iz"]
            .iter()
            .any(|end| self.before(end).is_some())
        {
            self.0.push('e');
        } else if ends_double_consonant(&self.0) {
            if !matches!(self.0[..], [.., 'l' | 's' | 'z']) {
                self.0.pop();
            }
        } else if measure(&self.0) == 1 && ends_short(&self.0) {
            self.0.push('e');
        }
    }

    /// Step 1c, as NLTK has it: after a consonant that is not the whole stem.
    fn final_y(&mut self) {
        let after_consonant =
            |before: &[char]| before.len() > 1 && consonants(before).last() == Some(true);
        if self.before("y").is_some_and(after_consonant) {
            self.replace("y", "i");
        }
    }

    fn step_2(&mut self) {
        if self
            .before("alli")
            .is_some_and(|before| measure(before) > 0)
        {
            self.replace("alli", "al");
            return self.step_2();
        }
        for (suffix, with) in STEP_2 {
            let Some(before) = self.before(suffix) else {
                continue;
            };
            // The `l` of `-logi` counts as part of what is measured.
            let measured = if suffix == "logi" {
                &self.0[..before.len() + 1]
            } else {
                before
            };
            if measure(measured) > 0 {
                self.replace(suffix, with);
            }
            return;
        }
    }

    fn step_3(&mut self) {
        let found = STEP_3
            .into_iter()
            .find(|(suffix, _)| self.before(suffix).is_some());
        if let Some((suffix, with)) = found
            && self
                .before(suffix)
                .is_some_and(|before| measure(before) > 0)
        {
            self.replace(suffix, with);
        }
    }

    fn step_4(&mut self) {
        let Some(suffix) = STEP_4
            .into_iter()
            .find(|suffix| self.before(suffix).is_some())
        else {
            return;
        };
        let goes = |before: &[char]| {
            measure(before) > 1 && (suffix != "ion" || matches!(before, [.., 's' | 't']))
        };
        if self.before(suffix).is_some_and(goes) {
            self.replace(suffix, "");
        }
    }

    /// Step 5a.
    fn final_e(&mut self) {
        let goes = |before: &[char]| {
            let m = measure(before);
            m > 1 || m == 1 && !ends_short(before)
        };
        if self.before("e").is_some_and(goes) {
            self.replace("e", "");
        }
    }

    /// Step 5b.
    fn double_l(&mut self) {
        if self.before("ll").is_some() && measure(&self.0[..self.0.len() - 1]) > 1 {
            self.0.pop();
        }
    }
}

/// For each letter, whether it is a consonant: no vowel letter, and no `y` after a consonant.
fn consonants(word: &[char]) -> impl Iterator<Item = bool> + '_ {
    word.iter().scan(false, |before, c| {
        *before = match c {
            'a' | 'e' | 'i' | 'o' | 'u' => false,
            'y' => !*before,
            _ => true,
        };
        Some(*before)
    })
}

/// Porter's m: how often a consonant follows a vowel.
fn measure(word: &[char]) -> usize {
    let mut vowel_before = false;
    consonants(word)
        .filter(|&consonant| std::mem::replace(&mut vowel_before, !consonant) && consonant)
        .count()
}

fn ends_double_consonant(word: &[char]) -> bool {
    matches!(word, [.., a, b] if a == b) && consonants(word).last() == Some(true)
}

/// Porter's *o: ends consonant, vowel, consonant, the last none of w, x, y; or is vowel, consonant.
fn ends_short(word: &[char]) -> bool {
    let kinds: Vec<bool> = consonants(word).collect();
    match kinds[..] {
        [.., true, false, true] => !matches!(word, [.., 'w' | 'x' | 'y']),
        [false, true] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_as_nltk_does() {
        for (word, expected) in [
            ("a", "a"),
            ("dogs", "dog"),
            ("dies", "die"),
            ("flies", "fli"),
            ("flying", "fli"),
            ("tied", "tie"),
            ("carried", "carri"),
            ("agreed", "agre"),
            ("feed", "feed"),
            ("skies", "sky"),
            ("enjoy", "enjoy"),
            ("happily", "happili"),
            ("owed", "owe"),
            ("hopping", "hop"),
            ("falling", "fall"),
            ("hoping", "hope"),
            ("horse", "hors"),
            ("relational", "relat"),
            ("geologies", "geolog"),
            ("controller", "control"),
            ("adoption", "adopt"),
            ("caféed", "café"),
            ("yyy", "yyy"),
        ] {
            assert_eq!(stem(word), expected, "{word}");
        }
    }
}
