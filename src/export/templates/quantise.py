"""Makes model-int8.onnx, a smaller model.onnx: python quantise.py IMAGES [TEST]

IMAGES holds a directory of images per class, as for training: a hundred of them, drawn at random, calibrate the ranges of
activations. Both models then name the images in TEST, or the others in IMAGES; the network may have been trained on those, which
flatters both models alike. Prints accuracies, sizes and milliseconds for one image on one thread. Weights are int8, channel by
channel, activations uint8. Needs onnxruntime, onnx, numpy and pillow.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quant_pre_process, quantize_static

from preprocess import CLASSES, preprocess

HERE = Path(__file__).resolve().parent
CALIBRATION = 100
MODELS = ("model.onnx", "model-int8.onnx")


def labelled(folder):
    """Image files and their classes, in a random order that is always the same."""
    files = [(path, CLASSES.index(name)) for name in CLASSES for path in sorted(Path(folder).glob(f"**/{name}/*"))]
    random.Random(0).shuffle(files)
    return files


class Images(CalibrationDataReader):
    def __init__(self, files):
        self.images = ({"images": preprocess(str(path))} for path, _ in files)

    def get_next(self):
        return next(self.images, None)


def session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(HERE / name), options, providers=["CPUExecutionProvider"])


def milliseconds(sessions, image, rounds=50):
    """Medians, the models in turn so that both meet the same disturbances."""
    times = [[] for _ in sessions]
    for _ in range(rounds):
        for one, model in zip(times, sessions):
            for _ in range(5):
                start = time.perf_counter()
                model.run(None, {"images": image})
                one.append(1000 * (time.perf_counter() - start))
    return [np.median(one) for one in times]


def main(images, test=None):
    files = labelled(images)
    calibration, rest = files[:CALIBRATION], labelled(test) if test else files[CALIBRATION:]
    if not calibration or not rest:
        sys.exit(f"{test or images} has too few images in directories named {', '.join(CLASSES)}: name a folder with more")
    with tempfile.TemporaryDirectory() as scratch:
        folded = str(Path(scratch) / "folded.onnx")
        quant_pre_process(str(HERE / MODELS[0]), folded, skip_symbolic_shape=True)
        quantize_static(
            folded,
            str(HERE / MODELS[1]),
            Images(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    sessions = [session(name) for name in MODELS]
    right = np.zeros(len(sessions), int)
    for path, label in rest:
        x = preprocess(str(path))
        right += [int(model.run(None, {"images": x})[0].argmax() == label) for model in sessions]
    times = milliseconds(sessions, preprocess(str(rest[0][0])))
    for name, n, ms in zip(MODELS, right, times):
        size = (HERE / name).stat().st_size / 1e6
        print(f"{name:16} {n} of {len(rest)} right ({100 * n / len(rest):.2f}%), {size:.2f} MB, {ms:.2f} ms")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python quantise.py IMAGES [TEST]")
    main(*sys.argv[1:])
