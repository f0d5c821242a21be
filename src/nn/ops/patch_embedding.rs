//! Images as tokens (Dosovitskiy et al. 2021, section 3.1).

use crate::nn::kernels::{elementwise, matmul};
use crate::nn::layout::{Linear, Slot};
use crate::nn::tape::{Tape, Var};

/// The parameters that turn an image into a class token and one token a patch.
#[derive(Debug, Clone, Copy)]
pub struct PatchEmbedding {
    /// width × (3 · patch · patch), the inputs in the order (channel, y, x), as a
    /// convolution's weight.
    pub projection: Linear,
    /// The class token: 1 × width.
    pub class_token: Slot,
    /// Position embeddings: (1 + patches) × width, the class token's first.
    pub positions: Slot,
    /// Side of an image in pixels, a multiple of `patch`.
    pub image: usize,
    /// Side of a patch in pixels.
    pub patch: usize,
}

impl PatchEmbedding {
    /// Tokens an image becomes, the class token included.
    pub fn tokens(&self) -> usize {
        (self.image / self.patch).pow(2) + 1
    }
}

impl Tape<'_> {
    /// Tokens of `images` (batch, 3, image, image), normalised: (batch · tokens, width).
    pub fn patch_embedding(&mut self, images: &[f32], patches: PatchEmbedding) -> Var {
        let PatchEmbedding {
            projection,
            class_token,
            positions,
            image,
            patch,
        } = patches;
        let (tokens, width, inputs) = (patches.tokens(), projection.outputs(), projection.inputs());
        assert!(
            image.is_multiple_of(patch),
            "an image of {image} in patches of {patch}"
        );
        assert_eq!(
            inputs,
            3 * patch * patch,
            "a weight for every value of a patch"
        );
        assert_eq!(
            (positions.rows, positions.cols),
            (tokens, width),
            "a position for every token"
        );
        let batch = images.len() / (3 * image * image);
        assert_eq!(
            images.len(),
            batch * 3 * image * image,
            "whole images of side {image}"
        );

        let mark = self.mark();
        let mut pixels = self.pool.take(batch * tokens * inputs);
        for (image_pixels, pixels) in images
            .chunks_exact(3 * image * image)
            .zip(pixels.chunks_exact_mut(tokens * inputs))
        {
            unfold(image_pixels, image, patch, pixels);
        }
        let mut out = self.pool.take(batch * tokens * width);
        matmul::forward(
            self.precision,
            &pixels,
            self.params.slice(projection.w),
            &mut out,
            inputs,
            width,
        );
        for out in out.chunks_exact_mut(tokens * width) {
            elementwise::add(out, self.params.slice(positions));
            let (first, others) = out.split_at_mut(width);
            elementwise::add(first, self.params.slice(class_token));
            if let Some(b) = projection.b {
                elementwise::add_row(others, self.params.slice(b));
            }
        }
        let out = self.push(batch * tokens, width, out);
        let pixels = self.save(pixels);
        let mut parameters = projection.slots();
        parameters.extend([class_token, positions]);
        self.record(mark, &parameters, move |back| {
            let Some(gradient) = back.take_gradient(out) else {
                return;
            };
            let (dw, adds) = back.gradients.slice_or_vacant(projection.w);
            let pixels = back.values.data(pixels);
            matmul::weight_gradient(back.precision, &gradient, pixels, dw, inputs, width, adds);
            for gradient in gradient.chunks_exact(tokens * width) {
                elementwise::add(back.gradients.slice(positions), gradient);
                let (first, others) = gradient.split_at(width);
                elementwise::add(back.gradients.slice(class_token), first);
                if let Some(b) = projection.b {
                    elementwise::add_column_sums(others, back.gradients.slice(b));
                }
            }
            back.pool.put(gradient);
        });
        out
    }
}

/// Lays an image (3, side, side) out as rows of patches (channel, y, x), after a row of zeros
/// where the class token will be: so one product does for all tokens.
fn unfold(image: &[f32], side: usize, patch: usize, rows: &mut [f32]) {
    let across = side / patch;
    let (class_row, rows) = rows.split_at_mut(3 * patch * patch);
    class_row.fill(0.0);
    for (i, row) in rows.chunks_exact_mut(3 * patch * patch).enumerate() {
        let (top, left) = (i / across * patch, i % across * patch);
        for (line, row) in row.chunks_exact_mut(patch).enumerate() {
            let (channel, y) = (line / patch, top + line % patch);
            row.copy_from_slice(&image[(channel * side + y) * side + left..][..patch]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::layout::{Init, Layout};
    use crate::nn::ops::check::check_gradients;

    #[test]
    fn gradients() {
        let mut builder = Layout::builder();
        let patches = PatchEmbedding {
            projection: builder.linear("projection", 12, 5, true, 0.5),
            class_token: builder.add("class", 1, 5, Init::Normal(1.0)),
            positions: builder.add("positions", 5, 5, Init::Normal(1.0)),
            image: 4,
            patch: 2,
        };
        let images: Vec<f32> = (0..96)
            .map(|i| ((i * 37) % 23) as f32 / 11.0 - 1.0)
            .collect();
        check_gradients(builder.build(), &[], |tape, _| {
            (vec![tape.patch_embedding(&images, patches)], 0.0)
        });
    }

    #[test]
    fn a_patch_is_laid_out_as_a_convolution_reads_it() {
        let image: Vec<f32> = (0..48).map(|i| i as f32).collect();
        let mut rows = vec![f32::NAN; 5 * 12];
        unfold(&image, 4, 2, &mut rows);
        assert_eq!(rows[..12], [0.0; 12]);
        // The second patch of the first line: columns 2 and 3 of lines 0 and 1, by channel.
        assert_eq!(
            rows[24..36],
            [2., 3., 6., 7., 18., 19., 22., 23., 34., 35., 38., 39.]
        );
    }
}
