//! Painting a scene: 64×64 pixels, 16 samples each.
//!
//! Only additions, multiplications, divisions and comparisons of IEEE numbers
//! decide what a sample sees, so the same scene has the same bytes everywhere.

use super::truth::{Background, Colour, Object, SIDE, Scene, Shape, Texture};
use crate::data::rng::Rng;

/// Samples along each side of a pixel.
const SAMPLES: i32 = 4;

/// Sample coordinates are counted in eighths of a pixel: 1, 3, 5, 7 within it.
const UNITS: i32 = 2 * SAMPLES;

/// How far a picture's colours may be from the named ones, in levels.
const SHIFT: i32 = 10;

type Rgb = [i32; 3];

/// The picture of a scene: bytes in the order row, column, channel (red, green, blue).
pub fn draw(scene: &Scene) -> Vec<u8> {
    let mut rng = Rng::new(u64::from(scene.shade), &[]);
    let brightness = rng.between(-SHIFT, SHIFT);
    let background = background_rgb(scene.background).map(|level| level + brightness);
    let mut pixels = vec![background; SIDE * SIDE];
    for object in &scene.objects {
        let paint = colour_rgb(object.colour)
            .map(|level| (level + rng.between(-SHIFT, SHIFT)).clamp(0, 255));
        for y in object.top..object.top + object.side {
            for x in object.left..object.left + object.side {
                let pixel = &mut pixels[y as usize * SIDE + x as usize];
                *pixel = blend(object, paint, background, x, y);
            }
        }
    }
    pixels.iter().flatten().map(|&level| level as u8).collect()
}

/// The mean over the pixel's samples of what each sees.
fn blend(object: &Object, paint: Rgb, background: Rgb, x: i32, y: i32) -> Rgb {
    let ink = paint.map(|level| level * 3 / 5);
    let mut sum = [0; 3];
    for i in 0..SAMPLES * SAMPLES {
        let sx = (x - object.left) * UNITS + 2 * (i % SAMPLES) + 1;
        let sy = (y - object.top) * UNITS + 2 * (i / SAMPLES) + 1;
        let radius = f64::from(object.side * UNITS) / 2.0;
        let (u, v) = (f64::from(sx) / radius - 1.0, f64::from(sy) / radius - 1.0);
        let seen = match covers(object.shape, u, v) {
            false => background,
            true if marked(object.texture, sx, sy, object.side) => ink,
            true => paint,
        };
        for (total, level) in sum.iter_mut().zip(seen) {
            *total += level;
        }
    }
    let samples = SAMPLES * SAMPLES;
    sum.map(|total| (total + samples / 2) / samples)
}

/// Whether a shape covers the point `(u, v)` of its box, which goes from −1 to 1, downwards.
fn covers(shape: Shape, u: f64, v: f64) -> bool {
    let square = u * u + v * v;
    match shape {
        Shape::Circle => square <= 1.0,
        Shape::Square => u.abs() <= 0.88 && v.abs() <= 0.88,
        Shape::Triangle => v <= 0.88 && 2.0 * u.abs() <= v + 1.0 + 0.06 * (1.0 - v),
        Shape::Star => in_star(u, v),
        Shape::Cross => (u.abs() <= 0.32 && v.abs() <= 1.0) || (v.abs() <= 0.32 && u.abs() <= 1.0),
        Shape::Ring => (0.30..=1.0).contains(&square),
        Shape::Heart => {
            // The sextic (x² + y² − 1)³ = x² y³, scaled to fill the box.
            let (x, y) = (1.14 * u, 0.12 - 1.12 * v);
            let inner = x * x + y * y - 1.0;
            inner * inner * inner <= x * x * y * y * y
        }
        Shape::Diamond => u.abs() / 0.78 + v.abs() <= 1.0,
    }
}

/// Corners of a five-pointed star, outer and inner in turn, the sines and cosines written out.
const STAR: [(f64, f64); 10] = [
    (0.0, -1.0),
    (0.2586, -0.3060),
    (1.0, -0.2590),
    (0.4185, 0.1860),
    (0.6180, 0.9010),
    (0.0, 0.4900),
    (-0.6180, 0.9010),
    (-0.4185, 0.1860),
    (-1.0, -0.2590),
    (-0.2586, -0.3060),
];

/// Even-odd rule: a ray to the right crosses the outline an odd number of times.
fn in_star(u: f64, v: f64) -> bool {
    let mut inside = false;
    for (i, &(x1, y1)) in STAR.iter().enumerate() {
        let (x0, y0) = STAR[(i + STAR.len() - 1) % STAR.len()];
        if (y0 > v) != (y1 > v) && u < x0 + (v - y0) * (x1 - x0) / (y1 - y0) {
            inside = !inside;
        }
    }
    inside
}

/// Whether a texture puts ink on a sample of an object's box.
fn marked(texture: Texture, sx: i32, sy: i32, side: i32) -> bool {
    match texture {
        Texture::Solid => false,
        // Diagonal bands, each two and a half pixels wide along a row.
        Texture::Striped => (sx + sy) / (UNITS * 5 / 2) % 2 == 1,
        // Dots of a radius of 1.4 pixels, five pixels apart, one in the box's centre.
        Texture::Dotted => {
            let step = UNITS * 5;
            let from_dot = |s: i32| (s - side * UNITS / 2 + step / 2).rem_euclid(step) - step / 2;
            let (dx, dy) = (from_dot(sx), from_dot(sy));
            dx * dx + dy * dy <= 126
        }
    }
}

fn colour_rgb(colour: Colour) -> Rgb {
    match colour {
        Colour::Red => [216, 32, 38],
        Colour::Orange => [246, 132, 18],
        Colour::Yellow => [240, 214, 20],
        Colour::Green => [36, 150, 52],
        Colour::Cyan => [30, 206, 214],
        Colour::Blue => [34, 72, 214],
        Colour::Purple => [128, 40, 176],
        Colour::Pink => [245, 128, 186],
    }
}

fn background_rgb(background: Background) -> Rgb {
    match background {
        Background::Black => [14, 14, 14],
        Background::Grey => [70, 70, 74],
        Background::Brown => [70, 46, 28],
        Background::Navy => [28, 34, 80],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scenes::truth::Size;

    #[test]
    fn every_shape_fills_its_own_share_of_the_box() {
        let mut shares: Vec<f64> = Vec::new();
        for shape in Shape::ALL {
            let covered = (0..10_000)
                .filter(|i| {
                    covers(
                        shape,
                        f64::from(i % 100) / 50.0 - 0.99,
                        f64::from(i / 100) / 50.0 - 0.99,
                    )
                })
                .count();
            shares.push(covered as f64 / 10_000.0);
        }
        assert!(
            shares.iter().all(|share| (0.25..0.85).contains(share)),
            "{shares:?}"
        );
    }

    #[test]
    fn paint_background_and_edges_are_where_they_belong() {
        let object = Object {
            shape: Shape::Circle,
            colour: Colour::Red,
            size: Size::Large,
            texture: Texture::Solid,
            left: 10,
            top: 20,
            side: 20,
        };
        let scene = Scene {
            objects: vec![object],
            background: Background::Black,
            shade: 3,
        };
        let bytes = draw(&scene);
        assert_eq!(bytes.len(), SIDE * SIDE * 3);
        let pixel = |x: usize, y: usize| &bytes[(y * SIDE + x) * 3..][..3];
        let near = |a: &[u8], b: Rgb| {
            a.iter()
                .zip(b)
                .all(|(&a, b)| (i32::from(a) - b).abs() <= SHIFT)
        };
        assert!(near(pixel(20, 30), colour_rgb(Colour::Red)));
        assert!(near(pixel(0, 0), background_rgb(Background::Black)));
        assert!(near(pixel(10, 20), background_rgb(Background::Black)));
        // Somewhere on the rim a pixel is neither paint nor background.
        assert!((10..30).any(|x| {
            let p = pixel(x, 21);
            !near(p, colour_rgb(Colour::Red)) && !near(p, background_rgb(Background::Black))
        }));
    }
}
