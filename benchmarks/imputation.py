"""How well missing cells of tables are filled, and planted errors found, beside scikit-learn and plain rules.

    ANYGRAM_DATA=/path/to/data ./dev bench imputation

Of each table a fifth of the rows, at most 400, is the test part, and a fifth of the rest, at most 300,
chooses among our models, which learn from the others; the chosen one then learns from both. In each part a
share of the known cells is hidden. What is shown is measured on the test part alone: means over columns, each
alike, of the accuracy of categories and of the root mean squared error of numbers, in standard deviations;
then means over seeds, of splits and of hidden cells. Intervals are Student's, of 95 %, over seeds.
IterativeImputer (a Bayesian ridge regression of each column on all others, in turns) is given categories as
numbers and dates as hours, and learns from the same rows. Errors are planted by giving a cell the value that
another row has in its column; found are those among as many cells as were planted that are the most suspect.
Beside them stand the cells that are the rarest in their columns: by the share of a category, or a number's
distance from the mean.

Of series a month of ETTh2's hours chooses among models for each length of stretch, and one of its test part
is measured, once: root mean squared errors in standard deviations of each series, means over the seven.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers import report
from peers.options import names_of, real_data
from peers.report import Table

import anygram
from anygram.codecs.series import SeriesCodec
from anygram.data import series, tables
from anygram.data.documents import Document
from anygram.data.reading import ReadingOptions, Report, read
from anygram.protocols import Codec
from anygram.tasks.imputation import filling, measuring, noise
from anygram.tasks.imputation import series as series_filling
from anygram.tasks.imputation.filling import Filled
from anygram.tasks.imputation.grid import Grid, Place

TABLES = {
    "titanic": "seaborn/titanic.csv",
    "penguins": "seaborn/penguins.csv",
    "ETTh2": "ett/ETTh2.csv",
}
AMOUNTS = {"titanic": (5, "10s"), "penguins": (5, "10s"), "ETTh2": (3, "30s")}
"""Seeds, and the budget of each model."""
SERIES = "series"
SPANS = ((0, 8640), (8640, 9360), (11520, 12240))
"""Hours of ETTh2 to learn from, to choose by, and to measure on: a month each of its usual parts."""
LENGTHS = {1: 0.1, 6: 0.1, 24: 0.15}
"""How long stretches are, and the share of values that is hidden."""
SERIES_ENTRANTS: Sequence[tuple[str, str, Mapping[str, Any]]] = (
    ("ngram", "60s", {"method": "quantile", "bins": 64}),
    ("ngram", "60s", {"method": "quantile", "bins": 64, "difference": 1}),
    ("lstm", "300steps", {"method": "quantile", "bins": 64}),
    ("lstm", "300steps", {"method": "quantile", "bins": 64, "difference": 1}),
)
STRETCHES = ("length", "values", "model", "validation", *series_filling.METHODS, "in the 80 % interval")
PACKAGES = ("anygram", "scikit-learn", "torch", "numpy")
ENTRANTS: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("ngram", {"digits": False}),
    ("contextmix", {"digits": False}),
    ("lstm", {"digits": False}),
    ("lstm", {"digits": False, "bins": 12, "units": 32}),
)
HIDDEN, PLANTED = 0.15, 20
TEST, VALID = (1 / 5, 400), (1 / 5, 300)
METHODS = ("anygram", "IterativeImputer", "mean or mode", "last value")
HEADER = ("table", "what", *METHODS, "anygram less IterativeImputer", "seeds")
FOUND = ("table", "planted", "found of them: anygram", "rarest", "seeds")
STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
"""The 97.5 % quantile of Student's distribution by the number of seeds."""


@dataclass(frozen=True)
class Outcome:
    """What came of one seed: the model chosen, figures by kind and method, shares of planted errors found."""

    chosen: str
    figures: dict[str, dict[str, float]]
    found: dict[str, float]


def main() -> int:
    """Measure what was asked for, print tables, and return the exit status."""
    options = _options()
    folder = real_data(*(TABLES.get(name, TABLES["ETTh2"]) for name in options.tables))
    filled: list[list[str]] = []
    found: list[list[str]] = []
    stored: list[dict[str, Any]] = []
    for name in [name for name in options.tables if name in TABLES]:
        rows = list(read([str(folder / TABLES[name])], ReadingOptions(kind="tables"), Report()))
        outcomes = []
        seeds, budget = AMOUNTS[name]
        for seed in range(options.seeds or seeds):
            outcomes.append(measured(rows, seed, options.budget or budget))
            print(f"{name}, seed {seed}: {outcomes[-1].chosen}", file=sys.stderr, flush=True)
            stored.append({"table": name, "seed": seed, **vars(outcomes[-1])})
        filled += _rows(name, outcomes)
        finds = [_mean([one.found[who] for one in outcomes]) for who in ("anygram", "rarest")]
        found.append([name, str(PLANTED), *finds, str(len(outcomes))])
    shown = [Table(HEADER, filled, "Cells filled"), Table(FOUND, found, "Errors found")] if filled else []
    if SERIES in options.tables:
        made = stretches_filled(folder / TABLES["ETTh2"])
        stored += made
        shown.append(Table(STRETCHES, series_rows(made), "Series filled"))
    remark = options.budget or "10 s a network, 30 s on ETTh2; of series the steps that are named"
    report.publish("imputation", shown, options.json, stored=stored, packages=PACKAGES, remark=remark)
    return 0


def measured(rows: Sequence[Document], seed: int, budget: str) -> Outcome:
    """Return what comes of one split of the rows."""
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    test, rest = _cut([rows[place] for place in order], TEST)
    valid, train = _cut(rest, VALID)
    errors = [error_of(_trained(train, entrant, seed, budget), valid, seed) for entrant in ENTRANTS]
    entrant = ENTRANTS[int(np.argmin(errors))]
    chosen = f"{entrant[0]} {' '.join(f'{key}={value}' for key, value in entrant[1].items())}"
    run = _trained(rest, entrant, seed, budget)
    grid = asked_of(run.codec, test)
    hidden = measuring.hide(grid, HIDDEN, seed)
    grid = asked_of(run.codec, hidden.documents)
    ours = measuring.measure(grid, hidden.truth, filling.fill(run.model, grid).cells)
    theirs = measuring.measure(grid, hidden.truth, iterative(asked_of(run.codec, rest), grid))
    return Outcome(chosen, _figures(ours, theirs), _finds(run, test, seed))


def _trained(
    rows: Sequence[Document], entrant: tuple[str, Mapping[str, Any]], seed: int, budget: str
) -> anygram.api.Run:
    """Return a run that learnt from these rows."""
    model, settings = entrant
    with tempfile.TemporaryDirectory(prefix="anygram-bench-") as folder:
        source = Path(folder) / "train.csv"
        tables.write(source, rows)
        return anygram.train(str(source), model, codec="table", settings=settings, budget=budget, seed=seed)


def asked_of(codec: Codec, rows: Sequence[Document]) -> Grid:
    """Return the rows, asked for their columns of categories and numbers, which the peer fills as well."""
    every = Grid(codec, rows, None)
    names = [column.name for column in every.codec.columns]
    return Grid(codec, rows, [names[place] for place in every.columns if every.codec.candidates(place)])


def error_of(run: anygram.api.Run, rows: Sequence[Document], seed: int) -> float:
    """Return the mean over columns of 1 − accuracy and of root mean squared errors, some cells hidden."""
    grid = asked_of(run.codec, rows)
    hidden = measuring.hide(grid, HIDDEN, seed)
    grid = asked_of(run.codec, hidden.documents)
    found = measuring.measure(grid, hidden.truth, filling.fill(run.model, grid).cells)
    ours = [one for one in found if one.method == "model" and one.column != measuring.ALL]
    errors = [one.rmse if one.accuracy is None else 1 - one.accuracy for one in ours]
    return float(np.mean([error for error in errors if error is not None]))


def iterative(known: Grid, grid: Grid) -> list[Filled]:
    """Return every missing cell as IterativeImputer fills it, fitted on the rows of `known`."""
    from sklearn import impute
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401

    peer: Any = impute
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says so where it has not converged, and goes on
        imputer = peer.IterativeImputer(max_iter=20, random_state=0, keep_empty_features=True)
        imputer.fit(matrix(known))
        values_RC: NDArray[np.float64] = imputer.transform(matrix(grid))
    filled = []
    for place in grid.places(missing=True):
        value = float(values_RC[place.row, place.column])
        if grid.numbers(place) is None:
            names = categories(grid, place.column)
            text = names[int(np.clip(round(value), 0, len(names) - 1))]
        else:
            text = repr(value)
        filled.append(Filled(place.row + 1, grid.name(place), text, math.nan))
    return filled


def matrix(grid: Grid) -> NDArray[np.float64]:
    """Return cells as numbers_RC: categories by their place, dates as hours, NaN for what is missing."""
    values_RC = np.full((len(grid.written), len(grid.codec.columns)), math.nan)
    for column, described in enumerate(grid.codec.columns):
        names = {name: place for place, name in enumerate(categories(grid, column))}
        for row in range(len(grid.written)):
            place = Place(row, column)
            if grid.is_missing(place):
                continue
            text = grid.meaning(place)
            if described.type.name == "number":
                values_RC[row, column] = float(text)
            elif described.type.name == "date":
                values_RC[row, column] = np.datetime64(text).astype("datetime64[h]").astype(float)
            elif text in names:
                values_RC[row, column] = names[text]
    return values_RC


def categories(grid: Grid, column: int) -> list[str]:
    """Return the categories of a column in order, none for others."""
    described = grid.codec.columns[column]
    if described.type.name != "category":
        return []
    return sorted(grid.value(Place(0, column), number) for number in range(described.type.choices))


def _finds(run: anygram.api.Run, rows: Sequence[Document], seed: int) -> dict[str, float]:
    """Return which share of planted errors is among as many suspects, ours and the rarest cells."""
    grid, planted = plant(asked_of(run.codec, rows), seed)
    ours = {(one.row - 1, one.column) for one in noise.suspects(run.model, grid, top=len(planted))}
    cells = {(place.row, grid.name(place)) for place in planted}
    rare = {(place.row, grid.name(place)) for place in rarest(grid)[: len(planted)]}
    return {"anygram": len(cells & ours) / len(cells), "rarest": len(cells & rare) / len(cells)}


def plant(grid: Grid, seed: int) -> tuple[Grid, set[Place]]:
    """Return the rows with some cells given another row's value of their column, and these cells."""
    generator = np.random.default_rng([seed, 1])
    known = grid.places(missing=False)
    wrong: dict[Place, str] = {}
    while len(wrong) < PLANTED:
        place = known[int(generator.integers(len(known)))]
        other = Place(int(generator.integers(len(grid.written))), place.column)
        if not grid.is_missing(other) and grid.meaning(other) != grid.meaning(place):
            wrong[place] = grid.meaning(other)
    return asked_of(grid.codec, grid.with_values(wrong)), set(wrong)


def rarest(grid: Grid) -> list[Place]:
    """Return the known cells by their surprisal in their own columns, the rarest first."""
    surprisal: dict[Place, float] = {}
    for column in grid.columns:
        places = [place for place in grid.places(missing=False) if place.column == column]
        texts = [grid.meaning(place) for place in places]
        if places and grid.numbers(places[0]) is None:
            counts = Counter(texts)
            nats = [-math.log(counts[text] / len(texts)) for text in texts]
        else:
            values = np.array([float(text) for text in texts])
            nats = (((values - values.mean()) / values.std()) ** 2 / 2).tolist()
        surprisal |= dict(zip(places, nats, strict=True))
    return sorted(surprisal, key=lambda place: -surprisal[place])


def stretches_filled(path: Path) -> list[dict[str, Any]]:
    """Return figures of each length of stretch on the test part, the model chosen on the validation part."""
    every = list(read([str(path)], ReadingOptions(kind="series"), Report()))
    parts = [[_piece(one, *span) for one in every] for span in SPANS]
    with tempfile.TemporaryDirectory(prefix="anygram-bench-") as folder:
        source = Path(folder) / "train.csv"
        series.write(source, parts[0])
        runs = {
            " ".join([model, budget, *(f"{key}={value}" for key, value in settings.items())]): anygram.train(
                str(source), model, codec="series", settings=settings, budget=budget, valid="none"
            )
            for model, budget, settings in SERIES_ENTRANTS
        }
    made = []
    for length, share in LENGTHS.items():
        errors = {name: _rmse(run, parts[1], length, share)["model"] for name, run in runs.items()}
        for name, rmse in errors.items():
            print(
                f"series, stretches of {length}, validation: {name}: {rmse:.3f}", file=sys.stderr, flush=True
            )
        chosen = min(errors, key=lambda name: errors[name])
        figures = _rmse(runs[chosen], parts[2], length, share)
        made.append(
            {"series": "ETTh2", "length": length, "chosen": chosen, "valid": errors[chosen], **figures}
        )
    return made


def _piece(document: Document, first: int, last: int) -> Document:
    side = {**(document.side or {}), "first": first}
    return series.document(document.text.split("\n")[first:last], side, document.name)


def _rmse(run: anygram.api.Run, documents: Sequence[Document], length: int, share: float) -> dict[str, float]:
    """Return each method's root mean squared error, the mean of all series, and the model's coverage."""
    hidden = series_filling.hide(documents, share, length, seed=0)
    codec = run.codec
    assert isinstance(codec, SeriesCodec)
    measured = series_filling.measure(hidden, series_filling.fill(run.model, codec, hidden.documents))
    rows = [one for one in measured if one.series == series_filling.ALL]
    found = {one.method: math.nan if one.rmse is None else one.rmse for one in rows}
    return {**found, "coverage": rows[0].coverage or math.nan, "values": float(rows[0].values)}


def series_rows(made: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return a row of the table for each length of stretch."""
    return [
        [
            str(one["length"]),
            f"{one['values']:.0f}",
            one["chosen"],
            *(f"{one[name]:.3f}" for name in ("valid", *series_filling.METHODS)),
            f"{one['coverage']:.1%}",
        ]
        for one in made
    ]


def _cut(rows: Sequence[Document], part: tuple[float, int]) -> tuple[list[Document], list[Document]]:
    size = min(int(part[0] * len(rows)), part[1])
    return list(rows[:size]), list(rows[size:])


def _figures(
    ours: Sequence[measuring.Measured], theirs: Sequence[measuring.Measured]
) -> dict[str, dict[str, float]]:
    """Return the figures over all columns of a type, by method."""
    found: dict[str, dict[str, float]] = {}
    for who, every in (("anygram", ours), ("IterativeImputer", theirs)):
        for one in every:
            if one.column == measuring.ALL and (who == "anygram" or one.method == "model"):
                figure = one.rmse if one.accuracy is None else one.accuracy
                method = who if one.method == "model" else one.method
                found.setdefault(one.type, {})[method] = math.nan if figure is None else figure
    return found


def _rows(name: str, outcomes: Sequence[Outcome]) -> list[list[str]]:
    """Return a row of the table for each type of column."""
    said = {"category": "categories: accuracy", "number": "numbers: RMSE"}
    rows = []
    for kind in outcomes[0].figures:
        by_method = {method: [one.figures[kind][method] for one in outcomes] for method in METHODS}
        apart = np.subtract(by_method[METHODS[0]], by_method[METHODS[1]]).tolist()
        cells = [_mean(by_method[method]) for method in METHODS]
        rows.append([name, said[kind], *cells, _with_interval(apart), str(len(outcomes))])
    return rows


def _mean(figures: Sequence[float]) -> str:
    return f"{np.mean(figures):.3f}"


def _with_interval(figures: Sequence[float]) -> str:
    """Return the mean and half the width of its interval.

    >>> _with_interval([0.1, 0.3])
    '+0.200 ± 1.271'
    """
    mean = f"{np.mean(figures):+.3f}"
    if len(figures) not in STUDENT:
        return mean
    error = float(np.std(figures, ddof=1)) / math.sqrt(len(figures))
    return f"{mean} ± {STUDENT[len(figures)] * error:.3f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = (*TABLES, SERIES)
    parser.add_argument("--tables", type=names_of("table", names), default=list(names))
    parser.add_argument("--seeds", type=int, choices=range(1, 11), help="splits (default: 5; ETTh2: 3)")
    parser.add_argument("--budget", help="of each model of tables (default: 10s; ETTh2: 30s)")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
