"""Trains the derain network and writes models/derain.onnx.

    python derain_train.py --seed 7
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch

from derain_data import Batches, build_pools
from derain_net import Derain, export

MODELS = Path(__file__).resolve().parent.parent / "models"


def loss_of(output, target, progress):
    """Squared error of each patch; in the last part of the training its root.

    Squared error learns to find streaks several times sooner than flatter losses, since
    heavy rain leads. The root then gives lightly rained and dry patches their due.
    """
    error = (output - target).square().mean(dim=(1, 2, 3))
    return 30 * error.mean() if progress < 0.6 else (error + 1e-5).sqrt().mean()


def rate_at(progress, peak):
    """Learning rate: a short warm-up, then a cosine down to nearly nothing."""
    warm = min(1.0, progress / 0.02)
    return peak * warm * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-6


def train(net, batches, steps, batch, peak, keep_at):
    """Runs `steps` steps of Adam in bfloat16; `keep_at` receives the averaged weights as it goes."""
    net = net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), lr=peak, betas=(0.9, 0.99))
    average = {name: value.detach().clone() for name, value in net.state_dict().items()}
    started, recent = time.time(), []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step / steps, peak)
        rainy, clean = batches.draw(batch)
        rainy = rainy.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            residual = net.residual(rainy)
        loss = loss_of(rainy + residual.float(), clean, step / steps)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        keep = min(0.999, step / (step + 10))
        for name, value in net.state_dict().items():
            average[name].lerp_(value, 1 - keep)
        recent.append(loss.item())
        if step % 500 == 499:
            print(f"step {step + 1}/{steps} loss {np.mean(recent):.4f} {time.time() - started:.0f} s", flush=True)
            recent = []
            keep_at(average)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=13000, help="a multiple of 500")
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=MODELS / "derain.onnx")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    clean, streaks = build_pools(options.seed, patches=7000, rains=7000, size=96)
    print("pools built", flush=True)
    batches = Batches(clean, streaks, options.seed + 1)

    def keep(weights):
        result = Derain()
        result.load_state_dict(weights)
        export(result, options.out)

    train(Derain(), batches, options.steps, options.batch, 2e-3, keep)


if __name__ == "__main__":
    main()
