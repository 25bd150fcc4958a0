"""The log-mel front end: the same numbers in training (numpy) and inside the ONNX file (a convolution).

A frame is 400 samples (25 ms) under a Hann window, one every 160 samples (10 ms), centred on the
middle of its 160. Power is summed into triangular bands evenly spaced on the mel scale
`2595 log10(1 + f / 700)` (O'Shaughnessy 1987).
"""

import numpy as np

RATE, WINDOW, HOP, POINTS, BANDS = 16000, 400, 160, 512, 48
LOWEST, HIGHEST = 60.0, 7600.0
PAD = (WINDOW - HOP) // 2
FLOOR = 1e-5  # added to the power; a full-scale sine has 1e4
CENTRE, SPREAD = -3.0, 4.0  # brings the logarithms near -2..2


def mel(frequency):
    return 2595 * np.log10(1 + np.asarray(frequency) / 700)


def bins():
    """The DFT bins that carry some band."""
    frequency = np.arange(POINTS // 2 + 1) * RATE / POINTS
    return np.flatnonzero((frequency > LOWEST) & (frequency < HIGHEST))


def band_weights():
    """Triangles, [BANDS, bins]."""
    edges = np.linspace(mel(LOWEST), mel(HIGHEST), BANDS + 2)
    place = mel(bins() * RATE / POINTS)
    rise = (place - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - place) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)


def transform_weights():
    """Cosines then sines under the window, [2 bins, 1, WINDOW]: the DFT as a convolution."""
    angle = 2 * np.pi * bins()[:, None] * np.arange(WINDOW) / POINTS
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)
    return (np.concatenate([np.cos(angle), np.sin(angle)]) * hann)[:, None].astype(np.float32)


def powers(sound):
    """Band powers of a signal, float32 [frames, BANDS]; frames = samples / 160 rounded down."""
    padded = np.pad(np.asarray(sound, np.float32), PAD)
    count = (len(padded) - WINDOW) // HOP + 1
    if count < 1:
        return np.zeros((0, BANDS), np.float32)
    frames = np.lib.stride_tricks.as_strided(
        padded, (count, WINDOW), (padded.strides[0] * HOP, padded.strides[0]))
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)).astype(np.float32)
    spectrum = np.fft.rfft(frames * hann, POINTS)[:, bins()]
    return (np.abs(spectrum) ** 2 @ band_weights().T).astype(np.float32)


def scaled(power):
    """What the network sees of band powers."""
    return (np.log(power + FLOOR) - CENTRE) / SPREAD
