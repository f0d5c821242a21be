//! From axes to cells: one training for every point of the grid.

use super::{GridRecipe, Recipe, fingerprint};
use crate::models::Variant;

/// One training: a variant, a seed, and the recipe narrowed to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The cell's folder: the variant, what tells it from its neighbours, and its recipe's hash.
    pub name: String,
    /// The row's label in tables.
    pub label: String,
    /// The variant.
    pub variant: Variant,
    /// The seed.
    pub seed: u64,
    /// The recipe with this one variant, seed, latent type and size.
    pub recipe: Recipe,
}

/// The cells of a recipe, in the order of the table's rows: seeds within variants.
pub fn cells(recipe: &Recipe) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &variant in &recipe.variants {
        for (kind, size) in latents(recipe, variant) {
            for &seed in &recipe.seeds {
                for rate in learning_rates(recipe) {
                    let mut own = recipe.clone();
                    own.variants = vec![variant];
                    own.seeds = vec![seed];
                    own.latent.kind = kind;
                    own.latent.size = size;
                    own.train.learning_rate = rate;
                    own.grid = GridRecipe::default();
                    cells.push(Cell {
                        name: format!("{variant}-{}", &fingerprint(&own)[..8]),
                        label: label(&own, variant),
                        variant,
                        seed,
                        recipe: own,
                    });
                }
            }
        }
    }
    cells
}

fn learning_rates(recipe: &Recipe) -> Vec<f64> {
    match recipe.grid.learning_rates.is_empty() {
        true => vec![recipe.train.learning_rate],
        false => recipe.grid.learning_rates.clone(),
    }
}

fn latents(recipe: &Recipe, variant: Variant) -> Vec<(crate::models::LatentType, usize)> {
    if !variant.has_bottleneck() {
        return vec![(recipe.latent.kind, recipe.latent.size)];
    }
    let mut types = recipe.grid.latent_types.clone();
    if types.is_empty() {
        types.push(recipe.latent.kind);
    }
    let mut sizes = recipe.grid.latent_sizes.clone();
    if sizes.is_empty() {
        sizes.push(recipe.latent.size);
    }
    let pair = |&kind| sizes.iter().map(move |&size| (kind, size));
    types.iter().flat_map(pair).collect()
}

fn label(recipe: &Recipe, variant: Variant) -> String {
    let latent = format!("({}, {})", recipe.latent.kind.as_str(), recipe.latent.size);
    match variant {
        Variant::DualEncoder => "Dual-Encoder".into(),
        Variant::EncoderDecoder => "Encoder-Decoder".into(),
        Variant::Vae => format!("Baseline+VAE {latent}"),
        Variant::VaeCl => format!("Baseline+VAE+CL {latent}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Source, resolve};
    use super::*;

    #[test]
    fn the_paper_grid_has_fourteen_cells() {
        let mut recipe = resolve(&Source::Preset("tiny".into()), &[]).unwrap();
        recipe.grid = GridRecipe::paper();
        assert_eq!(cells(&recipe).len(), 14);
        recipe.grid.learning_rates = vec![1e-4, 1e-3];
        recipe.validate().unwrap();
        let cells = cells(&recipe);
        assert_eq!(cells.len(), 28);
        let mut names: Vec<_> = cells.iter().map(|c| &c.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 28, "every cell has a folder of its own");
    }

    #[test]
    fn the_hash_sees_every_value_but_the_name() {
        let tiny = Source::Preset("tiny".into());
        let base = resolve(&tiny, &[]).unwrap();
        let named = resolve(&tiny, &["name=other".into()]).unwrap();
        let longer = resolve(&tiny, &["train.epochs=99".into()]).unwrap();
        assert_eq!(fingerprint(&base), fingerprint(&named));
        assert_ne!(fingerprint(&base), fingerprint(&longer));
    }
}
