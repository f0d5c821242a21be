//! What a trained model looks like from inside.

use std::collections::BTreeMap;

use super::architecture::initial_weights;
use crate::Result;
use crate::models::{LatentNoise, Model, Workspace};
use crate::nn::{Params, Workers};
use crate::probe::collapse::{Collapse, PosteriorMeans};
use crate::probe::gap::Gap;
use crate::probe::information::{self, mutual_information};
use crate::probe::retrieval::{CUTOFFS, Retrieval};
use crate::probe::space::{alignment, cka, uniformity};
use crate::recipe::Cell;
use crate::train::{Pair, SplitData, Trained};
use crate::{decode, models};

/// Pictures whose posterior means are held at a time: of one, a bottleneck as wide as the encoder has
/// four times the bytes of its pixels.
const BLOCK: usize = 256;

/// Numbers by name.
type Probes = BTreeMap<String, f64>;

/// Probes of the best weights, and the warnings that follow from them: of the test split, under `validation.` how the
/// embeddings lie on the validation split, and under `initial.` how those of the test split lay before training.
///
/// # Errors
/// Those of the forward passes.
pub fn measure(
    model: &Model,
    params: &Params,
    [validation, test]: [&SplitData; 2],
    cell: &Cell,
    trained: &Trained,
    workers: &Workers,
) -> Result<(Probes, Vec<String>)> {
    let mut probes = Probes::new();
    let mut warnings = Vec::new();
    let mut workspace = Workspace::new(model, cell.recipe.train.shards);
    if let Some((step, value)) = trained.progress.best {
        probes.insert("best_step".into(), step as f64);
        probes.insert("best_validation".into(), value);
    }
    if cell.variant.generates() {
        let forced = decode::teacher_forced(model, params, test, &first_captions(test), workers)?;
        let tokens: usize = forced.iter().map(|row| row.tokens).sum();
        let sum: f64 = forced
            .iter()
            .map(|row| row.lm_loss * row.tokens as f64)
            .sum();
        probes.insert("lm_loss".into(), sum / tokens as f64);
    }
    if let Some(slot) = model.sigma_slot() {
        probes.insert("temperature".into(), params.slice(slot)[0].into());
    }
    if cell.variant.has_bottleneck() {
        let (collapse, information) = bottleneck(model, params, test, workers, &mut workspace)?;
        probes.insert("kl_per_dimension".into(), collapse.kl_per_dimension);
        probes.insert("active_units".into(), collapse.active_units as f64);
        probes.insert("latent_dimensions".into(), collapse.dimensions as f64);
        probes.extend(information);
        warnings.extend(collapse.warning());
    }
    let initial = initial_weights(&cell.recipe, model, cell.seed)?;
    for (prefix, weights, split) in [
        ("", params, test),
        ("validation.", params, validation),
        ("initial.", &initial, test),
    ] {
        let found = embeddings(model, weights, split, workers, &mut workspace)?;
        let named = found
            .into_iter()
            .map(|(name, value)| (format!("{prefix}{name}"), value));
        probes.extend(named);
    }
    Ok((probes, warnings))
}

/// Every picture with its first caption.
fn first_captions(split: &SplitData) -> Vec<Pair> {
    let pair = |picture| Pair {
        picture,
        caption: 0,
    };
    (0..split.len()).map(pair).collect()
}

/// Whether the bottleneck is in use, and what its latents tell of the picture.
fn bottleneck(
    model: &Model,
    params: &Params,
    test: &SplitData,
    workers: &Workers,
    workspace: &mut Workspace,
) -> Result<(Collapse, Probes)> {
    let mut gathered: Option<PosteriorMeans> = None;
    let mut kl_per_dimension = Vec::new();
    let (mut means, mut log_variances, mut dimensions) = (Vec::new(), Vec::new(), 1);
    for start in (0..test.len()).step_by(BLOCK) {
        let count = BLOCK.min(test.len() - start);
        let pictures = |i: usize, out: &mut [f32]| test.images().normalized(start + i, out);
        let posterior = model.posterior(params, count, &pictures, workers, workspace)?;
        let (tokens, size) = (posterior.tokens, posterior.size);
        let moments = gathered.get_or_insert_with(|| PosteriorMeans::new(tokens, size));
        for picture in posterior.means.chunks_exact(tokens * size) {
            moments.push(picture);
        }
        dimensions = tokens * size;
        // The first pictures stand for all: their order is the data's.
        let wanted = information::pictures(test.len(), dimensions) * dimensions;
        let more = (wanted - means.len().min(wanted)).min(posterior.means.len());
        means.extend_from_slice(&posterior.means[..more]);
        log_variances.extend_from_slice(&posterior.log_variances[..more]);
        kl_per_dimension.resize(size, 0.0);
        let share = count as f64 / test.len() as f64;
        for (sum, part) in kl_per_dimension.iter_mut().zip(posterior.kl_per_dimension) {
            *sum += share * part;
        }
    }
    let variances = gathered.map_or_else(Vec::new, |means| means.variances());
    let mut probes = Probes::new();
    if let Some(nats) = mutual_information(&means, &log_variances, dimensions) {
        let pictures = (means.len() / dimensions) as f64;
        probes.insert("mutual_information".into(), nats);
        probes.insert("mutual_information_limit".into(), pictures.ln());
    }
    Ok((Collapse::judge(&kl_per_dimension, &variances), probes))
}

/// How the embeddings of pictures and of their first captions lie; gap, alignment, uniformity and retrieval where both
/// have one width.
fn embeddings(
    model: &Model,
    params: &Params,
    split: &SplitData,
    workers: &Workers,
    workspace: &mut Workspace,
) -> Result<Probes> {
    let pairs = first_captions(split);
    let found: models::Embeddings = split.with_batch(model, &pairs, |batch| {
        model.embeddings(params, batch, LatentNoise::Mean, workers, workspace)
    })?;
    let (image, text) = (&found.image[..], &found.text[..]);
    let (width, text_width) = (found.image_width, found.text_width);
    let mut probes = Probes::new();
    let mut put = |name: &str, value: Option<f64>| {
        probes.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("cka", cka(image, text, [width, text_width]));
    if width != text_width {
        return Ok(probes);
    }
    let gap = Gap::measure(image, text, width);
    put("gap", gap.map(|gap| gap.centroid_distance));
    put("paired_cosine", gap.map(|gap| gap.paired_cosine));
    put("unpaired_cosine", gap.map(|gap| gap.unpaired_cosine));
    put("alignment", alignment(image, text, width));
    put("uniformity_image", uniformity(image, width));
    put("uniformity_text", uniformity(text, width));
    if let Some([to_text, to_image]) = Retrieval::measure(image, text, width) {
        for (direction, found) in [("", to_text), ("text_", to_image)] {
            for (cutoff, recall) in CUTOFFS.iter().zip(found.recall) {
                put(&format!("retrieval_{direction}r{cutoff}"), Some(recall));
            }
        }
    }
    Ok(probes)
}
