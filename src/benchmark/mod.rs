//! Benchmark tables: what architectures are known to reach (accuracy, latency, ...), read from Parquet files, and the
//! schema that imported ones have.
//!
//! ```
//! use naslens::benchmark::Table;
//!
//! let table = Table::open("benchmarks-data/fashion-cells.parquet".as_ref())?;
//! assert_eq!(table.f64_column("test_acc_pct")?.len(), table.num_rows());
//! assert!(table.f64_column("test_acc").unwrap_err().to_string().contains("did you mean"));
//! # Ok::<(), naslens::benchmark::TableError>(())
//! ```

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
