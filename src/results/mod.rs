//! What a run leaves on disk, and how it is read back.

pub mod atomic;
pub mod cell;
pub mod contrast;
pub mod log;
pub mod points;
pub mod schema;
pub mod scores;
pub(crate) mod stats_columns;
pub mod stats_file;
pub mod store;
pub mod table;
