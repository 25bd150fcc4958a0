"""Measures models/traffic-sign.onnx on held-out renders and writes models/evaluation/traffic-sign/.

    python -m traffic_sign.evaluate

Held-out renders stand before photographs that training never saw, and three of
their eight conditions lie outside the training ranges.
"""

import json
from collections import Counter

import numpy as np
from PIL import Image

import photos
from engine import MODELS, classify, open_model
from traffic_sign.render import RANGES, SIDE, build_set, held_out_conditions
from traffic_sign.signs import LABELS

OUT = MODELS / "evaluation" / "traffic-sign"
COLUMNS, ROWS, ATLASES = 43, 10, 2


def show(title, answers, labels):
    right = answers == labels
    print(f"{title}: {right.mean():.4f} of {len(labels)}")
    shares = [right[labels == label].mean() for label in range(len(LABELS))]
    for label in np.argsort(shares)[:5]:
        wrong = Counter(LABELS[answer] for answer in answers[(labels == label) & ~right])
        print(f"  {LABELS[label]}: {shares[label]:.3f}; taken for {dict(wrong.most_common(3))}")


def by_condition(session, seed, count):
    """Accuracy with a single condition outside its training range, the others inside."""
    print("| condition outside its range | right |\n| --- | --- |")
    for name in RANGES:
        pictures, labels = build_set(seed, count, photos.HELD_OUT, lambda _rng, name=name: (name,))
        share = (classify(session, pictures).argmax(1) == labels).mean()
        print(f"| {name} | {share * 100:.1f} % |", flush=True)


def write_set(session):
    """Writes the atlases and the manifest that the product's own test recomputes."""
    OUT.mkdir(parents=True, exist_ok=True)
    pictures, labels = build_set(515, COLUMNS * ROWS * ATLASES, photos.HELD_OUT, held_out_conditions, shuffled=True)
    answers = classify(session, pictures).argmax(1)
    show("evaluation set", answers, labels)
    atlases, each = [], COLUMNS * ROWS
    for number in range(ATLASES):
        part = slice(number * each, (number + 1) * each)
        cells = pictures[part].reshape(ROWS, COLUMNS, SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4)
        file = f"atlas-{number + 1}.png"
        Image.fromarray(cells.reshape(ROWS * SIDE, COLUMNS * SIDE, 3)).save(OUT / file, optimize=True)
        atlases.append({"file": file, "labels": [LABELS[label] for label in labels[part]]})
    table = np.zeros((len(LABELS), len(LABELS)), int)
    np.add.at(table, (labels, answers), 1)
    manifest = {
        "cell": SIDE, "columns": COLUMNS, "rows": ROWS, "classes": list(LABELS), "atlases": atlases,
        "accuracy": round(float(np.trace(table) / table.sum()), 4), "confusion": table.tolist(),
    }
    (OUT / "manifest.json").write_text(json.dumps(manifest) + "\n")


def main():
    session = open_model(MODELS / "traffic-sign.onnx")
    pictures, labels = build_set(313, 43 * 50, photos.HELD_OUT)
    show("unseen photographs, training ranges", classify(session, pictures).argmax(1), labels)
    pictures, labels = build_set(414, 43 * 50, photos.HELD_OUT, held_out_conditions)
    show("unseen photographs, outside the training ranges", classify(session, pictures).argmax(1), labels)
    by_condition(session, 616, 43 * 6)
    write_set(session)


if __name__ == "__main__":
    main()
