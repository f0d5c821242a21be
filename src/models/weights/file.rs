//! The safetensors format: a JSON header that places each tensor, then their bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use candle_core::safetensors::BufferedSafetensors;
use candle_core::{DType, Device, Tensor};
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

use super::names::NamedTensor;

/// A file of tensors, held in memory.
pub(super) struct TensorFile {
    path: PathBuf,
    tensors: BufferedSafetensors,
    names: BTreeSet<String>,
    /// What its header says beside the tensors.
    pub metadata: BTreeMap<String, String>,
}

impl TensorFile {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::reading(path, e))?;
        let metadata = metadata(&bytes);
        let tensors = BufferedSafetensors::new(bytes)
            .map_err(|e| Error::reading(path, format!("expected a whole safetensors file: {e}")))?;
        let names = tensors.tensors().into_iter().map(|(name, _)| name);
        Ok(Self {
            path: path.to_owned(),
            names: names.collect(),
            tensors,
            metadata,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of its tensors in order.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// A tensor's numbers as `f32`.
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let fault = |message: String| Error::in_file(&self.path, format!("tensor {name}"), message);
        let tensor = self
            .tensors
            .load(name, &Device::Cpu)
            .map_err(|e| fault(e.to_string()))?;
        if tensor.dims() != shape {
            let found = tensor.dims();
            return Err(fault(format!("has shape {found:?}, expected {shape:?}")));
        }
        let floats = |tensor: &Tensor| tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>();
        if !tensor.dtype().is_float() {
            let found = tensor.dtype().as_str();
            return Err(fault(format!(
                "holds {found}, expected floating-point numbers"
            )));
        }
        let values = floats(&tensor).map_err(|e| fault(e.to_string()))?;
        if let Some(i) = values.iter().position(|v| !v.is_finite()) {
            return Err(fault(format!("its number {i} is {}", values[i])));
        }
        Ok(values)
    }
}

/// The `__metadata__` of a file's header; empty if there is none or it is not readable.
fn metadata(bytes: &[u8]) -> BTreeMap<String, String> {
    let header = bytes.split_first_chunk::<8>().and_then(|(len, rest)| {
        let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
        serde_json::from_slice::<Value>(rest.get(..len)?).ok()
    });
    let Some(Value::Object(entries)) =
        header.and_then(|mut h| h.get_mut("__metadata__").map(Value::take))
    else {
        return BTreeMap::new();
    };
    let texts = entries.into_iter().filter_map(|(key, value)| match value {
        Value::String(text) => Some((key, text)),
        _ => None,
    });
    texts.collect()
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
