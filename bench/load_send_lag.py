"""Send lag at 1,000 requests a second, constant and Poisson."""

import results
from load_side import Server, arguments, load


def main() -> None:
    asked = arguments(__doc__)
    seconds, rounds = (3, 1) if asked.quick else (30, 5)
    rows = []
    with Server() as server:
        for _ in range(rounds):
            for arrival in ("constant", "poisson"):
                measured = load(server.url("/ms/2"), "--rate", "1000", "--arrival", arrival, "--duration", f"{seconds}s")
                rows.append({"arrival": arrival, "valid": measured["valid"], **measured["send_lag_ms"]})
    results.write("load_send_lag", {"seconds": seconds, "runs": rows, "p99_ms_worst": max(row["p99"] for row in rows)})


main()
