//! Benchmark tables: what architectures are known to reach (accuracy, latency, ...), read from Parquet files, and the
//! schema that imported ones have.

mod parquet;
pub mod schema;
mod table;
pub(crate) mod values;

pub(crate) use self::parquet::{column_bytes, unreadable_compression};
pub use table::{Table, TableError};
