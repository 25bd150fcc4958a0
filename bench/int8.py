"""Speed of int8 variants against their float models, on Python's onnxruntime and on our engines.

    python bench/int8.py [--quick] [--keep-busy] [--threads 1,2] [FLOAT.onnx=INT8.onnx]…

The shipped models that have a variant, and the pairs that are named. Pairs are made with
`training/quantise.py`, from the user's own files or from `weighbridge app export`. Both variants on
every engine take turns as in `engines.py`, whose executable side and Python packages this needs too.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile

import numpy

from engines import EXECUTABLE, LIBRARY, ROOT, inputs_of, measure
from results import write
from sides import ours, python, write_inputs

# What the int8 variant has to reach on onnxruntime where the chip has VNNI, as a ratio to the float model.
TARGETS = {"retinaface-resnet50": 0.5, "yolov5n": 0.9, "yolov5s": 0.9}


def shipped() -> list[tuple[pathlib.Path, pathlib.Path]]:
    variants = sorted((ROOT / "models").glob("*-int8.onnx"))
    return [(variant.with_name(variant.name.replace("-int8", "")), variant) for variant in variants]


def open_sides(files: dict, threads: int, inputs: list[str], left_out: dict) -> dict:
    """Both variants on each engine, or neither where one of them does not run."""
    makers = {
        "python_onnxruntime": lambda file: python("onnxruntime_side.py", file, threads, inputs),
        "onnxruntime": lambda file: ours(EXECUTABLE, file, "onnxruntime", threads, inputs, LIBRARY),
        "rten": lambda file: ours(EXECUTABLE, file, "rten", threads, inputs),
    }
    sides = {}
    for engine, make in makers.items():
        try:
            pair = {f"{engine} {kind}": make(file) for kind, file in files.items()}
            for side in pair.values():
                side.run(1)
            sides.update(pair)
        except (OSError, RuntimeError) as error:
            left_out[engine] = str(error).splitlines()[-1]
    return sides


def compare(pair: tuple[pathlib.Path, pathlib.Path], threads: int, quick: bool) -> dict:
    files, left_out = dict(zip(("float", "int8"), pair)), {}
    with tempfile.TemporaryDirectory(prefix="wb-int8-") as folder:
        arrays = inputs_of(files["float"], numpy.random.default_rng(1))
        sides = open_sides(files, threads, write_inputs(arrays, folder), left_out)
        measured = measure(sides, 3 if quick else 20, 0.3 if quick else 1.0)
        for side in sides.values():
            side.close()
    medians = {name: statistics.median(spent) / 1e6 for name, spent in measured["durations"].items() if spent}
    engines = sorted({name.split()[0] for name in medians})
    return {
        "model": files["float"].stem,
        "threads": threads,
        "inputs": [list(array.shape) for array in arrays],
        "milliseconds_median": medians,
        "runs": {name: len(spent) for name, spent in measured["durations"].items()},
        "rounds": measured["rounds"],
        "rounds_thrown_away_host_busy": measured["busy_rounds"],
        "int8_to_float": {engine: medians[f"{engine} int8"] / medians[f"{engine} float"] for engine in engines},
        "target_on_onnxruntime": next((limit for name, limit in TARGETS.items() if name in files["float"].stem), None),
        "left_out": left_out,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep-busy", action="store_true", help="keep rounds in which the host was busy")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("pairs", nargs="*", metavar="FLOAT.onnx=INT8.onnx")
    options = parser.parse_args()
    # The shipped ones too: a result file that lacks them would take theirs away.
    pairs = shipped() + [tuple(map(pathlib.Path, pair.split("=", 1))) for pair in options.pairs]
    rows = []
    for pair in pairs:
        for threads in map(int, options.threads.split(",")):
            rows.append(compare(pair, threads, options.quick))
            print(json.dumps(rows[-1]), file=sys.stderr)
    flags = next((line.split() for line in open("/proc/cpuinfo") if line.startswith("flags")), [])
    vnni = sorted(flag for flag in flags if "vnni" in flag)
    write("int8", {"library": LIBRARY.name, "vnni": vnni or "none: no gain is to be expected", "models": rows})


if __name__ == "__main__":
    main()
