//! Scores by latent size and type, a panel per metric: the paper's Tables 2 and 3 as a picture.

use super::canvas::{Align, Canvas, Type};
use super::scale::Scale;
use super::scores::ends;
use super::theme::{mark, name};
use super::{Figure, Sketch};
use crate::error::Result;
use crate::results::table::{Measure, PAPER_METRICS, Row, RowKind, metric_heading};

/// The name of its file.
pub const NAME: &str = "scores_by_latent";
const TITLE: &str = "Scores by latent size and type";
const WIDTH: f64 = 1040.0;
const HEIGHT: f64 = 356.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 48.0;

/// The rows of one variant and latent type, by size.
struct Series<'a> {
    variant: &'a str,
    latent: &'a str,
    rows: Vec<(usize, &'a Row<'a>)>,
}

impl Series<'_> {
    fn name(&self) -> String {
        format!("{}, {}", name(self.variant), type_name(self.latent))
    }

    /// CLS latents are drawn hollow and dashed.
    fn hollow(&self) -> bool {
        self.latent == "cls"
    }
}

fn type_name(latent: &str) -> &str {
    if latent == "cls" { "CLS" } else { latent }
}

/// The chart, or why there is none.
pub fn figure(rows: &[Row]) -> Result<Figure> {
    let series = series(rows);
    let count: usize = series.iter().map(|s| s.rows.len()).sum();
    let comparable = series.iter().any(|s| {
        s.rows.len() > 1
            || series
                .iter()
                .any(|o| o.variant == s.variant && o.latent != s.latent)
    });
    if !comparable {
        let why = match series.first().map(|s| (type_name(s.latent), s.rows[0].0)) {
            None => "no variant with a bottleneck was run.".to_owned(),
            Some((latent, size)) if count == 1 => {
                format!(
                    "a single latent was run ({latent}, {size}), so there is nothing to compare."
                )
            }
            Some(_) => "each variant was run with a single latent, so there is nothing to compare."
                .to_owned(),
        };
        return Ok(Figure::LeftOut { title: TITLE, why });
    }
    let baseline = rows.iter().find(|r| r.variant == "encoder-decoder");
    let metrics: Vec<&str> = PAPER_METRICS
        .into_iter()
        .filter(|key| {
            series
                .iter()
                .flat_map(|s| &s.rows)
                .any(|(_, r)| r.score(key).is_some())
        })
        .collect();
    let sketch = Sketch {
        name: NAME,
        title: TITLE,
        caption: "Points by latent dimensions; whiskers as above. Hollow marks are CLS latents; \
                  the dashed line is the baseline without a bottleneck."
            .to_owned(),
        alt: alt(&series, &metrics),
        size: (WIDTH as u32, HEIGHT as u32),
        paint: &|canvas| paint(canvas, &series, &metrics, baseline),
    };
    sketch.draw()
}

fn series<'a>(rows: &'a [Row<'a>]) -> Vec<Series<'a>> {
    let mut all: Vec<Series> = Vec::new();
    for row in rows.iter().filter(|r| r.kind == RowKind::Model) {
        let (Some(latent), Some(size)) = (row.latent.as_deref(), row.latent_size) else {
            continue;
        };
        let variant = row.variant.as_str();
        match all
            .iter_mut()
            .find(|s| s.variant == variant && s.latent == latent)
        {
            Some(found) => found.rows.push((size, row)),
            None => all.push(Series {
                variant,
                latent,
                rows: vec![(size, row)],
            }),
        }
    }
    for one in &mut all {
        one.rows.sort_by_key(|r| r.0);
    }
    all
}

fn alt(series: &[Series], metrics: &[&str]) -> String {
    let Some(key) = metrics.first() else {
        return TITLE.to_owned();
    };
    let of = |s: &Series| {
        let points = s
            .rows
            .iter()
            .filter_map(|(size, row)| Some(format!("{:.1} at {size}", row.score(key)?.mean)));
        format!("{}: {}", s.name(), points.collect::<Vec<_>>().join(", "))
    };
    let all: Vec<String> = series.iter().map(of).collect();
    format!("{TITLE}. {}: {}.", metric_heading(key), all.join("; "))
}

fn paint(
    canvas: &Canvas,
    series: &[Series],
    metrics: &[&str],
    baseline: Option<&Row>,
) -> Result<()> {
    legend(canvas, series, baseline.is_some())?;
    let mut sizes: Vec<usize> = series.iter().flat_map(|s| &s.rows).map(|r| r.0).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let gap = 50.0;
    let count = metrics.len() as f64;
    let width = (WIDTH - gap * count - 8.0) / count;
    for (i, key) in metrics.iter().enumerate() {
        let left = gap - 6.0 + (width + gap) * i as f64;
        one_panel(canvas, key, series, &sizes, baseline, (left, left + width))?;
    }
    Ok(())
}

fn one_panel(
    canvas: &Canvas,
    key: &str,
    series: &[Series],
    sizes: &[usize],
    baseline: Option<&Row>,
    (left, right): (f64, f64),
) -> Result<()> {
    let theme = canvas.theme;
    let bottom = HEIGHT - BOTTOM;
    let base = baseline.and_then(|row| row.score(key));
    let scores = series
        .iter()
        .flat_map(|s| &s.rows)
        .filter_map(|(_, row)| row.score(key));
    let shown: Vec<Measure> = scores.chain(base).collect();
    let low = shown
        .iter()
        .map(|m| ends(m).0)
        .fold(f64::INFINITY, f64::min);
    let high = shown
        .iter()
        .map(|m| ends(m).1)
        .fold(f64::NEG_INFINITY, f64::max);
    let y = Scale::nice(low, high, (bottom, TOP), 5);
    let slot = (right - left) / sizes.len() as f64;
    canvas.text(
        left - 4.0,
        TOP - 22.0,
        metric_heading(key),
        Type::new(13.5, theme.ink).bold(),
    )?;
    for &tick in &y.ticks {
        canvas.line(&[(left, y.at(tick)), (right, y.at(tick))], 1.0, theme.grid)?;
        let set = Type::new(11.0, theme.muted).align(Align::Right);
        canvas.text(left - 8.0, y.at(tick), &y.label(tick), set)?;
    }
    for (i, size) in sizes.iter().enumerate() {
        let set = Type::new(11.0, theme.muted).align(Align::Middle);
        canvas.text(
            left + slot * (i as f64 + 0.5),
            bottom + 14.0,
            &size.to_string(),
            set,
        )?;
    }
    let set = Type::new(11.5, theme.muted).align(Align::Middle);
    canvas.text(
        (left + right) / 2.0,
        bottom + 34.0,
        "latent dimensions",
        set,
    )?;
    if let Some(base) = base {
        let level = y.at(base.mean);
        let colour = theme.of("encoder-decoder");
        canvas.dashes([(left, level), (right, level)], (6.0, 4.0), 1.5, colour)?;
    }
    for (nth, one) in series.iter().enumerate() {
        // Series stand side by side within a size, so that whiskers do not cover each other.
        let share = (nth as f64 + 0.5) / series.len() as f64 - 0.5;
        let colour = theme.of(one.variant);
        let place = |(size, row): &(usize, &Row)| {
            let index = sizes.iter().position(|s| s == size)?;
            let x = left + slot * (index as f64 + 0.5) + share * slot.min(56.0) * 0.8;
            Some((x, row.score(key)?))
        };
        let points: Vec<(f64, Measure)> = one.rows.iter().filter_map(place).collect();
        for pair in points.windows(2) {
            let ends = [
                (pair[0].0, y.at(pair[0].1.mean)),
                (pair[1].0, y.at(pair[1].1.mean)),
            ];
            if one.hollow() {
                canvas.dashes(ends, (3.0, 3.0), 1.25, colour)?;
            } else {
                canvas.line(&ends, 1.25, colour)?;
            }
        }
        for (x, measure) in points {
            let (from, to) = ends(&measure);
            canvas.line(&[(x, y.at(from)), (x, y.at(to))], 1.5, colour)?;
            let centre = (x, y.at(measure.mean));
            canvas.mark(centre, 4.2, mark(one.variant), colour, one.hollow())?;
        }
    }
    Ok(())
}

fn legend(canvas: &Canvas, series: &[Series], baseline: bool) -> Result<()> {
    let theme = canvas.theme;
    let set = Type::new(12.0, theme.ink);
    let mut x = 44.0;
    for one in series {
        let colour = theme.of(one.variant);
        canvas.mark(
            (x + 5.0, 22.0),
            4.2,
            mark(one.variant),
            colour,
            one.hollow(),
        )?;
        canvas.text(x + 18.0, 22.0, &one.name(), set)?;
        x += 18.0 + canvas.text_width(&one.name(), set)? + 26.0;
    }
    if baseline {
        let colour = theme.of("encoder-decoder");
        canvas.dashes([(x, 22.0), (x + 28.0, 22.0)], (6.0, 4.0), 1.5, colour)?;
        canvas.text(x + 36.0, 22.0, name("encoder-decoder"), set)?;
    }
    Ok(())
}
