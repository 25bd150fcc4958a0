"""What the service adds to the engine's call, one request at a time.

The bare call is `weighbridge bare-loop`: the same session on the same photo in a loop. Both
run on the embedded engine with one thread and take turns. From the time that a client waits
are taken the decoding of the photo and the encoding of the result, which the service states for each
request (`Server-Timing`); what is left beside the bare call is the overhead: the queue, HTTP,
the change of threads, and what the cache forgot.
"""

import statistics
import subprocess
import sys
import time

from results import write
from service_side import PHOTO, weighbridge
from weighbridge_runs import EXECUTABLE

TARGET = 0.03


def bare(count: int) -> list[float]:
    command = [str(EXECUTABLE), "bare-loop", "derain", "1", str(count), str(PHOTO)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [int(line) / 1e6 for line in done.stdout.split()][1:]


def served(side, photo: bytes, count: int) -> list[dict]:
    found = []
    for _ in range(count):
        began = time.perf_counter()
        status, _, headers = side.ask("POST", "/v1/derain", photo, {"accept": "image/jpeg"})
        waited = (time.perf_counter() - began) * 1e3
        assert status == 200, status
        timing = next(value for name, value in headers.items() if name.lower() == "server-timing")
        stages = {part.split(";")[0].strip(): float(part.split("dur=")[1]) for part in timing.split(",")}
        found.append({"client": waited, **stages})
    return found[1:]


def main() -> None:
    rounds, count = (2, 6) if "--quick" in sys.argv else (15, 21)
    photo = PHOTO.read_bytes()
    side = weighbridge("serve", "--engine", "rten", "--threads", "1", "--workers", "1")
    shares, ours, bares = [], [], []
    try:
        for _ in range(rounds):
            alone = statistics.median(bare(count))
            rows = served(side, photo, count)
            left = statistics.median(row["client"] - row["decode"] - row["encode"] for row in rows)
            shares.append(left / alone - 1)
            ours.extend(rows)
            bares.append(alone)
    finally:
        side.stop()
    median = lambda key: round(statistics.median(row[key] for row in ours), 3)
    write("service_overhead", {
        "target": f"at most {TARGET} of the bare call, beside decode and encode",
        "photo": "600 x 400 JPEG", "engine": "rten, 1 thread", "rounds": rounds, "requests": len(ours),
        "bare_infer_ms_median": round(statistics.median(bares), 3),
        "overhead_share_median": round(statistics.median(shares), 4),
        "overhead_share_of_each_round": [round(share, 4) for share in shares],
        "stages_ms_median": {key: median(key) for key in ("client", "queue", "decode", "prepare", "infer", "interpret", "encode")},
    })


if __name__ == "__main__":
    main()
