"""Measures models/derain.onnx on held-out photographs and writes models/evaluation/derain/.

    python derain_evaluate.py

Prints the tables of the model card. Rain comes from the four training constructions
with angle and length inside the bands kept out of training, and from a fifth
construction that training never used.
"""

import json
from collections import defaultdict

import numpy as np
from PIL import Image

import photos
import rain
from engine import MODELS, derain, open_model
from metrics import psnr, ssim, to_bytes
from rain_unseen import perspective_drops

OUT = MODELS / "evaluation" / "derain"
SIDE = 288
UNSEEN = "perspective_drops"
HAZY, HAZY_VEIL = "segments_in_haze", 0.08
KINDS = (*rain.GENERATORS, HAZY, UNSEEN)
# Two crops of each held-out photograph: (left, top).
CROPS = {"chelsea": ((0, 12), (150, 0)), "coffee": ((120, 40), (300, 112)), "rocket": ((10, 60), (340, 130))}
# The rains shown on the first and on the second crop.
SHOWN = (("segments", "particles"), ("blurred_noise", UNSEEN))


def held_out_rain(rng, photo, kind):
    """Rain over a photo [h, w, 3]: one layer inside the held-out bands, or the unseen construction.

    The unseen construction brings its own haze; of the others only `HAZY` has a veil.
    """
    if kind == UNSEEN:
        return perspective_drops(rng, photo)
    veil = HAZY_VEIL if kind == HAZY else 0.0
    kind = "segments" if kind == HAZY else kind
    height, width = photo.shape[:2]
    angle = rng.choice([-1, 1]) * rng.uniform(*rain.HELD_OUT_ANGLE)
    length = rng.uniform(*rain.HELD_OUT_LENGTH)
    streaks = rain.GENERATORS[kind](rng, height, width, angle, length, rng.uniform(0.1, 0.35))
    look = rain.draw_blend(rng) | {"strength": rng.uniform(0.5, 0.9), "veil": veil}
    return rain.blend(photo, streaks, look)


def measure(session, clean, rainy):
    """The four figures of one pair of uint8 pictures."""
    result = to_bytes(derain(session, rainy))
    return {
        "psnr_rainy_db": round(psnr(rainy, clean), 3),
        "psnr_derained_db": round(psnr(result, clean), 3),
        "ssim_rainy": round(ssim(rainy, clean), 5),
        "ssim_derained": round(ssim(result, clean), 5),
    }


def full_photos(session, rounds=4):
    """Table over whole held-out photographs: every construction, several draws each."""
    rng = np.random.default_rng(2024)
    print("| photo | rain | PSNR rainy | PSNR derained | gain | worst gain | SSIM rainy | SSIM derained |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    gains = defaultdict(list)
    for name in photos.HELD_OUT:
        photo = to_bytes(photos.load(name))
        for kind in KINDS:
            rows = [measure(session, photo, to_bytes(held_out_rain(rng, photo / 255, kind))) for _ in range(rounds)]
            mean = {key: np.mean([row[key] for row in rows]) for key in rows[0]}
            gain = [row["psnr_derained_db"] - row["psnr_rainy_db"] for row in rows]
            if kind not in (HAZY, UNSEEN):
                gains["held-out parameters"] += gain
                gains[f"held-out parameters, {name}"] += gain
            else:
                gains[kind] += gain
            worse = sum(row["ssim_derained"] <= row["ssim_rainy"] for row in rows)
            print(f"| {name} | {kind} | {mean['psnr_rainy_db']:.2f} | {mean['psnr_derained_db']:.2f} "
                  f"| {np.mean(gain):+.2f} | {min(gain):+.2f} | {mean['ssim_rainy']:.4f} "
                  f"| {mean['ssim_derained']:.4f}{' (lower on %d)' % worse if worse else ''} |")
    for kind, values in sorted(gains.items()):
        print(f"{kind}: mean gain {np.mean(values):.2f} dB, worst {min(values):.2f} dB, {len(values)} pictures")


def identity(session):
    print("| dry photo | PSNR of the output | SSIM |\n| --- | --- | --- |")
    for name in (*photos.HELD_OUT, "astronaut", "china", "flower"):
        photo = to_bytes(photos.load(name))
        row = measure(session, photo, photo)
        seen = "held out" if name in photos.HELD_OUT else "training photo"
        print(f"| {name} ({seen}) | {row['psnr_derained_db']:.2f} dB | {row['ssim_derained']:.4f} |")


def write_set(session):
    """Writes the crops and the manifest that the product's own test recomputes."""
    rng = np.random.default_rng(77)
    OUT.mkdir(parents=True, exist_ok=True)
    manifest = []
    for name, corners in CROPS.items():
        photo = to_bytes(photos.load(name))
        for mark, (left, top), kinds in zip("ab", corners, SHOWN):
            clean = photo[top:top + SIDE, left:left + SIDE]
            clean_file = f"{name}-{mark}.clean.png"
            Image.fromarray(clean).save(OUT / clean_file, optimize=True)
            for kind in (*kinds, "none"):
                rainy, rainy_file = clean, clean_file
                if kind != "none":
                    rainy = to_bytes(held_out_rain(rng, clean / 255, kind))
                    rainy_file = f"{name}-{mark}-{kind}.rainy.png"
                    Image.fromarray(rainy).save(OUT / rainy_file, optimize=True)
                manifest.append({
                    "name": f"{name}-{mark}-{kind}", "clean": clean_file, "rainy": rainy_file, "generator": kind,
                    "photo": name, "licence": photos.LICENCES[name], **measure(session, clean, rainy),
                })
    (OUT / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def main():
    session = open_model(MODELS / "derain.onnx")
    full_photos(session)
    identity(session)
    write_set(session)


if __name__ == "__main__":
    main()
