"""Runs the exported model and decodes its output, as the product does; word error rate."""

import math
from collections import defaultdict

import numpy as np

import net

SHORTEST, FILL = 16000, 1600  # samples: audio is filled up with silence to these


def filled(sound):
    count = max(SHORTEST, -(-len(sound) // FILL) * FILL)
    return np.pad(np.asarray(sound, np.float32), (0, count - len(sound)))


def log_probabilities(session, sound):
    return session.run(["log_probabilities"], {"audio": filled(sound)[None]})[0][0]


def text_of(labels):
    return " ".join("".join(net.LABELS[label] for label in labels).split())


def greedy(rows):
    """The most probable label of each frame, repeats and blanks taken out."""
    best = rows.argmax(1)
    return text_of([b for a, b in zip([0, *best[:-1]], best) if b and a != b])


def beam(rows, width=16, least=-13.8):
    """Prefix beam search (Hannun et al. 2014, algorithm 1) without a language model."""
    prefixes = {(): (0.0, -math.inf)}  # log-probability ending in a blank, in the last label
    for row in rows:
        following = defaultdict(lambda: (-math.inf, -math.inf))
        tried = [(k, value) for k, value in enumerate(row) if k == 0 or value > least]
        for prefix, (blank, label) in prefixes.items():
            total = np.logaddexp(blank, label)
            for k, value in tried:
                if k == 0:
                    old = following[prefix]
                    following[prefix] = (np.logaddexp(old[0], total + value), old[1])
                    continue
                if prefix and prefix[-1] == k:
                    old = following[prefix]
                    following[prefix] = (old[0], np.logaddexp(old[1], label + value))
                before = blank if prefix and prefix[-1] == k else total
                old = following[prefix + (k,)]
                following[prefix + (k,)] = (old[0], np.logaddexp(old[1], before + value))
        ranked = sorted(following.items(), key=lambda item: -np.logaddexp(*item[1]))
        prefixes = dict(ranked[:width])
    return text_of(next(iter(prefixes)))


def word_errors(said, heard):
    """Least number of words to replace, insert and delete (Levenshtein 1965)."""
    said, heard = said.split(), heard.split()
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said):
        previous, row[0] = row[0], i + 1
        for j, other in enumerate(heard):
            previous, row[j + 1] = row[j + 1], min(row[j] + 1, row[j + 1] + 1, previous + (word != other))
    return row[-1]


class Rate:
    """Word error rate over many utterances: all errors over all words."""

    def __init__(self):
        self.errors = self.words = self.utterances = 0

    def add(self, said, heard):
        self.errors += word_errors(said, heard)
        self.words += len(said.split())
        self.utterances += 1

    def value(self):
        return self.errors / max(1, self.words)
