"""Results with the machine they came from, and intervals of a share."""

import datetime
import json
import math
import os
import pathlib
import platform
import subprocess

DIRECTORY = pathlib.Path(__file__).resolve().parent / "results"


def machine() -> dict:
    """What a reader needs to judge a figure: processor, cores, kernel, compiler, load."""
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_total_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "rustc": rustc,
        "load_average": os.getloadavg(),
    }


def write(name: str, result: dict) -> None:
    """Writes and prints one result."""
    document = {
        "bench": name,
        "measured": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
        **result,
    }
    DIRECTORY.mkdir(exist_ok=True)
    text = json.dumps(document, indent=2)
    (DIRECTORY / f"{name}.json").write_text(text + "\n")
    print(text)


def wilson(successes: int, trials: int) -> list[float]:
    """95 % interval of a share (Wilson 1927): right also near 0 and 1."""
    z = 1.959964
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return [round(max(0.0, (centre - spread) / scale), 4), round(min(1.0, (centre + spread) / scale), 4)]
