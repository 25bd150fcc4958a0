"""A clean release build, the size of the executable, and the memory of `weighbridge run`.

The build goes to a directory of its own, so nothing is reused; with --quick it is left out.
Memory is the peak of the command's own process (VmHWM), not of its agents.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

from results import write
from weighbridge_runs import EXECUTABLE, ROOT, Home


def clean_build_seconds() -> float:
    subprocess.run(["cargo", "fetch"], cwd=ROOT, check=True, capture_output=True)
    with tempfile.TemporaryDirectory(prefix="wb-build-") as target:
        environment = {**os.environ, "CARGO_TARGET_DIR": target}
        began = time.monotonic()
        subprocess.run(
            ["cargo", "build", "--release", "--workspace"], cwd=ROOT, env=environment, check=True, capture_output=True
        )
        return time.monotonic() - began


def run_peak_bytes(trials: int) -> tuple[int, float]:
    """Peak resident memory of the main job's own process, and how long the job took."""
    home = Home("")
    began = time.monotonic()
    process = subprocess.Popen(
        home.command("run", "--trials", str(trials), "--format", "json"),
        env=home.environment,
        stdout=subprocess.DEVNULL,
    )
    peak = 0
    status = pathlib.Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            for line in status.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    peak = max(peak, int(line.split()[1]) * 1024)
        except (FileNotFoundError, ProcessLookupError):
            pass
        time.sleep(0.05)
    if process.returncode != 0:
        raise SystemExit(f"the main job exited {process.returncode}")
    return peak, time.monotonic() - began


def main() -> None:
    quick = "--quick" in sys.argv
    peak, seconds = run_peak_bytes(2 if quick else 20)
    write(
        "build_and_size",
        {
            "clean_release_build_seconds": None if quick else round(clean_build_seconds(), 1),
            "build_target_seconds": 360,
            "executable_bytes": EXECUTABLE.stat().st_size,
            "executable_target_bytes": 40_000_000,
            "run_peak_resident_bytes": peak,
            "run_peak_target_bytes": 100_000_000,
            "main_job_seconds": round(seconds, 1),
            "main_job_target_seconds": 180,
            "main_job_trials": 2 if quick else 20,
        },
    )


if __name__ == "__main__":
    main()
