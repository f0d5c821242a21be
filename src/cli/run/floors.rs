//! The floors: what a captioner scores that never looks at a picture.

use std::collections::BTreeMap;
use std::time::Instant;

use super::prepare::Prepared;
use super::scoring;
use crate::Result;
use crate::recipe::{Recipe, flatten};
use crate::results::schema::{CellKind, CellResult, Cost, SCHEMA};
use crate::results::store::RunDir;
use crate::train::Stream;

/// One floor.
pub struct Floor {
    /// Its variant and its cell's folder.
    pub name: &'static str,
    label: &'static str,
    captions: fn(&Prepared, u64) -> Vec<String>,
}

/// The floors, in the order of the table's rows.
pub const CELLS: [Floor; 2] = [
    Floor {
        name: "floor-frequent",
        label: "Most frequent caption",
        captions: most_frequent,
    },
    Floor {
        name: "floor-random",
        label: "Random training caption",
        captions: random,
    },
];

/// Scores the floors and writes their cells. Returns the seconds that scoring took for one, if any was
/// scored.
///
/// # Errors
/// A file that cannot be written.
pub fn write(prepared: &Prepared, run: &RunDir, recipe: &Recipe) -> Result<Option<f64>> {
    let mut seconds = None;
    for floor in &CELLS {
        let folder = run.cell(floor.name)?;
        if folder.is_done() {
            continue;
        }
        let captions = (floor.captions)(prepared, recipe.data.seed);
        let started = Instant::now();
        let scored = scoring::score(prepared, recipe, &captions)?;
        seconds = Some(started.elapsed().as_secs_f64());
        let records = scoring::records(prepared, recipe, &captions, &BTreeMap::new());
        folder.write_captions(&records)?;
        folder.write_stats(&scored.stats)?;
        folder.write_result(&CellResult {
            schema: SCHEMA,
            cell: floor.name.into(),
            kind: CellKind::Floor,
            variant: floor.name.into(),
            label: floor.label.into(),
            latent: None,
            latent_size: None,
            seed: recipe.data.seed,
            recipe: flatten(recipe),
            n: captions.len(),
            metrics: scored.metrics,
            attribute_accuracy: scored.attributes,
            diagnostics: BTreeMap::new(),
            latent_units: Vec::new(),
            probes: BTreeMap::new(),
            warnings: Vec::new(),
            validation: None,
            cost: Cost::default(),
        })?;
    }
    Ok(seconds)
}

/// The training caption that stands most often, the first of equals, for every picture.
fn most_frequent(prepared: &Prepared, _seed: u64) -> Vec<String> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let texts = prepared.dataset.train.iter().flat_map(|e| &e.captions);
    for (place, caption) in texts.enumerate() {
        counts.entry(&caption.text).or_insert((0, place)).0 += 1;
    }
    let best = counts
        .iter()
        .max_by_key(|(_, (count, place))| (*count, std::cmp::Reverse(*place)))
        .map_or("", |(text, _)| text);
    vec![best.to_string(); prepared.dataset.test.len()]
}

/// For every picture a caption of a training picture drawn from the seed.
fn random(prepared: &Prepared, seed: u64) -> Vec<String> {
    let mut stream = Stream::new(seed, 0x666c_6f6f, 0);
    let train = &prepared.dataset.train;
    prepared
        .dataset
        .test
        .iter()
        .map(|_| {
            let captions = &train[stream.below(train.len())].captions;
            captions[stream.below(captions.len())].text.clone()
        })
        .collect()
}
