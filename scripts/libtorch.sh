#!/usr/bin/env bash
# Puts libtorch 2.11.0, taken from the PyPI torch wheel, into .libtorch/. Quick and harmless to run again.
#   scripts/libtorch.sh         CPU libraries only (about 540 MB to download, 490 MB on disk)
#   CUDA=1 scripts/libtorch.sh  with the CUDA libraries (about 3 GB to download); Linux only
set -euo pipefail
cd "$(dirname "$0")/.."
version=2.11.0
dest=${LIBTORCH_FOLDER:-.libtorch}
cuda=${CUDA:-}

fail() { echo "libtorch: $1" >&2; exit 1; }

if [ -n "${LIBTORCH:-}" ]; then
    [ -d "$LIBTORCH/lib" ] || fail "LIBTORCH=$LIBTORCH has no lib/ directory; unset it, or point it at an unpacked libtorch $version"
    echo "libtorch: using LIBTORCH=$LIBTORCH"
    exit 0
fi
have=$(cat "$dest/.complete" 2>/dev/null || true)
# Whoever does not say which build is content with the one that is there.
case "$have" in
    "$version cuda=1") [ "$cuda" = 0 ] || exit 0 ;;
    "$version cuda=0") [ "$cuda" = 1 ] || exit 0 ;;
esac
[ "$cuda" = 1 ] || cuda=0

command -v python3 >/dev/null || fail "python3 is needed to download the torch wheel; install python3 and python3-pip"
python3 -m pip --version >/dev/null 2>&1 || fail "pip is needed to download the torch wheel; install python3-pip"

work=$(mktemp -d "${TMPDIR:-/tmp}/libtorch.XXXXXX")
trap 'rm -rf "$work"' EXIT

os=$(uname -s)
packages=("torch==$version")
if [ "$os" = Linux ]; then
    # The Linux wheels are the CUDA build: libtorch_cpu.so itself needs these two small CUDA libraries.
    packages+=("nvidia-cuda-runtime==13.0.96" "nvidia-cuda-cupti==13.0.85")
elif [ "$os" = Darwin ] && [ "$(uname -m)" != arm64 ]; then
    fail "there is no torch $version wheel for macOS on Intel; build on Linux or on Apple silicon"
fi
# A wheel is tagged for one Python; torch 2.11 has wheels for 3.10 to 3.14 and libtorch is the same in all of them.
pyflags=()
case "$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')" in
    3.10|3.11|3.12|3.13|3.14) ;;
    *) pyflags=(--python-version 3.12) ;;
esac
echo "libtorch: downloading the torch $version wheel"
if [ "$cuda" = 1 ]; then
    [ "$os" = Linux ] || fail "CUDA=1 needs Linux"
    python3 -m pip download -q --only-binary=:all: ${pyflags[@]+"${pyflags[@]}"} -d "$work/wheels" "torch==$version" \
        || fail "the download failed; check the network and that pip can reach its package index, then run make libtorch again"
else
    python3 -m pip download -q --no-deps --only-binary=:all: ${pyflags[@]+"${pyflags[@]}"} -d "$work/wheels" "${packages[@]}" \
        || fail "the download failed; check the network and that pip can reach its package index, then run make libtorch again"
fi

python3 scripts/libtorch.py $([ "$cuda" = 0 ] || echo --cuda) "$work/wheels" "$work/out"
if [ "$os" = Linux ] && [ "$cuda" != 1 ]; then
    # The wheel's own libtorch.so pulls in libtorch_cuda.so; on a CPU the cpu library is the whole of it.
    ln -s libtorch_cpu.so "$work/out/lib/libtorch.so"
fi
printf '%s' "$version" >"$work/out/build-version"
[ -d "$work/out/include" ] || fail "the wheel has no torch/include; remove $dest and run make libtorch again"
printf '%s' "$version cuda=$cuda" >"$work/out/.complete"
rm -rf "$dest"
mv "$work/out" "$dest"
echo "libtorch: $version is in $dest (cuda=$cuda)"
