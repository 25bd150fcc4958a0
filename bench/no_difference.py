"""False alarms: `native` against `native`, two names for one thing, many short comparisons.

At a level of 5 %, about one comparison in twenty may be called different: of 400, at least 8
and at most 30 (the central 99.9 % of a fair test is 8 to 34).
"""

import sys

from results import wilson, write
from weighbridge_runs import Home

EXPERIMENT = """
[[environment]]
name = "a"
kind = "native"
[[environment]]
name = "b"
kind = "native"
[[workload]]
application = "traffic-light"
inputs_per_trial = 24
trials = {blocks}
threads = 1
"""


def main() -> None:
    comparisons = 40 if "--quick" in sys.argv else 400
    blocks = 10
    home = Home(EXPERIMENT.format(blocks=blocks))
    detected = []
    spread = []
    for seed in range(comparisons):
        report = home.run("--seed", str(seed))
        (comparison,) = report["comparisons"]
        detected.append(comparison["detected"])
        spread.append(comparison["ci95"][1] / comparison["ci95"][0] - 1)
        print(f"\r{seed + 1}/{comparisons}, called different: {sum(detected)}", end="", file=sys.stderr)
    spread.sort()
    write(
        "no_difference",
        {
            "comparisons": comparisons,
            "blocks": blocks,
            "called_different": sum(detected),
            "share": sum(detected) / comparisons,
            "share_ci95": wilson(sum(detected), comparisons),
            "target": "8 to 30 of 400",
            "median_width_of_interval": spread[len(spread) // 2],
        },
    )


if __name__ == "__main__":
    main()
