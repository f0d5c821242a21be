//! What matrix products are computed in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What the operands of linear maps are rounded to before they are multiplied. Sums, and everything
/// that is not such a product, are f32 in either case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Nothing: IEEE single precision.
    #[default]
    F32,
    /// bfloat16, of 8 significant bits, to the nearest and ties to even, as PyTorch's autocast does.
    /// Fast where the processor has AMX; elsewhere the same rounding, somewhat slower than f32.
    Bf16,
}

impl Precision {
    /// Whether this processor multiplies so itself. Where it does not, bf16 is slower than f32.
    pub fn is_native(self) -> bool {
        self == Self::F32 || super::kernels::bf16::is_native()
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(Error::input(format!(
                "unknown precision `{name}`: expected f32 or bf16"
            ))),
        }
    }
}
