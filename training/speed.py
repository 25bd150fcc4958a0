"""Times the models with onnxruntime on one thread.

    python speed.py
"""

import time

import numpy as np

from engine import MODELS, open_model


def milliseconds(session, image, runs):
    """Median and least time of one run, after two runs that do not count."""
    times = []
    for _ in range(runs + 2):
        started = time.perf_counter()
        session.run(None, {"image": image})
        times.append((time.perf_counter() - started) * 1000)
    return np.median(times[2:]), min(times[2:])


def main():
    rng = np.random.default_rng(0)
    for name, shape, runs in (("derain", (1, 3, 512, 512), 30), ("traffic-light", (1, 3, 64, 64), 300),
                              ("traffic-sign", (1, 3, 48, 48), 300)):
        median, least = milliseconds(open_model(MODELS / f"{name}.onnx"), rng.random(shape, np.float32), runs)
        print(f"{name} {shape}: median {median:.2f} ms, least {least:.2f} ms of {runs} runs")


if __name__ == "__main__":
    main()
