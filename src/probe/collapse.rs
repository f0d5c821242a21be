//! Has the variational bottleneck collapsed?
//!
//! A VAE with a strong decoder can learn to ignore its latent: the posterior of
//! every picture becomes the prior, the KL term goes to zero and the loss looks
//! fine, while the decoder writes the likeliest caption whatever it is shown.
//! Such a model may even score better than an honest one, so the report has to
//! say it.
//!
//! A latent dimension `d` is *active* (Burda, Grosse, Salakhutdinov: Importance
//! Weighted Autoencoders, 2016, section 4) if the mean of its posterior moves
//! with the picture: `A_d = Var_x(E_q[z_d | x]) > 0.01`. Where a picture has
//! many latent vectors (latent type `patch`), the variance is taken over
//! pictures for each token apart and averaged over tokens: means that differ by
//! position but not by picture carry nothing.

/// Burda et al.'s threshold on the variance of posterior means.
pub const ACTIVE_VARIANCE: f64 = 0.01;

/// A bottleneck with a smaller share of active dimensions than this is said to be nearly collapsed.
pub const FEW_ACTIVE: f64 = 0.1;

/// How far a bottleneck is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// At least [`FEW_ACTIVE`] of the dimensions are active.
    Used,
    /// Some are, but fewer than that.
    NearlyCollapsed,
    /// None is: no picture reaches the decoder through the bottleneck.
    Collapsed,
    /// KL or variance is infinite or not a number: training diverged.
    Diverged,
}

/// What is known about a bottleneck.
#[derive(Debug, Clone, PartialEq)]
pub struct Collapse {
    /// Latent dimensions.
    pub dimensions: usize,
    /// Active latent dimensions.
    pub active_units: usize,
    /// Mean over dimensions of the KL divergence from the prior, in nats.
    pub kl_per_dimension: f64,
    /// Whether the bottleneck is in use.
    pub state: State,
}

impl Collapse {
    /// Judges a bottleneck by the mean KL of each dimension (nats) and the variance over pictures of
    /// each dimension's posterior mean (see [`PosteriorMeans::variances`]).
    ///
    /// # Panics
    /// If the two are not of one length.
    pub fn judge(kl: &[f64], variances: &[f64]) -> Self {
        assert_eq!(kl.len(), variances.len(), "both are per latent dimension");
        let dimensions = kl.len();
        let active_units = variances.iter().filter(|&&v| v > ACTIVE_VARIANCE).count();
        let finite = kl.iter().chain(variances).all(|x| x.is_finite());
        let state = match active_units {
            _ if !finite => State::Diverged,
            0 => State::Collapsed,
            active if (active as f64) < FEW_ACTIVE * dimensions as f64 => State::NearlyCollapsed,
            _ => State::Used,
        };
        Self {
            dimensions,
            active_units,
            kl_per_dimension: kl.iter().sum::<f64>() / dimensions.max(1) as f64,
            state,
        }
    }

    /// The sentence that must stand beside the scores, if there is anything to warn of.
    pub fn warning(&self) -> Option<String> {
        let Self {
            dimensions,
            active_units,
            kl_per_dimension,
            ..
        } = self;
        let figures = format!(
            "{active_units} of {dimensions} latent dimensions are active (variance of posterior means over \
             {ACTIVE_VARIANCE}), KL {kl_per_dimension:.4} nats a dimension"
        );
        match self.state {
            State::Used => None,
            State::NearlyCollapsed => Some(format!(
                "The bottleneck has nearly collapsed: {figures}. Little of the picture reaches the decoder."
            )),
            State::Collapsed => Some(format!(
                "The bottleneck has collapsed: {figures}. The decoder writes without seeing the picture, and no score \
                 of this row says anything about captioning."
            )),
            State::Diverged => Some(format!(
                "The bottleneck's numbers are not finite ({figures}): training diverged."
            )),
        }
    }
}

/// Gathers posterior means, picture by picture, for their variance over pictures.
///
/// Running means and sums of squares (Welford), so that no picture is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct PosteriorMeans {
    width: usize,
    pictures: usize,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl PosteriorMeans {
    /// For pictures with `tokens` latent vectors of `width` dimensions each (1 for latent type `cls`).
    pub fn new(tokens: usize, width: usize) -> Self {
        Self {
            width,
            pictures: 0,
            means: vec![0.0; tokens * width],
            squares: vec![0.0; tokens * width],
        }
    }

    /// Adds one picture's posterior means, `(tokens, width)` row-major.
    ///
    /// # Panics
    /// If there are not `tokens × width` of them.
    pub fn push(&mut self, picture: &[f32]) {
        assert_eq!(picture.len(), self.means.len(), "tokens × width means");
        self.pictures += 1;
        let moments = self.means.iter_mut().zip(&mut self.squares);
        for ((mean, square), &value) in moments.zip(picture) {
            let delta = f64::from(value) - *mean;
            *mean += delta / self.pictures as f64;
            *square += delta * (f64::from(value) - *mean);
        }
    }

    /// Per dimension, the variance over pictures (divided by n), averaged over tokens; zeros before the first picture.
    pub fn variances(&self) -> Vec<f64> {
        let tokens = self.squares.len() / self.width.max(1);
        let scale = 1.0 / (self.pictures * tokens).max(1) as f64;
        let mut variances = vec![0.0; self.width];
        for token in self.squares.chunks_exact(self.width.max(1)) {
            for (variance, square) in variances.iter_mut().zip(token) {
                *variance += square * scale;
            }
        }
        variances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variance_is_over_pictures_and_not_over_positions() {
        // Two tokens of two dimensions. Dimension 0 differs by position only, dimension 1 by picture in token 1.
        let mut means = PosteriorMeans::new(2, 2);
        means.push(&[5.0, 1.0, -5.0, 2.0]);
        means.push(&[5.0, 1.0, -5.0, 4.0]);
        assert_eq!(means.variances(), [0.0, 0.5]);
    }

    #[test]
    fn variance_survives_a_large_offset() {
        let mut means = PosteriorMeans::new(1, 1);
        for i in 0..1000 {
            means.push(&[10_000.0 + (i % 2) as f32 * 0.25]);
        }
        assert!((means.variances()[0] - 0.125_f64.powi(2)).abs() < 1e-9);
    }

    #[test]
    fn a_bottleneck_in_use_raises_no_warning() {
        let collapse = Collapse::judge(&[0.7, 0.0, 0.5], &[0.5, 0.0, 0.02]);
        assert_eq!((collapse.active_units, collapse.state), (2, State::Used));
        assert!((collapse.kl_per_dimension - 0.4).abs() < 1e-12);
        assert_eq!(collapse.warning(), None);
    }

    #[test]
    fn the_threshold_itself_is_not_active() {
        let collapse = Collapse::judge(&[0.1], &[ACTIVE_VARIANCE]);
        assert_eq!(collapse.state, State::Collapsed);
    }

    #[test]
    fn a_collapse_is_said_in_words_with_its_figures() {
        let collapse = Collapse::judge(&[0.0002; 64], &[0.0001; 64]);
        let warning = collapse.warning().unwrap();
        for part in ["has collapsed", "0 of 64", "KL 0.0002 nats"] {
            assert!(warning.contains(part), "{part:?} is not in {warning:?}");
        }
    }

    #[test]
    fn one_active_unit_among_many_is_nearly_a_collapse() {
        let mut variances = vec![0.0; 64];
        variances[3] = 1.0;
        let collapse = Collapse::judge(&[0.01; 64], &variances);
        assert_eq!(collapse.state, State::NearlyCollapsed);
        assert!(collapse.warning().unwrap().contains("1 of 64"));
    }

    #[test]
    fn numbers_that_are_not_finite_are_no_healthy_bottleneck() {
        for bad in [f64::NAN, f64::INFINITY] {
            assert_eq!(
                Collapse::judge(&[bad, 1.0], &[1.0, 1.0]).state,
                State::Diverged
            );
            assert_eq!(
                Collapse::judge(&[1.0, 1.0], &[1.0, bad]).state,
                State::Diverged
            );
        }
    }
}
