//! What the footer of a Parquet file says of the work ahead.

use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;

/// A column whose compression is not read, with the name of that; None if all are.
pub(crate) fn unreadable_compression(footer: &ParquetMetaData) -> Option<(String, &'static str)> {
    let columns = footer.row_groups().iter().flat_map(|group| group.columns());
    columns.into_iter().find_map(|column| {
        let codec = match column.compression() {
            Compression::BROTLI(_) => "Brotli",
            Compression::LZO => "LZO",
            Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::GZIP(_)
            | Compression::LZ4
            | Compression::LZ4_RAW
            | Compression::ZSTD(_) => return None,
        };
        Some((column.column_path().string(), codec))
    })
}

/// Bytes of the columns at these places of the schema, before compression.
pub(crate) fn column_bytes(footer: &ParquetMetaData, places: &[usize]) -> u64 {
    let schema = footer.file_metadata().schema_descr();
    let columns = footer.row_groups().iter().flat_map(|group| group.columns().iter().enumerate());
    let wanted = columns.filter(|(leaf, _)| places.contains(&schema.get_column_root_idx(*leaf)));
    wanted.map(|(_, column)| column.uncompressed_size().unsigned_abs()).sum()
}
