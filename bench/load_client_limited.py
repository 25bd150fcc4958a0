"""A CPU hog beside the client: how often the load is called INVALID, and how often without one."""

import subprocess

import results
from load_side import CLIENT_CORE, Server, arguments, load, pinned

OPTIONS = ("--rate", "500", "--duration", "3s")


def main() -> None:
    asked = arguments(__doc__)
    with_hog, without = (5, 10) if asked.quick else (100, 300)
    caught, alarms, reasons = 0, 0, []
    with Server() as server:
        for _ in range(without):
            measured = load(server.url("/ms/2"), *OPTIONS)
            if not measured["valid"]:
                alarms += 1
                reasons.append(measured["details"]["client"]["limited_by"])
        hog = subprocess.Popen(pinned(CLIENT_CORE, ["python3", "-c", "while True: pass"]))
        try:
            for _ in range(with_hog):
                caught += load(server.url("/ms/2"), *OPTIONS)["exit"] == 3
        finally:
            hog.terminate()
            hog.wait()
    results.write("load_client_limited", {
        "with_hog": with_hog,
        "called_invalid": caught,
        "without": without,
        "false_alarms": alarms,
        "why": reasons[:10],
    })


main()
