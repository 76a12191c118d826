"""Every Parquet file in folders that naslens wrote, read by pyarrow, duckdb, polars and pandas: the same columns and number of
rows, plain types, metadata that name the version. Where folders are called key=value, many runs are read as one table.

    python tests/readers/check.py FOLDER...
"""

import json
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq

PLAIN = {"string", "int64", "int32", "double", "bool"}


def check(path):
    """Raises AssertionError with what is wrong; returns rows and columns."""
    arrow, pandas, polars = pq.read_table(path), pd.read_parquet(path), pl.read_parquet(path)
    duck = duckdb.sql(f"from read_parquet('{path}', hive_partitioning=false)")
    shapes = {
        "pyarrow": (arrow.column_names, arrow.num_rows),
        "pandas": (list(pandas.columns), len(pandas)),
        "polars": (polars.columns, polars.height),
        "duckdb": (duck.columns, len(duck)),
    }
    # Keys of the folders are columns for pyarrow, pandas and polars; here only what is in the file counts.
    keys = [part.split("=")[0] for part in Path(path).parts if "=" in part]
    for reader, (columns, rows) in shapes.items():
        own = [c for c in columns if c not in keys]
        expected = [c for c in duck.columns if c not in keys]
        assert own == expected, f"{path}: {reader} has the columns {own}, duckdb {expected}"
        assert rows == arrow.num_rows, f"{path}: {reader} reads {rows} rows, pyarrow {arrow.num_rows}"
    odd = {f.name: str(f.type) for f in pq.ParquetFile(path).schema_arrow if str(f.type) not in PLAIN}
    assert not odd, f"{path}: types that are not plain: {odd}"
    text = (pq.read_metadata(path).metadata or {}).get(b"naslens")
    assert text, f"{path}: no metadata under the key naslens"
    assert json.loads(text)["naslens"], f"{path}: the metadata do not name the version"
    return arrow.num_rows, len(duck.columns)


def check_layout(folder):
    """Screens in folders called key=value as one table; None where there are none."""
    files = [p for p in Path(folder).rglob("scores.parquet") if any("=" in part for part in p.relative_to(folder).parts)]
    if not files:
        return None
    keys = [part.split("=")[0] for part in files[0].relative_to(folder).parts if "=" in part]
    rows = sum(pq.read_metadata(p).num_rows for p in files)
    pattern = f"{folder}/**/scores.parquet"
    duck = duckdb.sql(f"from read_parquet('{pattern}', hive_partitioning=true, union_by_name=true)")
    polars = pl.scan_parquet(pattern, hive_partitioning=True, missing_columns="insert", extra_columns="ignore").collect()
    # A list, since keys of a single path are not read.
    pandas = pd.concat(pd.read_parquet([p], partitioning="hive") for p in map(str, files))
    for reader, columns, found in (
        ("duckdb", duck.columns, len(duck)),
        ("polars", polars.columns, polars.height),
        ("pandas", list(pandas.columns), len(pandas)),
    ):
        assert found == rows, f"{pattern}: {reader} reads {found} rows, the files have {rows}"
        missing = [k for k in keys if k not in columns]
        assert not missing, f"{pattern}: {reader} has no columns {missing}"
    return len(files), rows, keys


def main(folders):
    if not folders:
        sys.exit(__doc__)
    for folder in folders:
        files = sorted(p for p in Path(folder).rglob("*.parquet") if "shards" not in p.parts)
        if not files:
            sys.exit(f"{folder} holds no Parquet files")
        for path in files:
            rows, columns = check(str(path))
            print(f"{path}: {rows} rows, {columns} columns")
        layout = check_layout(folder)
        if layout:
            print(f"{folder}: {layout[0]} screens are one table of {layout[1]} rows with {', '.join(layout[2])}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except AssertionError as error:
        sys.exit(f"check: {error}")
