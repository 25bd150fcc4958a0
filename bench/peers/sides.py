"""Sides of a comparison: processes that hold one model each and take turns."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

# The names of element types on the sides' command lines, by numpy's.
TYPES = {
    "float32": "f32",
    "float64": "f64",
    "int8": "i8",
    "uint8": "u8",
    "int32": "i32",
    "int64": "i64",
    "bool": "bool",
}


class Side:
    """One engine with one model. Answers line by line."""

    def __init__(self, command: list[str], environment: dict | None = None):
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, request: str) -> str:
        try:
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(self.process.stderr.read().strip()[-600:] or "the side ended")
        return answer.strip()

    def run(self, count: int) -> list[int]:
        """Nanoseconds of each of `count` runs."""
        return [int(word) for word in self.ask(f"run {count}").split()]

    def memory(self) -> tuple[int, int]:
        """Resident bytes now and at most."""
        now, most = self.ask("memory").split()
        return int(now), int(most)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait()


def ours(executable, model, engine, threads, inputs, library=None) -> Side:
    command = [str(executable), str(model), "--engine", engine, "--threads", str(threads)]
    command += ["--library", str(library)] if library else []
    for value in inputs:
        command += ["--input", value]
    # The environment that every agent has.
    return Side(command, {"PATH": "/usr/bin:/bin", "HOME": "/"})


def python(script, model, threads, inputs) -> Side:
    command = [sys.executable, str(HERE / script), str(model), str(threads), *inputs]
    return Side(command)


def write_inputs(arrays, directory) -> list[str]:
    """Raw files of arrays, as `FILE:TYPE:SHAPE`."""
    written = []
    for index, array in enumerate(arrays):
        path = pathlib.Path(directory) / f"input-{index}.raw"
        path.write_bytes(array.tobytes())
        axes = ",".join(str(length) for length in array.shape)
        written.append(f"{path}:{TYPES[array.dtype.name]}:{axes}")
    return written
