"""What the sides written in Python have in common: inputs, requests, answers."""

import pathlib
import sys
import time

import numpy

from sides import TYPES

NUMPY = {ours: theirs for theirs, ours in TYPES.items()}


def read(written: str) -> numpy.ndarray:
    file, kind, axes = written.rsplit(":", 2)
    shape = [int(axis) for axis in axes.split(",") if axis]
    return numpy.frombuffer(pathlib.Path(file).read_bytes(), NUMPY[kind]).reshape(shape).copy()


def resident() -> tuple[int, int]:
    lines = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    return tuple(int(lines[key].split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))


def answer(name: str, infer, to_numpy=lambda outputs: outputs) -> None:
    """Answers requests as `engine_side` of the inference crate does."""
    for line in sys.stdin:
        request, _, argument = line.strip().partition(" ")
        if request == "run":
            durations = []
            for _ in range(int(argument)):
                began = time.perf_counter_ns()
                outputs = infer()
                durations.append(time.perf_counter_ns() - began)
                del outputs
            print(*durations, flush=True)
        elif request == "save":
            listed = []
            for index, output in enumerate(to_numpy(infer())):
                output = numpy.ascontiguousarray(output)
                (pathlib.Path(argument) / f"{index}.raw").write_bytes(output.tobytes())
                axes = ",".join(str(length) for length in output.shape)
                listed.append(f"{TYPES[output.dtype.name]}:{axes}")
            print(*listed, flush=True)
        elif request == "memory":
            print(*resident(), flush=True)
        elif request == "name":
            print(name, flush=True)
        else:
            raise SystemExit(f"`{line}` is no request")
