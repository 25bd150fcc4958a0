"""Engines side by side: ours, Python's onnxruntime and PyTorch eager, on the shipped models.

    python bench/engines.py [--quick] [--threads 1,2] [--only NAME]… [FILE.onnx]…

All sides of a model hold it at the same time, each in a process of its own, and take turns in an
order that is drawn anew for each round; only one computes at a time. The figure of a side is the
median of all its runs without the first round, the ratio that of two medians. A round in which
the host was busy with something else is thrown away and counted (`--keep-busy` keeps it). Needs
onnxruntime, onnx and numpy; torch is left out where it is not there. The sides of ours are built
with `cargo build --release -p weighbridge-inference --example engine_side`: only in release is
`rten` as fast as it ships.
"""

import argparse
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime

from results import write

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
from sides import ours, python, write_inputs  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXECUTABLE = pathlib.Path(
    os.environ.get("ENGINE_SIDE", ROOT / "target" / "release" / "examples" / "engine_side")
)
WEIGHBRIDGE = pathlib.Path(os.environ.get("WEIGHBRIDGE", ROOT / "target" / "release" / "weighbridge"))
LIBRARY = next(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))

# Lengths of free axes by position: what an application really runs. The first is the batch.
FREE = {"derain": {2: 512, 3: 512}}
# A photo of 640 × 640, a second of sound at 16 kHz, four seconds of it as 10 ms frames.
FREE_BY_RANK = {2: {1: 16_000}, 3: {1: 400, 2: 400}, 4: {2: 640, 3: 640}}
# What rten has to reach, as a ratio to Python's onnxruntime.
RTEN_TARGETS = {"derain": 3.1, "speech-to-text": 1.2}
RTEN_TARGET = 2.1
# Share of a round's time that other processes may take of one core.
BUSY_SHARE = 0.10


def inputs_of(path: pathlib.Path, generator) -> list[numpy.ndarray]:
    """Random inputs of the declared types and shapes."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    arrays = []
    for port in session.get_inputs():
        free = FREE.get(path.stem, FREE_BY_RANK.get(len(port.shape), {}))
        shape = [
            axis if isinstance(axis, int) else free.get(place, 1)
            for place, axis in enumerate(port.shape)
        ]
        kind = port.type.removeprefix("tensor(").removesuffix(")")
        kind = {"float": "float32", "double": "float64"}.get(kind, kind)
        if kind.startswith("float"):
            arrays.append(generator.random(shape, dtype=numpy.float32).astype(kind))
        else:
            arrays.append(generator.integers(0, 2, shape).astype(kind))
    return arrays


def busy_ticks() -> int:
    """Ticks that all processors spent on anything but idling."""
    numbers = [int(word) for word in open("/proc/stat").readline().split()[1:9]]
    return sum(numbers) - numbers[3] - numbers[4]


def own_ticks(sides: dict) -> int:
    total = 0
    for side in sides.values():
        fields = open(f"/proc/{side.process.pid}/stat").read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total


def open_sides(path: pathlib.Path, threads: int, inputs: list[str], left_out: dict) -> dict:
    makers = {
        "onnxruntime": lambda: ours(EXECUTABLE, path, "onnxruntime", threads, inputs, LIBRARY),
        "rten": lambda: ours(EXECUTABLE, path, "rten", threads, inputs),
        "python_onnxruntime": lambda: python("onnxruntime_side.py", path, threads, inputs),
        "torch_eager": lambda: python("torch_side.py", path, threads, inputs),
    }
    sides = {}
    for name, make in makers.items():
        side = make()
        try:
            side.run(1)
            sides[name] = side
        except RuntimeError as error:
            left_out[name] = str(error).splitlines()[-1]
    return sides


def measure(sides: dict, rounds: int, seconds: float) -> dict:
    """Durations of each side in nanoseconds, and how many rounds were thrown away."""
    chance = random.Random(7)
    # Turns of equal length: a fast side makes more runs in one.
    counts = {
        name: max(1, int(seconds * 1e9 / statistics.median(side.run(3)))) for name, side in sides.items()
    }
    durations = {name: [] for name in sides}
    busy_rounds = 0
    tick = os.sysconf("SC_CLK_TCK")
    for round_number in range(rounds + 1):
        order = list(sides)
        chance.shuffle(order)
        busy, own = busy_ticks(), own_ticks(sides)
        found = {name: sides[name].run(counts[name]) for name in order}
        foreign = (busy_ticks() - busy) - (own_ticks(sides) - own)
        wall = sum(sum(values) for values in found.values()) / 1e9
        if round_number == 0:
            continue
        if foreign / tick > BUSY_SHARE * wall:
            busy_rounds += 1
            if "--keep-busy" not in sys.argv:
                continue
        for name, values in found.items():
            durations[name] += values
    return {"durations": durations, "rounds": rounds, "busy_rounds": busy_rounds}


def compare(path: pathlib.Path, threads: int, options) -> dict:
    generator = numpy.random.default_rng(1)
    left_out = {}
    with tempfile.TemporaryDirectory(prefix="wb-engines-") as folder:
        arrays = inputs_of(path, generator)
        sides = open_sides(path, threads, write_inputs(arrays, folder), left_out)
        measured = measure(sides, 3 if options.quick else 20, 0.3 if options.quick else 1.0)
        memory = {name: dict(zip(("resident_bytes", "most_bytes"), side.memory())) for name, side in sides.items()}
        for side in sides.values():
            side.close()
    medians = {
        name: statistics.median(values) / 1e6 for name, values in measured["durations"].items() if values
    }
    ratio = lambda a, b: medians[a] / medians[b] if a in medians and b in medians else None
    return {
        "model": path.stem,
        "threads": threads,
        "inputs": [list(array.shape) for array in arrays],
        "milliseconds_median": medians,
        "runs": {name: len(values) for name, values in measured["durations"].items()},
        "rounds": measured["rounds"],
        "rounds_thrown_away_host_busy": measured["busy_rounds"],
        "onnxruntime_to_python_onnxruntime": ratio("onnxruntime", "python_onnxruntime"),
        "rten_to_python_onnxruntime": ratio("rten", "python_onnxruntime"),
        "onnxruntime_to_torch_eager": ratio("onnxruntime", "torch_eager"),
        "memory": memory,
        "left_out": left_out,
    }


def exported(folder: pathlib.Path) -> list[pathlib.Path]:
    """The models that ship as code: written by the executable, where it can."""
    listed = subprocess.run([WEIGHBRIDGE, "app", "list", "--format", "json"], capture_output=True, text=True)
    if listed.returncode != 0:
        return []
    models = []
    for row in json.loads(listed.stdout)["applications"]:
        if (ROOT / "models" / row["model"]).is_file():
            continue
        target = folder / row["model"]
        command = [WEIGHBRIDGE, "app", "export", row["application"], "--out", str(target)]
        if subprocess.run(command, capture_output=True).returncode == 0 and target.is_file():
            models.append(target)
    return models


def verdicts(rows: list[dict]) -> dict:
    of = lambda key: [row[key] for row in rows if row[key] is not None]
    torch = of("onnxruntime_to_torch_eager")
    rten_missed = [
        f"{row['model']} on {row['threads']}: {row['rten_to_python_onnxruntime']:.2f}"
        for row in rows
        if (row["rten_to_python_onnxruntime"] or 0) > RTEN_TARGETS.get(row["model"], RTEN_TARGET)
    ]
    return {
        "onnxruntime_to_python_onnxruntime_worst": max(of("onnxruntime_to_python_onnxruntime"), default=None),
        "rten_targets_missed": rten_missed,
        "onnxruntime_to_torch_geometric_mean": math.exp(statistics.mean(map(math.log, torch))) if torch else None,
        "onnxruntime_to_torch_worst": max(torch, default=None),
        "target": "onnxruntime to Python's at most 1.03 for every model; rten to Python's at most 2.1, "
        "derain 3.1, speech 1.2; onnxruntime to torch at most 0.6 in the geometric mean, none above 0.85",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep-busy", action="store_true", help="keep rounds in which the host was busy")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="wb-models-") as folder:
        models = options.models or sorted((ROOT / "models").glob("*.onnx")) + exported(pathlib.Path(folder))
        for path in models:
            if options.only and path.stem not in options.only:
                continue
            for threads in map(int, options.threads.split(",")):
                rows.append(compare(path, threads, options))
                print(json.dumps(rows[-1]), file=sys.stderr)
    write("engines", {"library": LIBRARY.name, "verdicts": verdicts(rows), "models": rows})


if __name__ == "__main__":
    main()
