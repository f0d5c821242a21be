//! Whether the bottleneck is in use, and what its latents tell of the picture.

use super::Probes;
use crate::Result;
use crate::models::Inference;
use crate::probe::collapse::{Collapse, PosteriorMeans};
use crate::probe::information::{self, mutual_information};
use crate::results::schema::LatentUnit;
use crate::train::SplitData;

/// Pictures whose posterior means are held at a time: of one, a bottleneck as wide as the encoder has
/// four times the bytes of its pixels.
const BLOCK: usize = 256;

/// What was found of a bottleneck.
pub struct Latent {
    pub probes: Probes,
    /// Of each latent dimension.
    pub units: Vec<LatentUnit>,
    pub warning: Option<String>,
}

impl Latent {
    /// Encodes every picture of the test split.
    ///
    /// # Errors
    /// Those of the forward passes.
    pub fn measure(inference: &mut Inference, test: &SplitData) -> Result<Self> {
        let mut gathered: Option<PosteriorMeans> = None;
        let mut kl: Vec<f64> = Vec::new();
        let mut vectors = 1;
        let (mut means, mut log_variances, mut dimensions) = (Vec::new(), Vec::new(), 1);
        for start in (0..test.len()).step_by(BLOCK) {
            let count = BLOCK.min(test.len() - start);
            let pictures = |i: usize, out: &mut [f32]| test.images().normalized(start + i, out);
            let posterior = inference.posterior(count, &pictures)?;
            let (tokens, size) = (posterior.tokens, posterior.size);
            let moments = gathered.get_or_insert_with(|| PosteriorMeans::new(tokens, size));
            for picture in posterior.means.chunks_exact(tokens * size) {
                moments.push(picture);
            }
            (dimensions, vectors) = (tokens * size, tokens);
            // The first pictures stand for all: their order is the data's.
            let wanted = information::pictures(test.len(), dimensions) * dimensions;
            let more = (wanted - means.len().min(wanted)).min(posterior.means.len());
            means.extend_from_slice(&posterior.means[..more]);
            log_variances.extend_from_slice(&posterior.log_variances[..more]);
            kl.resize(size, 0.0);
            let share = count as f64 / test.len() as f64;
            for (sum, part) in kl.iter_mut().zip(posterior.kl_per_dimension) {
                *sum += share * part;
            }
        }
        let variances = gathered.map_or_else(Vec::new, |means| means.variances());
        let collapse = Collapse::judge(&kl, &variances);
        let mut probes = Probes::from([
            ("kl_per_dimension".into(), collapse.kl_per_dimension),
            (
                "kl_per_picture".into(),
                kl.iter().sum::<f64>() * vectors as f64,
            ),
            ("active_units".into(), collapse.active_units as f64),
            ("latent_dimensions".into(), collapse.dimensions as f64),
        ]);
        let told = mutual_information(
            &means,
            &log_variances,
            dimensions,
            inference.workers().threads(),
        );
        if let Some(nats) = told {
            let pictures = (means.len() / dimensions) as f64;
            probes.insert("mutual_information".into(), nats);
            probes.insert("mutual_information_limit".into(), pictures.ln());
        }
        let units = kl.into_iter().zip(variances);
        Ok(Self {
            probes,
            units: units
                .map(|(kl, variance)| LatentUnit { kl, variance })
                .collect(),
            warning: collapse.warning(),
        })
    }
}
