"""PSNR and SSIM exactly as `models/evaluation/README.md` defines them."""

import numpy as np
from scipy.ndimage import correlate1d


def to_bytes(picture):
    """Rounds a 0..1 picture to 8 bits, half up: floor(255 x + 0.5)."""
    return np.floor(np.clip(picture, 0, 1) * 255.0 + 0.5).astype(np.uint8)


def psnr(one, other):
    """Peak signal-to-noise ratio in dB of two uint8 pictures, over all pixels and channels.

    Capped at 100, the value of two equal pictures, so that it can be written as JSON.
    """
    error = np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2)
    return 100.0 if error == 0 else min(100.0, float(10 * np.log10(255.0**2 / error)))


def luma(picture):
    """Rec. 601 luma of a uint8 RGB picture, unrounded, 0..255."""
    return picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def ssim(one, other):
    """Wang 2004 structural similarity on luma: 11x11 Gaussian window, only whole windows."""
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    taps /= taps.sum()

    def smooth(plane):
        return correlate1d(correlate1d(plane, taps, axis=0), taps, axis=1)[5:-5, 5:-5]

    a, b = luma(one), luma(other)
    mean_a, mean_b = smooth(a), smooth(b)
    var_a = smooth(a * a) - mean_a**2
    var_b = smooth(b * b) - mean_b**2
    both = smooth(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    value = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    value /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return float(value.mean())
