"""How far sounds lie from themselves once the codec `spectrum` has told them.

    ANYGRAM_DATA=/path/to/data ./dev bench spectra                    half a minute

Shapes are learnt from takes 10 to 49 of $ANYGRAM_DATA/fsdd, digits spoken by one person, and measured on
takes 5 to 9: the root mean square of differences of log energies in 20 mel bands of overlapping windows of
32 ms, 10 ms apart, which the codec does not look at.

Axes: N samples, W windows, F frequencies, M bands.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from peers import report
from peers.options import real_data
from peers.report import Table

import anygram as ag
from anygram.data import sounds
from anygram.data.documents import Document
from anygram.data.reading import ReadingOptions, Report, read
from anygram.protocols import Codec

FloatArray = NDArray[np.float64]
SETTINGS: Sequence[Mapping[str, int]] = (
    {"shapes": 64},
    {"shapes": 128},
    {"shapes": 256},
    {"shapes": 64, "frame": 32},
)
RATE, WINDOW, APART, BANDS = 8_000, 256, 80, 20
_QUIET = 100.0
"""Added to energies, so that what nobody hears makes no difference."""


def bands() -> FloatArray:
    """Return triangles evenly apart in mel up to half the rate, as weights_MF."""
    highest = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, highest, BANDS + 2) / 2595) - 1)
    hertz_F = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    rising_MF = (hertz_F - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling_MF = (edges[2:, None] - hertz_F) / (edges[2:] - edges[1:-1])[:, None]
    weights_MF: FloatArray = np.clip(np.minimum(rising_MF, falling_MF), 0, None)
    return weights_MF


def decibels(samples_N: FloatArray, weights_MF: FloatArray) -> FloatArray:
    """Return the energies of overlapping windows, in decibels_WM."""
    firsts_W = np.arange(0, len(samples_N) - WINDOW, APART)
    windows_WN = samples_N[firsts_W[:, None] + np.arange(WINDOW)]
    fading_N = np.hanning(WINDOW + 2)[1:-1]
    powers_WF = np.abs(np.fft.rfft(windows_WN * fading_N)) ** 2 / (fading_N**2).sum()
    found_WM: FloatArray = 10 * np.log10(powers_WF @ weights_MF.T + _QUIET)
    return found_WM


def distance(codec: Codec, told: Sequence[Document]) -> float:
    """Return the root of the mean over recordings of squared differences, in decibels."""
    weights_MF = bands()
    squares = []
    for one in told:
        encoded = codec.encode(one.text, one.side)
        before_N = sounds.samples(one.text, one.side or {}).ravel().astype(np.float64)
        decoded = codec.decode(encoded.ids, encoded.side)
        after_N = sounds.samples(decoded, encoded.side or {}).ravel().astype(np.float64)[: len(before_N)]
        apart_WM = decibels(before_N, weights_MF) - decibels(after_N, weights_MF)
        squares.append(float((apart_WM**2).mean()))
    return float(np.sqrt(np.mean(squares)))


def main() -> int:
    """Measure each setting and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="a file for the figures")
    asked = parser.parse_args()
    spoken = real_data("fsdd/0_jackson_0.wav") / "fsdd"
    told = list(read([f"{spoken}/*_jackson_[5-9].wav"], ReadingOptions(kind="sounds"), Report()))
    rows = []
    for settings in SETTINGS:
        named = " ".join(f"{name}={value}" for name, value in settings.items())
        learnt = f"{spoken}/*_jackson_[1-4][0-9].wav"
        run = ag.train(learnt, "uniform", codec="spectrum", settings=settings, valid="none")
        rows.append([named, f"{distance(run.codec, told):.2f} dB"])
        print(f"{named}: {rows[-1][1]}", file=sys.stderr)
    table = Table(("spoken digits, takes 5 to 9", "difference from the original"), rows)
    report.publish("spectra", [table], asked.json, stored=[dict(rows)], packages=["numpy", "scikit-learn"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
