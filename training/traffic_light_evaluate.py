"""Measures models/traffic-light.onnx on held-out renders and writes models/evaluation/traffic-light/.

    python traffic_light_evaluate.py

Held-out renders stand before photographs that training never saw, and three of
their eight conditions lie outside the training ranges.
"""

import json

import numpy as np
from PIL import Image

import photos
from engine import MODELS, classify, open_model
from traffic_light_render import CLASSES, render, small

OUT = MODELS / "evaluation" / "traffic-light"
COLUMNS, ROWS, ATLASES = 20, 10, 2


def renders(seed, count, held_out, names):
    """`count` renders with shuffled labels, as uint8 [n, 64, 64, 3]."""
    rng = np.random.default_rng(seed)
    pictures = [photos.load(name) for name in names]
    labels = rng.permutation(np.arange(count) % len(CLASSES))
    return np.stack([small(render(rng, label, held_out, pictures)) for label in labels]), labels


def confusion(session, pictures, labels):
    """Rows are the true classes, columns the answers."""
    table = np.zeros((len(CLASSES), len(CLASSES)), int)
    np.add.at(table, (labels, classify(session, pictures).argmax(1)), 1)
    return table


def show(title, table):
    print(f"{title}: {np.trace(table) / table.sum():.4f} of {table.sum()}")
    print("| true \\ answer | " + " | ".join(CLASSES) + " |\n|" + " --- |" * 5)
    for name, row in zip(CLASSES, table):
        print(f"| {name} | " + " | ".join(str(count) for count in row) + " |")


def write_set(session):
    """Writes the atlases and the manifest that the product's own test recomputes."""
    OUT.mkdir(parents=True, exist_ok=True)
    pictures, labels = renders(505, COLUMNS * ROWS * ATLASES, True, photos.HELD_OUT)
    table = confusion(session, pictures, labels)
    show("evaluation set", table)
    atlases, each = [], COLUMNS * ROWS
    for number in range(ATLASES):
        part = slice(number * each, (number + 1) * each)
        cells = pictures[part].reshape(ROWS, COLUMNS, 64, 64, 3).transpose(0, 2, 1, 3, 4)
        file = f"atlas-{number + 1}.png"
        Image.fromarray(cells.reshape(ROWS * 64, COLUMNS * 64, 3)).save(OUT / file, optimize=True)
        atlases.append({"file": file, "labels": [CLASSES[label] for label in labels[part]]})
    manifest = {
        "cell": 64, "columns": COLUMNS, "rows": ROWS, "classes": list(CLASSES), "atlases": atlases,
        "accuracy": round(float(np.trace(table) / table.sum()), 4), "confusion": table.tolist(),
    }
    (OUT / "manifest.json").write_text(json.dumps(manifest) + "\n")


def main():
    session = open_model(MODELS / "traffic-light.onnx")
    show("unseen photographs, training ranges",
         confusion(session, *renders(303, 1000, False, photos.HELD_OUT)))
    show("unseen photographs, outside the training ranges",
         confusion(session, *renders(404, 2000, True, photos.HELD_OUT)))
    write_set(session)


if __name__ == "__main__":
    main()
