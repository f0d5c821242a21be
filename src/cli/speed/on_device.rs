//! How fast a device trains and captions.

use std::time::Instant;

use serde::Serialize;

use super::super::plan::threads;
use super::super::timing::{RATE, endless, objective, random_pictures, specials};
use super::{SpeedArgs, Work};
use crate::decode::{self, Method, Request};
use crate::models::{Batch, Cut, Model, Variant, loss_and_gradients_on_device};
use crate::nn::adamw::{AdamW, Moments};
use crate::nn::cuda::{Device, DeviceGradients, DeviceMoments, DeviceParams, DevicePictures};
use crate::nn::{Precision, Workers};
use crate::train::Optimizer;
use crate::{Error, Result};

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    device: String,
    preset: String,
    variant: Variant,
    precision: Precision,
    parameters: usize,
    batch: usize,
    /// How many parts a step's batch went through in, for want of memory.
    parts: usize,
    steps: usize,
    step_ms_median: f64,
    /// The fastest and the slowest step.
    step_ms_range: [f64; 2],
    images_per_s: f64,
    /// Operations of matrix products a second, of the whole step; attention's own are not counted.
    products_tflops: f64,
    /// What the device reaches on one large product.
    peak_tflops: f64,
    utilisation: f64,
    /// Of arrays on the device, in training.
    peak_memory_mb: f64,
    loss_first: f64,
    loss_last: f64,
    /// Pictures that are captioned together, greedily.
    captions: usize,
    /// Words of each.
    caption_words: usize,
    caption_ms_per_image: f64,
}

/// Times training steps (forward, backward, the gradients' norm and AdamW), and captions.
pub(super) fn run(args: &SpeedArgs, work: &Work, device: &Device) -> Result<()> {
    const WARM_UP: usize = 5;
    const SIDE: usize = 8192;
    const CAPTIONS: usize = 256;
    let side = if device.is_emulated() { 64 } else { SIDE };
    let peak = device.peak_rate(args.precision, side)?;
    let model = Model::new(work.config)?;
    let size = model.config().vit.pixels();
    let pixels = random_pictures(&model, work.batch);
    let texts = work.texts();
    let captions: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let pictures =
        |i: usize, out: &mut [f32]| out.copy_from_slice(&pixels[i * size..(i + 1) * size]);
    let batch = Batch {
        pictures: &pictures,
        captions: &captions,
        specials: specials(&model),
    };
    let mut params = DeviceParams::new(device, &model.init(0), args.precision);
    let mut gradients = DeviceGradients::zeros(device, model.layout());
    let mut optimizer = Optimizer::with(AdamW::default(), 0);
    optimizer.clip = args.clip;
    let mut moments = DeviceMoments::of(device, &Moments::new(model.layout().len()));
    let mut cut = Cut::whole(work.shards);
    let mut places = places(device, work.batch, size, &pixels)?;
    places[0].send();
    let mut step = |number: u64| -> Result<(f64, f64)> {
        let objective = objective(&model, number, args.dropout > 0.0, args.precision);
        let started = Instant::now();
        let (present, next) = (number as usize % 2, (number as usize + 1) % 2);
        places[present].arrive();
        places[next].hold();
        places[next].send();
        let losses = loss_and_gradients_on_device(
            &model,
            &params,
            &batch,
            Some(&places[present]),
            &objective,
            &mut gradients,
            &mut cut,
        )?;
        let scale = optimizer.clip_scale(gradients.norm(device));
        let settings = optimizer.settings(RATE);
        params.update(&mut gradients, &mut moments, &settings, scale);
        device.wait()?;
        Ok((started.elapsed().as_secs_f64(), losses.loss))
    };
    let mut losses = Vec::new();
    for number in 0..WARM_UP {
        losses.push(step(number as u64)?.1);
    }
    let before = device.operations();
    let mut walls = Vec::with_capacity(args.steps);
    for number in 0..args.steps {
        let (seconds, loss) = step((WARM_UP + number) as u64)?;
        walls.push(seconds * 1e3);
        losses.push(loss);
    }
    let operations = (device.operations() - before) / args.steps as f64;
    walls.sort_by(f64::total_cmp);
    let median = walls[walls.len() / 2];
    let rate = operations / median * 1e3;
    let peak_memory_mb = device.peak_memory() as f64 / 1e6;
    drop((gradients, moments));
    let count = if device.is_emulated() { 2 } else { CAPTIONS };
    let request = Request {
        model: &model,
        params: &params,
        specials: endless(specials(&model)),
        count,
        pictures: &|i, out: &mut [f32]| pictures(i % work.batch, out),
        latent_seed: None,
        max_tokens: work.caption_words,
    };
    let workers = Workers::new(threads(args.threads)?)?;
    let caption_ms_per_image = caption(&request, &workers)?;
    let measured = Measured {
        device: device.name(),
        preset: format!("{:?}", args.preset).to_lowercase(),
        variant: args.variant,
        precision: args.precision,
        parameters: model.parameters(),
        batch: work.batch,
        parts: cut.parts,
        steps: args.steps,
        step_ms_median: median,
        step_ms_range: [walls[0], walls[walls.len() - 1]],
        images_per_s: work.batch as f64 / median * 1e3,
        products_tflops: rate / 1e12,
        peak_tflops: peak / 1e12,
        utilisation: rate / peak,
        peak_memory_mb,
        loss_first: losses[0],
        loss_last: losses[losses.len() - 1],
        captions: count,
        caption_words: work.caption_words,
        caption_ms_per_image,
    };
    if args.json {
        let text = serde_json::to_string_pretty(&measured)
            .map_err(|e| Error::failed(format!("cannot write JSON: {e}")))?;
        println!("{text}");
    } else {
        measured.print();
    }
    Ok(())
}

/// Two places for the same pictures, as in training: one is copied to while a step reads the other.
fn places(
    device: &Device,
    count: usize,
    size: usize,
    pixels: &[f32],
) -> Result<[DevicePictures; 2]> {
    let place = || -> Result<DevicePictures> {
        let mut place = DevicePictures::with_room(device, count, size)?;
        place.fill(count, |i, picture| {
            for (to, value) in picture.iter_mut().zip(&pixels[i * size..]) {
                *to = ((value + 1.0) * 127.5).round() as u8;
            }
            true
        });
        Ok(place)
    };
    Ok([place()?, place()?])
}

/// Milliseconds that a greedy caption takes: the median of three times.
fn caption(request: &Request<DeviceParams>, workers: &Workers) -> Result<f64> {
    let time = || -> Result<f64> {
        let started = Instant::now();
        decode::generate_on_device(request, &Method::Greedy, workers, &|_| ())?;
        Ok(started.elapsed().as_secs_f64() * 1e3 / request.count as f64)
    };
    // Once for products to be planned, memory to be found and kernels to be loaded.
    time()?;
    let mut times = [time()?, time()?, time()?];
    times.sort_by(f64::total_cmp);
    Ok(times[1])
}

impl Measured {
    fn print(&self) {
        let parts = match self.parts {
            1 => String::new(),
            parts => format!(" in {parts} parts"),
        };
        println!(
            "{} {}: {:.1} M parameters, batch {}{parts}, {} on {}",
            self.preset,
            self.variant,
            self.parameters as f64 / 1e6,
            self.batch,
            self.precision,
            self.device
        );
        let [fastest, slowest] = self.step_ms_range;
        println!(
            "training step    {:.2} ms (median of {}; {fastest:.2} to {slowest:.2} ms), {:.0} pictures a second",
            self.step_ms_median, self.steps, self.images_per_s
        );
        println!(
            "matrix products  {:.3} of {:.3} TFLOP/s, {:.0} %, over the whole step",
            self.products_tflops,
            self.peak_tflops,
            100.0 * self.utilisation
        );
        println!(
            "peak memory      {:.0} MB of the device's",
            self.peak_memory_mb
        );
        println!(
            "captioning       {:.3} ms a picture of {} words, {} at a time",
            self.caption_ms_per_image, self.caption_words, self.captions
        );
    }
}
