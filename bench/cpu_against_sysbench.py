"""Events a second of the workload kind "cpu" against `sysbench cpu run` on the same host.

Both run ten seconds on every CPU, one after the other in turns, so that what else the host does
meets both; the ratio is of medians. Target: within 5 %.

An instance has a cgroup of its own, sysbench shares that of the shell: on a host that others use,
the kernel gives the two different shares of the CPUs, and events a second of the clock compare
those shares. Events a second of CPU time stand beside them for that reason.
"""

import os
import re
import resource
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


def ours(home: Home) -> dict:
    cell = home.run()["cells"][0]
    per_second = cell["system"][0]["quantities"][0]["mean"]
    return {"per_second": per_second, "per_cpu_second": per_second / (cell["cpu_percent"]["mean_all"] / 100)}


def sysbench(threads: int, seconds: float) -> dict:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = subprocess.run(
        ["sysbench", "cpu", f"--threads={threads}", f"--time={seconds:.0f}", "run"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = lambda words: float(re.search(words + r":\s*([0-9.]+)", text).group(1))
    return {
        "per_second": found("events per second"),
        "per_cpu_second": found("total number of events") / cpu,
    }


def main() -> None:
    quick = "--quick" in sys.argv
    seconds, rounds, threads = (1, 2, os.cpu_count()) if quick else (10, 5, os.cpu_count())
    home = Home(EXPERIMENT.format(seconds=seconds, threads=threads))
    mine, theirs, loads = [], [], []
    for turn in range(rounds):
        sides = [
            lambda: mine.append(ours(home)),
            lambda: theirs.append(sysbench(threads, seconds)),
        ]
        for side in sides if turn % 2 == 0 else reversed(sides):
            loads.append(os.getloadavg()[0])
            side()
    median = lambda side, what: statistics.median(one[what] for one in side)
    ratio = lambda what: median(mine, what) / median(theirs, what)
    write(
        "cpu_against_sysbench",
        {
            "sysbench": subprocess.run(["sysbench", "--version"], capture_output=True, text=True).stdout.strip(),
            "threads": threads,
            "seconds": seconds,
            "weighbridge": mine,
            "sysbench_run": theirs,
            "ratio_of_medians_per_second": ratio("per_second"),
            "ratio_of_medians_per_cpu_second": ratio("per_cpu_second"),
            "load_average_before_each": loads,
            "target": "within 5 %, interleaved, medians of 5",
        },
    )


if __name__ == "__main__":
    main()
