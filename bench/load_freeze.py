"""A standstill of 1 s within 10 s at 500 requests a second: in theory p95 is 500 and p99 900 ms."""

import statistics

import results
from load_side import Server, arguments, load


def main() -> None:
    asked = arguments(__doc__)
    rounds = 2 if asked.quick else 10
    rows = []
    for _ in range(rounds):
        with Server(4, 5) as server:
            measured = load(server.url("/fast"), "--rate", "500", "--arrival", "constant", "--duration", "10s")
            rows.append({"valid": measured["valid"], "p95": measured["response_ms"]["p95"], "p99": measured["response_ms"]["p99"]})
    off = lambda name, theory: round((statistics.median(row[name] for row in rows) / theory - 1) * 100, 2)
    results.write("load_freeze", {"rounds": rows, "p95_off_percent": off("p95", 500), "p99_off_percent": off("p99", 900)})


main()
