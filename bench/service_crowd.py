"""A thousand users on a service that can serve few of them: who is served, how soon the others know.

Each user has a connection, sends a photo of 512 x 512, waits for the answer, thinks for a
second, and asks again. Served ones should wait at most twice the queue's limit divided by
the throughput; the others get 503 at once; memory does not grow. The client is this
program: one thread, plain sockets. On two cores it takes its share of them.
"""

import asyncio
import statistics
import sys
import time

from results import write
from service_side import weighbridge
from service_throughput import peer_python, photo_512

USERS, QUEUE, THINK = 1_000, 32, 1.0


async def user(number: int, side, request: bytes, end: float, served: list, refused: list, failed: list) -> None:
    await asyncio.sleep(number / USERS * THINK)  # an even start
    reader = writer = None
    while time.monotonic() < end:
        began = time.perf_counter()
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", side.port)
            writer.write(request)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            await reader.readexactly(length)
            waited = (time.perf_counter() - began) * 1e3
            (served if status == 200 else refused if status == 503 else failed).append(waited)
        except (OSError, asyncio.IncompleteReadError):
            failed.append(0.0)
            writer = None
        await asyncio.sleep(THINK)
    if writer is not None:
        writer.close()


def percentile(values: list[float], share: float) -> float | None:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2) if ordered else None


async def crowd(side, photo: bytes, seconds: float) -> dict:
    request = (b"POST /v1/derain HTTP/1.1\r\nhost: a\r\naccept: image/jpeg\r\ncontent-length: %d\r\n\r\n" % len(photo)) + photo
    served, refused, failed, memory = [], [], [], []
    end = time.monotonic() + seconds

    async def watch() -> None:
        while time.monotonic() < end:
            await asyncio.sleep(min(5.0, seconds / 4))
            memory.append(side.memory_bytes())

    await asyncio.gather(watch(), *(user(n, side, request, end, served, refused, failed) for n in range(USERS)))
    throughput = len(served) / seconds
    half = len(memory) // 2
    return {
        "served": len(served), "refused": len(refused), "failed": len(failed),
        "served_per_second": round(throughput, 2),
        "served_ms": {"p50": percentile(served, 0.5), "p99": percentile(served, 0.99)},
        "bound_ms": round(2 * QUEUE / throughput * 1e3, 1) if throughput else None,
        "refused_ms": {"p50": percentile(refused, 0.5), "p99": percentile(refused, 0.99)},
        "memory_bytes": {"first_half_median": statistics.median(memory[: half or 1]), "second_half_median": statistics.median(memory[half:])},
    }


def main() -> None:
    seconds = 20.0 if "--quick" in sys.argv else 600.0
    photo = photo_512(peer_python())
    side = weighbridge("serve", "--queue", str(QUEUE))
    try:
        result = asyncio.run(crowd(side, photo, seconds))
    finally:
        side.stop()
    write("service_crowd", {
        "target": "served p99 at most twice the queue's limit over the throughput; 503 within 5 ms; no growth of memory",
        "users": USERS, "queue": QUEUE, "think_seconds": THINK, "seconds": seconds, **result,
    })


if __name__ == "__main__":
    main()
