//! Colours and marks: distinguishable with any colour vision, and by shape alone.

use plotters::style::RGBColor;

/// The colours of a chart on a light or a dark page.
pub struct Theme {
    /// The page.
    pub paper: RGBColor,
    /// Titles and values.
    pub ink: RGBColor,
    /// Axis labels and notes.
    pub muted: RGBColor,
    /// Grid lines.
    pub grid: RGBColor,
    /// A band behind every other row.
    pub band: RGBColor,
    /// One colour a variant, after Okabe and Ito (2008).
    series: [RGBColor; 5],
}

/// The shape that marks a variant's points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A disc.
    Disc,
    /// A square.
    Square,
    /// A triangle on its base.
    Triangle,
    /// A square on its corner.
    Diamond,
}

impl Theme {
    /// For a light page.
    pub const LIGHT: Theme = Theme {
        paper: RGBColor(255, 255, 255),
        ink: RGBColor(28, 32, 38),
        muted: RGBColor(92, 99, 112),
        grid: RGBColor(228, 231, 236),
        band: RGBColor(247, 248, 250),
        series: [
            RGBColor(0, 114, 178),
            RGBColor(213, 94, 0),
            RGBColor(0, 143, 104),
            RGBColor(190, 90, 148),
            RGBColor(92, 99, 112),
        ],
    };

    /// For a dark page.
    pub const DARK: Theme = Theme {
        paper: RGBColor(22, 25, 31),
        ink: RGBColor(232, 235, 240),
        muted: RGBColor(154, 162, 176),
        grid: RGBColor(48, 53, 63),
        band: RGBColor(27, 31, 38),
        series: [
            RGBColor(86, 180, 233),
            RGBColor(240, 144, 70),
            RGBColor(60, 200, 158),
            RGBColor(224, 145, 190),
            RGBColor(154, 162, 176),
        ],
    };

    /// A variant's colour.
    pub fn of(&self, variant: &str) -> RGBColor {
        self.series[index(variant)]
    }
}

/// A variant's mark.
pub fn mark(variant: &str) -> Mark {
    [
        Mark::Disc,
        Mark::Square,
        Mark::Triangle,
        Mark::Diamond,
        Mark::Disc,
    ][index(variant)]
}

/// A variant's name in a legend, as the paper writes it.
pub fn name(variant: &str) -> &str {
    match variant {
        "encoder-decoder" => "Encoder-Decoder",
        "vae" => "Baseline+VAE",
        "vae-cl" => "Baseline+VAE+CL",
        "dual-encoder" => "Dual-Encoder",
        other => other,
    }
}

fn index(variant: &str) -> usize {
    match variant {
        "encoder-decoder" => 0,
        "vae" => 1,
        "vae-cl" => 2,
        "dual-encoder" => 3,
        _ => 4,
    }
}
