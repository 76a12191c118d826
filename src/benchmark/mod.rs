//! Benchmark tables: what architectures are known to reach (accuracy, latency, ...), read from Parquet files, and the
//! schema that imported ones have.

pub(crate) mod columns;
mod direction;
mod parquet;
pub mod schema;
mod table;
pub(crate) mod values;

pub(crate) use self::parquet::{column_bytes, unreadable_compression};
pub use direction::lower_is_better;
pub use table::{Table, TableError};

/// Key of what naslens says of a file in its Parquet metadata, as JSON.
pub const METADATA_KEY: &str = "naslens";
