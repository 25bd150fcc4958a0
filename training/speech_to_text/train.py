"""Trains the network on composed examples and writes models/speech-to-text.onnx.

    python train.py FOLDER [--minutes 30] [--steps 16000] [--seed 17] [--peak 2.5e-3]
        [--start FILE] [--out FILE]

FOLDER is what data.py wrote. The averaged weights are exported every `--every` steps, so that
training can be stopped at any time, and gone on with from the `.pt` file beside it.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch

import net as network
from compose import Composer

MODELS = Path(__file__).resolve().parent.parent.parent / "models"
BATCH, WARM_UP = 24, 300


def loss_of(net, batch):
    bands, lengths, labels = batch
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(torch.from_numpy(bands))
    log_probabilities = logits.float().log_softmax(1)
    joined = torch.tensor([label for one in labels for label in one])
    return torch.nn.functional.ctc_loss(
        log_probabilities.permute(2, 0, 1), joined, torch.tensor(lengths),
        torch.tensor([len(one) for one in labels]), blank=0, zero_infinity=True)


def rate(done):
    """Learning rate as a share of its peak, for the share of training that is done."""
    return 0.5 + 0.5 * math.cos(math.pi * min(done, 1.0))


def train(net, mean, composer, options):
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.peak, weight_decay=0.005)
    start, losses, waiting = time.monotonic(), [], []
    for step in range(options.steps):
        # Led by whichever comes first, steps or minutes: the cosine must reach its end.
        done = max(step / options.steps, (time.monotonic() - start) / 60 / options.minutes)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = options.peak * min(1, (step + 1) / WARM_UP) * rate(done)
        waiting = waiting or composer.batches(BATCH)
        loss = loss_of(net, waiting.pop())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        mean.update_parameters(net)
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            print(f"step {step + 1} minute {(time.monotonic() - start) / 60:.1f} done {done:.3f} "
                  f"loss {np.mean(losses[-100:]):.4f}", flush=True)
        if (step + 1) % options.every == 0:
            save(mean, options)
    save(mean, options)


def save(mean, options):
    torch.save(mean.module.state_dict(), options.out.with_suffix(".pt"))
    copy = network.Speech().eval()
    copy.load_state_dict(mean.module.state_dict())
    network.export(copy, options.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--steps", type=int, default=16000)
    parser.add_argument("--peak", type=float, default=2.5e-3, help="highest learning rate")
    parser.add_argument("--every", type=int, default=500)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--out", type=Path, default=MODELS / "speech-to-text.onnx")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    net = network.Speech().train()
    if options.start:
        net.load_state_dict(torch.load(options.start))
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(0.997)
    mean = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=average, use_buffers=True)
    train(net, mean, Composer(options.folder, options.seed), options)


if __name__ == "__main__":
    main()
