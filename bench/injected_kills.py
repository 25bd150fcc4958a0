"""Runs killed with SIGKILL at random moments and resumed until they are done.

In the end each has exactly the asked number of unique trials, is marked as resumed, and
nothing of it is left on the host: no process, no cgroup, no mount, no directory.
"""

import json
import pathlib
import random
import subprocess
import sys
import time

from results import write
from weighbridge_runs import Home

EXPERIMENT = """
[[environment]]
kind = "native"
[[environment]]
kind = "container"
[[workload]]
application = "traffic-light"
trials = 6
"""


def traces(home: pathlib.Path) -> list[str]:
    """Whatever a run may leave behind on this host."""
    left = []
    if (home / "instances").is_dir():
        left += [str(path) for path in (home / "instances").iterdir()]
    root = pathlib.Path("/sys/fs/cgroup")
    left += [str(path) for path in root.glob("**/weighbridge-*") if path.is_dir()]
    left += [line for line in open("/proc/self/mountinfo") if str(home) in line]
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"agent" in arguments[1:2] or b"container-monitor" in arguments[1:2]:
            left.append(f"process {process.name}: {b' '.join(arguments).decode(errors='replace')}")
    return left


def main() -> None:
    kills = 20 if "--quick" in sys.argv else 200
    chance = random.Random(1)
    killed = runs = 0
    wrong = []
    while killed < kills:
        home = Home(EXPERIMENT)
        command = home.command("run", str(home.file), "--format", "json")
        killed_this_run = 0
        while True:
            process = subprocess.Popen(command, env=home.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if killed < kills and killed_this_run < 8:
                time.sleep(chance.uniform(0.05, 1.2))
                if process.poll() is None:
                    process.kill()
                    killed += 1
                    killed_this_run += 1
            output = process.communicate()[0]
            if process.returncode == 0:
                break
            listed = subprocess.run(home.command("runs", "--format", "json"), env=home.environment, capture_output=True)
            if json.loads(listed.stdout)["runs"]:
                command = home.command("run", "--resume", "latest", "--format", "json")
        runs += 1
        report = json.loads(output)
        for cell in report["cells"]:
            if cell["trials"] != 6:
                wrong.append(f"{report['run']['id']}: {cell['environment']} has {cell['trials']} trials")
        left = traces(home.path / "home")
        wrong += [f"left behind: {trace}" for trace in left]
        print(f"\r{killed}/{kills} kills, {runs} runs, wrong: {len(wrong)}", end="", file=sys.stderr)
    write("injected_kills", {"kills": killed, "runs": runs, "wrong": wrong, "target": "no wrong count, nothing left"})


if __name__ == "__main__":
    main()
