//! From pictures to captions with a trained model.
//!
//! Captions are written with a KV cache, greedily, by beam search or by sampling. Pictures are decoded
//! in groups, one on each thread or, of a large model, with all threads on each. What a picture gets does not depend on its group, to the last bit
//! (`nn::kernels::few_rows`), and what is drawn depends on its number alone. On a device
//! (`generate_on_device`) a group is as many pictures as its memory holds.

mod beam;
mod greedy;
mod method;
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
mod on_device;
mod retrieve;
mod roll_out;
mod sample;
mod teacher_forced;

pub use beam::Beams;
pub use method::Method;
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
pub use on_device::generate_on_device;
pub use retrieve::TextBank;
pub use sample::Sampling;
pub use teacher_forced::{Forced, teacher_forced};

use std::ops::Range;

use crate::Result;
use crate::models::{Decoder, Inference, LatentNoise, Model, Pictures, Specials};
use crate::nn::{Compute, Params, Precision, Workers};
use crate::train::mix;

/// The most pictures that are decoded together: enough for the products, few enough for the caches.
pub const GROUP: usize = 16;

/// Decoders of more bytes than this have all threads work on one group at a time: its weights, which the
/// caches do not hold, are then read once for all threads and not once for each.
const TOGETHER_FROM: usize = 64 << 20;

/// Pictures that are encoded before any of them is decoded: what bounds the memory.
const BLOCK: usize = 256;

/// The purpose of the latents' draws.
const LATENT: u64 = 0x7465_7374;

/// Pictures to caption, and a model to do it.
///
/// `P` is what its weights are: [`Params`], or those on a device.
#[derive(Clone, Copy)]
pub struct Request<'a, P = Params> {
    /// The model; it has a decoder.
    pub model: &'a Model,
    /// Its weights.
    pub params: &'a P,
    /// Its special tokens.
    pub specials: Specials,
    /// Number of pictures.
    pub count: usize,
    /// The pictures.
    pub pictures: Pictures<'a>,
    /// The seed that a bottleneck's latents are sampled with; `None` is the posterior's mean.
    pub latent_seed: Option<u64>,
    /// The most tokens that a caption may have, the end token among them; the model's positions
    /// are a limit besides.
    pub max_tokens: usize,
}

impl<'a, P> Request<'a, P> {
    /// The same with other weights.
    #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
    fn with<Q>(&self, params: &'a Q) -> Request<'a, Q> {
        Request {
            model: self.model,
            params,
            specials: self.specials,
            count: self.count,
            pictures: self.pictures,
            latent_seed: self.latent_seed,
            max_tokens: self.max_tokens,
        }
    }

    /// The noise of the block of pictures that starts here.
    fn noise(&self, first: usize) -> LatentNoise<'static> {
        match self.latent_seed {
            None => LatentNoise::Mean,
            Some(seed) => LatentNoise::Sample {
                seed: mix(seed, LATENT, first as u64),
            },
        }
    }
}

/// One caption for a picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hypothesis {
    /// Word ids, without start and end token.
    pub words: Vec<u32>,
    /// Whether the end token came; otherwise the caption was cut at the longest length.
    pub ended: bool,
    /// Summed log-probability of words and end token, in nats; of beam search that sum divided by
    /// tokens^length_penalty.
    pub score: f64,
}

/// Writes captions for every picture: at least one each, best first. Greedy decoding and sampling
/// write one, beam search at most as many as it has beams.
///
/// `on_done` hears of every group of captioned pictures.
///
/// # Errors
/// [`crate::Error::Input`] if the model has no decoder, or for a [`Method`] that makes no sense.
pub fn generate(
    request: &Request,
    method: &Method,
    workers: &Workers,
    on_done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Vec<Hypothesis>>> {
    let sharing = match request.model.decoder_bytes() > TOGETHER_FROM {
        true => Sharing::Products,
        false => Sharing::Groups,
    };
    share(request, method, workers, on_done, sharing)
}

/// [`generate`] on what `compute` says: a device computes in `precision`, the CPU in f32.
///
/// # Errors
/// As [`generate`]; [`crate::Error::Failed`] if a device fails, or has not the memory for one picture.
pub fn generate_on(
    compute: &Compute,
    precision: Precision,
    request: &Request,
    method: &Method,
    workers: &Workers,
    on_done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Vec<Hypothesis>>> {
    match (compute, precision) {
        (Compute::Cpu, _) => generate(request, method, workers, on_done),
        #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
        (Compute::Device(device), precision) => {
            let there = crate::nn::cuda::DeviceParams::new(device, request.params, precision);
            generate_on_device(&request.with(&there), method, workers, on_done)
        }
    }
}

/// What threads share out among them.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sharing {
    /// Each has groups of its own.
    Groups,
    /// All work on the same group.
    Products,
}

fn share(
    request: &Request,
    method: &Method,
    workers: &Workers,
    on_done: &(dyn Fn(usize) + Sync),
    sharing: Sharing,
) -> Result<Vec<Vec<Hypothesis>>> {
    method.validate()?;
    let Request { model, params, .. } = *request;
    let max_tokens = request.max_tokens.min(model.config().max_words());
    let mut inference = Inference::new(model, params, workers);
    let mut captions = Vec::with_capacity(request.count);
    for first in (0..request.count).step_by(BLOCK) {
        let size = BLOCK.min(request.count - first);
        let picture = |i: usize, out: &mut [f32]| (request.pictures)(first + i, out);
        let noise = request.noise(first);
        let memory = inference.encode(size, &picture, noise)?;
        let write = |group: Range<usize>, team: Option<&Workers>| -> Result<_> {
            let start = first + group.start;
            let decoder = Decoder::new(model, params, &memory, group, max_tokens, team)?;
            let rows = decoder.rows();
            let captions = method.write(decoder, request.specials, max_tokens, start);
            on_done(rows);
            Ok(captions)
        };
        let most = match sharing {
            Sharing::Groups => size.div_ceil(workers.threads()).min(GROUP),
            Sharing::Products => GROUP,
        };
        let groups = (0..size).step_by(most).map(|i| i..size.min(i + most));
        let decoded: Vec<_> = match sharing {
            Sharing::Groups => workers.map(groups, |_, group| write(group, None)),
            Sharing::Products => groups.map(|group| write(group, Some(workers))).collect(),
        };
        for group in decoded {
            captions.extend(group?);
        }
    }
    Ok(captions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{ModelConfig, Variant};

    #[test]
    fn captions_are_the_same_whatever_threads_share() {
        let model = Model::new(ModelConfig::tiny(Variant::EncoderDecoder, 50)).unwrap();
        let mut params = model.init(4);
        // From its initial values a model writes the same for every picture.
        params.values.iter_mut().for_each(|value| *value *= 3.0);
        let request = Request {
            model: &model,
            params: &params,
            specials: Specials::single(49),
            count: 19,
            pictures: &|i, out| {
                let pixels = out.iter_mut().enumerate();
                pixels.for_each(|(j, pixel)| *pixel = ((i * 31 + j * 7) as f32 * 0.3).sin());
            },
            latent_seed: None,
            max_tokens: 9,
        };
        let write = |threads, sharing| {
            let workers = Workers::new(threads).unwrap();
            share(&request, &Method::Greedy, &workers, &|_| (), sharing).unwrap()
        };
        let alone = write(1, Sharing::Groups);
        assert!(alone.iter().any(|caption| caption != &alone[0]));
        for threads in [1, 2, 3] {
            for sharing in [Sharing::Groups, Sharing::Products] {
                assert_eq!(write(threads, sharing), alone, "{threads} {sharing:?}");
            }
        }
    }
}
