"""MB/s of the workload kind "fileio" against fio with the same parameters on the same file system.

Two workloads of one run, one of them with `tool = "fio"`: the same instance, limits, files and
directory, in turns block by block, fio's figures read from what fio itself writes. Which options
fio is given stands in docs/system-benchmarks.md. The ratio is of medians. Target: within 5 %.

Pages of a request's memory lie next to one another or not by chance, in fio as here, and large
requests past the cache are up to half as fast again where they do: medians of few trials of such
parts wander on both sides.
"""

import json
import os
import statistics
import subprocess
import sys

from results import write
from weighbridge_runs import Home

EXPERIMENT = """
[[environment]]
kind = "native"
{workloads}
"""
WORKLOAD = """
[[workload]]
name = "{tool}"
kind = "fileio"
tool = "{tool}"
block_sizes = ["4KiB", "64KiB", "1MiB"]
size = "{mebibytes}MiB"
seconds = {seconds}
direct = {direct}
trials = {trials}
"""


def main() -> None:
    quick, direct = "--quick" in sys.argv, "--buffered" not in sys.argv
    seconds, trials, mebibytes = (0.5, 2, 64) if quick else (1.5, 5, 256)
    settings = {
        "seconds": seconds, "trials": trials, "mebibytes": mebibytes, "direct": json.dumps(direct)
    }
    workloads = "".join(WORKLOAD.format(tool=tool, **settings) for tool in ("own", "fio"))
    home = Home(EXPERIMENT.format(workloads=workloads))
    before = os.getloadavg()
    sides = {cell["workload"]: {row["mode"]: row for row in cell["system"]} for cell in home.run()["cells"]}
    values = lambda tool, mode: sides[tool][mode]["quantities"][0]["values"]
    modes = {
        mode: {
            "ratio_of_medians": statistics.median(values("own", mode)) / statistics.median(values("fio", mode)),
            "own_mb_per_second": values("own", mode),
            "fio_mb_per_second": values("fio", mode),
        }
        for mode in sides["own"]
    }
    write(
        "fileio_against_fio" + ("" if direct else "_buffered"),
        {
            "fio": subprocess.run(["fio", "--version"], capture_output=True, text=True).stdout.strip(),
            "settings": settings,
            "median_of_ratios": statistics.median(mode["ratio_of_medians"] for mode in modes.values()),
            "modes": modes,
            "load_average_before": before,
            "target": "within 5 %, interleaved, medians of 5",
        },
    )


if __name__ == "__main__":
    main()
