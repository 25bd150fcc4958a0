"""Composes training examples from stored band powers: sequences, pauses, noise, levels."""

import numpy as np

import features
import net

LONGEST = 420  # frames of 10 ms
PHRASES = 0.7  # share of natural phrases among the pieces of longer examples


class Ragged:
    """Rows of different lengths in one array."""

    def __init__(self, path):
        stored = np.load(path)
        self.frames = stored["frames"]
        self.ends = np.cumsum(stored["lengths"])

    def __len__(self):
        return len(self.ends)

    def row(self, index):
        start = self.ends[index - 1] if index else 0
        return self.frames[start:self.ends[index]].astype(np.float32)


class Composer:
    """Draws examples: scaled log bands with the text that is in them."""

    def __init__(self, folder, seed):
        self.speech, self.chatter = Ragged(folder / "speech.npz"), Ragged(folder / "chatter.npz")
        self.texts = (folder / "texts.txt").read_text().splitlines()
        counts = np.array([len(text.split()) for text in self.texts])
        self.words, self.phrases = np.flatnonzero(counts == 1), np.flatnonzero(counts > 1)
        self.noises = dict(np.load(folder / "noises.npz"))
        self.kinds = [kind for kind in self.noises for _ in range(3 if kind == "babble" else 2)]
        self.rng = np.random.default_rng(seed)

    def pieces(self):
        """One to five words as pieces of one or several speakers."""
        rng, pieces, words = self.rng, [], 0
        wanted = rng.choice([1, 1, 2, 3, 4, 5])
        while words < wanted:
            # Words run together in a phrase: that is what is hard.
            index = int(rng.choice(self.phrases if rng.random() < PHRASES and wanted > 1 else self.words))
            words += len(self.texts[index].split())
            pieces.append((self.texts[index], self.speech.row(index)))
        return pieces

    def clean(self):
        """Powers [frames, bands] and text; a few examples have no words at all."""
        rng = self.rng
        rows, texts, used = [self.silence(3, 45)], [], 0
        if rng.random() < 0.03:
            return self.silence(60, 250), ""
        for text, piece in self.pieces():
            if used + len(piece) > LONGEST - 60 and texts:
                break
            level = np.float32(10 ** rng.uniform(-0.6, 0))
            rows += [warped(rng, piece) * level, self.silence(0, 45)]
            used += len(piece)
            texts.append(text)
        return np.concatenate(rows), " ".join(texts)

    def silence(self, least, most):
        return np.zeros((int(self.rng.integers(least, most)), features.BANDS), np.float32)

    def noise(self, count):
        """`count` frames of some noise, of mean power one."""
        rng = self.rng
        many = self.noises[self.kinds[rng.integers(len(self.kinds))]]
        one = many[rng.integers(len(many))]
        start = int(rng.integers(0, max(1, len(one) - count)))
        part = np.resize(one[start:start + count], (count, features.BANDS))
        return part / (part.mean() + 1e-12)

    def example(self):
        rng = self.rng
        power, text = self.clean()
        loud = np.sort(power.mean(1))[-max(1, len(power) // 3):].mean() if text else 50.0
        if not text and rng.random() < 0.5 or rng.random() < 0.05:
            power = power + self.away(len(power)) * np.float32(10 ** rng.uniform(-3, -0.9))
        if rng.random() < 0.75:
            power = power + self.noise(len(power)) * loud * np.float32(10 ** (-rng.uniform(4, 32) / 10))
        if rng.random() < 0.5:  # a microphone's own colour
            tilt = np.linspace(-1, 1, features.BANDS) * rng.uniform(-0.8, 0.8)
            power = power * (10 ** tilt).astype(np.float32)
        if rng.random() < 0.15:  # a narrow line: nothing above it
            power = power.copy()
            power[:, int(rng.integers(30, features.BANDS)):] *= 1e-5
            if rng.random() < 0.5:
                power[:, : int(rng.integers(1, 7))] *= 1e-3
        power = power * np.float32(10 ** rng.uniform(-2.6, 0.5)) + np.float32(10 ** rng.uniform(-7, -4))
        return masked(rng, features.scaled(power)), text

    def away(self, count):
        """Speech of words that the model is not to write down, far away."""
        row = self.chatter.row(int(self.rng.integers(len(self.chatter))))
        return np.resize(row, (count, features.BANDS))

    def batches(self, count, groups=6):
        """`groups` batches of `count` examples of like length, so that little is padding."""
        made = sorted((self.example() for _ in range(count * groups)), key=lambda one: len(one[0]))
        return [padded(made[k * count:(k + 1) * count]) for k in self.rng.permutation(groups)]


def padded(made):
    """Bands [n, BANDS, frames] with their lengths in frames of 20 ms, and labels."""
    longest = max(len(bands) for bands, _ in made)
    bands = np.full((len(made), longest, features.BANDS), features.scaled(np.float32(0)), np.float32)
    for k, (one, _) in enumerate(made):
        bands[k, :len(one)] = one
    labels = [[net.LABELS.index(letter) for letter in text] for _, text in made]
    lengths = [(len(one) + 1) // 2 for one, _ in made]
    return np.ascontiguousarray(bands.transpose(0, 2, 1)), lengths, labels


def warped(rng, power):
    """Moves the bands a little up or down, as a longer or shorter throat would."""
    if rng.random() < 0.4:
        return power
    place = np.clip(np.arange(features.BANDS) * rng.uniform(0.93, 1.07) + rng.uniform(-0.7, 0.7),
                    0, features.BANDS - 1.001)
    low = place.astype(int)
    part = (place - low).astype(np.float32)
    return power[:, low] * (1 - part) + power[:, low + 1] * part


def masked(rng, bands):
    """Hides a few bands and moments (SpecAugment, Park et al. 2019), mildly."""
    bands = bands.copy()
    if rng.random() < 0.4:
        start = int(rng.integers(0, features.BANDS - 6))
        bands[:, start:start + int(rng.integers(1, 6))] = bands.mean()
    if rng.random() < 0.3 and len(bands) > 20:
        start = int(rng.integers(0, len(bands) - 6))
        bands[start:start + int(rng.integers(1, 6))] = bands.mean()
    return bands
