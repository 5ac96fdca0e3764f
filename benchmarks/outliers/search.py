"""One search: normal data are learnt from, settings chosen on faults made of others, and odd ones sought.

Our model and peers from scikit-learn have the same data and choose their settings in the same way: by how
well they tell normal data that were kept back from faulty ones made of these. Neither the odd data nor the
normal ones beside them have a part in it.

Axes: D documents, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from anygram import api
from anygram.tasks.anomalies import metrics
from outliers.scikit import PEERS

Floats = NDArray[np.float64]
Datum = TypeVar("Datum")
WAYS = ("max", "top", "mean", "total")


@dataclass(frozen=True)
class Search(Generic[Datum]):
    """What is learnt from, what settings are chosen on, and what is reported."""

    name: str
    trained: Sequence[Datum]
    kept: Sequence[Datum]
    faulty: Sequence[Datum]
    normal: Sequence[Datum]
    odd: Sequence[Datum]


@dataclass(frozen=True)
class Candidate:
    """A model, and how data become its symbols."""

    model: str
    codec: str
    settings: dict[str, Any] = field(default_factory=dict)
    budget: str = "1epochs"

    def __str__(self) -> str:
        return " ".join([self.model, *(f"{name}={value}" for name, value in self.settings.items())])


@dataclass(frozen=True)
class Found:
    """How well one way tells odd data from normal ones, with the settings it chose."""

    search: str
    way: str
    auroc: float
    chosen: str


Write = Callable[[Sequence[Datum], Path], Path]
Features = Callable[[Sequence[Datum]], Floats]


def ours(
    search: Search[Datum], candidates: Sequence[Candidate], write: Write[Datum], folder: Path, seed: int
) -> tuple[Found, api.Run]:
    """Return what the best of our models on faults made finds, and its run."""
    trained = write(search.trained, folder / "trained")
    valid = write([*search.kept, *search.faulty], folder / "valid")
    best: tuple[float, str, str, api.Run] | None = None
    for candidate in candidates:
        run = api.train(
            trained,
            candidate.model,
            codec=candidate.codec,
            settings=candidate.settings,
            budget=candidate.budget,
            valid="none",
            seed=seed,
        )
        for by in WAYS:
            told = auroc(scores(run, valid, by), len(search.kept))
            if best is None or told > best[0]:
                best = told, by, str(candidate), run
    assert best is not None, "there is no candidate"
    _, by, chosen, run = best
    searched = write([*search.normal, *search.odd], folder / "searched")
    told = auroc(scores(run, searched, by), len(search.normal))
    return Found(search.name, "anygram", told, f"{chosen}, {by}"), run


def scores(run: api.Run, source: Path, by: Any) -> Floats:
    """Return what `anygram anomalies` scores each document of a source."""
    return np.array([one.score for one in run.anomalies(source, by=by, expected=0, false_alarms=0.5)])


def peers(search: Search[Datum], features: Features[Datum], seed: int) -> Iterator[Found]:
    """Yield what each of scikit-learn's ways finds, with the best of its settings on faults made."""
    trained_DF, valid_DF, searched_DF = (
        features(data)
        for data in (
            search.trained,
            [*search.kept, *search.faulty],
            [*search.normal, *search.odd],
        )
    )
    for way, settings in PEERS.items():
        told = {}
        for setting in settings:
            score = setting(trained_DF, seed)
            if score is not None:
                told[str(setting)] = auroc(score(valid_DF), len(search.kept)), score
        chosen = max(told, key=lambda name: told[name][0])
        yield Found(search.name, way, auroc(told[chosen][1](searched_DF), len(search.normal)), chosen)


def auroc(score_D: Floats, normal: int) -> float:
    """Return the area under the curve; the first so many are normal."""
    return metrics.agreement(score_D, score_D > 0, np.arange(len(score_D)) >= normal).auroc
