//! Images as tokens.

use crate::nn::cuda::array::Element;
use crate::nn::cuda::driver::ProductKind;
use crate::nn::cuda::tape::DeviceTape;
use crate::nn::ops::PatchEmbedding;
use crate::nn::precision::Precision;
use crate::nn::tape::Var;

use super::product::Matrices;

impl DeviceTape<'_> {
    /// Tokens of `images` (batch, 3, image, image), normalised: (batch · tokens, width). Without images, of those that
    /// are on the device ([`Self::with_pictures`]).
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
            image.is_multiple_of(patch) && inputs == 3 * patch * patch,
            "patches of {patch} of an image of {image}, and a weight for every value"
        );
        assert_eq!(
            (positions.rows, positions.cols),
            (tokens, width),
            "a position for every token"
        );
        let there = self.pictures.filter(|_| images.is_empty());
        let size = 3 * image * image;
        let batch = there.map_or(images.len() / size, |(_, which)| which.len());
        let rows = batch * tokens;
        let sizes = [rows, inputs, width];
        let mark = self.mark();
        let (device, element) = (self.device(), self.precision().into());
        let pixels = self.activations(rows * inputs);
        // What the kernel reads lives until it has been launched: memory that is dropped may be another thread's at once.
        match there {
            None => {
                assert_eq!(images.len(), batch * size, "images of side {image}");
                let pictures = device.uploaded(Element::F32, images);
                device
                    .typed_kernel("unfold", self.precision())
                    .array(pictures.view(), Element::F32, batch * size)
                    .array(pixels.view(), element, rows * inputs)
                    .count(rows)
                    .count(image)
                    .count(patch)
                    .rows(rows, 1);
            }
            Some((pictures, which)) => {
                assert_eq!(pictures.size(), size, "pictures of side {image}");
                let bytes = pictures.bytes();
                let places = device.uploaded(Element::U32, &pictures.places(which));
                device
                    .typed_kernel("unfold_bytes", self.precision())
                    .array(bytes, Element::U8, bytes.len)
                    .array(places.view(), Element::U32, batch)
                    .array(pixels.view(), element, rows * inputs)
                    .count(rows)
                    .count(image)
                    .count(patch)
                    .rows(rows, 1);
            }
        }
        let out = self.activations(rows * width);
        let w = self.params.weights(projection.w);
        let matrices = [pixels.view(), w, out.view()];
        device.product(&Matrices::new(ProductKind::Forward, sizes, matrices));
        device
            .typed_kernel("place_patches", self.precision())
            .array(out.view(), element, rows * width)
            .array(self.params.slice(positions), Element::F32, tokens * width)
            .array(self.params.slice(class_token), Element::F32, width)
            .optional(
                projection.b.map(|b| self.params.slice(b)),
                Element::F32,
                width,
            )
            .count(rows)
            .count(tokens)
            .count(width)
            .rows(rows, 1);
        let out = self.push(rows, width, out);
        self.record(mark, move |back| {
            let Some(gradient) = back.take_gradient(out) else {
                return;
            };
            let device = back.device();
            let (dw, adds) = back.gradients.slice_or_vacant(projection.w);
            let matrices = [gradient.view(), pixels.view(), dw];
            let product = Matrices::new(ProductKind::WeightGradient, sizes, matrices);
            device.product(&product.adding(adds));
            // The positions' sums over the batch; the first is the class token's, the others together the bias's.
            let sums = device.array(Element::F32, tokens * width);
            sums.clear();
            let places = (0..rows).map(|row| row % tokens);
            device.add_rows(
                back.precision(),
                gradient.view(),
                places,
                sums.view(),
                width,
            );
            for (part, slot) in [(sums.view(), positions), (sums.part(0..width), class_token)] {
                let to = back.gradients.slice(slot);
                device.add(Precision::F32, to, part);
            }
            if let Some(b) = projection.b {
                let to = back.gradients.slice(b);
                device.add_column_sums(Precision::F32, sums.part(width..tokens * width), to);
            }
        });
        out
    }
}
