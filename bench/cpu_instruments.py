"""Three counters of one CPU time: the cgroup's, the sum of /proc/PID/stat, the agent's getrusage.

Read over every trial of one run in both environments and added up; and the sampler's own cost
as a share of one core.
"""

import json
import subprocess
import sys

from results import write
from weighbridge_runs import Home

EXPERIMENT = """
[[environment]]
kind = "native"
[[environment]]
kind = "container"
[[workload]]
application = "derain"
inputs_per_trial = 8
trials = {trials}
"""


def counters(trials: list[dict]) -> dict:
    outside = process = inside = sampler = wall = 0
    for trial in trials:
        first, last = trial["outside"][0]["usage"], trial["outside"][-1]["usage"]
        outside += last["cpu_nanoseconds"] - first["cpu_nanoseconds"]
        process += trial["process_cpu_nanoseconds"]
        inside += trial["agent_usage"]["cpu_nanoseconds"]
        sampler += trial["outside_sampler"]["cpu_nanoseconds"]
        wall += trial["host_total_nanoseconds"]
    return {
        "trials": len(trials),
        "cgroup_seconds": outside / 1e9,
        "proc_pid_stat_seconds": process / 1e9,
        "agent_getrusage_seconds": inside / 1e9,
        "proc_pid_stat_to_cgroup": process / outside,
        "agent_getrusage_to_cgroup": inside / outside,
        "outside_sampler_percent_of_a_core": 100 * sampler / wall,
    }


def main() -> None:
    home = Home(EXPERIMENT.format(trials=4 if "--quick" in sys.argv else 20))
    run = home.run()["run"]["id"]
    raw = subprocess.run(
        home.command("report", run, "--format", "record"), env=home.environment, capture_output=True, check=True
    ).stdout
    trials = json.loads(raw)["trials"]
    environments = sorted({trial["cell"]["environment"] for trial in trials})
    write(
        "cpu_instruments",
        {
            "environments": {
                name: counters([trial for trial in trials if trial["cell"]["environment"] == name])
                for name in environments
            },
            "target": "within 1 % of one another; sampler under 0.5 % of a core",
        },
    )


if __name__ == "__main__":
    main()
