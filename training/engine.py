"""Runs the shipped ONNX files with onnxruntime on one thread."""

from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "models"
STEP = 8  # the derain network halves its input three times


def open_model(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def derain(session, picture):
    """Derains a uint8 [h, w, 3] picture; pads right and bottom by reflection as the product does."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((0, -height % STEP), (0, -width % STEP), (0, 0)), "reflect")
    image = (padded.astype(np.float32) / 255).transpose(2, 0, 1)[None]
    clean = session.run(["clean"], {"image": image})[0][0].transpose(1, 2, 0)
    return clean[:height, :width]


def classify(session, pictures):
    """Logits of uint8 pictures [n, 64, 64, 3]."""
    images = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32) / 255
    return session.run(["logits"], {"image": images})[0]
