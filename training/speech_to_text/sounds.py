"""What happens to speech on its way to the microphone: noise, rooms, narrow lines, clipping.

Signals are float32 at 16 kHz; every function is a pure one of its generator.
"""

import numpy as np
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

RATE = 16000


def white(rng, count):
    return rng.standard_normal(count).astype(np.float32)


def coloured(rng, count, slope):
    """Noise whose power falls with frequency to the power `slope`: 1 is pink, 2 is brown."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20.0)
    shaped = np.fft.irfft(spectrum * frequency ** (-slope / 2), count)
    return (shaped / (shaped.std() + 1e-12)).astype(np.float32)


def babble(rng, count, utterances, speakers=4):
    """Several speakers at once, from utterances of words outside the vocabulary."""
    mixture = np.zeros(count, np.float32)
    for _ in range(speakers):
        place = -int(rng.integers(0, RATE))
        while place < count:
            one = utterances[rng.integers(len(utterances))]
            start, end = max(0, place), min(count, place + len(one))
            if end > start:
                mixture[start:end] += one[start - place:end - place] / (one.std() + 1e-9)
            place += len(one) + int(rng.integers(0, RATE // 2))
    return mixture / (mixture.std() + 1e-12)


def loudness(sound):
    """Root mean square of the louder half of 25 ms frames: pauses do not count."""
    frames = sound[: len(sound) // 400 * 400].reshape(-1, 400)
    if not len(frames):
        return float(np.sqrt((sound**2).mean() + 1e-12))
    power = np.sort((frames**2).mean(1))
    return float(np.sqrt(power[len(power) // 2:].mean() + 1e-12))


def add_noise(sound, noise, decibels):
    """Adds noise `decibels` under the speech."""
    level = loudness(sound) * 10 ** (-decibels / 20) / (noise.std() + 1e-12)
    return sound + noise * np.float32(level)


def room(rng, sound, seconds):
    """A room whose echo has decayed by 60 dB after `seconds`."""
    length = int(seconds * RATE)
    echo = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    echo *= rng.uniform(0.2, 0.5) / np.sqrt((echo**2).sum())
    echo[0] = 1.0
    return fftconvolve(sound, echo)[: len(sound) + length // 3].astype(np.float32)


def narrow(sound):
    """Speech of a telephone line: sampled at 8 kHz, 300 to 3400 Hz."""
    band = butter(4, [300, 3400], "band", fs=RATE, output="sos")
    line = resample_poly(sosfilt(band, sound), 1, 2)
    return resample_poly(line, 2, 1)[: len(sound)].astype(np.float32)


def clip(sound, gain):
    """Overdriven by `gain` over full scale."""
    return np.clip(sound / (np.abs(sound).max() + 1e-9) * gain, -1, 1).astype(np.float32)


def at_level(sound, peak):
    return sound * np.float32(peak / (np.abs(sound).max() + 1e-9))
