//! Charts as PNG, drawn with plotters; one file a chart.
//!
//! Each chart is drawn twice, for a light and for a dark page, at two pixels a unit. A chart whose
//! data a run does not have is left out, and [`Figure::LeftOut`] says why.

mod canvas;
mod curves;
mod latent;
mod scale;
mod scores;
mod theme;
mod units;

pub use canvas::PIXELS_PER_UNIT;

use crate::error::Result;
use crate::report::data::ReportData;
use crate::results::table::Row;

use super::{Artifact, Report, Sink};
use canvas::{Canvas, draw};
use theme::Theme;

/// A chart, or the reason why there is none.
#[derive(Debug, Clone)]
pub enum Figure {
    /// A drawn chart.
    Drawn(Chart),
    /// A chart that has no data.
    LeftOut {
        /// The chart's title.
        title: &'static str,
        /// Why it is not there, in a sentence.
        why: String,
    },
}

/// A drawn chart.
#[derive(Debug, Clone)]
pub struct Chart {
    /// The name of its file.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// How to read it.
    pub caption: String,
    /// What it shows, for those who do not see it.
    pub alt: String,
    /// Width and height in units (CSS pixels).
    pub size: (u32, u32),
    /// PNG for a light page; this one is written to `charts/`.
    pub light: Vec<u8>,
    /// PNG for a dark page.
    pub dark: Vec<u8>,
}

/// The names of all charts, drawn or not.
pub(super) const NAMES: [&str; 4] = [scores::NAME, curves::NAME, latent::NAME, units::NAME];

/// Writes the drawn figures as `charts/NAME.png`.
pub(super) struct Pngs<'a>(pub &'a [Figure]);

impl Sink for Pngs<'_> {
    fn render(&self, _: &Report) -> Result<Vec<Artifact>> {
        let png = |figure: &Figure| match figure {
            Figure::Drawn(chart) => Some(Artifact::new(
                format!("charts/{}.png", chart.name),
                chart.light.clone(),
            )),
            Figure::LeftOut { .. } => None,
        };
        Ok(self.0.iter().filter_map(png).collect())
    }
}

/// All figures of a report, in its order.
///
/// # Errors
///
/// `Failed` if plotters or the PNG encoder refuse.
pub fn figures(data: &ReportData, rows: &[Row]) -> Result<Vec<Figure>> {
    Ok(vec![
        scores::figure(rows)?,
        curves::figure(data, rows)?,
        latent::figure(rows)?,
        units::figure(rows)?,
    ])
}

/// A chart before it is drawn.
struct Sketch<'a> {
    name: &'static str,
    title: &'static str,
    caption: String,
    alt: String,
    size: (u32, u32),
    paint: &'a dyn Fn(&Canvas) -> Result<()>,
}

impl Sketch<'_> {
    fn draw(self) -> Result<Figure> {
        let (width, height) = self.size;
        Ok(Figure::Drawn(Chart {
            name: self.name,
            title: self.title,
            caption: self.caption,
            alt: self.alt,
            size: self.size,
            light: draw(width, height, &Theme::LIGHT, self.paint)?,
            dark: draw(width, height, &Theme::DARK, self.paint)?,
        }))
    }
}
