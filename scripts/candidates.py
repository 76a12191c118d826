"""Log-rank sums of any proxies of a run against a table of accuracies.

    python scripts/candidates.py RUN TABLE.parquet TARGET [PROXY+PROXY+... ...]

Ranks are taken as `naslens` takes them in its ensembles: over distinct live networks, ties averaged, missing scores last.
Correlations are over the rows of the run that the table has, dead networks last, with 95% percentile bootstrap intervals
(500 resamples, seed 0), overall and in the top tenth by accuracy. Needs numpy, pandas, pyarrow, scipy. Without candidates
every proxy of the run is shown.
"""

import sys

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, rankdata

run, table, target, *candidates = sys.argv[1:]
truth = pd.read_parquet(table)
scores = pd.read_parquet(f"{run}/scores.parquet")
scores["module_hash_hi64"] = [int(arch_id[:16], 16) for arch_id in scores.arch_id]
truth = truth.rename(columns={"arch_str": "arch"})
key = next(k for k in ("arch_index", "module_hash_hi64", "arch") if k in truth)
truth = truth[[key, target]]
rows = scores.drop_duplicates("arch").merge(truth, on=key).dropna(subset=[target])
networks = scores.drop_duplicates("arch_id")
networks = networks[networks.layers_status != "dead"]
proxies = [c.removesuffix("_status") for c in rows if c.endswith("_status")]


def log_ranks(name):
    values = networks[name].astype(float).fillna(-np.inf)
    ranks = dict(zip(networks.arch_id, np.log(rankdata(values) / len(values))))
    return rows.arch_id.map(ranks).fillna(-np.inf).to_numpy()


def spearman(x, y):
    return np.corrcoef(rankdata(x), rankdata(y))[0, 1]


def interval(x, y):
    rng = np.random.default_rng(0)
    values = [spearman(x[i], y[i]) for i in (rng.integers(0, len(y), len(y)) for _ in range(500))]
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{spearman(x, y):+.3f} [{low:+.3f}, {high:+.3f}]"


y = rows[target].to_numpy()
tenth = int(np.ceil(0.1 * len(y)))
top = y >= np.sort(y)[-tenth]
print(f"{len(y)} architectures, {len(networks)} distinct live networks\n")
print("| log-rank sum of | Spearman | Kendall tau-b | Spearman in the top 10% | precision at 10% |\n|---|---|---|---|---|")
for candidate in candidates or proxies:
    score = sum(log_ranks(name) for name in candidate.split("+"))
    precision = top[np.argsort(-score, kind="stable")[:tenth]].mean()
    tau = kendalltau(score, y).statistic
    print(f"| {candidate} | {interval(score, y)} | {tau:.3f} | {interval(score[top], y[top])} | {precision:.2f} |")
