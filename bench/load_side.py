"""What the load benchmarks share: the server on one core, the client on the other.

Build first:
    cargo build --release
    cargo build --release -p weighbridge-measure --example load_server
"""

import argparse
import json
import os
import pathlib
import resource
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / os.environ.get("LOAD_PROFILE", "release")
WEIGHBRIDGE = TARGET / "weighbridge"
SERVER = TARGET / "examples" / "load_server"
SERVER_CORE, CLIENT_CORE = 0, 1


def arguments(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, to see that it runs")
    return parser.parse_args()


def pinned(core: int, command: list) -> list:
    return ["taskset", "-c", str(core), *map(str, command)] if os.cpu_count() > 1 else list(map(str, command))


class Server:
    """The benchmark's server on a free port, until the end of the `with`."""

    def __init__(self, *freeze: float):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.command = pinned(SERVER_CORE, [SERVER, self.port, *freeze])

    def __enter__(self) -> "Server":
        self.process = subprocess.Popen(self.command)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        sys.exit("the server does not start; build it first, as bench/load_side.py says")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def stats(self) -> dict:
        """True delays since the last call, in milliseconds."""
        with urllib.request.urlopen(self.url("/stats")) as answer:
            stats = json.load(answer)
        return {key: value if key == "count" else value / 1e6 for key, value in stats.items()}


def load(url: str, *options: str, core: int = CLIENT_CORE) -> dict:
    """One load by weighbridge; its JSON with the exit status."""
    command = pinned(core, [WEIGHBRIDGE, "load", url, *options, "--format", "json"])
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return {**json.loads(done.stdout), "exit": done.returncode}


def run_measured(command: list, core: int = CLIENT_CORE) -> tuple[str, float, int]:
    """Runs a command; its output, processor seconds and peak resident bytes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(pinned(core, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text, _ = process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in (0, 3):
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}: {text[-800:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return text, cpu, after.ru_maxrss * 1024
