"""What the four notebooks share: the program, the table, the screen, and a bootstrap over architectures."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "benchmarks-data" / "fashion-cells.parquet"
CURVES = ROOT / "benchmarks-data" / "fashion-cells-curves.parquet"
RUNS = Path(os.environ.get("NASLENS_RUNS", ROOT / "runs" / "notebooks"))

# The network of the table: 16 channels, one cell per stage, grey images of 12 x 12.
SKELETON = ["--data", "fashion", "--image", "1x12x12", "--init-channels", 16, "--cells", 1]
PROXIES = (
    "params,flops,layers,l2_norm,synflow,naswot,jacov,epe_nas,meco,zen,swap,grad_norm,snip,fisher,zico,naslens"
).split(",")
COUNTS = ["params", "params@live", "flops", "layers"]

SEED_COLUMNS = [f"test_acc_seed{k}_pct" for k in range(3)]

alt.data_transformers.disable_max_rows()


def program():
    """The binary: $NASLENS, or that of the checkout, or one on the PATH."""
    built = ROOT / "target" / "release" / "naslens"
    found = os.environ.get("NASLENS") or (built if built.exists() else shutil.which("naslens"))
    if not found:
        raise FileNotFoundError(
            f"there is no naslens: run `cargo build --release` in {ROOT}, or name a binary in the variable NASLENS"
        )
    return str(found)


def naslens(*arguments):
    """Runs `naslens ARGUMENTS --json` and returns what it prints; what it complains of becomes the error."""
    command = [program(), *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def table():
    """The 1,000 trained cells."""
    return pl.read_parquet(TABLE)


def screen():
    """Scores all cells of the table untrained, into a folder that the notebooks share; done already, it costs nothing."""
    RUNS.mkdir(parents=True, exist_ok=True)
    archs = RUNS / "cells.txt"
    archs.write_text("\n".join(table()["arch"]) + "\n")
    naslens("screen", "--archs", archs, *SKELETON, "--proxies", ",".join(PROXIES), "--out", RUNS / "cells")
    return RUNS / "cells"


def spearman(x, y):
    """Spearman correlation, ties at their mean rank."""
    return float(np.corrcoef(pd.Series(x).rank(), pd.Series(y).rank())[0, 1])


def resample(frame, statistic, repeats=500, seed=0):
    """`statistic` of `frame` and its 95% percentile bootstrap interval over rows: (value, low, high)."""
    draw = np.random.default_rng(seed)
    n = len(frame)
    values = [statistic(frame[draw.integers(0, n, n)]) for _ in range(repeats)]
    return (statistic(frame), *np.quantile(values, [0.025, 0.975]))


def interval(value, low, high, digits=2):
    """A number with its interval, as text."""
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
