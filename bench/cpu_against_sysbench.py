"""Events a second of the workload kind "cpu" against `sysbench cpu run` on the same host.

Both run ten seconds on every CPU, one after the other in turns, so that what else the host does
meets both; the ratio is of medians. Target: within 5 %.
"""

import os
import re
import statistics
import subprocess
import sys

from results import write
from weighbridge_runs import Home

EXPERIMENT = """
[[environment]]
kind = "native"
[[workload]]
kind = "cpu"
seconds = {seconds}
threads = {threads}
trials = 1
"""


def sysbench(threads: int, seconds: float) -> float:
    text = subprocess.run(
        ["sysbench", "cpu", f"--threads={threads}", f"--time={seconds:.0f}", "run"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return float(re.search(r"events per second:\s*([0-9.]+)", text).group(1))


def main() -> None:
    quick = "--quick" in sys.argv
    seconds, rounds, threads = (1, 2, os.cpu_count()) if quick else (10, 5, os.cpu_count())
    home = Home(EXPERIMENT.format(seconds=seconds, threads=threads))
    ours, theirs, loads = [], [], []
    for turn in range(rounds):
        sides = [
            lambda: ours.append(home.run()["cells"][0]["system"][0]["quantities"][0]["mean"]),
            lambda: theirs.append(sysbench(threads, seconds)),
        ]
        for side in sides if turn % 2 == 0 else reversed(sides):
            loads.append(os.getloadavg()[0])
            side()
    write(
        "cpu_against_sysbench",
        {
            "sysbench": subprocess.run(["sysbench", "--version"], capture_output=True, text=True).stdout.strip(),
            "threads": threads,
            "seconds": seconds,
            "weighbridge_events_per_second": ours,
            "sysbench_events_per_second": theirs,
            "ratio_of_medians": statistics.median(ours) / statistics.median(theirs),
            "ratios_by_turn": [a / b for a, b in zip(ours, theirs)],
            "load_average_before_each": loads,
            "target": "within 5 %, interleaved, medians of 5",
        },
    )


if __name__ == "__main__":
    main()
