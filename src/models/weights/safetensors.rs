//! The safetensors format: a JSON header that places each tensor, then their bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

use super::file::{Kind, Stored};
use super::names::NamedTensor;

/// The longest header that is read, as in the format's reference implementation.
const LONGEST_HEADER: u64 = 100_000_000;

/// The tensors that a header places, and its `__metadata__`.
type Header = (Vec<(String, Stored)>, BTreeMap<String, String>);

/// Reads a file's header and checks that the file holds all that it promises.
pub(super) fn header(path: &Path) -> Result<Header> {
    let broken = |why: &str| {
        let message = format!("expected a whole safetensors file: {why}");
        Error::reading(path, message)
    };
    let mut file = File::open(path).map_err(|e| Error::reading(path, e))?;
    let size = file.metadata().map_err(|e| Error::reading(path, e))?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length)
        .map_err(|_| broken("it ends within the first 8 bytes"))?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_HEADER || length + 8 > size {
        return Err(broken("it ends within its header"));
    }
    let mut text = vec![0; length as usize];
    file.read_exact(&mut text)
        .map_err(|e| Error::reading(path, e))?;
    let entries: Map<String, Value> =
        serde_json::from_slice(&text).map_err(|e| broken(&format!("its header: {e}")))?;

    let data = size - length - 8;
    let (mut tensors, mut metadata) = (Vec::new(), BTreeMap::new());
    for (name, entry) in entries {
        if name == "__metadata__" {
            metadata = serde_json::from_value(entry).unwrap_or_default();
            continue;
        }
        let stored = tensor(&entry, data, length + 8)
            .map_err(|why| broken(&format!("tensor {name}: {why}")))?;
        tensors.push((name, stored));
    }
    Ok((tensors, metadata))
}

/// One entry of a header whose `data` bytes begin at `start`.
fn tensor(entry: &Value, data: u64, start: u64) -> std::result::Result<Stored, &'static str> {
    let kind = match entry["dtype"].as_str().ok_or("it has no dtype")? {
        "F16" => Kind::F16,
        "BF16" => Kind::Bf16,
        "F32" => Kind::F32,
        "F64" => Kind::F64,
        _ => Kind::Other,
    };
    let numbers = |key: &str| serde_json::from_value::<Vec<u64>>(entry[key].clone()).ok();
    let shape = numbers("shape").ok_or("it has no shape")?;
    let offsets = numbers("data_offsets").unwrap_or_default();
    let [begin, end] = offsets[..] else {
        return Err("it has no data_offsets");
    };
    if begin > end || end > data {
        return Err("its data_offsets are not within the file");
    }
    let bytes = shape
        .iter()
        .try_fold(kind.bytes() as u64, |n, &side| n.checked_mul(side));
    if kind != Kind::Other && bytes != Some(end - begin) {
        return Err("its data_offsets are not as long as its shape");
    }
    Ok(Stored {
        kind,
        shape: shape.into_iter().map(|side| side as usize).collect(),
        strides: None,
        offset: start + begin,
    })
}

/// Writes tensors out of `flat` as `f32`, with `metadata` in the header.
///
/// The file is on the disk when this returns; until then there may be half of it.
pub(super) fn write(
    path: &Path,
    tensors: &[NamedTensor],
    flat: &[f32],
    metadata: &[(&str, &str)],
) -> Result<()> {
    let mut header = Map::new();
    let metadata = metadata
        .iter()
        .map(|(key, text)| (key.to_string(), json!(text)));
    header.insert("__metadata__".into(), Value::Object(metadata.collect()));
    let mut end = 0;
    for tensor in tensors {
        let start = end;
        end += size_of::<f32>() * tensor.shape.iter().product::<usize>();
        let entry = json!({"dtype": "F32", "shape": tensor.shape, "data_offsets": [start, end]});
        header.insert(tensor.name.clone(), entry);
    }
    let mut header = Value::Object(header).to_string();
    // The data begins at a multiple of 8.
    header.extend(std::iter::repeat_n(
        ' ',
        header.len().next_multiple_of(8) - header.len(),
    ));

    let write_all = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        for tensor in tensors {
            for value in tensor.read(flat) {
                file.write_all(&value.to_le_bytes())?;
            }
        }
        file.into_inner()?.sync_all()
    };
    write_all().map_err(|e| Error::writing(path, e))
}
