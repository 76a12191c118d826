#!/usr/bin/env bash
# Everything there is to measure on a machine with an NVIDIA GPU, in one go: builds against the CUDA libtorch, checks the
# installation, times whole screens on the GPU and beside PyTorch eager, compares the scores of GPU and CPU, and counts kernel
# launches if nsys is there.
#   benches/gpu.sh [FOLDER]    results go to FOLDER (default runs/gpu)
# Settings: NETWORKS (architectures whose scores are compared, default 1000), ROUNDS (default 5), THREADS (networks side
# by side, default 4), PYTHON (an interpreter with pandas and pyarrow, and with torch if PyTorch is to be measured; default
# python3).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-runs/gpu}
networks=${NETWORKS:-1000}
rounds=${ROUNDS:-5}
threads=${THREADS:-4}
python=${PYTHON:-python3}
proxies=synflow,naswot,jacov,grad_norm,snip
# How far a float32 score of the GPU may be from that of the CPU, relative to it.
limit=1e-4

fail() { echo "gpu: $1" >&2; exit 1; }
say() { echo; echo "== $1"; }

[ "$(uname -s)" = Linux ] || fail "needs Linux"
command -v nvidia-smi >/dev/null || fail "no nvidia-smi: this machine has no NVIDIA driver, so there is nothing to measure"
nvidia-smi -L 2>/dev/null | grep -q '^GPU' || fail "nvidia-smi sees no GPU, so there is nothing to measure"
"$python" -c 'import pandas, pyarrow' || fail "$python lacks pandas or pyarrow, which scores are compared with"
if [ -n "${LIBTORCH:-}" ] && [ ! -e "$LIBTORCH/lib/libtorch_cuda.so" ]; then
    fail "LIBTORCH=$LIBTORCH is a CPU build; unset it, or point it at a CUDA libtorch"
fi
mkdir -p "$out"

say "build"
scripts/setup.sh
make libtorch CUDA=1
# torch-sys links what .libtorch held when it was built, which may have been the CPU build.
cargo clean --release --package torch-sys --package naslens
cargo build --release
naslens=target/release/naslens

say "machine"
{
    date -u +%Y-%m-%dT%H:%M:%SZ
    git rev-parse HEAD 2>/dev/null || true
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv
    lscpu | grep -E '^(Model name|CPU\(s\)):' || true
    "$naslens" doctor
} | tee "$out/machine.txt"
grep -q 'cuda:0' "$out/machine.txt" || fail "libtorch sees no CUDA device although nvidia-smi does; see $out/machine.txt"

say "tests with the CUDA build"
cargo test --release --test determinism --test golden --test proxies || fail "tests fail with the CUDA build"

say "whole screens"
baseline=()
if "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
    baseline=(--baseline "$python benches/baseline_torch.py --device cuda")
else
    echo "no torch with CUDA in $python: PyTorch is not measured"
fi
"$naslens" bench --device cuda --threads "$threads" --rounds "$rounds" ${baseline[@]+"${baseline[@]}"} | tee "$out/bench.txt"

say "the same scores on GPU and CPU?"
for device in cuda cpu; do
    "$naslens" screen --sample "$networks" --seed 0 --proxies "$proxies" --device "$device" \
        --out "$out/$device" --overwrite --json | tee "$out/screen-$device.json"
done
"$python" - "$out" "$proxies" "$limit" <<'PY'
import sys
import pandas as pd
out, proxies, limit = sys.argv[1], sys.argv[2].split(","), float(sys.argv[3])
cuda, cpu = (pd.read_parquet(f"{out}/{device}/scores.parquet").set_index("arch") for device in ("cuda", "cpu"))
wrong = []
for proxy in proxies:
    difference = ((cuda[proxy] - cpu[proxy]).abs() / cpu[proxy].abs()).dropna()
    print(f"{proxy}: largest relative difference {difference.max():.1e}, median {difference.median():.1e}")
    if difference.max() > limit or (cuda[f"{proxy}_status"] != cpu[f"{proxy}_status"]).any():
        wrong.append(proxy)
sys.exit(f"gpu: scores or statuses differ by more than {limit}: {', '.join(wrong)}" if wrong else 0)
PY
for proxy in ${proxies//,/ }; do
    # The CPU's score of one proxy is the truth that the GPU's scores are ranked against.
    "$naslens" evaluate "$out/cuda" --table "$out/cpu/scores.parquet" --target "$proxy" >"$out/agreement-$proxy.txt"
    echo "$proxy on the GPU against the CPU (ok, not ok, Spearman, Kendall tau-b, …):"
    grep -m 1 -E "^$proxy( |$)" "$out/agreement-$proxy.txt" || fail "no line for $proxy in $out/agreement-$proxy.txt"
done

say "kernel launches"
if command -v nsys >/dev/null; then
    nsys profile --trace=cuda --force-overwrite=true --output "$out/profile" \
        "$naslens" screen --sample 100 --seed 0 --proxies "$proxies" --device cuda --out "$out/profiled" --overwrite
    nsys stats --report cuda_api_sum --format csv "$out/profile.nsys-rep" | tee "$out/launches.csv"
else
    echo "nsys is not installed: launches are not counted"
fi

say "done: $out"
