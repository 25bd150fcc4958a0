"""Renders training signs, trains the classifier and writes models/traffic-sign.onnx.

    python -m traffic_sign.train --seed 17
    python -m traffic_sign.train --seed 19 --start ../models/traffic-sign.onnx --renders 12900 --epochs 6 --peak 5e-4

The second stage practises the whole of each training range evenly; the first one mostly its milder half.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch

import photos
from engine import MODELS
from traffic_sign.net import TrafficSign, export, load
from traffic_sign.render import build_set


def vary(images):
    """Exposure, colour and position changes, so that no render is seen twice alike; nothing is mirrored."""
    count = len(images)
    gain = torch.empty(count, 3, 1, 1).uniform_(0.95, 1.05) * torch.empty(count, 1, 1, 1).uniform_(0.9, 1.15)
    images = images * gain + torch.empty(count, 1, 1, 1).uniform_(-0.03, 0.03)
    images = torch.roll(images, torch.randint(-2, 3, (2,)).tolist(), dims=(2, 3))
    return images.clamp(0, 1)


def train(net, images, labels, epochs, batch, peak, learn_scale):
    """`learn_scale` lets the normalisations follow their batches."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=peak, weight_decay=0.02)
    total, step = epochs * (len(images) // batch), 0
    for epoch in range(epochs):
        net.norms.train(learn_scale)
        order, losses, started = torch.randperm(len(images)), [], time.monotonic()
        for start in range(0, len(images) - batch + 1, batch):
            pick = order[start:start + batch]
            for group in optimiser.param_groups:
                group["lr"] = peak * min(1, step / 100) * (0.5 + 0.5 * math.cos(math.pi * step / total))
            inputs = vary(images[pick].float() / 255).contiguous(memory_format=torch.channels_last)
            loss = torch.nn.functional.cross_entropy(net(inputs), labels[pick], label_smoothing=0.02)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            step += 1
        print(f"epoch {epoch + 1}/{epochs} loss {np.mean(losses):.4f} in {time.monotonic() - started:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--renders", type=int, default=30100)
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--peak", type=float, default=3e-3, help="largest learning rate")
    parser.add_argument("--start", type=Path, help="exported file to go on from")
    parser.add_argument("--out", type=Path, default=MODELS / "traffic-sign.onnx")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    images, labels = build_set(options.seed, options.renders, photos.TRAINING, mild=options.start is None)
    print("renders done", flush=True)
    net = load(options.start) if options.start else TrafficSign()
    net = net.to(memory_format=torch.channels_last)
    print(sum(parameter.numel() for parameter in net.parameters()), "parameters", flush=True)
    pictures = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    train(net, pictures, torch.from_numpy(labels), options.epochs, 64, options.peak,
          learn_scale=options.start is None)
    export(net.eval(), options.out)


if __name__ == "__main__":
    main()
