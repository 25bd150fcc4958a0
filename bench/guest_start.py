"""From asking for a virtual machine to its agent's first answer, against the bare QEMU.

The bare one boots the same kernel on the same machine to a minimal first process (C, static,
756 KB) that says so on the console and ends: nothing is loaded, nothing else is in its archive.
Both are timed by the host, in turn, on one emulated processor.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from results import write
from weighbridge_runs import Home

EXPERIMENT = """
[[environment]]
kind = "qemu"
cpus = 1
memory = "1GiB"
qemu = { accel = "tcg" }
[[workload]]
application = "traffic-light"
inputs_per_trial = 1
trials = 1
warmup = 0
"""

INIT = r"""
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>
int main(void) {
    mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
    int console = open("/dev/console", O_WRONLY);
    write(console, "FIRST PROCESS\n", 14);
    reboot(RB_AUTOBOOT);
}
"""


def entry(number: int, name: str, mode: int, content: bytes = b"") -> bytes:
    """One file of a cpio archive in the format newc."""
    fields = [number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    pad = lambda data: data + b"\0" * (-len(data) % 4)
    return pad(head) + pad(content)


def bare_archive(directory: pathlib.Path) -> pathlib.Path:
    (directory / "init.c").write_text(INIT)
    init = directory / "init"
    subprocess.run(["cc", "-static", "-O2", "-w", "-o", init, directory / "init.c"], check=True)
    archive = directory / "bare.cpio"
    archive.write_bytes(
        entry(1, "dev", 0o040755) + entry(2, "init", 0o100755, init.read_bytes()) + entry(3, "TRAILER!!!", 0)
    )
    return archive


def bare_seconds(kernel: pathlib.Path, archive: pathlib.Path) -> float:
    megahertz = next(line.split(":")[1] for line in open("/proc/cpuinfo") if line.startswith("cpu MHz"))
    line = f"console=ttyS0 quiet panic=-1 reboot=t tsc_early_khz={round(float(megahertz) * 1000)}"
    command = "qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -machine q35"
    command += " -accel tcg,thread=multi -cpu max -smp 1 -m 1024 -serial stdio"
    began = time.monotonic()
    machine = subprocess.Popen(
        [*command.split(), "-kernel", kernel, "-initrd", archive, "-append", line], stdout=subprocess.PIPE
    )
    for said in machine.stdout:
        if b"FIRST PROCESS" in said:
            seconds = time.monotonic() - began
            machine.wait()
            return seconds
    raise SystemExit("the bare guest ended before its first process")


def our_seconds(home: Home) -> float:
    run = home.run()["run"]["id"]
    record = subprocess.run(
        home.command("report", run, "--format", "record"), env=home.environment, capture_output=True, check=True
    ).stdout
    (trial,) = json.loads(record)["trials"]
    return trial["start"]["ready_seconds"]


def main() -> None:
    home = Home(EXPERIMENT)
    subprocess.run(home.command("env", "prepare", "qemu"), env=home.environment, check=True)
    store = pathlib.Path(home.environment["WEIGHBRIDGE_HOME"]) / "guests"
    (kernel,) = store.glob("kernels/*/vmlinuz")
    home.run()
    bare, ours = [], []
    with tempfile.TemporaryDirectory(prefix="wb-bare-") as directory:
        archive = bare_archive(pathlib.Path(directory))
        for _ in range(3 if "--quick" in sys.argv else 9):
            bare.append(bare_seconds(kernel, archive))
            ours.append(our_seconds(home))
    (image,) = store.glob("images/*.cpio")
    write(
        "guest_start",
        {
            "bare_seconds": bare,
            "agent_ready_seconds": ours,
            "median_ratio": statistics.median(ours) / statistics.median(bare),
            "image_bytes": os.path.getsize(image),
            "target": "at most 1.3 times the bare boot; an image of at most 60 MB",
        },
    )


if __name__ == "__main__":
    main()
