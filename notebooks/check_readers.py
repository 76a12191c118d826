"""Every kind of Parquet file that naslens writes, read by pyarrow, duckdb, polars and pandas: the same rows, plain types, and
metadata that can be read. Small runs make the files in a temporary folder: python check_readers.py"""

import json
import math
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq

from lab import ROOT, TABLE, naslens

PLAIN = {"string", "int64", "int32", "double", "bool"}
SMALL = ["--image", "1x8x8", "--init-channels", 4, "--cells", 1]
TRAIN = '[train]\nimage = "1x8x8"\nepochs = 2\n'
FIXTURES = ROOT / "tests" / "golden" / "imports"


def make(folder):
    """A file of every kind: (name, path)."""
    screen = folder / "screen"
    naslens("screen", "--sample", 60, *SMALL, "--proxies", "params,synflow,naswot", "--out", screen)
    yield "scores of a screen, dead cells included", screen / "scores.parquet"

    config = folder / "run.toml"
    config.write_text(
        'title = "readers"\nsample = 12\nlabels = 6\ntop = 1\npredictor = "knn"\n'
        f'[screen]\ndata = "digits"\nimage = "1x8x8"\ninit_channels = 4\ncells = 1\nproxies = ["synflow"]\n{TRAIN}'
    )
    run = folder / "run"
    naslens("run", config, "--out", run)
    for kind in ("scores", "predictions", "trainings"):
        yield f"{kind} of a run", run / f"{kind}.parquet"

    naslens("search", screen, "--strategy", "random", "--config", config, "--queries", 2, "--out", folder / "trained")
    yield "trials of a search that trains", folder / "trained" / "trials.parquet"
    known = ["--space", "nas-bench-201", "--table", TABLE, "--target", "test_acc_pct"]
    naslens("search", *known, "--strategy", "random", "--queries", 5, "--out", folder / "search")
    yield "trials of a search in a table", folder / "search" / "trials.parquet"
    compared = ["--strategies", "random,local_search", "--seeds", 2, "--queries", 5, "--at", 5, "--out", folder / "compare"]
    naslens("compare", *known, *compared)
    yield "curves of a comparison", folder / "compare" / "curves.parquet"

    learned = ["--predictors", "knn", "--labels", 10, "--repeats", 2, "--out", folder / "predict"]
    naslens("predict", *known, *learned)
    yield "learning curves", folder / "predict" / "curves.parquet"
    labels = folder / "labels.parquet"
    pl.read_parquet(screen / "scores.parquet").filter(pl.col("synflow").is_not_null()).head(12).select(
        "arch", accuracy=pl.int_range(pl.len()).cast(pl.Float64)
    ).write_parquet(labels)
    naslens("predict", screen, "--labels-from", labels, "--predictors", "knn", "--out", folder / "labelled")
    yield "predictions from labels", folder / "labelled" / "predictions.parquet"

    naslens("latency", "--sample", 3, *SMALL, "--runs", 5, "--out", folder / "latency.parquet")
    yield "latencies", folder / "latency.parquet"

    recipe = folder / "table.toml"
    recipe.write_text(f'space = "nas-bench-201"\ndata = "digits"\ninit_channels = 4\ncells = 1\nrepeats = 2\n{TRAIN}')
    naslens("make-table", recipe, "--networks", 2, "--out", folder / "made")
    yield "a table made", folder / "made" / "table.parquet"
    yield "curves of a table made", folder / "made" / "curves.parquet"

    for source in ("NATS-tss-simple", "nas-bench-macro_cifar10.json"):
        long, wide = (folder / f"{source}-{shape}.parquet" for shape in ("long", "wide"))
        naslens("import", FIXTURES / source, "--out", long, "--wide", wide)
        yield f"import of {source}, per measurement", long
        yield f"import of {source}, per architecture", wide


def plain(rows):
    """Rows as tuples in which all that is missing is None."""
    missing = lambda v: v is None or v is pd.NA or (isinstance(v, float) and math.isnan(v))
    return [tuple(None if missing(v) else v for v in row) for row in rows]


def read(path):
    """The rows, as each of the four reads them."""
    arrow = pq.read_table(path)
    pandas = pd.read_parquet(path)
    return {
        "pyarrow": (arrow.column_names, plain(zip(*(c.to_pylist() for c in arrow.columns)))),
        "duckdb": (duckdb.sql(f"from '{path}'").columns, plain(duckdb.sql(f"from '{path}'").fetchall())),
        "polars": (pl.read_parquet(path).columns, plain(pl.read_parquet(path).rows())),
        "pandas": (list(pandas.columns), plain(pandas.astype(object).itertuples(index=False, name=None))),
    }


def check(name, path):
    """Raises AssertionError, with what is wrong, unless all four agree."""
    seen = read(path)
    columns, rows = seen["pyarrow"]
    assert rows, f"{name}: no rows"
    for reader, (its_columns, its_rows) in seen.items():
        assert its_columns == columns, f"{name}: {reader} has the columns {its_columns}, pyarrow {columns}"
        differing = sum(a != b for a, b in zip(its_rows, rows)) + abs(len(its_rows) - len(rows))
        assert not differing, f"{name}: {differing} rows of {reader} differ from pyarrow's"
    schema = pq.read_schema(path)
    odd = {f.name: str(f.type) for f in schema if str(f.type) not in PLAIN}
    assert not odd, f"{name}: types that are not plain: {odd}"
    empty = [c for c, t in zip(columns, duckdb.sql(f"from '{path}'").types) if str(t) not in ("VARCHAR", "BIGINT", "INTEGER", "DOUBLE", "BOOLEAN")]
    assert not empty, f"{name}: duckdb has odd types for {empty}"

    pairs = duckdb.sql(f"select decode(key), decode(value) from parquet_kv_metadata('{path}')").fetchall()
    described = {
        "pyarrow, of the schema": (schema.metadata or {}).get(b"naslens"),
        "pyarrow, of the file": pq.read_metadata(path).metadata.get(b"naslens"),
        "duckdb": dict(pairs).get("naslens"),
        "polars": pl.read_parquet_metadata(path).get("naslens"),
    }
    for reader, text in described.items():
        assert text, f"{name}: {reader} finds no metadata under the key naslens"
        assert json.loads(text)["naslens"], f"{name}: the metadata do not name the version"
    return len(rows), len(columns)


def check_layout(folder):
    """Runs in folders KEY=VALUE are one table, whose keys are columns; runs with other proxies leave gaps."""
    for seed, proxies in ((0, "params,synflow"), (1, "params,synflow,naswot")):
        out = folder / "runs" / "space=nas-bench-201" / f"seed={seed}"
        naslens("screen", "--sample", 7, *SMALL, "--proxies", proxies, "--seed", seed, "--out", out)
    pattern = folder / "runs" / "**" / "scores.parquet"
    query = f"from read_parquet('{pattern}', hive_partitioning=true, union_by_name=true)"
    found = duckdb.sql(f"select space, seed, count(*), count(naswot_status) {query} group by all order by seed").fetchall()
    assert found == [("nas-bench-201", 0, 7, 0), ("nas-bench-201", 1, 7, 7)], f"duckdb reads the layout as {found}"
    frame = pl.scan_parquet(str(pattern), hive_partitioning=True, missing_columns="insert", extra_columns="ignore").collect()
    assert frame.group_by("space", "seed").len().sort("seed").rows() == [("nas-bench-201", 0, 7), ("nas-bench-201", 1, 7)], frame


def main():
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, path in make(folder):
            rows, columns = check(name, path)
            print(f"{name:55} {rows:5} rows {columns:4} columns", flush=True)
        check_layout(folder)
    print(f"pyarrow, duckdb, polars and pandas read the same ({time.monotonic() - start:.1f} s)")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:
        sys.exit(f"check_readers: {error}")
