"""Power: one of two native environments is slowed by 5 % with a busy loop inside the agent.

How often that is found depends on the noise of the host, so the noise stands beside it: the
standard deviation of the log-ratio within a block.
"""

import math
import statistics
import sys

from no_difference import EXPERIMENT
from results import wilson, write
from weighbridge_runs import Home


def series(blocks: int, comparisons: int) -> dict:
    home = Home(EXPERIMENT.format(blocks=blocks))
    found = slower = 0
    ratios, noise = [], []
    for seed in range(comparisons):
        report = home.run("--seed", str(seed), "--slow-down", "b=5")
        (comparison,) = report["comparisons"]
        found += comparison["detected"]
        slower += comparison["detected"] and comparison["ratio"] > 1
        ratios.append(comparison["ratio"])
        values = {cell["environment"]: cell["trial_seconds"]["values"] for cell in report["cells"]}
        noise.append(statistics.stdev(math.log(b / a) for a, b in zip(values["a"], values["b"])))
        print(f"\r{blocks} blocks: {seed + 1}/{comparisons}, found: {found}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return {
        "blocks": blocks,
        "comparisons": comparisons,
        "found": found,
        "found_as_slower": slower,
        "power": slower / comparisons,
        "power_ci95": wilson(slower, comparisons),
        "median_ratio": statistics.median(ratios),
        "median_noise_of_log_ratio": statistics.median(noise),
    }


def main() -> None:
    comparisons = 10 if "--quick" in sys.argv else 100
    write(
        "slowdown_power",
        {
            "slowdown_percent": 5,
            "target": "at least 95 % at 50 blocks on a quiet machine",
            "series": [series(blocks, comparisons) for blocks in (20, 50)],
        },
    )


if __name__ == "__main__":
    main()
