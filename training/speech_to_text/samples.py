"""Writes the sample recordings in examples/inputs/speech-to-text/ and the golden tensors.

    python samples.py

All speakers and accents are held out. MP3 is written by lameenc, the others by sox.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

import decode
import evaluate
import sounds
import voices
from net import MODELS, ROOT, open_model

INPUTS = ROOT / "examples" / "inputs" / "speech-to-text"
# words, accent, speaker, speed, file, options of sox
SAMPLES = (
    ("close", "en-gb-x-gbclan", "f3", 150, "close-8khz.wav", ("-r", "8000")),
    ("open left", "en-us-nyc", "john", 140, "open-left-stereo.wav", ("-c", "2")),
    ("seven stop nine", "en-gb-x-gbclan", "m6", 150, "seven-stop-nine.flac", ("-r", "48000")),
    ("five six go", "en-us-nyc", "linda", 130, "five-six-go.ogg", ("-r", "44100")),
    ("one two three four five", "en-gb-x-gbclan", "Hugo", 120, "one-two-three-four-five-noisy.ogg", ()),
    ("yes up zero", "en-us-nyc", "steph", 150, "yes-up-zero.mp3", ()),
)


def write_mp3(path, sound):
    import lameenc

    encoder = lameenc.Encoder()
    encoder.set_in_sample_rate(22050)
    encoder.set_channels(1)
    encoder.set_bit_rate(48)
    louder = resample_poly(sound, 441, 320)
    samples = np.clip(np.round(louder * 32767), -32768, 32767).astype("<i2")
    path.write_bytes(bytes(encoder.encode(samples.tobytes()) + encoder.flush()))


def write_inputs(session):
    INPUTS.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(81)
    pause = np.zeros(voices.RATE // 4, np.float32)
    for text, accent, variant, speed, file, options in SAMPLES:
        sound = np.concatenate([pause, voices.speak(text, accent, variant, speed), pause])
        if "noisy" in file:
            sound = sounds.add_noise(sound, sounds.coloured(rng, len(sound), 1), 15)
        sound = sounds.at_level(sound, 0.6)
        if file.endswith(".mp3"):
            write_mp3(INPUTS / file, sound)
        else:
            with tempfile.TemporaryDirectory() as folder:
                evaluate.write_wav(Path(folder) / "a.wav", sound)
                subprocess.run(["sox", "-R", Path(folder) / "a.wav", *options, INPUTS / file], check=True)
            # What the file still holds, and not what went into it: 8 kHz takes the top of an `s`.
            read = ["sox", INPUTS / file, "-t", "f32", "-c", "1", "-r", str(voices.RATE), "-"]
            raw = subprocess.run(read, check=True, capture_output=True).stdout
            sound = np.frombuffer(raw, "<f4")
        print(f"{file}: {decode.greedy(decode.log_probabilities(session, sound))}")


def write_golden(session):
    """One input and its output, as raw little-endian float32."""
    sound = sounds.at_level(voices.speak("three", "en-us-nyc", "paul", 150), 0.5)
    audio = decode.filled(np.concatenate([np.zeros(1600, np.float32), sound]))[None].astype("<f4")
    output = session.run(["log_probabilities"], {"audio": audio})[0]
    audio.tofile(MODELS / "golden" / "speech-to-text.input.f32")
    output.astype("<f4").tofile(MODELS / "golden" / "speech-to-text.output.f32")
    print("golden", audio.shape, "->", output.shape, decode.greedy(output[0]))


if __name__ == "__main__":
    model = open_model(MODELS / "speech-to-text.onnx")
    write_inputs(model)
    write_golden(model)
