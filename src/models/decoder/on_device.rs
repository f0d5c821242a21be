//! Captions on a device.

use std::borrow::Cow;
use std::ops::Range;

use super::{Likeliest, NextTokens, check_positions};
use crate::error::Result;
use crate::models::batch::Pictures;
use crate::models::blocks::Dropouts;
use crate::models::gpt2::Gpt2;
use crate::models::inference::Read;
use crate::models::{LatentNoise, Model};
use crate::nn::cuda::{DeviceParams, DeviceTape, KeysAndValues, Logits, Places};
use crate::nn::{Linear, Workers};

/// Several captions on their way on a device, all equally long: what [`Decoder`](super::Decoder) is on the
/// CPU, step by step. Keys and values stay on the device; of the logits, what is asked for leaves it.
///
/// Products are in the parameters' precision, logits in f32. Once the device has failed, steps give tokens
/// of no meaning: whoever writes captions asks [`Device::check`](crate::nn::cuda::Device::check) at their end.
#[derive(Debug)]
pub struct DeviceDecoder<'a> {
    gpt2: &'a Gpt2,
    params: &'a DeviceParams,
    /// Each row's picture, counted from the first one of this decoder.
    pictures: Vec<usize>,
    /// Where each row's tokens so far lie in every layer's `own`.
    places: Vec<Vec<u32>>,
    layers: Vec<LayerCache>,
    /// States a picture.
    tokens: usize,
    /// What each row sees of the pictures' states; none after rows have changed.
    seen: Option<Places>,
    /// Tokens of all rows so far.
    written: usize,
    position: usize,
    capacity: usize,
    logits: Option<Logits>,
}

/// Keys and values of one block.
#[derive(Debug)]
struct LayerCache {
    /// Of all tokens so far, in the order they came.
    own: KeysAndValues,
    /// Of the pictures' states.
    cross: KeysAndValues,
}

/// The pictures that a [`DeviceDecoder`] starts captions for.
pub struct PicturesOnTheirWay<'a> {
    /// Some of the pictures.
    pub range: Range<usize>,
    /// How many there are: noise is drawn for all of them.
    pub count: usize,
    /// The pictures.
    pub pictures: Pictures<'a>,
    /// What the bottleneck makes of them.
    pub latent: LatentNoise<'a>,
    /// The threads that read them.
    pub workers: &'a Workers,
}

impl<'a> DeviceDecoder<'a> {
    /// Encodes some pictures, and starts a caption for each of at most `max_tokens` tokens, the start token
    /// included. There may be at most `most_rows` rows at a time.
    ///
    /// # Errors
    /// [`crate::Error::Input`] if the model has no decoder or fewer positions than `max_tokens`.
    pub fn new(
        model: &'a Model,
        params: &'a DeviceParams,
        wanted: &PicturesOnTheirWay,
        max_tokens: usize,
        most_rows: usize,
    ) -> Result<Self> {
        let captioner = model.captioner()?;
        let gpt2 = &captioner.gpt2;
        check_positions(gpt2, max_tokens)?;
        let range = wanted.range.clone();
        let mut memory = None;
        let read = Read::new(wanted.pictures, model.config.vit.pixels());
        let pixels = read.chunk_with(wanted.workers, range.clone(), &mut memory);
        let mut tape = DeviceTape::inference(params);
        let noise = model.noise(wanted.latent, range.clone(), wanted.count);
        let encoded = captioner.encode(&mut tape, pixels, noise, 0.0, &mut Dropouts::off());
        let states = encoded.memory.states;
        tape.retain(&[states]);
        let room = most_rows * max_tokens;
        let layers = gpt2.blocks.iter().map(|block| {
            let cross = tape.linear(states, block.cross.key_value);
            let cross = tape.keys_and_values(cross);
            tape.retain(&[states]);
            LayerCache {
                own: KeysAndValues::with_room(params, room, gpt2.config.width),
                cross,
            }
        });
        let layers = layers.collect();
        Ok(Self {
            gpt2,
            params,
            pictures: (0..range.len()).collect(),
            places: vec![Vec::with_capacity(max_tokens); range.len()],
            layers,
            tokens: encoded.memory.tokens,
            seen: None,
            written: 0,
            position: 0,
            capacity: max_tokens,
            logits: None,
        })
    }

    fn last_logits(&self) -> &Logits {
        self.logits.as_ref().expect("a step before its logits")
    }
}

impl NextTokens for DeviceDecoder<'_> {
    fn rows(&self) -> usize {
        self.pictures.len()
    }

    fn step(&mut self, tokens: &[u32]) {
        assert_eq!(tokens.len(), self.rows(), "one token for each row");
        assert!(self.position < self.capacity, "no room for another token");
        let (gpt2, heads) = (self.gpt2, self.gpt2.config.heads);
        let device = self.params.device();
        for (row, places) in self.places.iter_mut().enumerate() {
            places.push((self.written + row) as u32);
        }
        self.written += tokens.len();
        let own = Places::listed(device, &self.places);
        let seen = self.seen.get_or_insert_with(|| {
            let starts = self.pictures.iter().map(|&i| (i * self.tokens) as u32);
            Places::runs(device, &starts.collect::<Vec<_>>(), self.tokens)
        });

        let mut tape = DeviceTape::inference(self.params);
        let mut stream = tape.next_tokens(tokens, self.position, gpt2.words, gpt2.positions);
        let mut normed = tape.norm(stream, gpt2.blocks[0].norm_self);
        let after = gpt2.blocks[1..].iter().map(|block| block.norm_self);
        let after = after.chain([gpt2.norm]);
        for ((block, cache), norm_after) in gpt2.blocks.iter().zip(&self.layers).zip(after) {
            let qkv = tape.linear(normed, block.attention.qkv);
            let read = tape.attention_at(qkv, &cache.own, &own, heads);
            (stream, normed) = tape.linear_residual_norm(
                read,
                block.attention.out,
                stream,
                block.norm_cross,
                None,
            );

            let queries = tape.linear(normed, block.cross.query);
            let read = tape.attention_at(queries, &cache.cross, seen, heads);
            (stream, normed) =
                tape.linear_residual_norm(read, block.cross.out, stream, block.norm_mlp, None);

            let hidden = tape.linear_gelu(normed, block.mlp.up, block.mlp.gelu);
            (stream, normed) =
                tape.linear_residual_norm(hidden, block.mlp.down, stream, norm_after, None);
            tape.retain(&[stream, normed]);
        }
        self.logits = Some(tape.logits(normed, Linear::tied(gpt2.words)));
        self.position += 1;
    }

    fn logits(&mut self) -> Cow<'_, [f32]> {
        Cow::Owned(self.last_logits().values())
    }

    fn likeliest(&mut self, count: usize) -> Vec<Likeliest> {
        self.last_logits().likeliest(count)
    }

    fn keep(&mut self, rows: &[usize]) {
        if rows.iter().copied().eq(0..self.rows()) {
            return;
        }
        self.places = rows.iter().map(|&row| self.places[row].clone()).collect();
        self.pictures = rows.iter().map(|&row| self.pictures[row]).collect();
        self.seen = None;
    }
}
