//! Writing captions token by token, with the keys and values of earlier tokens kept.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::nn::kernels::decode::{add, attention, gelu, linear, norm};
use crate::nn::{Linear, Params};

use super::Model;
use super::gpt2::Gpt2;
use super::inference::Memory;

/// Several captions on their way, all equally long.
///
/// A row is one caption. It attends to the picture it was started for, and to its own earlier
/// tokens, whose keys and values are kept: a step costs one token a row, whatever the length.
#[derive(Debug)]
pub struct Decoder<'a> {
    gpt2: &'a Gpt2,
    params: &'a Params,
    /// Each row's picture, counted from the first one of this decoder.
    pictures: Vec<usize>,
    layers: Vec<LayerCache>,
    memory_tokens: usize,
    position: usize,
    capacity: usize,
    logits: Vec<f32>,
}

/// Keys and values of one block; a token's are side by side, 2·width numbers.
#[derive(Debug)]
struct LayerCache {
    /// (rows, capacity, 2·width): of the captions' tokens so far.
    own: Vec<f32>,
    /// (pictures, memory tokens, 2·width).
    cross: Vec<f32>,
}

impl<'a> Decoder<'a> {
    /// Starts one caption for each of some pictures of a memory, of at most `max_tokens` tokens,
    /// the start token included.
    ///
    /// # Errors
    /// [`Error::Input`] if the model has no decoder or fewer positions than `max_tokens`.
    pub fn new(
        model: &'a Model,
        params: &'a Params,
        memory: &Memory,
        pictures: Range<usize>,
        max_tokens: usize,
    ) -> Result<Self> {
        let gpt2 = &model.captioner()?.gpt2;
        let positions = gpt2.config.positions;
        if max_tokens > positions {
            return Err(Error::input(format!(
                "captions of {max_tokens} tokens are asked for; the model has {positions} positions"
            )));
        }
        let states = memory.states(pictures.clone());
        let rows = pictures.len();
        let width = gpt2.config.width;
        let layers = gpt2.blocks.iter().map(|block| {
            let mut cross = vec![0.0; rows * memory.tokens() * 2 * width];
            linear(params, block.cross.key_value, states, &mut cross);
            LayerCache {
                own: vec![0.0; rows * max_tokens * 2 * width],
                cross,
            }
        });
        Ok(Self {
            gpt2,
            params,
            pictures: (0..rows).collect(),
            layers: layers.collect(),
            memory_tokens: memory.tokens(),
            position: 0,
            capacity: max_tokens,
            logits: Vec::new(),
        })
    }

    /// Captions on their way.
    pub fn rows(&self) -> usize {
        self.pictures.len()
    }

    /// Tokens that every row has been given so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Takes every row's next token, the start token first, and returns the logits of the one
    /// after it: (rows, vocabulary).
    ///
    /// # Panics
    /// If there is not one token a row, if a token is outside the vocabulary, or after
    /// `max_tokens` steps.
    pub fn step(&mut self, tokens: &[u32]) -> &[f32] {
        assert_eq!(tokens.len(), self.rows(), "one token for each row");
        assert!(self.position < self.capacity, "no room for another token");
        let (gpt2, params) = (self.gpt2, self.params);
        let (width, heads) = (gpt2.config.width, gpt2.config.heads);
        let (rows, position) = (tokens.len(), self.position);

        let words = params.slice(gpt2.words);
        let place = &params.slice(gpt2.positions)[position * width..][..width];
        let mut stream: Vec<f32> = tokens
            .iter()
            .flat_map(|&id| words[id as usize * width..][..width].iter().zip(place))
            .map(|(word, place)| word + place)
            .collect();
        let mut normed = vec![0.0; rows * width];
        let mut gathered = vec![0.0; rows * width];
        let mut packed = vec![0.0; rows * 3 * width];
        let mut hidden = vec![0.0; rows * gpt2.config.mlp];
        for (block, cache) in gpt2.blocks.iter().zip(&mut self.layers) {
            norm(params, block.norm_self, &stream, &mut normed);
            linear(params, block.attention.qkv, &normed, &mut packed);
            let own = cache.own.chunks_exact_mut(self.capacity * 2 * width);
            for ((qkv, own), out) in packed
                .chunks_exact(3 * width)
                .zip(own)
                .zip(gathered.chunks_exact_mut(width))
            {
                let (query, key_value) = qkv.split_at(width);
                own[position * 2 * width..][..2 * width].copy_from_slice(key_value);
                let seen = position + 1;
                attention(query, own, &own[width..], 2 * width, seen, heads, out);
            }
            linear(params, block.attention.out, &gathered, &mut normed);
            add(&mut stream, &normed);

            norm(params, block.norm_cross, &stream, &mut normed);
            let queries = &mut packed[..rows * width];
            linear(params, block.cross.query, &normed, queries);
            let per_picture = self.memory_tokens * 2 * width;
            for ((query, &picture), out) in queries
                .chunks_exact(width)
                .zip(&self.pictures)
                .zip(gathered.chunks_exact_mut(width))
            {
                let cross = &cache.cross[picture * per_picture..][..per_picture];
                let seen = self.memory_tokens;
                attention(query, cross, &cross[width..], 2 * width, seen, heads, out);
            }
            linear(params, block.cross.out, &gathered, &mut normed);
            add(&mut stream, &normed);

            norm(params, block.norm_mlp, &stream, &mut normed);
            linear(params, block.mlp.up, &normed, &mut hidden);
            gelu(block.mlp.gelu, &mut hidden);
            linear(params, block.mlp.down, &hidden, &mut normed);
            add(&mut stream, &normed);
        }
        norm(params, gpt2.norm, &stream, &mut normed);
        self.logits.resize(rows * gpt2.config.vocab, 0.0);
        linear(params, Linear::tied(gpt2.words), &normed, &mut self.logits);
        self.position += 1;
        &self.logits
    }

    /// Goes on with these rows alone, in this order; a row may come several times (beams that
    /// share a past) or not at all (captions that have ended).
    ///
    /// # Panics
    /// If there is no such row.
    pub fn keep(&mut self, rows: &[usize]) {
        if rows.iter().copied().eq(0..self.rows()) {
            return;
        }
        let width = self.gpt2.config.width;
        let row_len = self.capacity * 2 * width;
        let used = self.position * 2 * width;
        for layer in &mut self.layers {
            let mut own = vec![0.0; rows.len() * row_len];
            for (new, &old) in own.chunks_exact_mut(row_len).zip(rows) {
                new[..used].copy_from_slice(&layer.own[old * row_len..][..used]);
            }
            layer.own = own;
        }
        self.pictures = rows.iter().map(|&row| self.pictures[row]).collect();
    }
}
