"""What onnxruntime computes with the two seeded models that ship, thinned out, for a test.

    python golden_families.py YOLOV5N.onnx RETINAFACE.onnx    # as `write_family` wrote them

The input is a pattern that the test works out by itself: `((3 x + 5 y + 40 plane) mod 256) / 255`,
for RetinaFace 255 times that less 114.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

GOLDEN = Path(__file__).parents[2] / "models/golden"
EVERY = 499


def main():
    for application, path in zip(["object-detection", "face-detection"], sys.argv[1:]):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options)
        port = session.get_inputs()[0]
        _, planes, height, width = port.shape
        plane, y, x = np.meshgrid(*(np.arange(n) for n in (planes, height, width)), indexing="ij")
        pattern = ((3 * x + 5 * y + 40 * plane) % 256).astype(np.float32)
        pattern = pattern / 255 if application == "object-detection" else pattern - 114
        outputs = session.run(None, {port.name: pattern[None].astype(np.float32)})
        for found, values in zip(session.get_outputs(), outputs):
            thin = values.reshape(-1)[::EVERY].astype("<f4")
            (GOLDEN / f"{application}.{found.name}.f32").write_bytes(thin.tobytes())
            print(application, found.name, values.shape, thin.size, values.min(), values.max())


main()
