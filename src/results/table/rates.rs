//! Of cells that were trained with several learning rates, the better one is reported, as in the paper.

use super::Row;
use crate::results::schema::CellResult;

/// The recipe's key that may differ.
pub(super) const RATE: &str = "train.learning_rate";

/// A learning rate that was chosen among several.
#[derive(Debug, Clone, PartialEq)]
pub struct ChosenRate {
    /// The learning rate of the row.
    pub rate: f64,
    /// All that were tried, ascending.
    pub tried: Vec<f64>,
}

/// Leaves out each row that differs from another of its run in its learning rate alone and has a
/// worse validation value. Test scores play no part in it. Where a row has no validation value, all
/// stay.
pub(super) fn better<S: PartialEq>(
    rows: Vec<(S, Row)>,
    without_rate: impl Fn(&S) -> S,
) -> Vec<(S, Row)> {
    let mut groups: Vec<(S, Vec<(S, Row)>)> = Vec::new();
    for (settings, row) in rows {
        let key = without_rate(&settings);
        let same = groups.iter_mut().find(|(other, members)| {
            let (_, first) = &members[0];
            *other == key
                && (&first.run, &first.variant, first.kind) == (&row.run, &row.variant, row.kind)
                && (&first.latent, first.latent_size) == (&row.latent, row.latent_size)
        });
        match same {
            Some((_, members)) => members.push((settings, row)),
            None => groups.push((key, vec![(settings, row)])),
        }
    }
    groups
        .into_iter()
        .flat_map(|(_, members)| best_of(members))
        .collect()
}

fn best_of<S>(mut members: Vec<(S, Row)>) -> Vec<(S, Row)> {
    let values: Option<Vec<(f64, f64)>> = members
        .iter()
        .map(|(_, row)| Some((validation(row)?, rate(row.cells.first()?)?)))
        .collect();
    let Some(values) = values.filter(|values| values.len() > 1) else {
        return members;
    };
    let best = (0..values.len()).min_by(|&a, &b| values[a].0.total_cmp(&values[b].0));
    let mut tried: Vec<f64> = values.iter().map(|(_, rate)| *rate).collect();
    tried.sort_by(f64::total_cmp);
    let Some(best) = best else { return members };
    let (settings, mut row) = members.swap_remove(best);
    row.rate = Some(ChosenRate {
        rate: values[best].1,
        tried,
    });
    vec![(settings, row)]
}

/// The mean over seeds; `None` if any has none.
fn validation(row: &Row) -> Option<f64> {
    let values: Option<Vec<f64>> = row.cells.iter().map(|cell| cell.validation).collect();
    values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
}

fn rate(cell: &CellResult) -> Option<f64> {
    cell.recipe.get(RATE)?.as_f64()
}

/// What a table with such rows says below it.
pub(super) fn note<'a>(rows: impl IntoIterator<Item = &'a Row<'a>>) -> Option<String> {
    let chosen: Vec<(&str, &ChosenRate)> = rows
        .into_iter()
        .filter_map(|row| Some((row.label.as_str(), row.rate.as_ref()?)))
        .collect();
    let (_, first) = chosen.first()?;
    let tried: Vec<String> = first.tried.iter().map(|rate| format!("{rate:e}")).collect();
    let each: Vec<String> = chosen
        .iter()
        .map(|(label, of)| format!("{label} {:e}", of.rate))
        .collect();
    Some(format!(
        "Trained with the learning rates {}; each row is the one with the best validation value: {}.",
        tried.join(" and "),
        each.join("; ")
    ))
}
