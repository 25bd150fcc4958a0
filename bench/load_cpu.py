"""CPU µs per request at 64 connections: weighbridge beside wrk and oha, interleaved.

Needs wrk (apt install wrk) and oha (cargo install oha); what is missing is left out and said.
"""

import json
import re
import shutil
import statistics

import results
from load_side import WEIGHBRIDGE, Server, arguments, run_measured


def weighbridge(url: str, seconds: int) -> tuple[list, object]:
    command = [WEIGHBRIDGE, "load", url, "--users", 64, "--duration", f"{seconds}s", "--format", "json"]
    return command, lambda text: json.loads(text[text.index("{"):])["requests"]


def wrk(url: str, seconds: int) -> tuple[list, object]:
    command = ["wrk", "-t1", "-c64", f"-d{seconds}s", url]
    return command, lambda text: int(re.search(r"(\d+) requests in", text).group(1))


def oha(url: str, seconds: int) -> tuple[list, object]:
    command = ["oha", "--no-tui", "-c", "64", "-z", f"{seconds}s", "--output-format", "json", url]
    return command, lambda text: sum(json.loads(text[text.index("{"):])["statusCodeDistribution"].values())


def main() -> None:
    asked = arguments(__doc__)
    rounds, seconds = (2, 2) if asked.quick else (10, 10)
    tools = {"weighbridge": weighbridge, "wrk": wrk, "oha": oha}
    absent = [name for name in ("wrk", "oha") if not shutil.which(name)]
    tools = {name: tool for name, tool in tools.items() if name not in absent}
    costs = {name: [] for name in tools}
    rates = {name: [] for name in tools}
    with Server() as server:
        for turn in range(rounds):
            order = list(tools)[turn % len(tools):] + list(tools)[:turn % len(tools)]
            for name in order:
                command, count = tools[name](server.url("/fast"), seconds)
                text, cpu, _ = run_measured(command)
                requests = count(text)
                costs[name].append(cpu / requests * 1e6)
                rates[name].append(requests / seconds)
    medians = {name: statistics.median(values) for name, values in costs.items()}
    ratio = lambda peer: round(statistics.median(a / b for a, b in zip(costs["weighbridge"], costs[peer])), 3)
    results.write("load_cpu", {
        "rounds": rounds,
        "seconds": seconds,
        "cpu_us_per_request_median": {name: round(value, 2) for name, value in medians.items()},
        "requests_per_second_median": {name: round(statistics.median(values)) for name, values in rates.items()},
        "ratio_to": {peer: ratio(peer) for peer in tools if peer != "weighbridge"},
        "absent": absent,
    })


main()
