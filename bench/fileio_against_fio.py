"""MB/s of the workload kind "fileio" against fio with the same parameters on the same file system.

In turns, for each mode and block size: our own requests, then fio's. fio is given what the
documentation names: psync, threads with a file each, norandommap, overwrite, end_fsync. The
ratio is of medians. Target: within 5 %.
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
[[workload]]
kind = "fileio"
modes = {modes}
block_sizes = {blocks}
size = "{mebibytes}MiB"
seconds = {seconds}
direct = {direct}
trials = 1
"""
MODES = {
    "sequential-read": "read",
    "sequential-write": "write",
    "random-read": "randread",
    "random-write": "randwrite",
}
BLOCKS = {"4 KiB": 4 << 10, "64 KiB": 64 << 10, "1 MiB": 1 << 20}
THREADS = 2


def ours(home: Home) -> dict:
    cell = home.run()["cells"][0]
    return {row["mode"]: row["quantities"][0]["mean"] for row in cell["system"]}


def fio(home: Home, mebibytes: int, seconds: float, direct: bool) -> dict:
    directory = home.path / "fio"
    directory.mkdir(exist_ok=True)
    found = {}
    for mode, rw in MODES.items():
        for name, block in BLOCKS.items():
            side = "write" if "write" in rw else "read"
            command = [
                "fio", "--name=peer", f"--directory={directory}", "--filename_format=$jobnum",
                f"--rw={rw}", f"--bs={block}", f"--size={mebibytes // THREADS}m",
                f"--numjobs={THREADS}", f"--direct={int(direct)}", "--thread", "--group_reporting",
                "--ioengine=psync", "--norandommap", "--overwrite=1", "--end_fsync=1",
                f"--runtime={seconds}", "--time_based", "--output-format=json",
            ]
            text = subprocess.run(command, capture_output=True, text=True, check=True, cwd=directory).stdout
            job = json.loads(text[text.index("{"):])["jobs"][0][side]
            found[f"{mode} {name}"] = job["io_bytes"] / (job["runtime"] / 1e3) / 1e6
    return found


def main() -> None:
    quick, direct = "--quick" in sys.argv, "--buffered" not in sys.argv
    seconds, rounds, mebibytes = (1, 2, 128) if quick else (3, 5, 512)
    home = Home(
        EXPERIMENT.format(
            modes=json.dumps(list(MODES)),
            blocks=json.dumps([name.replace(" ", "") for name in BLOCKS]),
            mebibytes=mebibytes,
            seconds=seconds,
            direct=json.dumps(direct),
        )
    )
    sides, loads = {"weighbridge": [], "fio": []}, []
    for turn in range(rounds):
        work = [
            ("weighbridge", lambda: ours(home)),
            ("fio", lambda: fio(home, mebibytes, seconds, direct)),
        ]
        for name, side in work if turn % 2 == 0 else reversed(work):
            loads.append(os.getloadavg()[0])
            sides[name].append(side())
    median = lambda name, mode: statistics.median(run[mode] for run in sides[name])
    modes = {
        mode: {
            "weighbridge_mb_per_second": median("weighbridge", mode),
            "fio_mb_per_second": median("fio", mode),
            "ratio_of_medians": median("weighbridge", mode) / median("fio", mode),
            "weighbridge": [run[mode] for run in sides["weighbridge"]],
            "fio": [run[mode] for run in sides["fio"]],
        }
        for mode in sides["fio"][0]
    }
    write(
        "fileio_against_fio" + ("" if direct else "_buffered"),
        {
            "fio": subprocess.run(["fio", "--version"], capture_output=True, text=True).stdout.strip(),
            "size_mebibytes": mebibytes,
            "seconds": seconds,
            "direct": direct,
            "modes": modes,
            "load_average_before_each": loads,
            "target": "within 5 %, interleaved, medians of 5",
        },
    )


if __name__ == "__main__":
    main()
