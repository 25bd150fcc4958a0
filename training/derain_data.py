"""Training patches: a pool of clean patches and a pool of streak maps, paired anew each step.

Pairing at random multiplies the variety: each of the thousands of patches meets
each of the thousands of rains, under a blend and colours drawn for that step alone.
"""

import numpy as np
import torch
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

import photos
import rain

PROCEDURAL_SHARE = 0.3
MIXED_SHARE = 0.25
ACCENT_SHARE = 0.2
GRAINED_SHARE = 0.15
RECOLOURED_SHARE = 0.3
SENSOR_NOISE_SHARE = 0.25


def build_pools(seed, lift, patches=9000, rains=9000, size=112):
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
        if rng.random() < ACCENT_SHARE:
            patch = _accents(rng, patch)
        if rng.random() < GRAINED_SHARE:  # as on wood: parallel as rain is, yet part of the scene
            grain = photos.grain(rng, size)[..., None] - 0.5
            patch = np.clip(patch * (1 + grain * rng.uniform(0.5, 3)), 0, 1)
        clean[k] = np.round(patch * 255).transpose(2, 0, 1)
    streaks = np.empty((rains, 1, size, size), np.uint8)
    for k in range(rains):
        layer = rain.streak_map(rng, size, size) if k % 2 else rain.single_layer(rng, size, size)
        streaks[k, 0] = np.round(layer * 255)
    return clean, streaks


def _accents(rng, patch):
    """Adds highlights and a few thin bright curves that belong to the scene.

    Glints on porcelain and whiskers look like drops and streaks, but are few and go their
    own ways; without such examples they would be wiped away with the rain.
    """
    size, zoom = patch.shape[0], 2
    image = Image.new("L", (size * zoom, size * zoom))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(0, 5)):
        x, y = rng.uniform(0, size * zoom, 2)
        turn, bend = rng.uniform(0, 2 * np.pi), rng.uniform(-1.5, 1.5)
        steps = np.linspace(0, 1, 12)
        reach = rng.uniform(10, size) * zoom
        line = np.stack([x + reach * steps * np.cos(turn + bend * steps), y + reach * steps * np.sin(turn + bend * steps)], 1)
        draw.line([tuple(p) for p in line], fill=int(rng.uniform(60, 255)), width=int(rng.integers(1, 7)))
    for _ in range(rng.integers(0, 8)):
        x, y = rng.uniform(0, size * zoom, 2)
        w, h = np.exp(rng.uniform(np.log(1.5), np.log(20), 2)) * zoom
        draw.ellipse([x - w / 2, y - h / 2, x + w / 2, y + h / 2], fill=int(rng.uniform(60, 255)))
    light = np.asarray(image.resize((size, size), Image.BOX), np.float32) / 255
    light = gaussian_filter(light, rng.uniform(0.2, 1.5))[..., None]
    return patch + (np.clip(rng.uniform(0.75, 1.1, 3), 0, 1).astype(np.float32) - patch) * light


class Batches:
    """Draws training batches; the blend is that of `rain.blend`, written for whole batches."""

    def __init__(self, clean, streaks, seed, dry_share, veil):
        self.clean, self.streaks = torch.from_numpy(clean), torch.from_numpy(streaks)
        self.dry_share, self.veil = dry_share, veil
        self.rng = np.random.default_rng(seed)

    def draw(self, count):
        """Returns (rainy, clean, dry): two [count, 3, size, size] in 0..1 and a mask [count]."""
        rng = self.rng
        target = self.clean[torch.from_numpy(rng.integers(0, len(self.clean), count))].float() / 255
        cover = self.streaks[torch.from_numpy(rng.integers(0, len(self.streaks), count))].float() / 255
        if rng.random() < 0.5:
            target = target.flip(3)
        if rng.random() < 0.5:
            cover = cover.flip(3)
        if rng.random() < 0.5:  # both ends of a streak look alike
            cover = cover.flip(2)
        target = self._recolour(target)
        dry = rng.random(count) < self.dry_share
        looks = [rain.draw_blend(rng, *self.veil) for _ in range(count)]
        wet = [self._wetten(target[k], cover[k], look, rained) for k, (look, rained) in enumerate(zip(looks, ~dry))]
        rainy = torch.round(torch.stack(wet).clamp_(0, 1) * 255) / 255
        return rainy, target, torch.from_numpy(dry)

    def _recolour(self, target):
        """Mixes the channels of some patches: ten photographs hold few colours."""
        rng = self.rng
        matrices = np.tile(np.eye(3, dtype=np.float32), (len(target), 1, 1))
        for k in np.flatnonzero(rng.random(len(target)) < RECOLOURED_SHARE):
            rows = rng.dirichlet((0.7, 0.7, 0.7), 3) * rng.uniform(0.7, 1.15, (3, 1))
            matrices[k] = rows
        mixed = torch.from_numpy(matrices) @ target.flatten(2)
        return torch.round(mixed.view_as(target).clamp_(0, 1) * 255) / 255

    def _wetten(self, photo, cover, look, rained):
        if not rained:
            return photo
        rng = self.rng
        colour = torch.from_numpy(look["colour"]).view(3, 1, 1)
        veiled = photo * (1 - look["veil"]) + look["air"] * look["veil"]
        cover = cover * look["strength"]
        if look["mode"] == 0:
            rainy = veiled + (colour - veiled) * cover
        elif look["mode"] == 1:
            rainy = veiled + colour * cover * 0.7
        else:
            rainy = veiled + (1 - veiled) * (colour * cover)
        # A little sensor noise on some: real streaks never sit on noiseless pixels.
        if rng.random() < SENSOR_NOISE_SHARE:
            rainy = rainy + torch.randn(rainy.shape) * rng.uniform(0, 0.012)
        return rainy
