//! Benchmark tables: what architectures are known to reach (accuracy, latency, ...), read from Parquet files.

mod table;
mod values;

pub use table::{Table, TableError};
