//! Data sets inside the program, as Parquet files: `benchmarks-data/README.md` says how they were made.

use arrow::array::Array;
use arrow::array::cast::AsArray;
use arrow::datatypes::UInt8Type;
use bytes::Bytes;
use ndarray::Array4;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fmt;

use super::{DataError, DataSource, Dataset, Part, Source, Watch};

/// Grey square images of 10 classes in a file.
#[derive(Debug)]
pub(super) struct Embedded {
    pub name: &'static str,
    pub parquet: &'static [u8],
    pub side: usize,
    /// The brightest pixel.
    pub white: u8,
}

impl Embedded {
    /// The images in the order of the file, with their parts if it tells them.
    pub fn load(&self) -> Result<Dataset, DataError> {
        let damaged = |reason: String| DataError::Embedded { name: self.name, reason };
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from_static(self.parquet))
            .and_then(|builder| builder.build())
            .map_err(|e| damaged(e.to_string()))?;
        let (mut labels, mut pixels, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for batch in reader {
            let batch = batch.map_err(|e| damaged(e.to_string()))?;
            let label = batch.column_by_name("label").and_then(|column| column.as_primitive_opt::<UInt8Type>());
            let image = batch.column_by_name("pixels").and_then(|column| column.as_fixed_size_binary_opt());
            let (Some(label), Some(image)) = (label, image) else { return Err(damaged("its columns differ".into())) };
            labels.extend(label.values().iter().map(|&l| usize::from(l)));
            pixels.extend_from_slice(image.value_data());
            if let Some(part) = batch.column_by_name("part").and_then(|column| column.as_string_opt::<i32>()) {
                parts.extend((0..part.len()).map(|row| match part.value(row) {
                    "train" => Part::Train,
                    "valid" => Part::Valid,
                    _ => Part::Test,
                }));
            }
        }
        let size = (labels.len(), 1, self.side, self.side);
        let pixels = Array4::from_shape_vec(size, pixels).map_err(|e| damaged(e.to_string()))?;
        let dataset = Dataset::new(self.name, pixels, self.white, labels, 10)?;
        if parts.is_empty() { Ok(dataset) } else { dataset.with_parts(parts) }
    }
}

impl fmt::Display for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Source for Embedded {
    fn open(&self, _: &Watch<'_>) -> Result<DataSource, DataError> {
        self.load().map(DataSource::Images)
    }
}
