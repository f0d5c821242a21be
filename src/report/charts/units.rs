//! What each latent dimension carries: its KL divergence, and how far its mean moves with the picture.

use super::canvas::{Align, Canvas, Type};
use super::scale::Scale;
use super::theme::name;
use super::{Figure, Sketch};
use crate::error::Result;
use crate::probe::collapse::ACTIVE_VARIANCE;
use crate::results::schema::{CellResult, LatentUnit};
use crate::results::table::Row;

/// The name of its file.
pub const NAME: &str = "latent_dimensions";
const TITLE: &str = "What each latent dimension carries";
const WIDTH: f64 = 1040.0;
const HEIGHT: f64 = 356.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 48.0;
/// Smaller values are drawn as this: nothing can be read from how small they are.
const LEAST: f64 = 1e-6;

/// One number of each dimension.
struct Panel {
    heading: &'static str,
    unit: &'static str,
    of: fn(&LatentUnit) -> f64,
    /// A dashed line across.
    threshold: Option<f64>,
}

const PANELS: [Panel; 2] = [
    Panel {
        heading: "KL divergence from the prior",
        unit: "nats",
        of: |unit| unit.kl,
        threshold: None,
    },
    Panel {
        heading: "Variance of the posterior mean over pictures",
        unit: "dashed: active above",
        of: |unit| unit.variance,
        threshold: Some(ACTIVE_VARIANCE),
    },
];

/// The chart, or why there is none.
pub fn figure(rows: &[Row]) -> Result<Figure> {
    let cells = rows.iter().flat_map(|row| row.cells.iter().copied());
    let cells: Vec<&CellResult> = cells.filter(|cell| !cell.latent_units.is_empty()).collect();
    if cells.is_empty() {
        let why = "no variant with a bottleneck was run.".to_owned();
        return Ok(Figure::LeftOut { title: TITLE, why });
    }
    let sketch = Sketch {
        name: NAME,
        title: TITLE,
        caption: "A line a model, its dimensions from the fullest to the emptiest; dashed lines are CLS latents. A \
                  collapsed bottleneck lies at the bottom of both."
            .to_owned(),
        alt: alt(&cells),
        size: (WIDTH as u32, HEIGHT as u32),
        paint: &|canvas| paint(canvas, &cells),
    };
    sketch.draw()
}

fn alt(cells: &[&CellResult]) -> String {
    let of = |cell: &&CellResult| {
        let units = &cell.latent_units;
        let active = units.iter().filter(|u| u.variance > ACTIVE_VARIANCE);
        let kl = descending(units, PANELS[0].of);
        format!(
            "{}: {} of {} dimensions active, KL from {:.3} to {:.3} nats.",
            cell.label,
            active.count(),
            units.len(),
            kl[0],
            kl[kl.len() - 1]
        )
    };
    let sentences: Vec<String> = cells.iter().map(of).collect();
    format!("{TITLE}. {}", sentences.join(" "))
}

/// The finite values, the largest first, and none under [`LEAST`].
fn descending(units: &[LatentUnit], of: fn(&LatentUnit) -> f64) -> Vec<f64> {
    let value = |unit: &LatentUnit| match of(unit) {
        value if value.is_finite() => value.max(LEAST),
        _ => LEAST,
    };
    let mut values: Vec<f64> = units.iter().map(value).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

fn paint(canvas: &Canvas, cells: &[&CellResult]) -> Result<()> {
    legend(canvas, cells)?;
    let gap = 66.0;
    let width = (WIDTH - gap * 2.0 - 8.0) / 2.0;
    for (i, panel) in PANELS.iter().enumerate() {
        let left = gap - 8.0 + (width + gap) * i as f64;
        one_panel(canvas, panel, cells, (left, left + width))?;
    }
    Ok(())
}

fn one_panel(
    canvas: &Canvas,
    panel: &Panel,
    cells: &[&CellResult],
    (left, right): (f64, f64),
) -> Result<()> {
    let theme = canvas.theme;
    let bottom = HEIGHT - BOTTOM;
    let lines: Vec<Vec<f64>> = cells
        .iter()
        .map(|cell| descending(&cell.latent_units, panel.of))
        .collect();
    let shown = || lines.iter().flatten().copied().chain(panel.threshold);
    // Decades: what matters is whether a dimension carries a thousand times less.
    let low = shown().fold(f64::INFINITY, f64::min).log10().floor();
    let high = shown().fold(LEAST, f64::max).log10().ceil().max(low + 1.0);
    let y = Scale::tight(low, high, (bottom, TOP), (high - low) as usize);
    let longest = lines.iter().map(Vec::len).max().unwrap_or(1).max(2);
    let x = Scale::tight(1.0, longest as f64, (left, right), 6);
    let heading = Type::new(13.5, theme.ink).bold();
    canvas.text(left - 4.0, TOP - 22.0, panel.heading, heading)?;
    let after = left - 4.0 + canvas.text_width(panel.heading, heading)? + 8.0;
    canvas.text(after, TOP - 22.0, panel.unit, Type::new(11.5, theme.muted))?;
    for decade in low as i32..=high as i32 {
        let at = y.at(f64::from(decade));
        canvas.line(&[(left, at), (right, at)], 1.0, theme.grid)?;
        let set = Type::new(11.0, theme.muted).align(Align::Right);
        let label = format!("{:.*}", (-decade).max(0) as usize, 10f64.powi(decade));
        canvas.text(left - 8.0, at, &label, set)?;
    }
    for &tick in x.ticks.iter().filter(|tick| tick.fract() == 0.0) {
        let set = Type::new(11.0, theme.muted).align(Align::Middle);
        canvas.text(x.at(tick), bottom + 14.0, &x.label(tick), set)?;
    }
    let set = Type::new(11.5, theme.muted).align(Align::Middle);
    let middle = (left + right) / 2.0;
    canvas.text(middle, bottom + 34.0, "latent dimensions, sorted", set)?;
    if let Some(threshold) = panel.threshold {
        let at = y.at(threshold.log10());
        canvas.dashes([(left, at), (right, at)], (6.0, 4.0), 1.5, theme.muted)?;
    }
    for (cell, line) in cells.iter().zip(&lines) {
        let place = |(i, value): (usize, &f64)| (x.at((i + 1) as f64), y.at(value.log10()));
        let points: Vec<(f64, f64)> = line.iter().enumerate().map(place).collect();
        let colour = theme.of(&cell.variant);
        if !is_cls(cell) {
            canvas.line(&points, 1.75, colour)?;
            continue;
        }
        for pair in points.windows(2).step_by(2) {
            canvas.line(pair, 1.75, colour)?;
        }
    }
    Ok(())
}

/// CLS latents are drawn dashed.
fn is_cls(cell: &CellResult) -> bool {
    cell.latent.as_deref() == Some("cls")
}

fn legend(canvas: &Canvas, cells: &[&CellResult]) -> Result<()> {
    let theme = canvas.theme;
    let mut variants: Vec<&str> = Vec::new();
    for cell in cells {
        if !variants.contains(&cell.variant.as_str()) {
            variants.push(&cell.variant);
        }
    }
    let set = Type::new(12.0, theme.ink);
    let mut x = 50.0;
    for variant in variants {
        canvas.line(&[(x, 22.0), (x + 28.0, 22.0)], 1.75, theme.of(variant))?;
        canvas.text(x + 36.0, 22.0, name(variant), set)?;
        x += 36.0 + canvas.text_width(name(variant), set)? + 28.0;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_sorted_and_what_is_no_number_is_nothing() {
        let unit = |kl| LatentUnit { kl, variance: 0.0 };
        let units = [0.2, f64::NAN, 3.0, 0.0].map(unit);
        assert_eq!(descending(&units, PANELS[0].of), [3.0, 0.2, LEAST, LEAST]);
    }
}
