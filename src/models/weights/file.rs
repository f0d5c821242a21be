//! The tensors of a checkpoint: one file or several, safetensors or PyTorch's.
//!
//! A file's numbers are mapped one tensor at a time and converted straight into their place, so
//! reading needs little memory beside the model's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use memmap2::MmapOptions;
use serde_json::Value;

use crate::error::{Error, Result};

use super::{pickle, safetensors};

/// The files that hold a folder's weights, the preferred one first.
pub(super) const IN_A_FOLDER: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// How a number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F16,
    Bf16,
    F32,
    F64,
    /// Anything else: buffers of whole numbers and truth values, which no model here reads.
    Other,
}

impl Kind {
    /// The bytes of one number; 1 where they are never read.
    pub fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Other => 1,
        }
    }
}

/// Where one tensor's numbers lie in a file.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub kind: Kind,
    pub shape: Vec<usize>,
    /// The numbers from one element to the next of each dimension; `None` if they lie row by row.
    pub strides: Option<Vec<usize>>,
    /// Bytes from the file's start.
    pub offset: u64,
}

impl Stored {
    /// The numbers from the first to the last that belongs to it; `None` if that overflows.
    fn span(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        match &self.strides {
            None => self
                .shape
                .iter()
                .try_fold(1usize, |n, &side| n.checked_mul(side)),
            Some(strides) => {
                let steps = self.shape.iter().zip(strides);
                steps
                    .map(|(side, stride)| (side - 1).checked_mul(*stride))
                    .try_fold(1usize, |n, step| n.checked_add(step?))
            }
        }
    }
}

/// A checkpoint's tensors by name.
pub(super) struct TensorFile {
    path: PathBuf,
    /// Each tensor with the file that holds it.
    tensors: BTreeMap<String, (PathBuf, Stored)>,
    /// What a single safetensors file says beside its tensors.
    pub metadata: BTreeMap<String, String>,
}

impl TensorFile {
    /// Opens a file, the parts that an index names, or a folder with one of these.
    pub fn open(path: &Path) -> Result<Self> {
        let path = match path.is_dir() {
            true => in_folder(path)?,
            false => path.to_owned(),
        };
        let mut file = Self {
            tensors: BTreeMap::new(),
            metadata: BTreeMap::new(),
            path,
        };
        match file.path.extension().and_then(|e| e.to_str()) {
            Some("json") => file.add_index()?,
            _ => file.metadata = file.add(file.path.clone())?,
        }
        Ok(file)
    }

    /// The file, or its index.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of its tensors in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A tensor's shape.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|(_, stored)| &stored.shape[..])
    }

    /// A tensor's numbers as `f32`, row by row, into `out`.
    ///
    /// # Errors
    /// [`Error::Input`] for another shape, for whole numbers, and for a number that is not finite.
    pub fn read(&self, name: &str, shape: &[usize], out: &mut [f32]) -> Result<()> {
        let (path, stored) = self.tensors.get(name).ok_or_else(|| {
            let place = format!("tensor {name}");
            Error::in_file(&self.path, place, "is missing")
        })?;
        let fault = |message: String| Error::in_file(path, format!("tensor {name}"), message);
        if stored.shape != shape {
            let found = &stored.shape;
            return Err(fault(format!("has shape {found:?}, expected {shape:?}")));
        }
        if stored.kind == Kind::Other {
            return Err(fault("expected floating-point numbers".into()));
        }
        let file = File::open(path).map_err(|e| Error::reading(path, e))?;
        let size = file.metadata().map_err(|e| Error::reading(path, e))?.len();
        let bytes = stored
            .span()
            .and_then(|n| n.checked_mul(stored.kind.bytes()));
        let len = bytes
            .filter(|&len| {
                let end = stored.offset.checked_add(len as u64);
                end.is_some_and(|end| end <= size)
            })
            .ok_or_else(|| fault("reaches beyond the file's end".into()))?;
        if len == 0 {
            return Ok(());
        }
        // SAFETY: the map is read before this function returns; checkpoints are written to other
        // files and renamed, so nobody shortens this one meanwhile.
        let map = unsafe { MmapOptions::new().offset(stored.offset).len(len).map(&file) };
        let map = map.map_err(|e| Error::reading(path, e))?;
        match stored.kind {
            Kind::F16 => decode(&map, stored, out, |b| f16::from_le_bytes(b).to_f32()),
            Kind::Bf16 => decode(&map, stored, out, |b| bf16::from_le_bytes(b).to_f32()),
            Kind::F32 => decode(&map, stored, out, f32::from_le_bytes),
            Kind::F64 => decode(&map, stored, out, |b| f64::from_le_bytes(b) as f32),
            Kind::Other => {}
        }
        match out.iter().position(|v| !v.is_finite()) {
            Some(i) => Err(fault(format!("its number {i} is {}", out[i]))),
            None => Ok(()),
        }
    }

    /// Adds one file's tensors and returns what it says beside them.
    fn add(&mut self, path: PathBuf) -> Result<BTreeMap<String, String>> {
        let (tensors, metadata) = match path.extension().and_then(|e| e.to_str()) {
            Some("bin" | "pt" | "pth") => (pickle::tensors(&path)?, BTreeMap::new()),
            _ => safetensors::header(&path)?,
        };
        for (name, stored) in tensors {
            if let Some((other, _)) = self.tensors.insert(name.clone(), (path.clone(), stored)) {
                let message = format!("is in {} too", other.display());
                return Err(Error::in_file(&path, format!("tensor {name}"), message));
            }
        }
        Ok(metadata)
    }

    /// Adds the tensors of every part that the index names.
    fn add_index(&mut self) -> Result<()> {
        let path = self.path.clone();
        let places = weight_map(&path)?;
        for part in places.values().collect::<BTreeSet<_>>() {
            self.add(path.with_file_name(part))?;
        }
        for (name, part) in &places {
            if !self.tensors.contains_key(name) {
                let place = format!("weight_map.{name}");
                let message = format!("there is no such tensor in {part}");
                return Err(Error::in_file(&path, place, message));
            }
        }
        Ok(())
    }
}

/// The tensors that an index names, each with the file beside the index that holds it.
pub(super) fn weight_map(index: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(index).map_err(|e| Error::reading(index, e))?;
    let document: Value = serde_json::from_str(&text)
        .map_err(|e| Error::in_file(index, format!("line {}", e.line()), e))?;
    let Some(Value::Object(places)) = document.get("weight_map") else {
        let message = "expected an object of tensor names and their files";
        return Err(Error::in_file(index, "weight_map", message));
    };
    let place = |(name, part): (&String, &Value)| {
        let plain = part
            .as_str()
            .filter(|part| Path::new(part).file_name() == Some(part.as_ref()))
            .ok_or_else(|| {
                let message = format!("is {part}, expected the name of a file beside the index");
                Error::in_file(index, format!("weight_map.{name}"), message)
            })?;
        Ok((name.clone(), plain.to_owned()))
    };
    places.iter().map(place).collect()
}

/// The file of a folder that holds or places its weights.
fn in_folder(folder: &Path) -> Result<PathBuf> {
    let files = IN_A_FOLDER.map(|name| folder.join(name));
    files.into_iter().find(|f| f.is_file()).ok_or_else(|| {
        Error::input(format!(
            "{}: no weights in this folder; expected {}",
            folder.display(),
            IN_A_FOLDER.join(", ")
        ))
    })
}

/// Converts the numbers of a mapped tensor, row by row.
fn decode<const N: usize>(
    bytes: &[u8],
    stored: &Stored,
    out: &mut [f32],
    number: impl Fn([u8; N]) -> f32,
) {
    let (numbers, _) = bytes.as_chunks::<N>();
    let Some(strides) = &stored.strides else {
        for (out, bytes) in out.iter_mut().zip(numbers) {
            *out = number(*bytes);
        }
        return;
    };
    for (i, out) in out.iter_mut().enumerate() {
        let (mut rest, mut place) = (i, 0);
        for (side, stride) in stored.shape.iter().zip(strides).rev() {
            place += rest % side * stride;
            rest /= side;
        }
        *out = number(numbers[place]);
    }
}
