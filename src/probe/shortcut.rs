//! The contrastive shortcut: does a caption's embedding say what the caption says, or what stood beside it?
//!
//! A decoder that reads a caption with cross-attention (`text_pass = "fused"`, the paper to the letter) may copy the
//! picture into the text's embedding. Every pair is then found, the contrastive loss is met, and nothing is aligned.
//! So each caption is read beside another picture: the embedding of an honest text side is still nearest to the
//! caption's own picture, that of a copy to the picture beside it. (CoCa reads captions alone for that reason: Yu et
//! al., 2022.)

use super::retrieval::Retrieval;

/// What embeddings of captions are nearest to that were read beside another caption's picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shortcut {
    /// The share (0…1) nearest to the picture that they were read beside.
    pub to_picture: f64,
    /// The share (0…1) nearest to the picture that they describe.
    pub to_caption: f64,
}

impl Shortcut {
    /// Of `n` pictures and captions, `(n, width)` row-major: row `i` of `text` is the caption of picture `i + 1`, the
    /// last one that of picture 0, read beside picture `i`. `None` for fewer than two.
    ///
    /// # Panics
    /// If the two are not whole rows of `width` or not as many.
    pub fn measure(image: &[f32], text: &[f32], width: usize, threads: usize) -> Option<Self> {
        if image.len() < 2 * width {
            return None;
        }
        let mut described = image.to_vec();
        described.rotate_left(width);
        let found = |image: &[f32]| {
            let [_, of_texts] = Retrieval::measure(image, text, width, threads)?;
            Some(of_texts.recall[0])
        };
        Some(Self {
            to_picture: found(image)?,
            to_caption: found(&described)?,
        })
    }

    /// The sentence that must stand beside the scores of a model that was trained to read captions so.
    pub fn warning(&self) -> Option<String> {
        let [picture, caption] = [self.to_picture, self.to_caption].map(|share| 100.0 * share);
        (picture > caption).then(|| {
            format!(
                "The contrastive loss takes a shortcut: read beside another picture, {picture:.1} % of captions are \
                 nearest to that picture and {caption:.1} % to their own. Text embeddings copy the picture, and gap \
                 and retrieval say nothing about the text (contrastive.text_pass = \"fused\")."
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five corners of a cube's five axes.
    const PICTURES: [f32; 25] = {
        let mut rows = [0.0; 25];
        let mut i = 0;
        while i < 5 {
            rows[6 * i] = 1.0;
            i += 1;
        }
        rows
    };

    #[test]
    fn a_text_that_copies_the_picture_is_found_out() {
        let found = Shortcut::measure(&PICTURES, &PICTURES, 5, 1).unwrap();
        assert_eq!((found.to_picture, found.to_caption), (1.0, 0.0));
        let warning = found.warning().unwrap();
        assert!(
            warning.contains("100.0 %") && warning.contains("0.0 %"),
            "{warning}"
        );
    }

    #[test]
    fn a_text_that_says_what_it_says_takes_no_shortcut() {
        let mut text = PICTURES;
        text.rotate_left(5);
        let found = Shortcut::measure(&PICTURES, &text, 5, 1).unwrap();
        assert_eq!((found.to_picture, found.to_caption), (0.0, 1.0));
        assert_eq!(found.warning(), None);
        assert_eq!(Shortcut::measure(&[1.0; 5], &[1.0; 5], 5, 1), None);
    }
}
