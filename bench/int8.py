"""Speed of int8 variants against their float models, on Python's onnxruntime and on our engines.

    python3 bench/int8.py [--quick] [FLOAT.onnx=INT8.onnx:APPLICATION …]

Needs onnxruntime and numpy beside Python 3, and for our engines the example `time_engine`
(`cargo build --release -p weighbridge-inference --example time_engine`). Both variants of a model take
turns, each in a process of its own: a session's sleeping threads would disturb the other's.
The models that ship are always measured; pairs made with `training/quantise.py` can be added.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from results import write
from weighbridge_runs import ROOT

MODELS = ROOT / "models"
TIME_ENGINE = pathlib.Path(
    os.environ.get("TIME_ENGINE", ROOT / "target" / "release" / "examples" / "time_engine")
)
ENGINES = ("onnxruntime", "rten")
THREADS = (1, 2)
SHIPPED = ("derain", "traffic-light", "traffic-sign")
# Axes that a model leaves open: those of a 512x512 photo.
FREE = {0: 1, 2: 512, 3: 512}
WARM_UP, TURN_SECONDS = 3, 0.5


def serve(model: str, threads: int) -> None:
    """A worker: each line of its input asks for one turn, answered by the durations in milliseconds."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (port,) = session.get_inputs()
    shape = [axis if isinstance(axis, int) else FREE[place] for place, axis in enumerate(port.shape)]
    feed = {port.name: numpy.random.default_rng(0).random(shape, numpy.float32)}
    print(json.dumps({"version": onnxruntime.__version__, "shape": shape}), flush=True)
    for _ in sys.stdin:
        for _ in range(WARM_UP):
            session.run(None, feed)
        times, started = [], time.perf_counter()
        while time.perf_counter() - started < TURN_SECONDS or len(times) < 3:
            before = time.perf_counter()
            session.run(None, feed)
            times.append((time.perf_counter() - before) * 1e3)
        print(json.dumps(times), flush=True)


class PythonSide:
    """One variant in a worker that stays, so that only turns alternate and not loading."""

    def __init__(self, model: pathlib.Path, threads: int):
        command = [sys.executable, __file__, "--worker", str(model), str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the worker broke off; its last words are above")
        return json.loads(line)

    def turn(self) -> list[float]:
        self.process.stdin.write("turn\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class EngineSide:
    """One variant on one of our engines: a process a turn, as in a trial."""

    def __init__(self, model: pathlib.Path, application: str, engine: str, threads: int):
        self.command = [str(TIME_ENGINE), application, "--engine", engine, "--model", str(model),
                        "--threads", str(threads), "--raw", "--repeat"]
        first = self._run(1)
        # Enough inferences for a turn, by the first one.
        self.repeat = max(3, min(2000, int(TURN_SECONDS * 1e3 / max(first[0], 1e-3))))

    def _run(self, repeat: int) -> list[float]:
        done = subprocess.run([*self.command, str(repeat)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or done.stdout.strip())
        rows = [line.split() for line in done.stdout.splitlines()]
        return [int(row[2]) / 1e6 for row in rows if len(row) == 4 and all(cell.isdigit() for cell in row)]

    def turn(self) -> list[float]:
        return self._run(self.repeat + WARM_UP)[WARM_UP:]

    def close(self) -> None:
        pass


def compare(sides: dict, turns: int) -> dict:
    """Turns of both variants, alternating which goes first."""
    times = {"float": [], "int8": []}
    ratios = []
    for turn in range(turns):
        order = ("float", "int8") if turn % 2 == 0 else ("int8", "float")
        medians = {}
        for kind in order:
            spent = sides[kind].turn()
            times[kind] += spent
            medians[kind] = statistics.median(spent)
        ratios.append(medians["int8"] / medians["float"])
    medians = {kind: statistics.median(spent) for kind, spent in times.items()}
    return {
        "float_milliseconds_median": round(medians["float"], 4),
        "int8_milliseconds_median": round(medians["int8"], 4),
        "ratio_of_medians": round(medians["int8"] / medians["float"], 4),
        "ratio_of_turns_least_and_most": [round(min(ratios), 4), round(max(ratios), 4)],
        "inferences": {kind: len(spent) for kind, spent in times.items()},
    }


def measure(label: str, make, turns: int) -> dict:
    """One comparison, or the reason why there is none."""
    sides = {}
    try:
        for kind in ("float", "int8"):
            sides[kind] = make(kind)
        result = compare(sides, turns)
        print(f"{label}: {result['ratio_of_medians']:.3f}", file=sys.stderr, flush=True)
        return result
    except (RuntimeError, OSError, ValueError) as error:
        print(f"{label}: missing, because {error}", file=sys.stderr, flush=True)
        return {"missing": str(error)}
    finally:
        for side in sides.values():
            side.close()


def pairs(arguments: list[str]) -> dict:
    """Name of each pair, its two files and its application."""
    found = {name: ({"float": MODELS / f"{name}.onnx", "int8": MODELS / f"{name}-int8.onnx"}, name) for name in SHIPPED}
    for argument in arguments:
        files, _, application = argument.rpartition(":")
        floating, _, quantised = files.partition("=")
        found[pathlib.Path(floating).stem] = (
            {"float": pathlib.Path(floating), "int8": pathlib.Path(quantised)}, application,
        )
    return found


def main() -> None:
    turns = 4 if "--quick" in sys.argv else 21
    instructions = sorted(
        {flag for line in open("/proc/cpuinfo") if line.startswith("flags") for flag in line.split() if "vnni" in flag}
    )
    results = {}
    for name, (files, application) in pairs([a for a in sys.argv[1:] if a != "--quick"]).items():
        results[name] = {}
        for threads in THREADS:
            results[name][f"python onnxruntime, {threads} threads"] = measure(
                f"{name} python {threads}", lambda kind: PythonSide(files[kind], threads), turns
            )
            for engine in ENGINES:
                results[name][f"engine {engine}, {threads} threads"] = measure(
                    f"{name} {engine} {threads}",
                    lambda kind: EngineSide(files[kind], application, engine, threads), turns,
                )
    write("int8", {"turns": turns, "vnni": instructions or None, "int8_to_float": results})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        main()
