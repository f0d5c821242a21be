//! Hugging Face's `preprocessor_config.json`: how pictures become numbers.
//!
//! Here a picture is resized to a square by Pillow's bilinear filter and each byte `b` becomes
//! `(b / 255 − 0.5) / 0.5`, as Google's ViTs want it. A checkpoint that wants it otherwise (DeiT subtracts
//! ImageNet's mean and crops) would be fed with wrong numbers and not say so.

use std::path::Path;

use serde_json::{Value, json};

use crate::error::{Error, Result};

/// The file's name.
pub(super) const CONFIG: &str = "preprocessor_config.json";

/// Pillow's number of its bilinear filter.
const BILINEAR: u64 = 2;

/// The `preprocessor_config.json` of a model of pictures of `image` × `image` pixels.
pub fn preprocessor_config(image: usize) -> Value {
    json!({
        "image_processor_type": "ViTImageProcessor",
        "do_resize": true,
        "size": {"height": image, "width": image},
        "resample": BILINEAR,
        "do_rescale": true,
        "rescale_factor": 1.0 / 255.0,
        "do_normalize": true,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    })
}

/// Refuses a folder whose pictures are prepared otherwise than here, for a model of `image` × `image`
/// pixels. A folder that does not say is taken to agree.
///
/// # Errors
/// [`Error::Input`] that names the file, the key, what was found and what was expected.
pub fn check_preprocessor(folder: &Path, image: usize) -> Result<()> {
    let path = folder.join(CONFIG);
    if !path.is_file() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).map_err(|e| Error::reading(&path, e))?;
    let found: Value = serde_json::from_str(&text)
        .map_err(|e| Error::in_file(&path, format!("line {}", e.line()), e))?;
    let expected = preprocessor_config(image);
    let keys = expected.as_object().into_iter().flatten();
    for (key, expected) in keys.filter(|(key, _)| *key != "image_processor_type") {
        let Some(found) = found.get(key).filter(|value| !value.is_null()) else {
            continue;
        };
        // Of old a side alone meant a square.
        let same =
            alike(found, expected) || (key == "size" && found.as_u64() == Some(image as u64));
        if !same {
            let message =
                format!("is {found}, expected {expected}: pictures are prepared in one way here");
            return Err(Error::in_file(&path, key, message));
        }
    }
    match found.get("do_center_crop").and_then(Value::as_bool) {
        Some(true) => Err(Error::in_file(
            &path,
            "do_center_crop",
            "is true, expected false: pictures are resized whole here",
        )),
        _ => Ok(()),
    }
}

/// Whether two values are the same but for a number's last digits.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * b.abs(),
            _ => false,
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str) -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(CONFIG), document).unwrap();
        check_preprocessor(folder.path(), 224)
    }

    #[test]
    fn what_is_written_is_accepted_and_so_is_the_old_form() {
        check(&preprocessor_config(224).to_string()).unwrap();
        check(
            r#"{"do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "resample": 2, "size": 224}"#,
        )
        .unwrap();
        check("{}").unwrap();
        check_preprocessor(Path::new("/nowhere"), 224).unwrap();
    }

    #[test]
    fn pictures_prepared_otherwise_are_refused_by_the_key() {
        for (document, key) in [
            (r#"{"image_mean": [0.485, 0.456, 0.406]}"#, "image_mean"),
            (r#"{"image_std": [0.5, 0.5]}"#, "image_std"),
            (r#"{"resample": 3}"#, "resample"),
            (r#"{"size": 256}"#, "size"),
            (r#"{"size": {"height": 224, "width": 256}}"#, "size"),
            (r#"{"do_normalize": false}"#, "do_normalize"),
            (r#"{"do_center_crop": true}"#, "do_center_crop"),
            ("{", "line 1"),
        ] {
            let error = check(document).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.message().contains(key), "{error}");
            assert!(error.message().contains(CONFIG), "{error}");
        }
    }
}
