//! A bottleneck without its posterior: what a decoder writes from the prior alone.

use super::Model;
use crate::error::{Error, Result};
use crate::nn::Params;

impl Model {
    /// The same weights, but for those that make the posterior: with them it is the prior, whatever the picture.
    ///
    /// # Errors
    /// [`Error::Input`] if the model has no bottleneck.
    pub fn prior_weights(&self, params: &Params) -> Result<Params> {
        let none = || Error::input(format!("{} has no bottleneck", self.config.variant));
        let bottleneck = self.captioner()?.bottleneck().ok_or_else(none)?;
        let mut prior = params.clone();
        for part in [bottleneck.mean, bottleneck.log_variance] {
            for slot in part.slots() {
                prior.slice_mut(slot).fill(0.0);
            }
        }
        Ok(prior)
    }
}
