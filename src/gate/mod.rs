//! The regression gate: a baseline is kept, and later scores must not fall below it.
//!
//! ```text
//! run folder or caption files → snapshot → baseline: NAME.json, NAME.parquet
//!                                   ↓            ↓
//!                     conditions → compare ← rule, tolerance
//!                                   ↓
//!                     text · JSON · junit · github → exit code
//! ```
//!
//! Two numbers are compared only if they were measured alike: the same data,
//! recipe, captions and signature. Where they were not, that is said and
//! nothing is compared ([`crate::Error::NotComparable`], exit 5).

pub mod baseline;
pub mod compare;
mod conditions;
pub mod github;
pub mod history;
pub mod junit;
pub mod rule;
pub mod snapshot;
pub mod statistics;
pub mod text;
pub mod tolerance;
pub mod verdict;
