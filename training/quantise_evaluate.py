"""Measures what the int8 variants lose and writes models/evaluation/int8.json.

    python quantise_evaluate.py

The sets are those of models/evaluation/; calibration saw nothing of them.
"""

import json

import numpy as np
import onnxruntime
from PIL import Image

from derain_evaluate import UNSEEN
from engine import MODELS, classify, derain, open_model
from metrics import psnr, to_bytes

EVALUATION = MODELS / "evaluation"


def derain_loss():
    """PSNR of every picture of the set with both variants, and how much of the gain remains."""
    folder, rows = EVALUATION / "derain", []
    session = open_model(MODELS / "derain-int8.onnx")
    for entry in json.loads((folder / "manifest.json").read_text()):
        clean, rainy = (np.asarray(Image.open(folder / entry[key])) for key in ("clean", "rainy"))
        rows.append({
            "name": entry["name"], "generator": entry["generator"], "psnr_rainy_db": entry["psnr_rainy_db"],
            "psnr_float_db": entry["psnr_derained_db"],
            "psnr_int8_db": round(psnr(to_bytes(derain(session, rainy)), clean), 3),
        })
    rainy = [row for row in rows if row["generator"] != "none"]
    known = [row for row in rainy if row["generator"] != UNSEEN]  # as the card counts its mean gain
    dry = [row["psnr_int8_db"] for row in rows if row["generator"] == "none"]
    gains = [np.mean([row[key] - row["psnr_rainy_db"] for row in known]) for key in ("psnr_float_db", "psnr_int8_db")]
    return {
        "mean_gain_float_db": round(float(gains[0]), 3), "mean_gain_int8_db": round(float(gains[1]), 3),
        "gain_kept": round(float(gains[1] / gains[0]), 4),
        "largest_loss_db": round(max(row["psnr_float_db"] - row["psnr_int8_db"] for row in rainy), 3),
        "least_dry_db": min(dry), "mean_dry_db": round(float(np.mean(dry)), 3),
        "pictures": rows,
    }


def read_atlases(folder):
    """All pictures and labels of a classifier's set: uint8 [n, side, side, 3] and class numbers."""
    manifest = json.loads((folder / "manifest.json").read_text())
    side, columns, pictures, labels = manifest["cell"], manifest["columns"], [], []
    for atlas in manifest["atlases"]:
        sheet = np.asarray(Image.open(folder / atlas["file"]))
        for place, label in enumerate(atlas["labels"]):
            top, left = place // columns * side, place % columns * side
            pictures.append(sheet[top:top + side, left:left + side])
            labels.append(manifest["classes"].index(label))
    return np.stack(pictures), np.array(labels)


def classifier_loss(name):
    """Share of right answers with both variants, and how often they give the same answer."""
    pictures, labels = read_atlases(EVALUATION / name)
    answers = [classify(open_model(MODELS / f"{name}{kind}.onnx"), pictures).argmax(1) for kind in ("", "-int8")]
    return {
        "pictures": len(labels),
        "right_float": int((answers[0] == labels).sum()), "right_int8": int((answers[1] == labels).sum()),
        "same_answer": int((answers[0] == answers[1]).sum()),
    }


def main():
    figures = {
        "measured_with": f"onnxruntime {onnxruntime.__version__}", "derain": derain_loss(),
        "traffic-light": classifier_loss("traffic-light"), "traffic-sign": classifier_loss("traffic-sign"),
    }
    (EVALUATION / "int8.json").write_text(json.dumps(figures, indent=1) + "\n")
    shown = {key: value for key, value in figures["derain"].items() if key != "pictures"}
    print(json.dumps({**figures, "derain": shown}, indent=1))


if __name__ == "__main__":
    main()
