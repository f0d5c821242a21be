//! Which configurations make sense.

use super::{ModelConfig, VitConfig};
use crate::error::{Error, Result};

impl ModelConfig {
    /// Checks that the parts are those of the variant and that every size makes sense.
    ///
    /// # Errors
    /// [`Error::Input`] that names the field, its value and what was expected.
    pub fn validate(&self) -> Result<()> {
        let variant = self.variant;
        let parts = [
            ("gpt2", self.gpt2.is_some(), variant.generates()),
            ("bert", self.bert.is_some(), !variant.generates()),
            ("vae", self.vae.is_some(), variant.has_bottleneck()),
            (
                "contrastive",
                self.contrastive.is_some(),
                variant.is_contrastive(),
            ),
        ];
        for (part, present, needed) in parts {
            if present != needed {
                let verb = if needed { "needs" } else { "has no" };
                return Err(Error::input(format!(
                    "model configuration: the variant {variant} {verb} `{part}`"
                )));
            }
        }

        let VitConfig { image, patch, .. } = self.vit;
        positive("vit.patch", patch)?;
        positive("vit.image", image)?;
        if !image.is_multiple_of(patch) {
            return Err(Error::input(format!(
                "model configuration: vit.image = {image} is not a multiple of vit.patch = {patch}"
            )));
        }
        let v = self.vit;
        Blocks::new("vit", v.width, v.layers, v.heads, v.mlp).validate(v.norm_eps, v.dropout)?;
        if let Some(c) = self.gpt2 {
            text("gpt2", c.vocab, c.positions)?;
            Blocks::new("gpt2", c.width, c.layers, c.heads, c.mlp)
                .validate(c.norm_eps, c.dropout)?;
        }
        if let Some(c) = self.bert {
            text("bert", c.vocab, c.positions)?;
            Blocks::new("bert", c.width, c.layers, c.heads, c.mlp)
                .validate(c.norm_eps, c.dropout)?;
        }
        if let Some(c) = self.vae {
            positive("vae.size", c.size)?;
        }
        if let Some(c) = self.contrastive {
            positive("contrastive.width", c.width)?;
            if !(c.sigma.is_finite() && c.sigma > 0.0) {
                return Err(Error::input(format!(
                    "model configuration: contrastive.sigma = {} is not a positive number",
                    c.sigma
                )));
            }
        }
        Ok(())
    }
}

/// The sizes that all three towers have, for their common checks.
struct Blocks {
    tower: &'static str,
    width: usize,
    layers: usize,
    heads: usize,
    mlp: usize,
}

impl Blocks {
    fn new(tower: &'static str, width: usize, layers: usize, heads: usize, mlp: usize) -> Self {
        Self {
            tower,
            width,
            layers,
            heads,
            mlp,
        }
    }

    fn validate(&self, norm_eps: f32, dropout: f32) -> Result<()> {
        let tower = self.tower;
        for (field, value) in [
            ("width", self.width),
            ("layers", self.layers),
            ("heads", self.heads),
            ("mlp", self.mlp),
        ] {
            positive(&format!("{tower}.{field}"), value)?;
        }
        if !self.width.is_multiple_of(self.heads) {
            return Err(Error::input(format!(
                "model configuration: {tower}.width = {} is not a multiple of {tower}.heads = {}",
                self.width, self.heads
            )));
        }
        if !(norm_eps.is_finite() && norm_eps > 0.0) {
            return Err(Error::input(format!(
                "model configuration: {tower}.norm_eps = {norm_eps} is not a positive number"
            )));
        }
        if !(0.0..1.0).contains(&dropout) {
            return Err(Error::input(format!(
                "model configuration: {tower}.dropout = {dropout} is not in 0 ≤ p < 1"
            )));
        }
        Ok(())
    }
}

fn positive(field: &str, value: usize) -> Result<()> {
    if value == 0 {
        return Err(Error::input(format!(
            "model configuration: {field} is 0, expected at least 1"
        )));
    }
    Ok(())
}

fn text(tower: &str, vocab: usize, positions: usize) -> Result<()> {
    positive(&format!("{tower}.vocab"), vocab)?;
    if positions < 3 {
        return Err(Error::input(format!(
            "model configuration: {tower}.positions = {positions} holds no word between start and end"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Variant;
    use super::*;

    #[test]
    fn nonsense_is_refused_by_name() {
        let sound = ModelConfig::tiny(Variant::VaeCl, 500);
        let refused = |change: &dyn Fn(&mut ModelConfig), words: &str| {
            let mut config = sound;
            change(&mut config);
            let error = config.validate().unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(
                error.message().contains(words),
                "{error} does not say {words}"
            );
        };
        refused(&|c| c.vit.patch = 7, "not a multiple of vit.patch = 7");
        refused(&|c| c.vit.heads = 5, "not a multiple of vit.heads = 5");
        refused(&|c| c.vae = None, "vae-cl needs `vae`");
        refused(
            &|c| c.bert = ModelConfig::tiny(Variant::DualEncoder, 9).bert,
            "has no `bert`",
        );
        refused(&|c| c.vae.as_mut().unwrap().size = 0, "vae.size is 0");
        refused(
            &|c| c.gpt2.as_mut().unwrap().dropout = 1.0,
            "gpt2.dropout = 1",
        );
        refused(
            &|c| c.contrastive.as_mut().unwrap().sigma = f32::NAN,
            "contrastive.sigma",
        );
        refused(
            &|c| c.gpt2.as_mut().unwrap().positions = 2,
            "gpt2.positions = 2",
        );
    }
}
