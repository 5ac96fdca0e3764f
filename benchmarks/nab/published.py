"""What NAB publishes of other detectors on its seven series with known causes.

Sums of the files' scores in results/DETECTOR/DETECTOR_PROFILE_scores.csv of github.com/numenta/NAB (version
1.1, commit ea702d75cc22), normalised by the 19 windows of the seven series. NAB chose each threshold on all
of its 58 series; of `chosen` it is the one that gives the best score on these seven, by the score of each row
that NAB publishes. Scores of all series are in its results/final_results.json.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A detector's normalised scores in the profiles standard, low FP and low FN."""

    detector: str
    stated: tuple[float, float, float]
    chosen: tuple[float, float, float]
    corpus: float | None
    """In the standard profile, on all 58 series; None where none is published."""


PUBLISHED = (
    Published("ARTime", (63.9, 52.2, 70.7), (66.5, 57.8, 72.4), 74.9),
    Published("Numenta HTM", (55.5, 49.3, 61.5), (57.8, 50.4, 65.9), 70.1),
    Published("HTM Java", (52.2, 40.1, 59.4), (54.9, 43.6, 61.2), 65.5),
    Published("Relative Entropy", (49.9, 39.3, 56.1), (49.9, 39.3, 56.1), 54.6),
    Published("Numenta TM", (49.0, 32.6, 55.5), (51.8, 38.7, 59.1), 64.6),
    Published("KNN-CAD", (45.2, 27.9, 54.7), (45.2, 27.9, 54.7), 58.0),
    Published("Random Cut Forest", (43.1, 16.0, 47.8), (50.3, 36.2, 58.4), 51.7),
    Published("CAD OSE", (41.8, 38.0, 49.4), (45.4, 39.3, 49.6), 69.9),
    Published("Earthgecko Skyline", (32.9, 27.7, 36.0), (32.9, 27.7, 36.0), 58.2),
    Published("Twitter ADVec", (26.7, 21.5, 30.1), (26.7, 21.5, 30.1), 47.1),
    Published("EXPoSE", (13.5, 5.1, 21.8), (16.5, 5.1, 26.3), 16.4),
    Published("Windowed Gaussian", (13.4, 9.9, 15.9), (13.4, 9.9, 15.9), 39.6),
    Published("Etsy Skyline", (10.1, 6.8, 12.0), (11.5, 6.9, 18.2), 35.7),
    Published("Bayesian Changepoint", (-1.2, -38.7, 22.9), (8.6, 1.4, 23.3), None),
)
