//! Learning curves: smoothed training losses and the validation after each epoch.

use super::canvas::{Align, Canvas, Type};
use super::scale::Scale;
use super::theme::{mark, name};
use super::{Figure, Sketch};
use crate::error::Result;
use crate::report::data::ReportData;
use crate::results::schema::LogRecord;
use crate::results::table::{Row, RowKind};

/// The name of its file.
pub const NAME: &str = "learning_curves";
const TITLE: &str = "Learning curves";
const WIDTH: f64 = 1040.0;
const HEIGHT: f64 = 356.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 48.0;
/// Points of a smoothed line, at most.
const POINTS: usize = 240;

/// A loss that is logged, and its name on an axis.
struct Loss {
    key: &'static str,
    heading: &'static str,
    unit: &'static str,
    of: fn(&LogRecord) -> Option<f64>,
}

const LOSSES: [Loss; 3] = [
    Loss {
        key: "lm",
        heading: "Language model",
        unit: "nats per token",
        of: |r| r.lm,
    },
    Loss {
        key: "kl",
        heading: "KL divergence",
        unit: "nats, as the recipe reduces it",
        of: |r| r.kl,
    },
    Loss {
        key: "cl",
        heading: "Contrastive",
        unit: "nats per pair",
        of: |r| r.cl,
    },
];

/// One cell's curve under one loss: `(epoch, nats)`.
struct Curve<'a> {
    variant: &'a str,
    training: Vec<(f64, f64)>,
    validation: Vec<(f64, f64)>,
}

/// The chart, or why there is none.
pub fn figure(data: &ReportData, rows: &[Row]) -> Result<Figure> {
    let panels: Vec<(&Loss, Vec<Curve>)> = LOSSES
        .iter()
        .map(|loss| (loss, curves(data, loss)))
        .filter(|(_, curves)| !curves.is_empty())
        .collect();
    if panels.is_empty() {
        let why = "no training step was logged (log.jsonl is empty or absent).".to_owned();
        return Ok(Figure::LeftOut { title: TITLE, why });
    }
    let mut variants: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|r| r.kind == RowKind::Model) {
        let logged = panels
            .iter()
            .flat_map(|p| &p.1)
            .any(|c| c.variant == row.variant);
        if logged && !variants.contains(&row.variant.as_str()) {
            variants.push(&row.variant);
        }
    }
    let sketch = Sketch {
        name: NAME,
        title: TITLE,
        caption: "Lines are training losses, smoothed by a moving average; marks are the \
                  validation after each epoch."
            .to_owned(),
        alt: alt(&panels),
        size: (WIDTH as u32, HEIGHT as u32),
        paint: &|canvas| paint(canvas, &panels, &variants),
    };
    sketch.draw()
}

fn curves<'a>(data: &'a ReportData, loss: &Loss) -> Vec<Curve<'a>> {
    let of_cell = |cell: &'a crate::report::data::ReportCell| {
        let steps = cell
            .log
            .iter()
            .filter_map(|r| Some((r.epoch, (loss.of)(r)?)));
        let validation = cell.log.iter().filter_map(|r| {
            r.validation
                .as_ref()
                .and_then(|v| Some((r.epoch, *v.get(loss.key)?)))
        });
        let finite = |p: &(f64, f64)| p.0.is_finite() && p.1.is_finite();
        Curve {
            variant: &cell.result.variant,
            training: smooth(&steps.filter(finite).collect::<Vec<_>>()),
            validation: validation.filter(finite).collect(),
        }
    };
    let cells = data.runs.iter().flat_map(|run| &run.cells);
    cells
        .map(of_cell)
        .filter(|c| c.training.len() + c.validation.len() > 1)
        .collect()
}

/// A centred moving average over a fortieth of the steps, thinned to at most [`POINTS`].
fn smooth(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let half = points.len() / 80;
    let stride = points.len().div_ceil(POINTS).max(1);
    let at = |i: usize| {
        let window = &points[i.saturating_sub(half)..(i + half + 1).min(points.len())];
        (
            points[i].0,
            window.iter().map(|p| p.1).sum::<f64>() / window.len() as f64,
        )
    };
    let last = points.len().checked_sub(1);
    let thinned = (0..points.len()).step_by(stride);
    let ends = last.filter(|last| last % stride != 0);
    thinned.chain(ends).map(at).collect()
}

fn alt(panels: &[(&Loss, Vec<Curve>)]) -> String {
    let mut sentences = vec!["Learning curves.".to_owned()];
    for (loss, curves) in panels {
        for curve in curves {
            let line = if curve.validation.is_empty() {
                &curve.training
            } else {
                &curve.validation
            };
            if let (Some(first), Some(last)) = (line.first(), line.last()) {
                sentences.push(format!(
                    "{}, {} loss: from {:.2} to {:.2}.",
                    name(curve.variant),
                    loss.heading.to_lowercase(),
                    first.1,
                    last.1
                ));
            }
        }
    }
    sentences.join(" ")
}

fn paint(canvas: &Canvas, panels: &[(&Loss, Vec<Curve>)], variants: &[&str]) -> Result<()> {
    legend(canvas, variants)?;
    let gap = 62.0;
    let count = panels.len() as f64;
    // One panel alone is not stretched over the page.
    let width = ((WIDTH - gap * count - 8.0) / count).min(560.0);
    for (i, (loss, curves)) in panels.iter().enumerate() {
        let left = gap - 8.0 + (width + gap) * i as f64;
        one_panel(canvas, loss, curves, (left, left + width))?;
    }
    Ok(())
}

fn one_panel(
    canvas: &Canvas,
    loss: &Loss,
    curves: &[Curve],
    (left, right): (f64, f64),
) -> Result<()> {
    let theme = canvas.theme;
    let bottom = HEIGHT - BOTTOM;
    let all = || {
        curves
            .iter()
            .flat_map(|c| c.training.iter().chain(&c.validation))
    };
    let epochs = all().map(|p| p.0).fold(0.0, f64::max);
    let low = all().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let high = all().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
    let x = Scale::tight(0.0, epochs, (left, right), 6);
    let y = Scale::nice(low, high, (bottom, TOP), 5);
    let heading = Type::new(13.5, theme.ink).bold();
    canvas.text(left - 4.0, TOP - 22.0, loss.heading, heading)?;
    let after = left - 4.0 + canvas.text_width(loss.heading, heading)? + 8.0;
    canvas.text(after, TOP - 22.0, loss.unit, Type::new(11.5, theme.muted))?;
    for &tick in &y.ticks {
        canvas.line(&[(left, y.at(tick)), (right, y.at(tick))], 1.0, theme.grid)?;
        let set = Type::new(11.0, theme.muted).align(Align::Right);
        canvas.text(left - 8.0, y.at(tick), &y.label(tick), set)?;
    }
    for &tick in &x.ticks {
        let set = Type::new(11.0, theme.muted).align(Align::Middle);
        canvas.line(
            &[(x.at(tick), bottom), (x.at(tick), bottom + 4.0)],
            1.0,
            theme.muted,
        )?;
        canvas.text(x.at(tick), bottom + 14.0, &x.label(tick), set)?;
    }
    let set = Type::new(11.5, theme.muted).align(Align::Middle);
    canvas.text((left + right) / 2.0, bottom + 34.0, "epoch", set)?;
    let place = |line: &[(f64, f64)]| -> Vec<(f64, f64)> {
        line.iter().map(|p| (x.at(p.0), y.at(p.1))).collect()
    };
    for curve in curves {
        canvas.line(&place(&curve.training), 1.75, theme.of(curve.variant))?;
    }
    for curve in curves {
        let colour = theme.of(curve.variant);
        for point in place(&curve.validation) {
            canvas.mark(point, 3.6, mark(curve.variant), colour, false)?;
        }
    }
    Ok(())
}

fn legend(canvas: &Canvas, variants: &[&str]) -> Result<()> {
    let theme = canvas.theme;
    let set = Type::new(12.0, theme.ink);
    let mut x = 50.0;
    for variant in variants {
        let colour = theme.of(variant);
        canvas.line(&[(x, 22.0), (x + 28.0, 22.0)], 1.75, colour)?;
        canvas.mark((x + 14.0, 22.0), 3.6, mark(variant), colour, false)?;
        canvas.text(x + 36.0, 22.0, name(variant), set)?;
        x += 36.0 + canvas.text_width(name(variant), set)? + 28.0;
    }
    let note = "line: training, smoothed    mark: validation";
    let set = Type::new(11.5, theme.muted).align(Align::Right);
    canvas.text(WIDTH - 12.0, 22.0, note, set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_both_ends_and_thins_what_is_long() {
        let line: Vec<(f64, f64)> = (0..1000).map(|i| (f64::from(i), 2.0)).collect();
        let smoothed = smooth(&line);
        assert!(smoothed.len() <= POINTS + 1, "{}", smoothed.len());
        assert_eq!(
            (smoothed[0], smoothed[smoothed.len() - 1]),
            ((0.0, 2.0), (999.0, 2.0))
        );
        assert_eq!(smooth(&[]), []);
        assert_eq!(smooth(&[(1.0, 5.0)]), [(1.0, 5.0)]);
    }

    #[test]
    fn smoothing_averages_noise_away() {
        let noisy: Vec<(f64, f64)> = (0..1000)
            .map(|i| (f64::from(i), if i % 2 == 0 { 1.0 } else { 3.0 }))
            .collect();
        assert!(smooth(&noisy).iter().all(|p| (p.1 - 2.0).abs() < 0.2));
    }
}
