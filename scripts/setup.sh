#!/usr/bin/env bash
# Everything that building naslens needs beside cargo: checks the tools, installs OpenBLAS where it may, gets libtorch.
# Quick and harmless to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "setup: $1" >&2; exit 1; }

command -v cargo >/dev/null || fail "cargo is missing; install Rust with rustup, then run this again"
command -v c++ >/dev/null || command -v g++ >/dev/null || fail "a C++ compiler is missing; on Debian or Ubuntu: apt-get install g++"

links_openblas() {
    echo 'int main(void){return 0;}' | cc -x c - -o /dev/null -lopenblas 2>/dev/null
}

if ! links_openblas; then
    package="libopenblas-dev"
    if command -v apt-get >/dev/null; then
        sudo=""
        if [ "$(id -u)" != 0 ]; then
            command -v sudo >/dev/null && sudo -n true 2>/dev/null && sudo="sudo -n" || sudo="none"
        fi
        if [ "$sudo" != none ]; then
            echo "setup: installing $package"
            { $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "$package" >/dev/null; } \
                || fail "apt-get could not install $package; install it by hand, then run this again"
        fi
    fi
    links_openblas || fail "OpenBLAS is missing. With root: apt-get install $package (Debian, Ubuntu), dnf install openblas-devel (Fedora), \
brew install openblas (macOS, then export LIBRARY_PATH=\$(brew --prefix openblas)/lib). Without root: conda install -c conda-forge openblas, then \
export LIBRARY_PATH and LD_LIBRARY_PATH to its lib folder"
fi

scripts/libtorch.sh
