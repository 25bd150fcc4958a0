"""Trains the derain network in seven stages and writes models/derain.onnx.

    python derain_train.py --seed 7
"""

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from derain_data import Batches, build_pools
from derain_net import Derain, export, load

MODELS = Path(__file__).resolve().parent.parent / "models"
BATCH = 10


def squared_loss(output, target, _dry):
    """Squared error: heavy rain leads, and streaks are found several times sooner than otherwise."""
    return 30 * (output - target).square().mean()


def decibel_loss(output, target, _dry):
    """Mean log squared error of each patch, that is minus PSNR, with a floor near 44 dB.

    It gives lightly rained and dry patches their due; the floor keeps patches that are
    right already from drowning the rest.
    """
    error = (output - target).square().mean(dim=(1, 2, 3))
    return torch.log(error + 4e-5).mean()


def balanced_loss(output, target, dry):
    """As `decibel_loss`, with a floor near 38 dB where it rains.

    The PSNR of a whole photo hangs on its worst parts, so patches that are already good count less.
    """
    error = (output - target).square().mean(dim=(1, 2, 3))
    return torch.log(error + torch.where(dry, 4e-5, 1.6e-4)).mean()


@dataclass(frozen=True)
class Stage:
    """One stage of the training; each draws fresh patches and rains."""

    loss: Callable
    steps: int
    horizon: int  # the steps over which the cosine of the learning rate is stretched
    peak: float
    dry_share: float  # of the pairs have no rain at all
    veil: tuple  # share of the pairs with haze, and its greatest strength
    lift: float  # see photos.retone


# Much haze teaches to see through it, but also to deepen the blacks of a photo that has none;
# the later stages take that back with less haze, more dry pairs and paler photographs.
STAGES = (
    Stage(squared_loss, 6000, 13000, 2.0e-3, dry_share=0.12, veil=(0.45, 0.15), lift=0.02),
    Stage(decibel_loss, 9000, 9000, 1.5e-3, dry_share=0.12, veil=(0.45, 0.15), lift=0.02),
    Stage(decibel_loss, 5000, 5000, 1.0e-3, dry_share=0.18, veil=(0.25, 0.12), lift=0.06),
    Stage(decibel_loss, 4500, 4500, 1.0e-3, dry_share=0.18, veil=(0.25, 0.12), lift=0.06),
    Stage(balanced_loss, 10000, 24000, 8e-4, dry_share=0.15, veil=(0.3, 0.12), lift=0.05),
    Stage(balanced_loss, 8800, 8800, 5.5e-4, dry_share=0.15, veil=(0.3, 0.12), lift=0.05),
    Stage(balanced_loss, 2500, 2500, 4e-4, dry_share=0.3, veil=(0.3, 0.12), lift=0.05),
)


def rate_at(progress, peak):
    """Learning rate at `progress` 0..1: a short warm-up, then a cosine to zero."""
    warm = min(1.0, progress / 0.02)
    return peak * warm * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-6


def run_stage(net, batches, stage, keep, minutes=None):
    """Runs one stage with Adam in bfloat16; `keep` receives the averaged weights as it goes.

    With `minutes` the clock and not the number of steps leads the learning rate and the end.
    """
    net = net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), lr=stage.peak, betas=(0.9, 0.99))
    average = {name: value.detach().clone() for name, value in net.state_dict().items()}
    started, recent, step = time.time(), [], 0
    while (part := (time.time() - started) / 60 / minutes if minutes else step / stage.steps) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate_at(part if minutes else step / stage.horizon, stage.peak)
        rainy, clean, dry = batches.draw(BATCH)
        rainy = rainy.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            residual = net.residual(rainy)
        loss = stage.loss(rainy + residual.float(), clean, dry)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        share = min(0.999, step / (step + 10))
        for name, value in net.state_dict().items():
            average[name].lerp_(value, 1 - share)
        recent.append(loss.item())
        step += 1
        if step % 500 == 0:
            print(f"step {step} ({part:.0%}) loss {np.mean(recent):.4f} {time.time() - started:.0f} s", flush=True)
            recent = []
            keep(average)
    print(f"{step} steps", flush=True)
    keep(average)
    net.load_state_dict(average)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=MODELS / "derain.onnx")
    parser.add_argument("--start", type=Path, help="go on from the weights of this exported file")
    parser.add_argument("--stages", type=int, nargs="+", default=range(1, len(STAGES) + 1), help="which stages to run, from 1")
    parser.add_argument("--minutes", type=float, help="length of each stage by the clock instead of in steps")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    def keep(weights):
        result = Derain()
        result.load_state_dict(weights)
        export(result, options.out)

    net = load(options.start) if options.start else Derain()
    for number in options.stages:
        stage, seed = STAGES[number - 1], options.seed + 100 * (number - 1)
        clean, streaks = build_pools(seed, stage.lift)
        print("pools are ready", flush=True)
        run_stage(net, Batches(clean, streaks, seed + 1, stage.dry_share, stage.veil), stage, keep, options.minutes)


if __name__ == "__main__":
    main()
