"""Renders training lights, trains the classifier and writes models/traffic-light.onnx.

    python traffic_light_train.py --seed 11
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch

import photos
from traffic_light_net import TrafficLight, export
from traffic_light_render import CLASSES, render, small

MODELS = Path(__file__).resolve().parent.parent / "models"


def build_set(seed, count):
    """Renders `count` lights, classes in turn, as uint8 [n, 3, 64, 64] with labels."""
    rng = np.random.default_rng(seed)
    pictures = [photos.load(name) for name in photos.TRAINING]
    labels = np.arange(count) % len(CLASSES)
    images = np.empty((count, 3, 64, 64), np.uint8)
    for k, label in enumerate(labels):
        images[k] = small(render(rng, label, False, pictures)).transpose(2, 0, 1)
    return torch.from_numpy(images), torch.from_numpy(labels)


def vary(images):
    """Per-picture exposure, colour and position changes, so that no render is seen twice alike."""
    count = len(images)
    gain = torch.empty(count, 3, 1, 1).uniform_(0.92, 1.08) * torch.empty(count, 1, 1, 1).uniform_(0.8, 1.2)
    images = images * gain + torch.empty(count, 1, 1, 1).uniform_(-0.04, 0.04)
    shift = torch.randint(-4, 5, (2,)).tolist()
    images = torch.roll(images, shift, dims=(2, 3))
    return images.clamp(0, 1)


def train(net, images, labels, epochs, batch, peak):
    optimiser = torch.optim.AdamW(net.parameters(), lr=peak, weight_decay=0.01)
    total = epochs * (len(images) // batch)
    step = 0
    for epoch in range(epochs):
        order, losses = torch.randperm(len(images)), []
        for start in range(0, len(images) - batch + 1, batch):
            pick = order[start:start + batch]
            for group in optimiser.param_groups:
                group["lr"] = peak * min(1, step / 100) * (0.5 + 0.5 * math.cos(math.pi * step / total))
            logits = net(vary(images[pick].float() / 255))
            loss = torch.nn.functional.cross_entropy(logits, labels[pick], label_smoothing=0.02)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            step += 1
        print(f"epoch {epoch + 1}/{epochs} loss {np.mean(losses):.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--renders", type=int, default=14000)
    parser.add_argument("--epochs", type=int, default=28)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, default=MODELS / "traffic-light.onnx")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    images, labels = build_set(options.seed, options.renders)
    print("renders done", flush=True)
    net = TrafficLight()
    train(net, images, labels, options.epochs, 64, 2e-3)
    export(net.eval(), options.out)


if __name__ == "__main__":
    main()
