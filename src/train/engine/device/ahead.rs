//! The pictures of a step on the device before it asks for them.

use std::thread::{Scope, ScopedJoinHandle};

use super::super::super::{Pair, SplitData};
use crate::Result;
use crate::nn::cuda::{Device, DevicePictures};

/// The pictures of a step and, read by a thread of their own and copied while the device computes, those of the next.
pub(super) struct Ahead<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    data: &'env SplitData<'env>,
    /// Those of this step, if they have been read ahead.
    present: Option<DevicePictures>,
    /// Those of the next.
    next: Option<ScopedJoinHandle<'scope, DevicePictures>>,
    /// Room that nobody uses.
    free: Vec<DevicePictures>,
}

impl<'scope, 'env> Ahead<'scope, 'env> {
    /// Room for two steps of so many pictures, each of `size` bytes; nothing is read yet.
    pub fn new(
        scope: &'scope Scope<'scope, 'env>,
        device: &Device,
        data: &'env SplitData<'env>,
        batch: usize,
        size: usize,
    ) -> Result<Self> {
        let room = || DevicePictures::with_room(device, batch, size);
        Ok(Self {
            scope,
            data,
            present: None,
            next: None,
            free: vec![room()?, room()?],
        })
    }

    /// A step begins, with the pictures that were read ahead; those of `next` are read from now on.
    pub fn turn(&mut self, next: Option<Vec<Pair>>) {
        self.free.extend(self.present.take());
        if let Some(reading) = self.next.take() {
            let read = reading.join();
            let mut read = read.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            read.arrive();
            self.present = Some(read);
        }
        let Some(pairs) = next else { return };
        let mut room = self.free.pop().expect("room for this step and the next");
        // The step that used it has been asked for; what it is asked for now is not read before that is done.
        room.hold();
        let data = self.data;
        self.next = Some(self.scope.spawn(move || {
            room.fill(pairs.len(), |i, picture| {
                let Ok(bytes) = data.images().rgb(pairs[i].picture) else {
                    return false;
                };
                picture.copy_from_slice(bytes);
                true
            });
            room.send();
            room
        }));
    }

    /// This step's pictures, if they have been read ahead.
    pub fn present(&self) -> Option<&DevicePictures> {
        self.present.as_ref()
    }
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests {
    use super::*;
    use crate::data::{ImageStore, scenes};
    use crate::models::{
        Cut, LatentNoise, Model, ModelConfig, Objective, Specials, Variant,
        loss_and_gradients_on_device,
    };
    use crate::nn::Precision;
    use crate::nn::cuda::{DeviceGradients, DeviceParams};

    #[test]
    fn steps_learn_the_same_of_pictures_that_were_read_ahead() {
        let model = Model::new(ModelConfig::tiny(Variant::EncoderDecoder, 20)).unwrap();
        let params = model.init(1);
        let size = model.config().vit.image;
        let [examples, ..] = scenes::splits(1, [8, 1, 1]);
        let images = ImageStore::build(&examples, size, 1, &|_, _| Ok(())).unwrap();
        let captions = (0..8).map(|i| vec![vec![i, 1]]).collect();
        let data = SplitData::new(&images, &captions, Specials::single(0));
        let pairs = |pictures: &[usize]| -> Vec<Pair> {
            let pair = |&picture| Pair {
                picture,
                caption: 0,
            };
            pictures.iter().map(pair).collect()
        };
        let steps = [pairs(&[3, 1, 7]), pairs(&[0, 2, 4]), pairs(&[5, 6])];
        let device = Device::of_tests();
        let there = DeviceParams::new(&device, &params, Precision::F32);
        let objective = Objective {
            alpha: 1.0,
            beta: 0.0,
            gamma: 0.0,
            free_bits: 0.0,
            latent: LatentNoise::Mean,
            dropout: None,
            precision: Precision::F32,
        };
        let learn = |pairs: &[Pair], pictures: Option<&DevicePictures>, parts| {
            let mut gradients = DeviceGradients::zeros(&device, model.layout());
            let mut cut = Cut { shards: 2, parts };
            let losses = data.with_batch(&model, pairs, |batch| {
                loss_and_gradients_on_device(
                    &model,
                    &there,
                    batch,
                    pictures,
                    &objective,
                    &mut gradients,
                    &mut cut,
                )
            });
            (losses.unwrap().loss, gradients.to_flat(&device))
        };
        std::thread::scope(|scope| {
            let bytes = model.config().vit.pixels();
            let mut ahead = Ahead::new(scope, &device, &data, 3, bytes).unwrap();
            for (i, step) in steps.iter().enumerate() {
                ahead.turn(steps.get(i + 1).cloned());
                assert_eq!(ahead.present().is_some(), i > 0);
                for parts in [1, 2] {
                    let found = learn(step, ahead.present(), parts);
                    assert_eq!(found, learn(step, None, parts), "step {i}");
                }
            }
        });
    }
}
