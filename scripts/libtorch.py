#!/usr/bin/env python3
"""Takes libtorch out of the wheels in a folder: headers, and the libraries that naslens needs with all that they need.

    libtorch.py [--cuda] [--check] WHEELS [OUT]

On Linux the libraries are found by walking DT_NEEDED from those that naslens links or that libtorch opens by name. A name that is
neither in the wheels nor part of the system or of the driver ends the script with an error; --check stops there and writes nothing.
"""

import argparse
import fnmatch
import os
import shutil
import struct
import sys
import zipfile

LINKED = ["libtorch_cpu.so", "libc10.so"]
CUDA = ["libtorch.so", "libtorch_cuda.so", "libc10_cuda.so", "libtorch_cuda_linalg.so", "libcaffe2_nvrtc.so"]
# libtorch and cuDNN open these while they run.
OPENED_BY_CUDA = ["libcudnn*.so*", "libnvrtc*.so*"]
MACOS = ["libtorch_cpu.dylib", "libc10.dylib", "libtorch.dylib", "libomp.dylib"]
# glibc, zlib, GCC's run time, and the driver's libraries.
SYSTEM = ["libc.so.*", "libm.so.*", "libdl.so.*", "libpthread.so.*", "librt.so.*", "libutil.so.*", "ld-linux*.so.*",
          "libstdc++.so.*", "libgcc_s.so.*", "libz.so.*", "libcuda.so.*", "libnvidia-ml.so.*"]


def needed(elf):
    """The names of the shared libraries that a 64-bit little-endian ELF file needs."""
    if elf[:6] != b"\x7fELF\x02\x01":
        return []
    offset, = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", elf, offset + i * size) for i in range(count)]
    place = lambda address: next(s[2] + address - s[3] for s in segments if s[0] == 1 and s[3] <= address < s[3] + s[5])
    dynamic = next((s for s in segments if s[0] == 2), None)
    if dynamic is None:
        return []
    entries = list(struct.iter_unpack("<QQ", elf[dynamic[2]:dynamic[2] + dynamic[5] // 16 * 16]))
    strings = place(next(value for tag, value in entries if tag == 5))
    text = lambda at: elf[strings + at:elf.index(b"\0", strings + at)].decode()
    return [text(value) for tag, value in entries if tag == 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("wheels")
    parser.add_argument("out", nargs="?")
    args = parser.parse_args()
    if not args.check and not args.out:
        parser.error("OUT is missing")
    wheels = [zipfile.ZipFile(f"{args.wheels}/{name}") for name in sorted(os.listdir(args.wheels)) if name.endswith(".whl")]
    # Libraries by name; those of torch before others of the same name.
    libraries, headers = {}, []
    for wheel in sorted(wheels, key=lambda wheel: "/torch-" not in wheel.filename):
        for member in wheel.namelist():
            base = os.path.basename(member)
            if member.startswith("torch/include/") and base:
                headers.append((wheel, member))
            elif ".so" in base or base.endswith(".dylib"):
                libraries.setdefault(base, (wheel, member))
    kept, todo, missing = [], [name for name in LINKED + MACOS if name in libraries], []
    if args.cuda:
        matches = lambda name: name in CUDA or any(fnmatch.fnmatch(name, pattern) for pattern in OPENED_BY_CUDA)
        todo += [name for name in libraries if matches(name)]
    while todo:
        name = todo.pop()
        if name in kept:
            continue
        kept.append(name)
        wheel, member = libraries[name]
        for other in needed(wheel.read(member)):
            if other in libraries:
                todo.append(other)
            elif not any(fnmatch.fnmatch(other, pattern) for pattern in SYSTEM):
                missing.append(f"{name} needs {other}")
    if missing or not kept:
        sys.exit("libtorch: the wheels are not complete: " + ("; ".join(sorted(set(missing))) or "no library of torch"))
    if args.check:
        print(f"libtorch: {len(kept)} libraries need nothing but each other, the system and the driver")
        return
    for wheel, member in headers:
        copy(wheel, member, f"{args.out}/{member[len('torch/'):]}")
    for name in kept:
        copy(*libraries[name], f"{args.out}/lib/{name}")
        os.chmod(f"{args.out}/lib/{name}", 0o755)


def copy(wheel, member, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with wheel.open(member) as source, open(target, "wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


main()
