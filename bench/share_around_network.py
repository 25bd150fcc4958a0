"""Share of decode, prepare and interpret in one detection.

The engine's call is what a model costs; the rest is ours. One run a detector, its samples and
threads as a user gets them; the share is taken inference by inference from the recorded stages, so a
slow moment of the host falls on all of them. Weights are seeded: speed only.
"""

import json
import statistics
import subprocess
import sys

from results import write
from weighbridge_runs import Home

DETECTORS = ["object-detection", "face-detection"]
STAGES = ["decode", "prepare", "infer", "interpret"]
TARGET = 0.12


def inferences(application: str, threads: int, trials: int) -> list[dict]:
    home = Home(f"""
[[environment]]
kind = "native"
[[workload]]
application = "{application}"
trials = {trials}
threads = {threads}
""")
    run = home.run()["run"]["id"]
    done = subprocess.run(home.command("report", run, "--format", "record"),
                          env=home.environment, capture_output=True, check=True)
    record = json.loads(done.stdout)
    return [one for trial in record["trials"] for one in trial["inferences"]]


def summary(found: list[dict]) -> dict:
    def total(one: dict) -> int:
        return sum(one[f"{stage}_nanoseconds"] for stage in STAGES)

    shares = [1 - one["infer_nanoseconds"] / total(one) for one in found]
    medians = {
        f"{stage}_ms_median": round(statistics.median(one[f"{stage}_nanoseconds"] for one in found) / 1e6, 3)
        for stage in STAGES
    }
    return {"inferences": len(found), "share_median": round(statistics.median(shares), 4), **medians}


def main() -> None:
    trials = 3 if "--quick" in sys.argv else 20
    cells = [
        {"application": application, "threads": threads, **summary(inferences(application, threads, trials))}
        for application in DETECTORS
        for threads in (1, 2)
    ]
    write("share_around_network", {
        "target": f"at most {TARGET} of object-detection, 640 x 640",
        "weights": "seeded weights: speed only",
        "cells": cells,
    })


main()
