#!/usr/bin/env python3
"""Makes benchmarks-data/fashion.parquet from the four files of Fashion-MNIST (idx.gz) in the folder given.

Every image of 28 x 28 pixels becomes 12 x 12 by the mean over the area that a pixel covers, rounded. Of each class, in the
order of the files: the first 200 training images are for training, the next 100 for validation, the first 500 test images
for test. Images are then in the order of the files again, training and validation before test.
"""
import gzip
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SIDE, TRAIN, VALID, TEST = 12, 200, 100, 500


def read(folder, part):
    with gzip.open(f"{folder}/{part}-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(f"{folder}/{part}-labels-idx1-ubyte.gz") as f:
        return images, np.frombuffer(f.read(), np.uint8, offset=8)


def area_weights(old, new):
    """Row i: the share of each of `old` pixels in the i-th of `new` pixels."""
    edges = np.linspace(0, old, new + 1)
    overlap = [[max(0, min(hi, j + 1) - max(lo, j)) for j in range(old)] for lo, hi in zip(edges, edges[1:])]
    return np.array(overlap) * new / old


def main(folder):
    weights = area_weights(28, SIDE)
    rows = []
    for part, names in [("train", [("train", TRAIN), ("valid", VALID)]), ("t10k", [("test", TEST)])]:
        images, labels = read(folder, part)
        taken = np.zeros(10, int)
        for image, label in zip(images, labels):
            rank = taken[label]
            taken[label] += 1
            for name, count in names:
                if 0 <= rank < count:
                    small = np.rint(weights @ image @ weights.T).astype(np.uint8)
                    rows.append((int(label), name, small.tobytes()))
                    break
                rank -= count
    label, part, pixels = zip(*rows)
    table = pa.table({
        "label": pa.array(label, pa.uint8()),
        "part": pa.array(part, pa.string()),
        "pixels": pa.array(pixels, pa.binary(SIDE * SIDE)),
    })
    pq.write_table(table, "benchmarks-data/fashion.parquet", compression="zstd", compression_level=19)


main(sys.argv[1])
