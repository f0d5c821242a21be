//! Captions on a device.

use super::{BLOCK, Hypothesis, Method, Request};
use crate::Result;
use crate::models::{DeviceDecoder, PicturesOnTheirWay};
use crate::nn::Workers;
use crate::nn::cuda::DeviceParams;

/// Writes captions on the device that the weights are on, as [`generate`](super::generate) does on the CPU:
/// the same latents and the same draws. Products are in the weights' precision, so captions whose words are
/// almost equally likely may differ from the CPU's. `workers` read pictures.
///
/// Pictures go in groups of at most 256, or of as many as the memory holds.
///
/// # Errors
/// [`crate::Error::Input`] if the model has no decoder, or for a [`Method`] that makes no sense;
/// [`crate::Error::Failed`] if the device fails, or has not the memory for one picture.
pub fn generate_on_device(
    request: &Request<DeviceParams>,
    method: &Method,
    workers: &Workers,
    on_done: &dyn Fn(usize),
) -> Result<Vec<Vec<Hypothesis>>> {
    method.validate()?;
    let device = request.params.device();
    device.ready()?;
    let mut most = BLOCK;
    let mut captions = Vec::with_capacity(request.count);
    while captions.len() < request.count {
        // Groups do not go over the end of a block, whose pictures share a source of noise.
        let start = captions.len();
        let (first, in_block) = (start / BLOCK * BLOCK, start % BLOCK);
        let block = BLOCK.min(request.count - first);
        let group = in_block..block.min(in_block + most);
        let size = group.len();
        match write(request, method, workers, first, block, group) {
            Ok(written) => captions.extend(written),
            Err(error) if device.ran_out_of_memory() => {
                if size == 1 {
                    return Err(error.context("captions of one picture at a time"));
                }
                most = size.div_ceil(2);
                continue;
            }
            Err(error) => return Err(error),
        }
        on_done(size);
    }
    Ok(captions)
}

/// The captions of a group of the `block` pictures from number `first` on.
fn write(
    request: &Request<DeviceParams>,
    method: &Method,
    workers: &Workers,
    first: usize,
    block: usize,
    group: std::ops::Range<usize>,
) -> Result<Vec<Vec<Hypothesis>>> {
    let Request { model, params, .. } = *request;
    let max_tokens = request.max_tokens.min(model.config().max_words());
    let most_rows = group.len() * method.most_rows();
    let start = first + group.start;
    let wanted = PicturesOnTheirWay {
        range: group,
        count: block,
        pictures: &|i, out| (request.pictures)(first + i, out),
        latent: request.noise(first),
        workers,
    };
    let decoder = DeviceDecoder::new(model, params, &wanted, max_tokens, most_rows)?;
    let captions = method.write(decoder, request.specials, max_tokens, start);
    params.device().check()?;
    Ok(captions)
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests;
