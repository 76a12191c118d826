//! A table of trained networks that a run chooses from and judges proxies by.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::RunError;
use crate::benchmark::Table;
use crate::pipeline::{ScreenError, Selection};
use crate::space::SearchSpace;

/// Which table, and what it tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TruthTable {
    /// Parquet file with the columns `arch` and `arch_id`, as `naslens make-table` writes it.
    pub file: PathBuf,
    /// Column with accuracies in percent.
    pub column: String,
}

/// What the table tells.
pub(super) struct Truth {
    /// Accuracy by id.
    accuracy: HashMap<String, f64>,
    /// Texts of all architectures, in the order of the rows.
    archs: Vec<String>,
    /// Name of the file and the column.
    pub name: String,
}

impl Truth {
    /// Reads the table.
    pub fn read(table: &TruthTable) -> Result<Self, RunError> {
        let open = Table::open(&table.file)?;
        let (ids, archs) = (open.string_column("arch_id")?, open.string_column("arch")?);
        let values = open.f64_column(&table.column)?;
        let accuracy = ids.into_iter().zip(values).filter_map(|(id, value)| Some((id?, value?))).collect();
        let file = table.file.file_name().unwrap_or_default().to_string_lossy();
        Ok(Truth {
            accuracy,
            archs: archs.into_iter().flatten().collect(),
            name: format!("{} of {file}", table.column),
        })
    }

    /// The first `count` architectures of the table.
    pub fn selection(&self, space: &dyn SearchSpace, count: u64) -> Result<Selection, ScreenError> {
        let chosen = self.archs.iter().take(usize::try_from(count).unwrap_or(usize::MAX));
        let parsed = chosen.map(|text| space.parse(text)).collect::<Result<Vec<_>, _>>()?;
        let sampler = format!("the first {} of the {} networks of the table", parsed.len(), self.archs.len());
        Ok(Selection::Listed(parsed, sampler))
    }

    /// The accuracy of a network in percent, if the table has it.
    pub fn accuracy(&self, arch_id: &str) -> Option<f64> {
        self.accuracy.get(arch_id).copied()
    }
}
