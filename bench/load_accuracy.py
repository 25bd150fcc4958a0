"""Error of p50 and p99 against a server that logs its true delays (1, 10, 337 ms, 2 % 1,480 ms)."""

import results
from load_side import Server, arguments, load


def error(measured: dict, true: dict) -> dict:
    rows = {}
    for name in ("p50", "p90", "p95", "p99"):
        value = measured["response_ms"][name]
        rows[name] = {
            "true_ms": round(true[name], 3),
            "measured_ms": value,
            "error_ms": None if value is None else round(value - true[name], 3),
            "error_percent": None if value is None else round((value / true[name] - 1) * 100, 3),
        }
    return {"valid": measured["valid"], "requests": measured["requests"], "send_lag_ms": measured["send_lag_ms"], **rows}


def main() -> None:
    asked = arguments(__doc__)
    seconds = 10 if asked.quick else 120
    result = {"seconds": seconds}
    with Server() as server:
        loads = {
            "rate_100": ("--rate", "100", "--duration", f"{seconds}s"),
            "users_1000": ("--users", "1000", "--spawn-rate", "200", "--think", "1s", "--duration", f"{seconds + 5}s"),
        }
        for name, options in loads.items():
            server.stats()
            measured = load(server.url("/mix"), *options)
            result[name] = error(measured, server.stats())
    results.write("load_accuracy", result)


main()
