//! The words of all captions, numbered.

use std::collections::HashMap;

use unicode_segmentation::UnicodeSegmentation;

/// Numbers words in the order of their first appearance.
#[derive(Default)]
pub struct Vocabulary(HashMap<String, u32>);

impl Vocabulary {
    /// The numbers of a text's words, in lower case.
    pub fn ids(&mut self, text: &str) -> Vec<u32> {
        let text = text.to_lowercase();
        text.unicode_words()
            .map(|word| match self.0.get(word) {
                Some(&id) => id,
                None => {
                    let next = self.0.len() as u32;
                    self.0.insert(word.to_owned(), next);
                    next
                }
            })
            .collect()
    }

    /// The number of different words.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_several_scripts() {
        for (text, count) in [
            ("Don't stop at 3.5, it’s 10:30!", 7),
            ("강아지가 공원에서 달린다.", 3),
            ("犬が公園を走る", 7),
            ("テレビを見る", 4),
            ("— 🐶 …", 0),
        ] {
            assert_eq!(Vocabulary::default().ids(text).len(), count, "{text}");
        }
        let mut vocabulary = Vocabulary::default();
        assert_eq!(vocabulary.ids("A dog, a DOG"), [0, 1, 0, 1]);
        assert_eq!(vocabulary.len(), 2);
    }
}
