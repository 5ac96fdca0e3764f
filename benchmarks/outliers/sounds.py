"""Sounds: one word, spoken some times by one person, where others are odd; and words with a click in them.

They are the digits of the Free Spoken Digit Dataset. Faults to choose by are, of the first, takes of the word
of which half, anywhere, is backwards; of the second clicks: one sample is as high as the highest.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from outliers.search import Candidate, Features, Floats, Search

FOLDER = "fsdd"
RATE = 8000
NEEDED = (f"{FOLDER}/0_jackson_0.wav",)
CANDIDATES = [
    Candidate("ngram", "audio", {"order": order, "bits": 8, "rate": rate})
    for order in (2, 3)
    for rate in (2000, 8000)
]
_FRAMES, _BANDS = 8, 16

Sound = NDArray[np.int16]


def searches(data: Path, seed: int) -> Iterator[Search[Sound]]:
    """Yield one search a word, and one of clicks."""
    folder = data / FOLDER
    takes = {word: [_read(path) for path in sorted(folder.glob(f"{word}_*.wav"))] for word in range(10)}
    for word, like in takes.items():
        generator = np.random.default_rng(seed)
        trained, kept, normal = _parted(like, generator)
        faulty = [_reversed(one, generator) for one in kept]
        odd = [take for other, several in takes.items() if other != word for take in several]
        yield Search(f"'{word}'", trained, kept, faulty, normal, odd)
    generator = np.random.default_rng(seed)
    trained, kept, normal = _parted([take for several in takes.values() for take in several], generator)
    faulty, odd = ([_clicked(one, generator) for one in whole] for whole in (kept, normal))
    yield Search("a click", trained, kept, faulty, normal, odd)


def write(sounds: Sequence[Sound], path: Path) -> Path:
    """Write a file a sound."""
    path.mkdir(exist_ok=True)
    for old in path.glob("*.wav"):
        old.unlink()
    for number, samples_N in enumerate(sounds):
        with wave.open(str(path / f"{number:05}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples_N.astype("<i2").tobytes())
    return path


def features_for(search: Search[Sound]) -> Features[Sound]:
    """Return how sounds become numbers: as log energies of 16 bands in 8 frames over the whole of each."""
    return lambda sounds: np.stack([_spectrum(samples_N) for samples_N in sounds])


def _spectrum(samples_N: Sound) -> Floats:
    rows = []
    for frame in np.array_split(samples_N.astype(np.float64) / (1 << 15), _FRAMES):
        power = np.abs(np.fft.rfft(frame * np.hanning(len(frame)))) ** 2
        rows.append([band.mean() for band in np.array_split(power, _BANDS)])
    found: Floats = np.log(np.array(rows) + 1e-9).ravel()
    return found


def _parted(takes: Sequence[Sound], generator: np.random.Generator) -> list[list[Sound]]:
    """Return a half, a quarter and a quarter."""
    parts = np.split(generator.permutation(len(takes)), [len(takes) // 2, len(takes) * 3 // 4])
    return [[takes[place] for place in part] for part in parts]


def _clicked(samples_N: Sound, generator: np.random.Generator) -> Sound:
    made_N = samples_N.copy()
    made_N[int(generator.integers(len(made_N)))] = samples_N.max()
    return made_N


def _reversed(samples_N: Sound, generator: np.random.Generator) -> Sound:
    """Return the sound with half of it, anywhere, backwards."""
    half = len(samples_N) // 2
    start = int(generator.integers(len(samples_N) - half))
    made_N = samples_N.copy()
    made_N[start : start + half] = made_N[start : start + half][::-1]
    return made_N


def _read(path: Path) -> Sound:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16)
