"""Saturated requests a second of `serve` against Flask + PyTorch serving the same network.

A JPEG photo of 512 x 512 in, a JPEG photo out, 8 users who ask without a pause. The peer is
swept first (waitress and gunicorn; threads or workers; torch threads) and the best is taken;
then all sides take turns. Memory is proportional resident memory under that load. Installs the
peer into bench/.venv once (about 1 GB). Needs ONNX Runtime: weighbridge engine install onnxruntime.
"""

import os
import pathlib
import statistics
import subprocess
import sys

from results import write
from service_side import PHOTO, Served, free_port, weighbridge
from weighbridge_runs import ROOT

VENV = ROOT / "bench" / ".venv"
PACKAGES = ["flask", "waitress", "gunicorn", "pillow", "numpy", "onnx"]
TORCH = ["torch", "--index-url", "https://download.pytorch.org/whl/cpu"]
MODELS = ROOT / "models"


def peer_python() -> str:
    """A Python with the peer; BENCH_PEER_PYTHON names one that is there already."""
    if named := os.environ.get("BENCH_PEER_PYTHON"):
        return named
    python = VENV / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *PACKAGES], check=True)
        # PyPI's own wheel where the index of CPU builds cannot be reached.
        if subprocess.run([*pip, *TORCH]).returncode != 0:
            subprocess.run([*pip, "torch"], check=True)
    return str(python)


def photo_512(python: str) -> bytes:
    """The sample in the size that both sides are measured with."""
    script = "import sys; from PIL import Image; Image.open(sys.argv[1]).convert('RGB').resize((512, 512)).save(sys.stdout.buffer, 'JPEG', quality=90)"
    return subprocess.run([python, "-c", script, str(PHOTO)], check=True, capture_output=True).stdout


def peer(python: str, server: str, many: int, threads: int) -> Served:
    port = free_port()
    script = pathlib.Path(__file__).resolve().parent / "peers" / "flask_derain.py"
    command = [python, str(script), server, str(port), str(many), str(threads), str(MODELS / "derain.onnx")]
    return Served(f"flask+pytorch, {server} {many}, torch threads {threads}", command, port)


def measured(start, photo: bytes, seconds: float) -> dict:
    side = start()
    try:
        side.saturated(photo, 1.0)
        result = side.saturated(photo, seconds)
        return {"side": side.name, **result, "memory_bytes": side.memory_bytes()}
    finally:
        side.stop()


def psnr_of_int8(python: str, photo: bytes) -> float:
    """How far int8 is from float, in dB: both results of the very photo, every pixel."""
    results = []
    for arguments in ([], ["--model", str(MODELS / "derain-int8.onnx")]):
        side = weighbridge("once", "--engine", "onnxruntime", *arguments)
        results.append(side.ask("POST", "/v1/derain", photo, {"accept": "image/png"})[1])
        side.stop()
    script = """
import io, math, struct, sys
import numpy
from PIL import Image
data = sys.stdin.buffer.read()
length = struct.unpack("<Q", data[:8])[0]
one, two = (numpy.asarray(Image.open(io.BytesIO(part)), dtype=float) for part in (data[8:8 + length], data[8 + length:]))
print(10 * math.log10(255 ** 2 / max(((one - two) ** 2).mean(), 1e-9)))
"""
    data = len(results[0]).to_bytes(8, "little") + results[0] + results[1]
    return float(subprocess.run([python, "-c", script], input=data, check=True, capture_output=True).stdout)


def main() -> None:
    quick = "--quick" in sys.argv
    seconds, rounds = (2.0, 1) if quick else (15.0, 7)
    python = peer_python()
    photo = photo_512(python)
    sweep = [
        measured(lambda s=server, m=many, t=threads: peer(python, s, m, t), photo, seconds / 2)
        for server, counts in (("waitress", (1, 2, 4)), ("gunicorn", (1, 2, 3)))
        for many in counts
        for threads in (1, 2)
    ]
    best = max(sweep, key=lambda row: row["requests_per_second"])
    server, many = best["side"].split(", ")[1].split()
    threads = int(best["side"].rsplit(" ", 1)[1])
    sides = {
        "peer": lambda: peer(python, server, int(many), threads),
        "onnxruntime fp32": lambda: weighbridge("onnxruntime fp32", "--engine", "onnxruntime"),
        "onnxruntime fp32, 1 worker x 2 threads": lambda: weighbridge("onnxruntime fp32, 1 x 2", "--engine", "onnxruntime", "--threads", "2"),
        "onnxruntime int8": lambda: weighbridge("onnxruntime int8", "--engine", "onnxruntime", "--model", str(MODELS / "derain-int8.onnx")),
        "rten fp32": lambda: weighbridge("rten fp32", "--engine", "rten"),
    }
    rows = {name: [] for name in sides}
    for _ in range(rounds):
        for name, start in sides.items():
            rows[name].append(measured(start, photo, seconds))
    median = lambda name, key: statistics.median(row[key] for row in rows[name])
    ratios = lambda name: [
        ours["requests_per_second"] / max(theirs["requests_per_second"], 1e-9)
        for ours, theirs in zip(rows[name], rows["peer"])
    ]
    write("service_throughput", {
        "target": "at least 1.3 times the peer with onnxruntime fp32, 2 times with int8; memory at most a fifth",
        "photo": "512 x 512 JPEG", "users": 8, "seconds": seconds, "rounds": rounds,
        "sweep_of_the_peer": sweep, "best_peer": best["side"],
        "sides": [
            {
                "side": name,
                "requests_per_second_median": median(name, "requests_per_second"),
                "failed": sum(row["failed"] for row in rows[name]),
                "times_the_peer_median": round(statistics.median(ratios(name)), 3),
                "memory_bytes_median": median(name, "memory_bytes"),
                "memory_share_of_the_peer": round(median(name, "memory_bytes") / median("peer", "memory_bytes"), 3),
            }
            for name in sides
        ],
        "int8_psnr_to_fp32_db": round(psnr_of_int8(python, photo), 2),
    })


if __name__ == "__main__":
    main()
