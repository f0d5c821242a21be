//! A surface in units, over plotters' bitmap backend.
//!
//! Everything is drawn at twice the final resolution and averaged down, which smooths plotters'
//! wide lines and filled shapes. Text is set in an embedded subset of Noto Sans: plotters draws no
//! text at all until a font is registered.

use std::sync::OnceLock;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use plotters::coord::Shift;
use plotters::prelude::{
    BitMapBackend, Circle, DrawingArea, IntoDrawingArea, PathElement, Polygon,
};
use plotters::prelude::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, RGBColor, TextStyle, register_font};

use super::theme::{Mark, Theme};
use crate::error::{Error, Result};

/// Pixels of the finished PNG per unit.
pub const PIXELS_PER_UNIT: u32 = 2;
/// Drawn pixels per finished pixel, each way.
const OVERSAMPLING: u32 = 2;
/// Drawn pixels per unit.
const SCALE: f64 = (PIXELS_PER_UNIT * OVERSAMPLING) as f64;

const FAMILY: &str = "caption-bench sans";
/// Line height of the font's hhea table over its em: plotters takes sizes as line heights.
const LINE_HEIGHT: f64 = 1.362;
/// Height of capitals over the em.
const CAPITALS: f64 = 0.714;

/// Where a text's x is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At its left end.
    Left,
    /// In its middle.
    Middle,
    /// At its right end.
    Right,
}

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub struct Type {
    size: f64,
    bold: bool,
    colour: RGBColor,
    align: Align,
}

impl Type {
    /// Regular text of a size (em, in units) and colour, aligned left.
    pub fn new(size: f64, colour: RGBColor) -> Self {
        Self {
            size,
            bold: false,
            colour,
            align: Align::Left,
        }
    }

    /// The same, bold.
    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    /// The same, aligned otherwise.
    pub fn align(mut self, align: Align) -> Self {
        self.align = align;
        self
    }

    fn style(&self) -> TextStyle<'_> {
        let style = if self.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        TextStyle::from((FAMILY, self.size * LINE_HEIGHT * SCALE, style)).color(&self.colour)
    }
}

/// The surface that charts draw on; positions and lengths are in units.
pub struct Canvas<'a> {
    area: DrawingArea<BitMapBackend<'a>, Shift>,
    /// Its colours.
    pub theme: &'static Theme,
}

/// Lets `paint` draw on a surface of `width` × `height` units, and encodes it as PNG.
pub fn draw(
    width: u32,
    height: u32,
    theme: &'static Theme,
    paint: &dyn Fn(&Canvas) -> Result<()>,
) -> Result<Vec<u8>> {
    register_fonts()?;
    let (w, h) = (width * SCALE as u32, height * SCALE as u32);
    let mut pixels = vec![0u8; (w * h * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (w, h)).into_drawing_area();
        area.fill(&theme.paper).map_err(refused)?;
        let canvas = Canvas { area, theme };
        paint(&canvas)?;
        canvas.area.present().map_err(refused)?;
    }
    let small = average(&pixels, w as usize, OVERSAMPLING as usize);
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive)
        .write_image(
            &small,
            w / OVERSAMPLING,
            h / OVERSAMPLING,
            ExtendedColorType::Rgb8,
        )
        .map_err(refused)?;
    Ok(png)
}

impl Canvas<'_> {
    /// Text whose capitals are centred on `y`.
    pub fn text(&self, x: f64, y: f64, text: &str, set: Type) -> Result<()> {
        let left = match set.align {
            Align::Left => x,
            Align::Middle => x - self.text_width(text, set)? / 2.0,
            Align::Right => x - self.text_width(text, set)?,
        };
        // plotters' ab_glyph text has its baseline half a line below the position it is given.
        let top = y + set.size * (CAPITALS - LINE_HEIGHT) / 2.0;
        let style = set.style().pos(Pos::new(HPos::Left, VPos::Top));
        self.area
            .draw(&Text::new(text.to_owned(), pixel((left, top)), style))
            .map_err(refused)
    }

    /// The width that a text takes.
    pub fn text_width(&self, text: &str, set: Type) -> Result<f64> {
        let (width, _) = self
            .area
            .estimate_text_size(text, &set.style())
            .map_err(refused)?;
        Ok(f64::from(width) / SCALE)
    }

    /// A line through points.
    pub fn line(&self, points: &[(f64, f64)], width: f64, colour: impl Color) -> Result<()> {
        let stroke = colour.stroke_width((width * SCALE).round().max(1.0) as u32);
        let points: Vec<(i32, i32)> = points.iter().copied().map(pixel).collect();
        self.area
            .draw(&PathElement::new(points, stroke))
            .map_err(refused)
    }

    /// A straight line of dashes, `dash` long with gaps of `gap`.
    pub fn dashes(
        &self,
        [from, to]: [(f64, f64); 2],
        (dash, gap): (f64, f64),
        width: f64,
        colour: impl Color,
    ) -> Result<()> {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        let at = |d: f64| (from.0 + dx * d / length, from.1 + dy * d / length);
        let mut start = 0.0;
        while start < length {
            self.line(
                &[at(start), at((start + dash).min(length))],
                width,
                colour.to_rgba(),
            )?;
            start += dash + gap;
        }
        Ok(())
    }

    /// A filled rectangle.
    pub fn rectangle(&self, corners: [(f64, f64); 2], colour: impl Color) -> Result<()> {
        self.area
            .draw(&Rectangle::new(corners.map(pixel), colour.filled()))
            .map_err(refused)
    }

    /// A mark of a radius, filled; `hollow` leaves its middle in the page's colour.
    pub fn mark(
        &self,
        centre: (f64, f64),
        radius: f64,
        mark: Mark,
        colour: RGBColor,
        hollow: bool,
    ) -> Result<()> {
        // A rim in the page's colour keeps marks apart where they meet.
        self.shape(centre, radius + 1.0, mark, self.theme.paper)?;
        self.shape(centre, radius, mark, colour)?;
        if hollow {
            self.shape(centre, radius - 1.6, mark, self.theme.paper)
        } else {
            Ok(())
        }
    }

    fn shape(&self, (x, y): (f64, f64), r: f64, mark: Mark, colour: RGBColor) -> Result<()> {
        let corners: &[(f64, f64)] = match mark {
            Mark::Disc => {
                let disc = Circle::new(pixel((x, y)), (r * SCALE) as i32, colour.filled());
                return self.area.draw(&disc).map_err(refused);
            }
            Mark::Square => &[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
            Mark::Triangle => &[(0.0, -1.15), (1.08, 0.8), (-1.08, 0.8)],
            Mark::Diamond => &[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)],
        };
        let points: Vec<_> = corners
            .iter()
            .map(|c| pixel((x + c.0 * r, y + c.1 * r)))
            .collect();
        self.area
            .draw(&Polygon::new(points, colour.filled()))
            .map_err(refused)
    }
}

fn pixel((x, y): (f64, f64)) -> (i32, i32) {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

/// The mean of each `n` × `n` block of RGB pixels.
fn average(pixels: &[u8], width: usize, n: usize) -> Vec<u8> {
    let height = pixels.len() / (3 * width);
    let mut small = Vec::with_capacity(pixels.len() / (n * n));
    for y in (0..height).step_by(n) {
        for x in (0..width).step_by(n) {
            for channel in 0..3 {
                let block = (0..n * n).map(|i| ((y + i / n) * width + x + i % n) * 3 + channel);
                let sum: usize = block.map(|i| usize::from(pixels[i])).sum();
                small.push(((sum + n * n / 2) / (n * n)) as u8);
            }
        }
    }
    small
}

fn register_fonts() -> Result<()> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| {
        let regular = include_bytes!("../assets/NotoSans-Regular.ttf");
        let bold = include_bytes!("../assets/NotoSans-Bold.ttf");
        register_font(FAMILY, FontStyle::Normal, regular).is_ok()
            && register_font(FAMILY, FontStyle::Bold, bold).is_ok()
    });
    if *registered {
        Ok(())
    } else {
        Err(Error::failed("the charts' embedded font is broken"))
    }
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::failed(format!("a chart could not be drawn: {error}"))
}
