//! What the probes say of the paper's claims: the gap between pictures and texts, and what z carries.

use crate::results::schema::CellResult;
use crate::results::table::{Row, RowKind, Shown, write_number};

/// The metric by which sentences say what z is worth.
const METRIC: (&str, &str) = ("hf.meteor", "METEOR");

/// A sentence on the gap of each model with a contrastive decoder, and one on z of each with a bottleneck.
pub fn sentences(rows: &[Row]) -> Vec<String> {
    let models = || rows.iter().filter(|row| row.kind == RowKind::Model);
    let with_loss = models().filter(|row| row.variant == "vae-cl");
    let gaps = with_loss.filter_map(|row| {
        let without = models().find(|other| {
            let same = (&other.run, &other.latent, other.latent_size);
            other.variant == "vae" && same == (&row.run, &row.latent, row.latent_size)
        });
        gap(row, without, rows)
    });
    let latents = models().filter_map(|row| latent(row, rows));
    gaps.chain(latents).collect()
}

/// The gap before training and after, and that of the same model without the loss.
fn gap(row: &Row, without: Option<&Row>, rows: &[Row]) -> Option<String> {
    let of = |row: &Row, name: &str| {
        let probe = |cell: &CellResult| cell.probes.get(name).map(|&value| (value, None));
        Some(format!("{:.2}", row.over(probe)?.mean))
    };
    let (before, after) = (of(row, "initial.gap")?, of(row, "gap")?);
    let mut sentence = format!(
        "{}: the gap between pictures and texts was {before} before training and is {after} after",
        row.name(rows)
    );
    if let Some((other, gap)) = without.and_then(|other| Some((other, of(other, "gap")?))) {
        sentence += &format!(
            "; {}, without the contrastive loss, has {gap}",
            other.name(rows)
        );
    }
    Some(sentence + ".")
}

/// What captions are worth with other pictures' z, and with z of the prior.
fn latent(row: &Row, rows: &[Row]) -> Option<String> {
    let (key, heading) = METRIC;
    let own = row.score(key)?.mean;
    let [swapped, prior] = ["z-swapped", "z-prior"].map(|name| row.diagnostic(name, key));
    let points = |value| write_number(value, Shown::Points);
    Some(format!(
        "{}: {heading} is {} with a picture's own z, {} with another picture's and {} with one from the prior.",
        row.name(rows),
        points(own),
        points(swapped?.mean),
        points(prior?.mean)
    ))
}
