"""Training patches: a pool of clean patches and a pool of streak maps, paired anew each step.

Pairing at random multiplies the variety: each of the thousands of patches meets
each of the thousands of rains, under a blend drawn for that step alone.
"""

import numpy as np
import torch

import photos
import rain

PROCEDURAL_SHARE = 0.3
MIXED_SHARE = 0.25


def build_pools(seed, lift, patches=7000, rains=7000, size=96):
    """Returns uint8 arrays: clean patches [n, 3, size, size] and streak maps [m, 1, size, size]."""
    rng = np.random.default_rng(seed)
    pictures = [photos.load(name) for name in photos.TRAINING]
    chance = np.array(photos.WEIGHTS) / sum(photos.WEIGHTS)

    def draw_patch():
        if rng.random() < PROCEDURAL_SHARE:
            return photos.procedural(rng, size)
        return photos.augmented_patch(rng, pictures[rng.choice(len(pictures), p=chance)], size, lift)

    clean = np.empty((patches, 3, size, size), np.uint8)
    for k in range(patches):
        patch = draw_patch()
        if rng.random() < MIXED_SHARE:  # one picture shining through another
            share = rng.uniform(0.2, 0.8)
            patch = share * patch + (1 - share) * draw_patch()
        clean[k] = np.round(patch * 255).transpose(2, 0, 1)
    streaks = np.empty((rains, 1, size, size), np.uint8)
    for k in range(rains):
        streaks[k, 0] = np.round(rain.streak_map(rng, size, size) * 255)
    return clean, streaks


class Batches:
    """Draws training batches; the blend is that of `rain.blend`, written for whole batches."""

    def __init__(self, clean, streaks, seed, dry_share, veil):
        self.clean, self.streaks = torch.from_numpy(clean), torch.from_numpy(streaks)
        self.dry_share, self.veil = dry_share, veil
        self.rng = np.random.default_rng(seed)

    def draw(self, count):
        """Returns (rainy, clean), each [count, 3, size, size] in 0..1."""
        rng = self.rng
        target = self.clean[torch.from_numpy(rng.integers(0, len(self.clean), count))].float() / 255
        cover = self.streaks[torch.from_numpy(rng.integers(0, len(self.streaks), count))].float() / 255
        if rng.random() < 0.5:
            target = target.flip(3)
        if rng.random() < 0.5:
            cover = cover.flip(3)
        looks = [rain.draw_blend(rng, *self.veil) for _ in range(count)]
        rainy = _blend(target, cover, looks)
        dry = torch.from_numpy(rng.random(count) < self.dry_share)
        rainy = torch.where(dry[:, None, None, None], target, rainy)
        # A little sensor noise on some: real streaks never sit on noiseless pixels.
        noise = np.where(rng.random(count) < 0.25, rng.uniform(0, 0.012, count), 0).astype(np.float32)
        rainy = rainy + torch.randn(rainy.shape) * torch.from_numpy(noise)[:, None, None, None] * ~dry[:, None, None, None]
        rainy = torch.round(rainy.clamp(0, 1) * 255) / 255
        return rainy, target


def _blend(photo, cover, looks):
    def column(key):
        return torch.tensor([float(look[key]) for look in looks]).view(-1, 1, 1, 1)

    colour = torch.from_numpy(np.stack([look["colour"] for look in looks])).view(-1, 3, 1, 1)
    veiled = photo * (1 - column("veil")) + column("air") * column("veil")
    cover = cover * column("strength")
    mode = column("mode")
    opaque = veiled * (1 - cover) + colour * cover
    added = veiled + colour * cover * 0.7
    screened = 1 - (1 - veiled) * (1 - colour * cover)
    return torch.where(mode == 0, opaque, torch.where(mode == 1, added, screened)).clamp(0, 1)
