"""Runs killed with SIGKILL at random moments, and what they leave behind on this host.

Without arguments: runs in native and container are resumed until they are done. In the end each
has exactly the asked number of unique trials, is marked as resumed, and nothing of it is left:
no process, no cgroup, no mount, no directory, no container, no network interface.

With names of environments (`docker qemu`, any of them): each kill ends a run of its own in one
data directory, the environments in turn, none is resumed; then one `weighbridge reap` has to
leave nothing. For docker a private daemon is started. `--kills N` says how many (200).
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
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

ONE = """
[[environment]]
kind = "{kind}"
cpus = 1
memory = "1GiB"
{settings}
[[workload]]
application = "traffic-light"
inputs_per_trial = 1
trials = 3
"""

# Longest time after which a run of that kind is killed: into its trials, where nothing is busy.
KILLED_WITHIN = {"docker": 3.0, "qemu": 7.0}


def of_runs(home: Home, left: list[str]) -> list[str]:
    """Those that carry the name of a run of this data directory: others may be at work beside."""
    listed = subprocess.run(home.command("runs", "--format", "json"), env=home.environment, capture_output=True)
    own = [run["id"] for run in json.loads(listed.stdout)["runs"]] + [str(home.path)]
    return [trace for trace in left if any(name in trace for name in own)]


def traces(home: pathlib.Path) -> list[str]:
    """Whatever a run may leave behind on this host."""
    left = []
    if (home / "instances").is_dir():
        left += [str(path) for path in (home / "instances").iterdir()]
    root = pathlib.Path("/sys/fs/cgroup")
    left += [str(path) for path in root.glob("**/weighbridge-*") if path.is_dir()]
    left += [line for line in open("/proc/self/mountinfo") if str(home) in line]
    left += [f"interface {path.name}" for path in pathlib.Path("/sys/class/net").glob("wb????????????")]
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            directory = os.readlink(process / "cwd")
            cgroup = (process / "cgroup").read_text().splitlines()[:1]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        role = b"agent" in arguments[1:2] or b"container-monitor" in arguments[1:2]
        if role or directory.startswith(str(home)):
            said = b" ".join(arguments).decode(errors="replace")
            left.append(f"process {process.name} in {directory}, {cgroup}: {said}")
    return left


class Dockerd:
    """A daemon of one's own, with all that it keeps in a directory that is thrown away."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="wb-bench-dockerd-"))
        self.socket = self.directory / "docker.sock"
        places = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
        options = [word for name, place in places.items() for word in (name, str(self.directory / place))]
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        log = open(self.directory / "log", "w")
        command = ["dockerd", "--host", f"unix://{self.socket}", *options, "--bridge=none", "--iptables=false"]
        self.process = subprocess.Popen(command, env={**os.environ, "PATH": path}, stdout=log, stderr=log)
        for _ in range(600):
            if self.process.poll() is not None:
                raise SystemExit(f"dockerd ended: {(self.directory / 'log').read_text()[-2000:]}")
            if self.socket.exists() and self.docker("version").returncode == 0:
                return
            time.sleep(0.1)
        raise SystemExit("dockerd did not come up")

    def docker(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(["docker", "-H", f"unix://{self.socket}", *arguments], capture_output=True, text=True)

    def traces(self) -> list[str]:
        containers = self.docker("ps", "-aq", "--no-trunc").stdout.split()
        volumes = self.docker("volume", "ls", "-q").stdout.split()
        images = self.docker("images", "-q", "--filter", "label=weighbridge.image=agent").stdout.split()
        kinds = {"container": containers, "volume": volumes, "image": images}
        return [f"{kind} {name}" for kind, names in kinds.items() for name in names]

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def resumed(kills: int) -> dict:
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
    return {"kills": killed, "runs": runs, "wrong": wrong, "target": "no wrong count, nothing left"}


def killed_and_reaped(kinds: list[str], kills: int) -> dict:
    chance = random.Random(1)
    dockerd = Dockerd() if "docker" in kinds else None
    home = Home("")
    if dockerd:
        # By which `reap` finds the daemon that keeps the agent's image.
        home.environment["DOCKER_HOST"] = f"unix://{dockerd.socket}"
    if "qemu" in kinds:
        subprocess.run(home.command("env", "prepare", "qemu"), env=home.environment, check=True, capture_output=True)
    files = {}
    for kind in kinds:
        settings = {"docker": f'docker = {{ socket = "{dockerd and dockerd.socket}", network = "none" }}'}
        settings["qemu"] = 'qemu = { accel = "tcg" }'
        files[kind] = home.path / f"{kind}.toml"
        files[kind].write_text(ONE.format(kind=kind, settings=settings.get(kind, "")))
    killed = dict.fromkeys(kinds, 0)
    finished = most_left = 0
    try:
        while sum(killed.values()) < kills:
            kind = kinds[sum(killed.values()) % len(kinds)]
            command = home.command("run", str(files[kind]), "--format", "json")
            null = subprocess.DEVNULL
            process = subprocess.Popen(command, env=home.environment, stdout=null, stderr=null)
            time.sleep(chance.uniform(0.05, KILLED_WITHIN.get(kind, 1.2)))
            if process.poll() is None:
                process.kill()
                killed[kind] += 1
            else:
                finished += 1
            process.wait()
            left = traces(home.path / "home") + (dockerd.traces() if dockerd else [])
            most_left = max(most_left, len(left))
            print(f"\r{sum(killed.values())}/{kills} kills", end="", file=sys.stderr)
        reaped = subprocess.run(home.command("reap"), env=home.environment, capture_output=True, text=True)
        left = of_runs(home, traces(home.path / "home")) + (dockerd.traces() if dockerd else [])
        if reaped.returncode != 0:
            left.append(f"reap exited {reaped.returncode}: {reaped.stderr}")
    finally:
        if dockerd:
            dockerd.end()
    return {
        "kills": killed,
        "runs_that_ended_before_their_kill": finished,
        "most_traces_between": most_left,
        "orphans": left,
        "target": "no orphan after one reap",
    }


def main() -> None:
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    kills = 20 if "--quick" in sys.argv else 200
    if "--kills" in sys.argv:
        kills = int(sys.argv[sys.argv.index("--kills") + 1])
        words.remove(str(kills))
    if words:
        write(f"injected_kills_{'_'.join(words)}", killed_and_reaped(words, kills))
    else:
        write("injected_kills", resumed(kills))


if __name__ == "__main__":
    main()
