//! Pixels against Pillow's, over the odd pictures of the reference.

use std::path::Path;

use candle_core::{Device, Tensor};
use caption_bench::data::{decode, normalize, read_picture};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::support::folder_of;

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn pictures_are_decoded_turned_and_resized_as_pillow_does() {
    let Some(folder) = folder_of("CAPTION_BENCH_REFERENCE") else {
        return;
    };
    let models = folder.join("models");
    let text = std::fs::read(models.join("images.json")).unwrap();
    let document: Value = serde_json::from_slice(&text).unwrap();
    let tensors =
        candle_core::safetensors::load(models.join("images.safetensors"), &Device::Cpu).unwrap();
    let images = document["images"].as_object().unwrap();
    assert!(images.len() >= 20);
    for (name, about) in images {
        let rgb = read_picture(&models.join("images").join(name)).unwrap();
        let upright = [
            about["width"].as_u64().unwrap(),
            about["height"].as_u64().unwrap(),
        ];
        let (small, large) = (rgb.resized(28, 40), rgb.resized(224, 224));
        let expected_small = bytes(&tensors[&format!("{name}.resized_40x28")]);
        assert_eq!([rgb.width as u64, rgb.height as u64], upright, "{name}");
        assert_eq!(sha256(&rgb.pixels), about["rgb_sha256"], "{name}");
        assert!(small.pixels == expected_small, "{name}");
        let hashes = [&small, &large].map(|rgb| sha256(&rgb.pixels));
        assert_eq!(hashes[0], about["resized_40x28_sha256"], "{name}");
        assert_eq!(hashes[1], about["resized_224x224_sha256"], "{name}");
    }
    let values: Vec<f32> = tensors["pixel_of_byte"].to_vec1().unwrap();
    for (byte, value) in (0..=255_u8).zip(values) {
        assert_eq!(normalize(byte).to_bits(), value.to_bits(), "byte {byte}");
    }
}

#[test]
fn truncated_jpegs_are_refused_wherever_they_end() {
    let Some(folder) = folder_of("CAPTION_BENCH_REFERENCE") else {
        return;
    };
    for name in [
        "jpeg_420.jpg",
        "jpeg_progressive.jpg",
        "jpeg_exif_6.jpg",
        "jpeg_grey.jpg",
    ] {
        let whole = std::fs::read(Path::new(&folder).join("models/images").join(name)).unwrap();
        assert!(decode(&whole).is_ok(), "{name}");
        for length in (0..whole.len() - 2).step_by(37) {
            let error = decode(&whole[..length]).err();
            let error = error.unwrap_or_else(|| panic!("{name} cut at {length} was taken"));
            assert_eq!(error.exit_code(), 2);
        }
    }
}

#[test]
fn real_photos_become_the_bytes_that_pillow_makes_of_them() {
    let Some(data) = folder_of("CAPTION_BENCH_DATA") else {
        return;
    };
    let golden: Value =
        serde_json::from_str(include_str!("../../fixtures/data/photos.json")).unwrap();
    for (name, expected) in golden["folders"].as_object().unwrap() {
        let folder = data.join(name).join("images");
        let entries = std::fs::read_dir(&folder).unwrap();
        let mut photos: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        photos.sort();
        assert_eq!(photos.len() as u64, expected["photos"], "{name}");
        let mut hash = Sha256::new();
        for photo in photos {
            hash.update(read_picture(&photo).unwrap().resized(224, 224).pixels);
        }
        let found: String = hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(found, expected["sha256"], "{name}");
    }
}
