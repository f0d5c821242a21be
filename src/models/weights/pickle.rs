//! PyTorch's own format since 1.6: a zip archive of a pickle that describes the tensors, and one
//! entry of bytes a storage. candle reads the pickle; nothing in it is executed.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use candle_core::DType;
use candle_core::pickle::read_pth_tensor_info;
use zip::{CompressionMethod, ZipArchive};

use crate::error::{Error, Result};

use super::file::{Kind, Stored};

/// The tensors of a file that `torch.save` wrote of a `state_dict`.
pub(super) fn tensors(path: &Path) -> Result<Vec<(String, Stored)>> {
    let broken = |why: &dyn std::fmt::Display| {
        let message = format!(
            "expected the zip archive of a state_dict, as torch.save writes it since PyTorch 1.6: {why}"
        );
        Error::reading(path, message)
    };
    let file = File::open(path).map_err(|e| Error::reading(path, e))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| broken(&e))?;
    let infos = read_pth_tensor_info(path, false, None).map_err(|e| broken(&e))?;
    if infos.is_empty() {
        return Err(broken(&"there is no tensor in it"));
    }
    let mut starts = HashMap::new();
    let mut tensors = Vec::with_capacity(infos.len());
    for info in infos {
        let place = format!("tensor {}", info.name);
        let start = match starts.get(&info.path) {
            Some(start) => *start,
            None => {
                let entry = archive
                    .by_name(&info.path)
                    .map_err(|e| Error::in_file(path, &place, e))?;
                let start = entry
                    .data_start()
                    .filter(|_| entry.compression() == CompressionMethod::Stored)
                    .ok_or_else(|| Error::in_file(path, &place, "expected plain bytes"))?;
                starts.insert(info.path.clone(), start);
                start
            }
        };
        let layout = &info.layout;
        let kind = match info.dtype {
            DType::F16 => Kind::F16,
            DType::BF16 => Kind::Bf16,
            DType::F32 => Kind::F32,
            DType::F64 => Kind::F64,
            _ => Kind::Other,
        };
        let stored = Stored {
            kind,
            shape: layout.dims().to_vec(),
            strides: (!layout.is_contiguous()).then(|| layout.stride().to_vec()),
            // candle counts the offset of this format in bytes.
            offset: start + layout.start_offset() as u64,
        };
        tensors.push((info.name, stored));
    }
    Ok(tensors)
}
