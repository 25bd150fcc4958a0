"""Events a second of the workload kind "cpu" against `sysbench cpu` on the same host.

Both are workloads of one run, sysbench as a command that does a number of events: the same
instance, limits and cgroup, in turns block by block, so that what else the host does meets both.
Events a second of the clock are compared, and of CPU time, which says the same on a host that
others use. The ratio is of medians. Target: within 5 %.
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
name = "own"
kind = "cpu"
threads = {threads}
seconds = {seconds}
trials = {trials}
[[workload]]
name = "sysbench"
kind = "command"
command = ["sysbench", "cpu", "--threads={threads}", "--time=0", "--events={events}", "run"]
timeout = "10m"
warmup = 0
trials = {trials}
"""


def events(threads: int, seconds: float) -> int:
    """About as many as sysbench does in so many seconds."""
    command = ["sysbench", "cpu", f"--threads={threads}", "--time=2", "run"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(float(re.search(r"events per second:\s*([0-9.]+)", text).group(1)) * seconds)


def main() -> None:
    quick, threads = "--quick" in sys.argv, os.cpu_count()
    seconds, trials = (1, 2) if quick else (10, 5)
    count = events(threads, seconds)
    before = os.getloadavg()
    home = Home(EXPERIMENT.format(threads=threads, seconds=seconds, trials=trials, events=count))
    cells = {cell["workload"]: cell for cell in home.run()["cells"]}
    own = cells["own"]["system"][0]["quantities"][0]["values"]
    sysbench = [count / took for took in cells["sysbench"]["trial_seconds"]["values"]]
    per_cpu_second = {
        name: statistics.mean(values) / (cells[name]["cpu_percent"]["mean_all"] / 100)
        for name, values in (("own", own), ("sysbench", sysbench))
    }
    write(
        "cpu_against_sysbench",
        {
            "sysbench": subprocess.run(["sysbench", "--version"], capture_output=True, text=True).stdout.strip(),
            "threads": threads,
            "seconds": seconds,
            "own_events_per_second": own,
            "sysbench_events_per_second": sysbench,
            "ratio_of_medians": statistics.median(own) / statistics.median(sysbench),
            "events_per_cpu_second": per_cpu_second,
            "ratio_per_cpu_second": per_cpu_second["own"] / per_cpu_second["sysbench"],
            "load_average_before": before,
            "target": "within 5 %, interleaved, medians of 5",
        },
    )


if __name__ == "__main__":
    main()
