//! What a trained model looks like from inside.

use std::collections::BTreeMap;

use crate::Result;
use crate::models::{LatentNoise, Model, Workspace};
use crate::nn::{Params, Workers};
use crate::probe::collapse::{Collapse, PosteriorMeans};
use crate::probe::gap::Gap;
use crate::probe::retrieval::{CUTOFFS, Retrieval};
use crate::recipe::Cell;
use crate::train::{Pair, SplitData, Trained};
use crate::{decode, models};

/// Pictures whose posterior means are held at a time: of one, a bottleneck as wide as the encoder has
/// four times the bytes of its pixels.
const BLOCK: usize = 256;

/// Probes of the best weights on the test split, and the warnings that follow from them.
///
/// # Errors
/// Those of the forward passes.
pub fn measure(
    model: &Model,
    params: &Params,
    test: &SplitData,
    cell: &Cell,
    trained: &Trained,
    workers: &Workers,
) -> Result<(BTreeMap<String, f64>, Vec<String>)> {
    let mut probes = BTreeMap::new();
    let mut warnings = Vec::new();
    let pairs: Vec<Pair> = (0..test.len())
        .map(|picture| Pair {
            picture,
            caption: 0,
        })
        .collect();
    let mut workspace = Workspace::new(model, cell.recipe.train.shards);
    if let Some((step, value)) = trained.progress.best {
        probes.insert("best_step".into(), step as f64);
        probes.insert("best_validation".into(), value);
    }
    if cell.variant.generates() {
        let forced = decode::teacher_forced(model, params, test, &pairs, workers)?;
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
        let collapse = bottleneck(model, params, test, workers, &mut workspace)?;
        probes.insert("kl_per_dimension".into(), collapse.kl_per_dimension);
        probes.insert("active_units".into(), collapse.active_units as f64);
        probes.insert("latent_dimensions".into(), collapse.dimensions as f64);
        warnings.extend(collapse.warning());
    }
    embeddings(
        model,
        params,
        test,
        &pairs,
        workers,
        &mut workspace,
        &mut probes,
    )?;
    Ok((probes, warnings))
}

fn bottleneck(
    model: &Model,
    params: &Params,
    test: &SplitData,
    workers: &Workers,
    workspace: &mut Workspace,
) -> Result<Collapse> {
    let mut gathered: Option<PosteriorMeans> = None;
    let mut kl_per_dimension = Vec::new();
    for start in (0..test.len()).step_by(BLOCK) {
        let count = BLOCK.min(test.len() - start);
        let pictures = |i: usize, out: &mut [f32]| test.images().normalized(start + i, out);
        let posterior = model.posterior(params, count, &pictures, workers, workspace)?;
        let (tokens, size) = (posterior.tokens, posterior.size);
        let means = gathered.get_or_insert_with(|| PosteriorMeans::new(tokens, size));
        for picture in posterior.means.chunks_exact(tokens * size) {
            means.push(picture);
        }
        kl_per_dimension.resize(size, 0.0);
        let share = count as f64 / test.len() as f64;
        for (sum, part) in kl_per_dimension.iter_mut().zip(posterior.kl_per_dimension) {
            *sum += share * part;
        }
    }
    let variances = gathered.map_or_else(Vec::new, |means| means.variances());
    Ok(Collapse::judge(&kl_per_dimension, &variances))
}

/// Gap and retrieval between pictures and their first captions, where both have embeddings of one width.
fn embeddings(
    model: &Model,
    params: &Params,
    test: &SplitData,
    pairs: &[Pair],
    workers: &Workers,
    workspace: &mut Workspace,
    probes: &mut BTreeMap<String, f64>,
) -> Result<()> {
    let found: models::Embeddings = test.with_batch(model, pairs, |batch| {
        model.embeddings(params, batch, LatentNoise::Mean, workers, workspace)
    })?;
    if found.image_width != found.text_width {
        return Ok(());
    }
    let width = found.image_width;
    if let Some(gap) = Gap::measure(&found.image, &found.text, width) {
        probes.insert("gap".into(), gap.centroid_distance);
        probes.insert("paired_cosine".into(), gap.paired_cosine);
        probes.insert("unpaired_cosine".into(), gap.unpaired_cosine);
    }
    if let Some([to_text, _]) = Retrieval::measure(&found.image, &found.text, width) {
        for (cutoff, recall) in CUTOFFS.iter().zip(to_text.recall) {
            probes.insert(format!("retrieval_r{cutoff}"), recall);
        }
    }
    Ok(())
}
