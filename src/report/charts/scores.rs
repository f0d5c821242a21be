//! Scores by variant: a dot and its interval per row, a panel per metric, floors as lines.

use super::canvas::{Align, Canvas, Type};
use super::scale::Scale;
use super::theme::mark;
use super::{Figure, Sketch};
use crate::error::Result;
use crate::results::table::{Measure, PAPER_METRICS, Row, RowKind, metric_heading, write_number};
use crate::results::table::{Shown, attribute_accuracy};

/// The name of its file.
pub const NAME: &str = "scores_by_variant";
const TITLE: &str = "Scores by variant";
const WIDTH: f64 = 1040.0;
const LABELS: f64 = 216.0;
const GAP: f64 = 26.0;
const TOP: f64 = 78.0;
const ROW: f64 = 34.0;
const BOTTOM: f64 = 44.0;

/// One metric over all rows.
struct Panel<'a> {
    heading: &'a str,
    values: Vec<Option<Measure>>,
}

/// The chart, or why there is none.
pub fn figure(rows: &[Row]) -> Result<Figure> {
    let panels = panels(rows);
    let models: Vec<usize> = (0..rows.len())
        .filter(|&i| rows[i].kind == RowKind::Model)
        .collect();
    let floors: Vec<usize> = (0..rows.len())
        .filter(|&i| rows[i].kind == RowKind::Floor)
        .collect();
    if panels.is_empty() || models.is_empty() {
        let why = "no trained model has been scored yet.".to_owned();
        return Ok(Figure::LeftOut { title: TITLE, why });
    }
    let seeds = models.iter().any(|&i| rows[i].seeds.len() > 1);
    let whisker = if seeds {
        "whiskers are 95 % bootstrap intervals over captions, or ± one standard deviation where a \
         row has several seeds"
    } else {
        "whiskers are 95 % bootstrap intervals over captions"
    };
    let height = TOP + ROW * models.len() as f64 + BOTTOM;
    let sketch = Sketch {
        name: NAME,
        title: TITLE,
        caption: format!(
            "Points, higher is better; {whisker}; dashed and dotted lines are the floors."
        ),
        alt: alt(rows, &panels, &models),
        size: (WIDTH as u32, height as u32),
        paint: &|canvas| paint(canvas, rows, &panels, &models, &floors),
    };
    sketch.draw()
}

fn panels<'a>(rows: &[Row]) -> Vec<Panel<'a>> {
    let metrics = PAPER_METRICS.iter().map(|key| Panel {
        heading: metric_heading(key),
        values: rows.iter().map(|r| r.score(key)).collect(),
    });
    let attributes = Panel {
        heading: "Attributes",
        values: rows.iter().map(attribute_accuracy).collect(),
    };
    let measured = |p: &Panel| {
        rows.iter()
            .zip(&p.values)
            .any(|(r, v)| r.kind == RowKind::Model && v.is_some())
    };
    metrics.chain([attributes]).filter(measured).collect()
}

fn alt(rows: &[Row], panels: &[Panel], models: &[usize]) -> String {
    let of = |i: usize| {
        let values = panels.iter().filter_map(|p| {
            Some(format!(
                "{} {}",
                p.heading,
                write_number(p.values[i]?.mean, Shown::Points)
            ))
        });
        format!(
            "{}: {}",
            rows[i].label,
            values.collect::<Vec<_>>().join(", ")
        )
    };
    let models: Vec<String> = models.iter().map(|&i| of(i)).collect();
    format!("Dot plot of scores by variant. {}.", models.join("; "))
}

fn paint(
    canvas: &Canvas,
    rows: &[Row],
    panels: &[Panel],
    models: &[usize],
    floors: &[usize],
) -> Result<()> {
    let theme = canvas.theme;
    let several_runs = rows.iter().any(|r| r.run != rows[0].run);
    legend(canvas, rows, floors, several_runs)?;
    for (line, &i) in models.iter().enumerate() {
        let y = TOP + ROW * (line as f64 + 0.5);
        if line % 2 == 0 {
            let band = [(0.0, y - ROW / 2.0), (WIDTH, y + ROW / 2.0)];
            canvas.rectangle(band, theme.band)?;
        }
        let label = fitting(canvas, &label(&rows[i], several_runs), LABELS - 22.0)?;
        canvas.text(12.0, y, &label, Type::new(13.0, theme.ink))?;
    }
    let width = (WIDTH - LABELS - GAP * panels.len() as f64) / panels.len() as f64;
    for (p, panel) in panels.iter().enumerate() {
        let left = LABELS + (width + GAP) * p as f64;
        one_panel(canvas, rows, panel, models, floors, (left, left + width))?;
    }
    Ok(())
}

fn one_panel(
    canvas: &Canvas,
    rows: &[Row],
    panel: &Panel,
    models: &[usize],
    floors: &[usize],
    (left, right): (f64, f64),
) -> Result<()> {
    let theme = canvas.theme;
    let bottom = TOP + ROW * models.len() as f64;
    let shown: Vec<Measure> = models
        .iter()
        .chain(floors)
        .filter_map(|&i| panel.values[i])
        .collect();
    let low = shown
        .iter()
        .map(|m| ends(m).0)
        .fold(f64::INFINITY, f64::min);
    let high = shown
        .iter()
        .map(|m| ends(m).1)
        .fold(f64::NEG_INFINITY, f64::max);
    // Room on the right for the value that stands behind the highest dot.
    let room = (high - low).max(1.0) * 0.16;
    let mut scale = Scale::nice(low.min(high - 1.0).max(0.0), high + room, (left, right), 4);
    if high <= 100.0 {
        // The room behind the marks is for their labels; no score lies there.
        scale.ticks.retain(|&tick| tick <= 100.0);
    }
    canvas.text(
        left,
        TOP - 16.0,
        panel.heading,
        Type::new(13.5, theme.ink).bold(),
    )?;
    for &tick in &scale.ticks {
        let x = scale.at(tick);
        canvas.line(&[(x, TOP), (x, bottom)], 1.0, theme.grid)?;
        let set = Type::new(11.0, theme.muted).align(Align::Middle);
        canvas.text(x, bottom + 14.0, &scale.label(tick), set)?;
    }
    let set = Type::new(11.0, theme.muted).align(Align::Middle);
    canvas.text((left + right) / 2.0, bottom + 32.0, "points", set)?;
    for (nth, &i) in floors.iter().enumerate() {
        if let Some(measure) = panel.values[i] {
            let x = scale.at(measure.mean);
            canvas.dashes([(x, TOP - 4.0), (x, bottom)], dash(nth), 1.5, theme.muted)?;
        }
    }
    for (line, &i) in models.iter().enumerate() {
        let Some(measure) = panel.values[i] else {
            continue;
        };
        let y = TOP + ROW * (line as f64 + 0.5);
        let colour = theme.of(&rows[i].variant);
        let (from, to) = ends(&measure);
        let (from, x, to) = (scale.at(from), scale.at(measure.mean), scale.at(to));
        if to - from > 1.0 {
            canvas.line(&[(from, y), (to, y)], 2.0, colour)?;
            for end in [from, to] {
                canvas.line(&[(end, y - 4.0), (end, y + 4.0)], 1.5, colour)?;
            }
        }
        canvas.mark((x, y), 4.5, mark(&rows[i].variant), colour, false)?;
        let value = write_number(measure.mean, Shown::Points);
        canvas.text(to.max(x + 5.0) + 5.0, y, &value, Type::new(11.5, theme.ink))?;
    }
    Ok(())
}

/// The ends of a measure's whisker.
pub fn ends(measure: &Measure) -> (f64, f64) {
    match (measure.interval, measure.sd) {
        (Some([low, high]), _) => (low, high),
        (None, Some(sd)) => (measure.mean - sd, measure.mean + sd),
        (None, None) => (measure.mean, measure.mean),
    }
}

fn legend(canvas: &Canvas, rows: &[Row], floors: &[usize], several_runs: bool) -> Result<()> {
    let theme = canvas.theme;
    let mut x = LABELS;
    for (nth, &i) in floors.iter().enumerate() {
        let set = Type::new(12.0, theme.muted);
        canvas.dashes([(x, 22.0), (x + 28.0, 22.0)], dash(nth), 1.5, theme.muted)?;
        let text = format!("Floor: {}", label(&rows[i], several_runs));
        canvas.text(x + 36.0, 22.0, &text, set)?;
        x += 36.0 + canvas.text_width(&text, set)? + 28.0;
    }
    Ok(())
}

fn dash(nth: usize) -> (f64, f64) {
    [(6.0, 4.0), (1.6, 3.2), (10.0, 3.0), (3.0, 2.0)][nth % 4]
}

fn label(row: &Row, several_runs: bool) -> String {
    let label = row.label.trim_start_matches("Floor: ");
    if several_runs {
        format!("{label} · {}", row.run)
    } else {
        label.to_owned()
    }
}

/// A text cut to a width, with an ellipsis where it was cut.
fn fitting(canvas: &Canvas, text: &str, width: f64) -> Result<String> {
    let set = Type::new(13.0, canvas.theme.ink);
    let mut kept: Vec<char> = text.chars().collect();
    let mut shown = text.to_owned();
    while canvas.text_width(&shown, set)? > width && !kept.is_empty() {
        kept.pop();
        shown = kept.iter().collect::<String>() + "…";
    }
    Ok(shown)
}
