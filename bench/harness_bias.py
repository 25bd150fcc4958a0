"""Bias of the harness: the engine's call inside a run against the same call in a bare loop.

Both are the same executable and run the same model on the same photo with the same threads. They
take turns, so that drift of the host falls on both alike, and which goes first alternates.
The figure is the median, over pairs of turns, of the ratio of the medians of the engine's call.
"""

import json
import statistics
import subprocess
import sys

from results import write
from weighbridge_runs import EXECUTABLE, ROOT, Home

# As every agent has it: a longer environment moves the stack, and with it the speed.
AGENT_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/"}
PHOTO = ROOT / "examples" / "inputs" / "traffic-light" / "red-2.jpg"
# Short turns, many of them: what one process is lucky or unlucky in (where its pages lie)
# stays with it for life, so only more processes bring the noise down.
INFERENCES = 200

EXPERIMENT = f"""
[[environment]]
kind = "native"
[[workload]]
application = "traffic-light"
inputs = "{PHOTO}"
inputs_per_trial = {INFERENCES}
trials = 1
threads = 1
"""


def bare_loop_milliseconds() -> float:
    """Median of the engine's call over the second half of a loop: the first is its warm-up,
    as long as that of a trial."""
    command = [str(EXECUTABLE), "bare-loop", "traffic-light", "1", str(2 * INFERENCES), str(PHOTO)]
    done = subprocess.run(command, env=AGENT_ENVIRONMENT, capture_output=True, text=True, check=True)
    infer = [int(line) for line in done.stdout.split()]
    return statistics.median(infer[INFERENCES:]) / 1e6


def harness_milliseconds(home: Home) -> float:
    run = home.run()["run"]["id"]
    record = json.loads(
        subprocess.run(
            home.command("report", run, "--format", "record"), env=home.environment, capture_output=True, check=True
        ).stdout
    )
    (trial,) = record["trials"]
    return statistics.median(one["infer_nanoseconds"] for one in trial["inferences"]) / 1e6


def main() -> None:
    pairs = 6 if "--quick" in sys.argv else 150
    home = Home(EXPERIMENT)
    ratios, bare_times, harness_times = [], [], []
    for pair in range(pairs):
        if pair % 2:
            harness, bare = harness_milliseconds(home), bare_loop_milliseconds()
        else:
            bare, harness = bare_loop_milliseconds(), harness_milliseconds(home)
        ratios.append(harness / bare)
        bare_times.append(bare)
        harness_times.append(harness)
        print(f"\r{pair + 1}/{pairs}, ratio {statistics.median(ratios):.4f}", end="", file=sys.stderr)
    ratios.sort()
    # Distribution-free 95 % interval of a median: order statistics of the binomial.
    reach = int(0.98 * len(ratios) ** 0.5)
    middle = len(ratios) / 2
    interval = [ratios[max(0, int(middle - reach))], ratios[min(len(ratios) - 1, int(middle + reach))]]
    write(
        "harness_bias",
        {
            "pairs": pairs,
            "inferences_per_turn": INFERENCES,
            "median_ratio_harness_to_bare_loop": statistics.median(ratios),
            "median_ratio_ci95": interval,
            "ratio_of_medians": statistics.median(harness_times) / statistics.median(bare_times),
            "bare_loop_milliseconds_median": statistics.median(bare_times),
            "harness_milliseconds_median": statistics.median(harness_times),
            "target": "ratio within 0.99 to 1.01",
        },
    )


if __name__ == "__main__":
    main()
