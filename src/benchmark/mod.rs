//! Benchmark tables: what architectures are known to reach (accuracy, latency, ...), read from Parquet files, and the
//! schema that imported ones have.

pub mod schema;
mod table;
pub(crate) mod values;

pub use table::{Table, TableError};
