"""Speaks the training utterances once and keeps their band powers on disk.

    python data.py FOLDER [--seed 5]

Powers of independent sounds add, so noise is mixed in later and anew at every step, as powers.
What cannot be done to powers (rooms, clipping, a faster tape) is done here, to the sound.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

import features
import sounds
import voices

WORDS_A_VOICE, PHRASES_A_VOICE = 2, 11  # the first counts for each word
CHATTER_COUNT, NOISE_SECONDS, NOISES = 500, 20, 24


def distort(rng, sound):
    """A faster or slower tape (which also moves pitch and formants), a room, clipping."""
    if rng.random() < 0.5:
        sound = resample_poly(sound, 100, int(rng.integers(86, 117))).astype(np.float32)
    sound = sounds.at_level(sound, 0.5)
    if rng.random() < 0.3:
        sound = sounds.at_level(sounds.room(rng, sound, rng.uniform(0.1, 0.7)), 0.5)
    if rng.random() < 0.08:
        sound = sounds.at_level(sounds.clip(sound, rng.uniform(1.5, 8)), 0.5)
    return sound


def spoken(rng, text, accent, variant):
    sound = voices.speak(text, accent, variant, rng.uniform(95, 260), rng.uniform(15, 85))
    return features.powers(distort(rng, sound)).astype(np.float16)


def utterances(rng):
    """Every word by every voice, and natural phrases of 2 to 5 words."""
    for accent in voices.ACCENTS:
        for variant in voices.VARIANTS:
            for word in voices.WORDS:
                for _ in range(WORDS_A_VOICE):
                    yield word, spoken(rng, word, accent, variant)
            for _ in range(PHRASES_A_VOICE):
                text = " ".join(voices.phrase(rng, rng.integers(2, 6)))
                yield text, spoken(rng, text, accent, variant)
        print(accent, "spoken", flush=True)


def backgrounds(rng):
    """Noises by kind: band powers of 20 s each, of mean power one."""
    count, kinds = NOISE_SECONDS * features.RATE, {}
    chatter = []
    for _ in range(CHATTER_COUNT):
        accent, variant = rng.choice(voices.ACCENTS), rng.choice(voices.VARIANTS)
        chatter.append(voices.speak(voices.chatter(rng, 5), accent, variant, rng.uniform(110, 220)))
    kinds["white"] = [sounds.white(rng, count) for _ in range(4)]
    kinds["coloured"] = [sounds.coloured(rng, count, rng.uniform(0.5, 2)) for _ in range(NOISES)]
    kinds["babble"] = [sounds.babble(rng, count, chatter, int(rng.integers(2, 7))) for _ in range(NOISES * 2)]
    powers = {kind: np.stack([features.powers(noise) for noise in many]) for kind, many in kinds.items()}
    alone = [features.powers(sounds.at_level(one, 0.5)).astype(np.float16) for one in chatter]
    return powers, alone


def save_ragged(path, rows):
    np.savez(path, frames=np.concatenate(rows), lengths=np.array([len(row) for row in rows]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    noises, chatter = backgrounds(rng)
    np.savez(options.folder / "noises.npz", **noises)
    save_ragged(options.folder / "chatter.npz", chatter)
    texts, rows = zip(*utterances(rng))
    save_ragged(options.folder / "speech.npz", rows)
    (options.folder / "texts.txt").write_text("\n".join(texts) + "\n")
    print(len(rows), "utterances,", sum(map(len, rows)) / 6000, "minutes")


if __name__ == "__main__":
    main()
