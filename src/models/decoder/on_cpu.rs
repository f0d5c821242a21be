//! Writing captions token by token, with the keys and values of earlier tokens kept.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Result;
use crate::nn::kernels::decode::{add, attention, gelu, linear_of_many, norm};
use crate::nn::{Linear, Params, Workers};

use super::{Likeliest, NextTokens, check_positions};
use crate::models::Model;
use crate::models::gpt2::Gpt2;
use crate::models::inference::Memory;
use crate::models::team::Team;

/// Several captions on their way, all equally long.
///
/// A row is one caption. It attends to the picture it was started for, and to its own earlier
/// tokens, whose keys and values are kept: a step costs one token a row, whatever the length.
/// Those of a picture are computed once. Keys and values never move: a row knows the places of its
/// own, so rows that share a past (beams) share its memory, and to reorder rows costs next to nothing.
#[derive(Debug)]
pub struct Decoder<'a> {
    gpt2: &'a Gpt2,
    params: &'a Params,
    /// Each row's picture, counted from the first one of this decoder.
    pictures: Vec<usize>,
    /// Where each row's tokens so far lie in every layer's `own`.
    places: Vec<Vec<u32>>,
    layers: Vec<LayerCache>,
    /// The places of a picture's states: all of them.
    memory: Vec<u32>,
    position: usize,
    capacity: usize,
    logits: Vec<f32>,
    team: Team<'a>,
}

/// Keys and values of one block; a token's are side by side, 2·width numbers.
#[derive(Debug)]
struct LayerCache {
    /// (places, 2·width): of all tokens so far, in the order they came.
    own: Vec<f32>,
    /// (pictures, memory tokens, 2·width).
    cross: Vec<f32>,
}

impl<'a> Decoder<'a> {
    /// Starts one caption for each of some pictures of a memory, of at most `max_tokens` tokens,
    /// the start token included. With `workers`, these share the work of each step, which pays where
    /// the weights are more than the caches hold; not to be used from a thread of theirs.
    ///
    /// # Errors
    /// [`crate::Error::Input`] if the model has no decoder or fewer positions than `max_tokens`.
    pub fn new(
        model: &'a Model,
        params: &'a Params,
        memory: &Memory,
        pictures: Range<usize>,
        max_tokens: usize,
        workers: Option<&'a Workers>,
    ) -> Result<Self> {
        let gpt2 = &model.captioner()?.gpt2;
        check_positions(gpt2, max_tokens)?;
        let states = memory.states(pictures.clone());
        let rows = pictures.len();
        let width = gpt2.config.width;
        let per_picture = memory.tokens() * 2 * width;
        let team = Team::new(workers);
        let layers = gpt2.blocks.iter().map(|block| {
            let mut cross = vec![0.0; rows * per_picture];
            // Picture by picture: a product of another size might round differently.
            team.rows(&mut cross, per_picture, |row, cross| {
                let states = &states[row * states.len() / rows..][..states.len() / rows];
                linear_of_many(params, block.cross.key_value, states, cross);
            });
            LayerCache {
                own: Vec::with_capacity(rows * max_tokens * 2 * width),
                cross,
            }
        });
        Ok(Self {
            gpt2,
            params,
            pictures: (0..rows).collect(),
            places: vec![Vec::with_capacity(max_tokens); rows],
            layers: layers.collect(),
            memory: (0..memory.tokens() as u32).collect(),
            position: 0,
            capacity: max_tokens,
            logits: Vec::new(),
            team,
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
        let (gpt2, params, team) = (self.gpt2, self.params, self.team);
        let (width, heads) = (gpt2.config.width, gpt2.config.heads);
        let (rows, position) = (tokens.len(), self.position);

        let words = params.slice(gpt2.words);
        let place = &params.slice(gpt2.positions)[position * width..][..width];
        let mut stream: Vec<f32> = tokens
            .iter()
            .flat_map(|&id| words[id as usize * width..][..width].iter().zip(place))
            .map(|(word, place)| word + place)
            .collect();
        let first = self.layers[0].own.len() / (2 * width);
        for (row, places) in self.places.iter_mut().enumerate() {
            places.push((first + row) as u32);
        }
        let mut normed = vec![0.0; rows * width];
        let mut gathered = vec![0.0; rows * width];
        let mut packed = vec![0.0; rows * 3 * width];
        let mut hidden = vec![0.0; rows * gpt2.config.mlp];
        for (block, cache) in gpt2.blocks.iter().zip(&mut self.layers) {
            norm(params, block.norm_self, &stream, &mut normed);
            team.linear(params, block.attention.qkv, &normed, &mut packed);
            for qkv in packed.chunks_exact(3 * width) {
                cache.own.extend_from_slice(&qkv[width..]);
            }
            let (own, queries) = (&cache.own, &packed);
            team.rows(&mut gathered, width, |row, out| {
                let (query, places) = (&queries[row * 3 * width..][..width], &self.places[row]);
                attention(query, own, &own[width..], 2 * width, places, heads, out);
            });
            team.linear(params, block.attention.out, &gathered, &mut normed);
            add(&mut stream, &normed);

            norm(params, block.norm_cross, &stream, &mut normed);
            let queries = &mut packed[..rows * width];
            team.linear(params, block.cross.query, &normed, queries);
            let per_picture = self.memory.len() * 2 * width;
            let queries = &*queries;
            team.rows(&mut gathered, width, |row, out| {
                let (query, picture) = (&queries[row * width..][..width], self.pictures[row]);
                let cross = &cache.cross[picture * per_picture..][..per_picture];
                let values = &cross[width..];
                attention(query, cross, values, 2 * width, &self.memory, heads, out);
            });
            team.linear(params, block.cross.out, &gathered, &mut normed);
            add(&mut stream, &normed);

            norm(params, block.norm_mlp, &stream, &mut normed);
            team.linear(params, block.mlp.up, &normed, &mut hidden);
            gelu(block.mlp.gelu, &mut hidden);
            team.linear(params, block.mlp.down, &hidden, &mut normed);
            add(&mut stream, &normed);
        }
        norm(params, gpt2.norm, &stream, &mut normed);
        self.logits.resize(rows * gpt2.config.vocab, 0.0);
        team.linear(params, Linear::tied(gpt2.words), &normed, &mut self.logits);
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
        self.places = rows.iter().map(|&row| self.places[row].clone()).collect();
        self.pictures = rows.iter().map(|&row| self.pictures[row]).collect();
    }
}

impl NextTokens for Decoder<'_> {
    fn rows(&self) -> usize {
        Decoder::rows(self)
    }

    fn step(&mut self, tokens: &[u32]) {
        Decoder::step(self, tokens);
    }

    fn logits(&mut self) -> Cow<'_, [f32]> {
        Cow::Borrowed(&self.logits)
    }

    fn likeliest(&mut self, count: usize) -> Vec<Likeliest> {
        let rows = self.logits.chunks_exact(self.gpt2.config.vocab);
        rows.map(|logits| Likeliest::of(logits, count)).collect()
    }

    fn keep(&mut self, rows: &[usize]) {
        Decoder::keep(self, rows);
    }
}
