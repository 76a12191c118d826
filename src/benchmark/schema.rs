//! The one table that every benchmark file becomes: a row per measurement.
//!
//! The schema is called [`VERSION`] and stands in the Parquet key-value metadata under [`SCHEMA_KEY`]; a column is never
//! renamed, removed or given another meaning under the same version. A cell is null where the source does not say.
//!
//! | column | type | |
//! |---|---|---|
//! | `space` | string | search space, by naslens' name where it has one |
//! | `arch` | string | the architecture in naslens' notation of the space, in that of the source where naslens does not have the space |
//! | `arch_id` | string | 32 hexadecimal digits, equal for architectures that compute the same; null where naslens does not have the space |
//! | `arch_index` | int64 | position in the space's official order |
//! | `dataset` | string | by the name the source gives it; it also says what was trained on (`cifar10-valid`: half of the training images) |
//! | `split` | string | what the accuracy and the loss were measured on: `train`, `valid`, `test`, or `valtest` for both |
//! | `epochs` | int32 | length of the training, in epochs |
//! | `epoch` | float64 | epochs that were over when it was measured; equal to `epochs` at the end |
//! | `seed` | int64 | seed of the training, or the number of the repeat from 0 where seeds were not published |
//! | `accuracy_pct` | float64 | top-1 accuracy in percent |
//! | `loss` | float64 | mean cross-entropy |
//! | `seconds` | float64 | split `train`: training until `epoch`; another split: one evaluation; a proxy: computing it |
//! | `params` | int64 | trainable parameters |
//! | `macs` | int64 | multiply-accumulates of one inference |
//! | `device` | string | what latency and energy were measured on |
//! | `latency_ms` | float64 | milliseconds of one inference |
//! | `energy_mj` | float64 | millijoules of one inference |
//! | `proxy` | string | name of a score of the untrained network |
//! | `score` | float64 | that score |
//!
//! Latencies have rows of their own, one per device, with a null `split`; so have proxies.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::builder::{Float64Builder, Int32Builder, Int64Builder, StringBuilder};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

/// Key of the schema's name in the Parquet metadata.
pub const SCHEMA_KEY: &str = "naslens.schema";
/// Name of the schema.
pub const VERSION: &str = "benchmark/1";
/// Name of the schema of a table with one row per architecture.
pub const WIDE_VERSION: &str = "benchmark-wide/1";

/// The columns: name, type, whether cells may be null.
pub const COLUMNS: [(&str, DataType, bool); 19] = [
    ("space", DataType::Utf8, false),
    ("arch", DataType::Utf8, false),
    ("arch_id", DataType::Utf8, true),
    ("arch_index", DataType::Int64, true),
    ("dataset", DataType::Utf8, true),
    ("split", DataType::Utf8, true),
    ("epochs", DataType::Int32, true),
    ("epoch", DataType::Float64, true),
    ("seed", DataType::Int64, true),
    ("accuracy_pct", DataType::Float64, true),
    ("loss", DataType::Float64, true),
    ("seconds", DataType::Float64, true),
    ("params", DataType::Int64, true),
    ("macs", DataType::Int64, true),
    ("device", DataType::Utf8, true),
    ("latency_ms", DataType::Float64, true),
    ("energy_mj", DataType::Float64, true),
    ("proxy", DataType::Utf8, true),
    ("score", DataType::Float64, true),
];

/// The architecture that rows are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Column `space`.
    pub space: String,
    /// Column `arch`.
    pub arch: String,
    /// Column `arch_id`.
    pub arch_id: Option<String>,
    /// Column `arch_index`.
    pub arch_index: Option<i64>,
}

/// The other cells of a row, by the names of the columns.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "the columns are described above")]
pub struct Measurement {
    pub dataset: Option<Arc<str>>,
    pub split: Option<Arc<str>>,
    pub epochs: Option<i32>,
    pub epoch: Option<f64>,
    pub seed: Option<i64>,
    pub accuracy_pct: Option<f64>,
    pub loss: Option<f64>,
    pub seconds: Option<f64>,
    pub params: Option<i64>,
    pub macs: Option<i64>,
    pub device: Option<Arc<str>>,
    pub latency_ms: Option<f64>,
    pub energy_mj: Option<f64>,
    pub proxy: Option<Arc<str>>,
    pub score: Option<f64>,
}

/// The Arrow schema, with the metadata that also goes into the Parquet file.
pub fn schema(metadata: HashMap<String, String>) -> SchemaRef {
    let fields: Vec<Field> = COLUMNS.map(|(name, data_type, nullable)| Field::new(name, data_type, nullable)).into();
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

/// Rows that are being collected.
#[derive(Default)]
pub struct Rows {
    len: usize,
    texts: [StringBuilder; 7],
    arch_index: Int64Builder,
    epochs: Int32Builder,
    whole: [Int64Builder; 3],
    real: [Float64Builder; 7],
}

impl Rows {
    /// Rows since the last batch.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a row.
    pub fn push(&mut self, subject: &Subject, row: &Measurement) {
        self.len += 1;
        let texts = [
            Some(subject.space.as_str()),
            Some(&subject.arch),
            subject.arch_id.as_deref(),
            row.dataset.as_deref(),
            row.split.as_deref(),
            row.device.as_deref(),
            row.proxy.as_deref(),
        ];
        self.texts.iter_mut().zip(texts).for_each(|(column, cell)| column.append_option(cell));
        self.arch_index.append_option(subject.arch_index);
        self.epochs.append_option(row.epochs);
        let whole = [row.seed, row.params, row.macs];
        self.whole.iter_mut().zip(whole).for_each(|(column, cell)| column.append_option(cell));
        let real = [row.epoch, row.accuracy_pct, row.loss, row.seconds, row.latency_ms, row.energy_mj, row.score];
        // NaN says no more than that there is no number.
        let real = real.map(|cell| cell.filter(|x| !x.is_nan()));
        self.real.iter_mut().zip(real).for_each(|(column, cell)| column.append_option(cell));
    }

    /// The rows as a batch; from then on there are none.
    pub fn take(&mut self, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        self.len = 0;
        let text = self.texts.each_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
        let [space, arch, arch_id, dataset, split, device, proxy] = text;
        let [seed, params, macs] = self.whole.each_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
        let real = self.real.each_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
        let [epoch, accuracy, loss, seconds, latency, energy, score] = real;
        let (arch_index, epochs) = (Arc::new(self.arch_index.finish()), Arc::new(self.epochs.finish()));
        let columns = vec![
            space, arch, arch_id, arch_index, dataset, split, epochs, epoch, seed, accuracy, loss, seconds, params,
            macs, device, latency, energy, proxy, score,
        ];
        RecordBatch::try_new(schema.clone(), columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::values;

    /// A change here is a change of what people's files mean: it needs a new [`VERSION`].
    #[test]
    fn the_schema_is_frozen() {
        assert_eq!((SCHEMA_KEY, VERSION, WIDE_VERSION), ("naslens.schema", "benchmark/1", "benchmark-wide/1"));
        let frozen = "space:Utf8 arch:Utf8 arch_id:Utf8? arch_index:Int64? dataset:Utf8? split:Utf8? epochs:Int32? \
                      epoch:Float64? seed:Int64? accuracy_pct:Float64? loss:Float64? seconds:Float64? params:Int64? \
                      macs:Int64? device:Utf8? latency_ms:Float64? energy_mj:Float64? proxy:Utf8? score:Float64?";
        let columns = COLUMNS.map(|(name, kind, null)| format!("{name}:{kind:?}{}", if null { "?" } else { "" }));
        assert_eq!(columns.join(" "), frozen);
    }

    #[test]
    fn every_cell_goes_into_its_own_column() {
        let subject = Subject { space: "s".into(), arch: "a".into(), arch_id: Some("i".into()), arch_index: Some(1) };
        let text = |t: &str| Some(Arc::from(t));
        let full = Measurement {
            dataset: text("d"),
            split: text("p"),
            epochs: Some(2),
            epoch: Some(3.0),
            seed: Some(4),
            accuracy_pct: Some(5.0),
            loss: Some(6.0),
            seconds: Some(7.0),
            params: Some(8),
            macs: Some(9),
            device: text("v"),
            latency_ms: Some(10.0),
            energy_mj: Some(11.0),
            proxy: text("x"),
            score: Some(12.0),
        };
        let mut rows = Rows::default();
        rows.push(&subject, &full);
        rows.push(&Subject { arch_id: None, arch_index: None, ..subject.clone() }, &Measurement::default());
        rows.push(&subject, &Measurement { loss: Some(f64::NAN), ..Measurement::default() });
        let batch = rows.take(&schema(HashMap::new())).unwrap();
        let shown = |row: usize| -> String {
            let cell = |column: &ArrayRef| match column.data_type() {
                DataType::Utf8 => values::strings(column)[row].clone().unwrap_or_default(),
                DataType::Float64 => values::numbers(column)[row].map(|x| format!("{x:?}")).unwrap_or_default(),
                _ => values::integers(column)[row].map(|n| n.to_string()).unwrap_or_default(),
            };
            batch.columns().iter().map(cell).collect::<Vec<_>>().join(",")
        };
        assert_eq!(shown(0), "s,a,i,1,d,p,2,3.0,4,5.0,6.0,7.0,8,9,v,10.0,11.0,x,12.0");
        assert_eq!(shown(1), "s,a,,,,,,,,,,,,,,,,,");
        assert_eq!(shown(2), "s,a,i,1,,,,,,,,,,,,,,,");
        assert!(rows.is_empty());
    }
}
