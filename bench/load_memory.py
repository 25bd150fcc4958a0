"""Resident memory at 1,000 and 10,000 users, and its growth over 10 million requests."""

import json
import subprocess
import time

import results
from load_side import CLIENT_CORE, WEIGHBRIDGE, Server, arguments, load, pinned


def resident(process: int) -> int:
    for line in open(f"/proc/{process}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise SystemExit("the client has no memory to read")


def growth(server: Server, seconds: int) -> dict:
    """Resident memory after a tenth of a long run and near its end."""
    command = [WEIGHBRIDGE, "load", server.url("/fast"), "--users", 64, "--duration", f"{seconds}s", "--format", "json"]
    process = subprocess.Popen(pinned(CLIENT_CORE, command), stdout=subprocess.PIPE, text=True)
    time.sleep(seconds / 10)
    early = resident(process.pid)
    time.sleep(seconds * 0.85)
    late = resident(process.pid)
    document = json.loads(process.communicate()[0])
    return {"requests": document["requests"], "early_bytes": early, "late_bytes": late, "growth_bytes": late - early}


def main() -> None:
    asked = arguments(__doc__)
    seconds = 10 if asked.quick else 30
    result = {}
    with Server() as server:
        for users in (1000, 10_000):
            options = ("--users", str(users), "--spawn-rate", str(users / 5), "--think", "1s", "--duration", f"{seconds}s")
            measured = load(server.url("/ms/300"), *options)
            result[f"users_{users}"] = {
                "memory_peak_bytes": measured["client"]["memory_peak_bytes"],
                "users": measured["users"],
                "requests": measured["requests"],
                "failures": measured["failures"],
                "valid": measured["valid"],
            }
        result["growth"] = growth(server, 30 if asked.quick else 420)
    results.write("load_memory", result)


main()
