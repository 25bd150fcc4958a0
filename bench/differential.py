"""Every engine against Python's onnxruntime, on any models: largest difference of any output.

    python bench/differential.py [--threads N] [FILE.onnx]…

Without files: all that ship. An output may differ by 1e-4 of its range (largest less smallest);
integers and truth values may not differ at all. Exit code 1 if one does. Where an engine refuses
a model its words are shown: a refusal is no difference.
"""

import argparse
import pathlib
import sys
import tempfile

import numpy

from engines import EXECUTABLE, LIBRARY, ROOT, exported, inputs_of
from results import write
from sides import ours, python, write_inputs
from side_in_python import NUMPY

TOLERANCE = 1e-4


def outputs_of(side, folder: pathlib.Path) -> list[numpy.ndarray]:
    folder.mkdir()
    arrays = []
    for index, listed in enumerate(side.ask(f"save {folder}").split()):
        kind, axes = listed.split(":")
        shape = [int(axis) for axis in axes.split(",") if axis]
        arrays.append(numpy.fromfile(folder / f"{index}.raw", NUMPY[kind]).reshape(shape))
    side.close()
    return arrays


def difference(found: numpy.ndarray, expected: numpy.ndarray) -> float:
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return float("inf")
    if expected.size == 0:
        return 0.0
    if expected.dtype.kind != "f":
        return 0.0 if (found == expected).all() else float("inf")
    spread = float(expected.max() - expected.min()) or 1.0
    return float(numpy.abs(found.astype("f8") - expected).max() / spread)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    rows, wrong = [], 0
    with tempfile.TemporaryDirectory(prefix="wb-models-") as made:
        models = options.models or sorted((ROOT / "models").glob("*.onnx")) + exported(pathlib.Path(made))
        for path in models:
            with tempfile.TemporaryDirectory(prefix="wb-differential-") as folder:
                folder = pathlib.Path(folder)
                inputs = write_inputs(inputs_of(path, numpy.random.default_rng(1)), folder)
                expected = outputs_of(python("onnxruntime_side.py", path, 1, inputs), folder / "expected")
                for engine, library in [("onnxruntime", LIBRARY), ("rten", None)]:
                    row = {"model": path.stem, "engine": engine}
                    try:
                        side = ours(EXECUTABLE, path, engine, options.threads, inputs, library)
                        found = outputs_of(side, folder / engine)
                        row["largest_difference"] = max(map(difference, found, expected))
                        wrong += row["largest_difference"] > TOLERANCE
                    except RuntimeError as error:
                        row["refused"] = str(error).splitlines()[-1]
                    rows.append(row)
                    print(row, file=sys.stderr)
    write("differential", {"tolerance": TOLERANCE, "wrong": wrong, "models": rows})
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
