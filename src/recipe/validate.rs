//! Nonsense values are refused before anything is trained.

use super::Recipe;
use crate::{Error, Result};

impl Recipe {
    /// Refuses values that cannot be meant.
    ///
    /// # Errors
    /// [`Error::Input`] that names the key, the value and what was expected.
    pub fn validate(&self) -> Result<()> {
        let m = &self.model;
        let t = &self.train;
        named(&self.name)?;
        require(
            !self.variants.is_empty(),
            "variants",
            "[]",
            "at least one variant",
        )?;
        require(!self.seeds.is_empty(), "seeds", "[]", "at least one seed")?;
        unique(&self.variants, "variants")?;
        unique(&self.seeds, "seeds")?;
        within(self.tokenizer.vocab, 32, 1 << 20, "tokenizer.vocab")?;
        within(self.tokenizer.max_tokens, 2, 4096, "tokenizer.max_tokens")?;
        within(m.image, 1, 4096, "model.image")?;
        within(m.patch, 1, m.image, "model.patch")?;
        let whole = "a divisor of model.image, so that patches cover the picture";
        require(
            m.image.is_multiple_of(m.patch),
            "model.patch",
            m.patch,
            whole,
        )?;
        within(m.width, 1, 1 << 16, "model.width")?;
        within(m.heads, 1, m.width, "model.heads")?;
        require(
            m.width.is_multiple_of(m.heads),
            "model.heads",
            m.heads,
            "a divisor of model.width",
        )?;
        within(m.encoder_layers, 1, 1000, "model.encoder_layers")?;
        within(m.decoder_layers, 1, 1000, "model.decoder_layers")?;
        within(m.mlp, 1, 1 << 18, "model.mlp")?;
        require(
            (0.0..1.0).contains(&m.dropout),
            "model.dropout",
            m.dropout,
            "at least 0 and below 1",
        )?;
        within(self.latent.size, 1, 1 << 16, "latent.size")?;
        within(self.contrastive.width, 1, 1 << 16, "contrastive.width")?;
        let temperature = self.contrastive.temperature;
        positive(temperature.into(), "contrastive.temperature")?;
        for (value, key) in [
            (self.loss.alpha, "loss.alpha"),
            (self.loss.beta, "loss.beta"),
            (self.loss.gamma, "loss.gamma"),
        ] {
            not_negative(value.into(), key)?;
        }
        let part = self.loss.kl_annealing;
        require(
            (0.0..=1.0).contains(&part),
            "loss.kl_annealing",
            part,
            "a part of all steps, from 0 to 1",
        )?;
        not_negative(self.loss.free_bits, "loss.free_bits")?;
        within(t.epochs, 1, 1_000_000, "train.epochs")?;
        within(t.batch, 1, 1 << 20, "train.batch")?;
        within(t.shards, 1, t.batch, "train.shards")?;
        within(
            t.validation_pictures,
            1,
            usize::MAX,
            "train.validation_pictures",
        )?;
        positive(t.learning_rate, "train.learning_rate")?;
        not_negative(t.min_learning_rate, "train.min_learning_rate")?;
        require(
            t.min_learning_rate <= t.learning_rate,
            "train.min_learning_rate",
            t.min_learning_rate,
            "at most train.learning_rate",
        )?;
        not_negative(t.weight_decay, "train.weight_decay")?;
        not_negative(t.clip.into(), "train.clip")?;
        one_of(&t.select, &["loss", "lm", "cl"], "train.select")?;
        within(
            self.decode.max_tokens,
            1,
            self.tokenizer.max_tokens,
            "decode.max_tokens",
        )?;
        within(self.decode.beams, 1, 1024, "decode.beams")?;
        let penalty = self.decode.length_penalty;
        require(
            (-100.0..=100.0).contains(&penalty),
            "decode.length_penalty",
            penalty,
            "a number from -100 to 100",
        )?;
        positive(self.decode.temperature, "decode.temperature")?;
        let top_p = self.decode.top_p;
        require(
            top_p > 0.0 && top_p <= 1.0,
            "decode.top_p",
            top_p,
            "a number above 0 and at most 1",
        )?;
        one_of(
            &self.score.suite,
            &["paper", "coco", "sacrebleu", "all"],
            "score.suite",
        )?;
        unique(&self.grid.latent_types, "grid.latent_types")?;
        unique(&self.grid.latent_sizes, "grid.latent_sizes")?;
        for (i, &rate) in self.grid.learning_rates.iter().enumerate() {
            positive(rate, "grid.learning_rates")?;
            let fits =
                t.min_learning_rate <= rate && !self.grid.learning_rates[..i].contains(&rate);
            let expected = "each once, and none below train.min_learning_rate";
            require(fits, "grid.learning_rates", rate, expected)?;
        }
        for &size in &self.grid.latent_sizes {
            within(size, 1, 1 << 16, "grid.latent_sizes")?;
        }
        Ok(())
    }
}

fn require(ok: bool, key: &str, value: impl std::fmt::Display, expected: &str) -> Result<()> {
    match ok {
        true => Ok(()),
        false => Err(Error::input(format!(
            "recipe: {key} = {value}: expected {expected}"
        ))),
    }
}

fn within(value: usize, low: usize, high: usize, key: &str) -> Result<()> {
    let ok = (low..=high).contains(&value);
    require(
        ok,
        key,
        value,
        &format!("a whole number from {low} to {high}"),
    )
}

fn positive(value: f64, key: &str) -> Result<()> {
    require(
        value.is_finite() && value > 0.0,
        key,
        value,
        "a number above 0",
    )
}

fn not_negative(value: f64, key: &str) -> Result<()> {
    require(
        value.is_finite() && value >= 0.0,
        key,
        value,
        "a number not below 0",
    )
}

fn one_of(value: &str, allowed: &[&str], key: &str) -> Result<()> {
    let expected = format!("one of {}", allowed.join(", "));
    require(allowed.contains(&value), key, value, &expected)
}

fn unique<T: PartialEq + std::fmt::Debug>(values: &[T], key: &str) -> Result<()> {
    for (i, value) in values.iter().enumerate() {
        let fresh = !values[..i].contains(value);
        require(fresh, key, format!("{values:?}"), "no value twice")?;
    }
    Ok(())
}

fn named(name: &str) -> Result<()> {
    let ok = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !name.starts_with('.');
    require(
        ok,
        "name",
        name,
        "letters, digits, '-', '_' and '.', as it names a folder",
    )
}
