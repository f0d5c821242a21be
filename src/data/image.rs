//! One picture: from a file's bytes to RGB, and to the size that a model looks at.
//!
//! As Hugging Face's ViT processor does: EXIF rotation first, then RGB (alpha is
//! dropped, not blended; palettes and grey levels are spread out; 16 bits become
//! 8), then Pillow's bilinear resize ([`super::resize`]). JPEGs are decoded with
//! libjpeg-turbo's arithmetic, as Pillow does, to the same bytes: decoders differ
//! by a level in many pixels, and that is enough for other captions.

use std::io::Cursor;
use std::path::Path;

use image::codecs::png::{PngDecoder, PngEncoder};
use image::metadata::Orientation;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, Limits, RgbImage,
};
use libjpeg_turbo_rs::{Decoder, PixelFormat};

use super::dataset::{Example, Picture};
use super::resize::bilinear;
use super::scenes;
use crate::error::{Error, Result};

/// The most memory that decoding one JPEG may take, as much as is allowed for a PNG.
const JPEG_MEMORY: usize = 512 << 20;

/// An RGB picture of 8 bits a channel, in the order row, column, channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `height × width × 3` bytes.
    pub pixels: Vec<u8>,
}

impl Rgb {
    /// This picture at another size of at least one pixel, by Pillow's bilinear resize.
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let pixels = bilinear(&self.pixels, [self.width, self.height], [width, height]);
        Self {
            width,
            height,
            pixels,
        }
    }

    /// The bytes channel by channel, `(3, height, width)`.
    pub fn planar(&self) -> Vec<u8> {
        let channel = |c: usize| self.pixels.iter().skip(c).step_by(3).copied();
        channel(0).chain(channel(1)).chain(channel(2)).collect()
    }

    /// This picture as a PNG file.
    pub fn png(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(
                &self.pixels,
                self.width as u32,
                self.height as u32,
                ExtendedColorType::Rgb8,
            )
            .map_err(|error| Error::failed(format!("cannot encode a picture as PNG: {error}")))?;
        Ok(bytes)
    }
}

/// Decodes the bytes of a JPEG or PNG file, upright.
///
/// # Errors
///
/// Bad input where the bytes are no JPEG or PNG, or are truncated or corrupt;
/// the message does not name the file.
pub fn decode(bytes: &[u8]) -> Result<Rgb> {
    let broken =
        |error: image::ImageError| Error::input(format!("cannot decode the picture: {error}"));
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) if !jpeg_has_end(bytes) => Err(Error::input(
            "the JPEG is truncated: its end-of-image marker is missing",
        )),
        Ok(ImageFormat::Jpeg) => jpeg(bytes),
        Ok(ImageFormat::Png) => png(PngDecoder::new(Cursor::new(bytes)).map_err(broken)?),
        _ if bytes.is_empty() => Err(Error::input(
            "the file is empty; expected a JPEG or PNG picture",
        )),
        _ => Err(Error::input(
            "expected a JPEG or PNG picture, and it is neither",
        )),
    }
}

fn png(mut decoder: PngDecoder<Cursor<&[u8]>>) -> Result<Rgb> {
    let broken =
        |error: image::ImageError| Error::input(format!("cannot decode the picture: {error}"));
    decoder.set_limits(Limits::default()).map_err(broken)?;
    let orientation = decoder.orientation().map_err(broken)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(broken)?;
    Ok(match picture {
        // Of 16 bits Pillow keeps the upper eight.
        DynamicImage::ImageRgb16(_) | DynamicImage::ImageRgba16(_) => {
            let wide = upright(picture, orientation).into_rgb16();
            let (width, height) = wide.dimensions();
            let levels = wide.into_raw().into_iter();
            Rgb {
                width: width as usize,
                height: height as usize,
                pixels: levels.map(|level| (level >> 8) as u8).collect(),
            }
        }
        picture => eight_bits(upright(picture, orientation)),
    })
}

fn jpeg(bytes: &[u8]) -> Result<Rgb> {
    let broken = |error: libjpeg_turbo_rs::JpegError| {
        Error::input(format!("cannot decode the picture: {error}"))
    };
    let mut decoder = Decoder::new(bytes).map_err(broken)?;
    decoder.set_output_format(PixelFormat::Rgb);
    decoder.set_max_memory(JPEG_MEMORY);
    let decoded = decoder.decode_image().map_err(broken)?;
    let orientation = decoder.exif_data().and_then(Orientation::from_exif_chunk);
    let (width, height) = (decoded.width as u32, decoded.height as u32);
    let picture = RgbImage::from_raw(width, height, decoded.data)
        .ok_or_else(|| Error::input("cannot decode the picture: its size is not its pixels'"))?;
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    Ok(eight_bits(upright(picture.into(), orientation)))
}

/// Turned as its EXIF data say.
fn upright(mut picture: DynamicImage, orientation: Orientation) -> DynamicImage {
    picture.apply_orientation(orientation);
    picture
}

fn eight_bits(picture: DynamicImage) -> Rgb {
    let rgb = picture.into_rgb8();
    let (width, height) = rgb.dimensions();
    Rgb {
        width: width as usize,
        height: height as usize,
        pixels: rgb.into_raw(),
    }
}

/// Whether an end-of-image marker follows the first scan of a JPEG.
///
/// A decoder that fills what is missing with grey would not tell. Markers inside
/// the header's segments (a thumbnail's) do not count.
fn jpeg_has_end(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        at += match marker {
            0xff => 1,
            _ => 2 + usize::from(u16::from_be_bytes([high, low])),
        };
        if marker == START_OF_SCAN {
            break;
        }
    }
    bytes
        .get(at..)
        .is_some_and(|scan| scan.windows(2).any(|pair| pair == [0xff, 0xd9]))
}

/// Reads and decodes a picture file.
///
/// # Errors
///
/// Bad input, naming the file.
pub fn read_picture(path: &Path) -> Result<Rgb> {
    let bytes = std::fs::read(path).map_err(|error| Error::reading(path, error))?;
    decode(&bytes).map_err(|error| error.context(path.display()))
}

/// The picture of an example at its own size.
///
/// # Errors
///
/// Bad input where its file cannot be read or decoded.
pub fn picture(example: &Example) -> Result<Rgb> {
    match &example.image {
        Picture::File(path) => read_picture(path),
        Picture::Scene(scene) => {
            let (width, height) = (scenes::SIDE, scenes::SIDE);
            Ok(Rgb {
                width,
                height,
                pixels: scenes::draw(scene),
            })
        }
    }
}

/// The picture of an example as a PNG file, shrunk until no side is longer than `max_side` pixels.
///
/// # Errors
///
/// Bad input where its file cannot be read or decoded.
pub fn picture_png(example: &Example, max_side: usize) -> Result<Vec<u8>> {
    let rgb = picture(example)?;
    let longer = rgb.width.max(rgb.height);
    if longer <= max_side {
        return rgb.png();
    }
    let scaled = |side: usize| (side * max_side).div_ceil(longer).max(1);
    rgb.resized(scaled(rgb.width), scaled(rgb.height)).png()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: usize, height: usize) -> Rgb {
        let pixels = (0..width * height)
            .flat_map(|i| [i as u8, (i * 3) as u8, (i / 7) as u8])
            .collect();
        Rgb {
            width,
            height,
            pixels,
        }
    }

    #[test]
    fn a_png_is_read_back() {
        let rgb = gradient(31, 17);
        assert_eq!(decode(&rgb.png().unwrap()).unwrap(), rgb);
    }

    #[test]
    fn planes_follow_one_another() {
        let rgb = Rgb {
            width: 2,
            height: 1,
            pixels: vec![1, 2, 3, 4, 5, 6],
        };
        assert_eq!(rgb.planar(), [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn sixteen_bits_keep_the_upper_eight() {
        let levels: [u16; 6] = [0x12ff, 0x8000, 0xffff, 0x00ff, 0x0100, 0x7f80];
        let bytes: Vec<u8> = levels
            .iter()
            .flat_map(|level| level.to_ne_bytes())
            .collect();
        let mut png = Vec::new();
        PngEncoder::new(&mut png)
            .write_image(&bytes, 2, 1, ExtendedColorType::Rgb16)
            .unwrap();
        assert_eq!(
            decode(&png).unwrap().pixels,
            [0x12, 0x80, 0xff, 0x00, 0x01, 0x7f]
        );
    }

    #[test]
    fn broken_pictures_are_refused() {
        let png = gradient(40, 40).png().unwrap();
        for bytes in [
            &b""[..],
            b"GIF89a",
            b"text",
            &png[..png.len() / 2],
            &[0xff, 0xd8, 0xff],
        ] {
            let error = decode(bytes).expect_err("no picture");
            assert_eq!(error.exit_code(), 2, "{error}");
        }
        let mut flipped = png.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x55;
        assert!(decode(&flipped).is_err(), "a checksum does not fit");
    }
}
