"""Words spoken by espeak-ng: the vocabulary, the voices and which of them training never hears."""

import io
import subprocess
import wave

import numpy as np
from scipy.signal import resample_poly

RATE = 16000  # samples a second, of everything here
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", "open", "close")
WORDS = DIGITS + COMMANDS

# An accent is an espeak-ng voice, a variant is the speaker who has it.
ACCENTS = ("en-gb", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029")
HELD_OUT_ACCENTS = ("en-gb-x-gbclan", "en-us-nyc")
# Whole families are held out: `iven2` sounds too much like `iven` to be a new voice.
HELD_OUT_VARIANTS = (
    "f3", "m6", "Annie", "Michael", "croak", "john", "linda", "Hugo", "grandma", "paul", "Andy",
    "AnxiousAndy", "iven", "iven2", "iven3", "iven4", "steph", "steph2", "steph3",
)
VARIANTS = (
    "Alex", "Alicia", "Andrea", "Demonic", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Jacky",
    "Lee", "Marco", "Mario", "Mike", "Mr serious", "Nguyen", "RicishayMax", "RicishayMax2",
    "RicishayMax3", "Storm", "Tweaky", "UniRobot", "adam", "anika", "anikaRobot", "announcer",
    "antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward",
    "edward2", "f1", "f2", "f4", "f5", "grandpa", "gustave", "kaukovalta", "klatt", "klatt2",
    "klatt3", "klatt4", "klatt5", "klatt6", "m1", "m2", "m3", "m4", "m5", "m7", "m8", "marcelo",
    "max", "michel", "miguel", "norbert", "pablo", "pedro", "quincy", "rob", "robert", "robosoft",
    "robosoft2", "robosoft3", "robosoft4", "robosoft5", "robosoft6", "robosoft7", "robosoft8",
    "sandro", "shelby", "travis", "victor", "whisper", "whisperf", "zac",
)

# Other words, for chatter in the background; none of them is in the vocabulary.
CHATTER = (
    "morning people garden water little window because yellow travel music paper simple question "
    "evening father kitchen picture animal number season market river mountain sister bridge coffee "
    "during always never maybe around behind family doctor letter table summer winter village money"
).split()


def speak(text, accent, variant, speed=160, pitch=50):
    """One utterance, float32 in -1..1 at 16 kHz, without the silence around it.

    `speed` is in words a minute, `pitch` in espeak-ng's 0..99.
    """
    command = ["espeak-ng", "-v", f"{accent}+{variant}", "-s", str(int(speed)), "-p", str(int(pitch)),
               "--stdout", text]
    stored = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(stored)) as file:
        rate = file.getframerate()
        raw = file.readframes(2**31 - 1 if file.getnframes() > 2**30 else file.getnframes())
    sound = np.frombuffer(raw[: len(raw) // 2 * 2], "<i2").astype(np.float32) / 32768
    return trim(resample_poly(sound, RATE // 50, rate // 50).astype(np.float32))


def trim(sound, margin=0.02):
    """Cuts what is quieter than 1/100 of the peak at both ends, but for `margin` seconds."""
    if not sound.size or not np.abs(sound).max():
        return sound
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    reach = int(margin * RATE)
    return sound[max(0, loud[0] - reach): loud[-1] + reach]


def phrase(rng, count):
    """`count` words of the vocabulary, drawn at random."""
    return [WORDS[k] for k in rng.integers(0, len(WORDS), count)]


def chatter(rng, count):
    """`count` words from outside the vocabulary, as one text."""
    return " ".join(rng.choice(CHATTER, count))
