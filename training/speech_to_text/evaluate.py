"""Measures models/speech-to-text.onnx on voices that training never heard.

    python evaluate.py [--count 100] [--write]

Prints the tables of the card; `--write` also writes models/evaluation/speech-to-text/, the
small set that the product's own test goes over.
"""

import argparse
import json
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

import decode
import sounds
import voices
from net import MODELS, open_model

OUT = MODELS / "evaluation" / "speech-to-text"
GROUPS = {
    "new speakers, accents of training": (voices.ACCENTS, voices.HELD_OUT_VARIANTS),
    "speakers of training, new accents": (voices.HELD_OUT_ACCENTS, voices.VARIANTS),
    "new speakers, new accents": (voices.HELD_OUT_ACCENTS, voices.HELD_OUT_VARIANTS),
}
NEW, NEW_SPEAKERS = "new speakers, new accents", "new speakers, accents of training"
SHIPPED_EACH = 8  # utterances of each condition in the shipped set


def noisy(kind, decibels):
    def apply(rng, sound, chatter):
        make = {"white": lambda n: sounds.white(rng, n), "pink": lambda n: sounds.coloured(rng, n, 1),
                "babble": lambda n: sounds.babble(rng, n, chatter)}[kind]
        return sounds.add_noise(sound, make(len(sound)), decibels)
    return apply


CONDITIONS = {
    "clean": lambda rng, sound, chatter: sound,
    "white noise, 10 dB": noisy("white", 10),
    "pink noise, 10 dB": noisy("pink", 10),
    "babble of 4 speakers, 10 dB": noisy("babble", 10),
    "room, echo of 0.5 s": lambda rng, sound, chatter: sounds.room(rng, sound, 0.5),
    "telephone, 300 to 3400 Hz": lambda rng, sound, chatter: sounds.narrow(sound),
    "overdriven fourfold": lambda rng, sound, chatter: sounds.clip(sound, 4),
    "white noise, 0 dB": noisy("white", 0),
    "babble of 4 speakers, 0 dB": noisy("babble", 0),
}
HARD = ("white noise, 0 dB", "babble of 4 speakers, 0 dB")  # beyond what training had much of


def utterance(rng, accents, variants, words=None, speed=None):
    """One to five words by one speaker, with pauses around; and what was said."""
    text = " ".join(voices.phrase(rng, words or int(rng.integers(1, 6))))
    accent, variant = str(rng.choice(accents)), str(rng.choice(variants))
    sound = voices.speak(text, accent, variant, speed or rng.uniform(110, 220), rng.uniform(25, 75))
    before, after = (np.zeros(int(rng.uniform(0.05, 0.4) * voices.RATE), np.float32) for _ in range(2))
    sound = np.concatenate([before, sounds.at_level(sound, 0.5), after])
    return text, accent, variant, sound


def finished(rng, sound):
    """At some level, as 16-bit samples."""
    return np.round(sounds.at_level(sound, 10 ** rng.uniform(-1.2, -0.1)) * 32767) / 32768


def chatter_of(rng):
    speakers = [(str(rng.choice(voices.HELD_OUT_ACCENTS)), str(rng.choice(voices.HELD_OUT_VARIANTS)))
                for _ in range(40)]
    return [voices.speak(voices.chatter(rng, 5), *speaker) for speaker in speakers]


def measured(session, rng, count, draw):
    """Word error rates, greedy and by a beam of 16, of `count` utterances that `draw` gives."""
    best, wide = decode.Rate(), decode.Rate()
    for _ in range(count):
        text, sound = draw()
        rows = decode.log_probabilities(session, finished(rng, sound))
        best.add(text, decode.greedy(rows))
        wide.add(text, decode.beam(rows))
    return best, wide


def show(title, rates):
    best, wide = rates
    print(f"| {title} | {best.utterances} | {best.words} | {best.value():.1%} | {wide.value():.1%} |", flush=True)


def tables(session, rng, chatter, count):
    print("| voices, clean | utterances | words | greedy | beam of 16 |\n| --- | --- | --- | --- | --- |")
    for name, (accents, variants) in GROUPS.items():
        show(name, measured(session, rng, count * 2, lambda: utterance(rng, accents, variants)[::3]))
    accents, variants = GROUPS[NEW]
    print("\n| new speakers, new accents | utterances | words | greedy | beam of 16 |\n| --- | --- | --- | --- | --- |")
    for name, change in CONDITIONS.items():
        def draw():
            text, _, _, sound = utterance(rng, accents, variants)
            return text, change(rng, sound, chatter)
        show(name, measured(session, rng, count, draw))
    for words in (1, 5):
        show(f"clean, {words} word{'s' * (words > 1)}",
             measured(session, rng, count, lambda: utterance(rng, accents, variants, words)[::3]))
    for speed in (100, 260):
        show(f"clean, {speed} words a minute",
             measured(session, rng, count, lambda: utterance(rng, accents, variants, speed=speed)[::3]))


def write_wav(path, sound, rate=voices.RATE):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(np.round(sound * 32768), -32768, 32767).astype("<i2").tobytes())


def as_ogg(sound, path):
    with tempfile.TemporaryDirectory() as folder:
        write_wav(Path(folder) / "a.wav", sound)
        subprocess.run(["sox", "-R", Path(folder) / "a.wav", "-C", "1", path], check=True)


def read_back(path):
    raw = subprocess.run(["sox", path, "-t", "f32", "-"], check=True, capture_output=True).stdout
    return np.frombuffer(raw, "<f4")


def write_set(session, rng, chatter):
    """Writes the shipped set and its manifest with the figures that were got on these very files."""
    OUT.mkdir(parents=True, exist_ok=True)
    entries, rates, total = [], {}, (decode.Rate(), decode.Rate())
    for condition, change in CONDITIONS.items():
        if condition in HARD:
            continue
        rates[condition] = (decode.Rate(), decode.Rate())
        for number in range(SHIPPED_EACH):
            # New speakers throughout; every other one has an accent that is new too.
            accents, variants = GROUPS[NEW] if number % 2 else GROUPS[NEW_SPEAKERS]
            text, accent, variant, sound = utterance(rng, accents, variants)
            file = f"{len(entries) + 1:02}.ogg"
            as_ogg(finished(rng, change(rng, sound, chatter)), OUT / file)
            rows = decode.log_probabilities(session, read_back(OUT / file))
            for best, wide in (rates[condition], total):
                best.add(text, decode.greedy(rows))
                wide.add(text, decode.beam(rows))
            entries.append({"file": file, "text": text, "condition": condition, "voice": f"{accent}+{variant}"})
    def figures(pair):
        return {"words": pair[0].words, "greedy": round(pair[0].value(), 4), "beam_16": round(pair[1].value(), 4)}
    manifest = {
        "rate": voices.RATE, "utterances": entries, "word_error_rate": figures(total),
        "conditions": {name: figures(pair) for name, pair in rates.items()},
    }
    (OUT / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print("\nshipped set:", manifest["word_error_rate"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--model", type=Path, default=MODELS / "speech-to-text.onnx")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    session = open_model(options.model)
    chatter = chatter_of(np.random.default_rng(70))
    if options.count:
        tables(session, np.random.default_rng(71), chatter, options.count)
    if options.write:
        write_set(session, np.random.default_rng(72), chatter)


if __name__ == "__main__":
    main()
