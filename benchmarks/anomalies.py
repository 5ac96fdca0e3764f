"""Anomalies found by surprisal, beside what is published and beside scikit-learn's ways.

    ANYGRAM_DATA=/path/to/data ./dev bench anomalies              about twenty minutes
    ANYGRAM_DATA=/path/to/data ./dev bench anomalies --parts sessions --seeds 5

Sessions: n-grams of log keys learn 70 % of the normal sessions and search the other 30 % and all abnormal
ones; half of those normal ones sets the threshold, the other half measures. Series: see nab/detector.py.
Rows, pictures and sounds: see outliers/.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

from nab import detector
from outliers import pictures, rows, search, sounds
from outliers.search import Found
from peers import report
from peers.options import names_of, real_data
from peers.report import Table
from sessions import hdfs

from anygram.tasks.anomalies import Rule
from anygram.tasks.anomalies.rule import Ties

OUTLIERS = {"rows": rows, "pictures": pictures, "sounds": sounds}
PARTS = ("sessions", "series", *OUTLIERS)
RULES = (
    *(Rule(false_alarms=asked, ties=ties, expected=0) for asked in (0.01, 0.0015) for ties in get_args(Ties)),
    *(Rule(duplicates="drop", ties=ties, expected=0) for ties in get_args(Ties)),
)
"""False alarms: one in a hundred, and as many as DeepLog had, for which distinct sessions are too few."""
SHOWN = ("auroc", "recall_at_one_percent", "recall", "false_alarm_rate", "precision", "f1")
_PUBLISHED_NORMAL, _PUBLISHED_ABNORMAL = 553_366, 16_838
"""Sessions of the test part that figures of DeepLog are published of."""


def main() -> int:
    """Search, print tables, and return the exit status."""
    options = _options()
    tables, stored = [], []
    with tempfile.TemporaryDirectory(prefix="anygram-bench-") as name:
        folder = Path(name)
        if "sessions" in options.parts:
            data = real_data(hdfs.NORMAL, hdfs.ABNORMAL)
            told = [row for seed in range(options.seeds) for row in _sessions(data, seed, folder)]
            tables.append(_sessions_table(told))
            stored += told
        if "series" in options.parts:
            found = detector.measure(real_data(detector.WINDOWS) / "nab", folder)
            tables.append(detector.table(found))
            stored += found
        for part, of_part in OUTLIERS.items():
            if part in options.parts:
                outliers = _outliers(part, real_data(*of_part.NEEDED), options.seeds, folder)
                tables.append(_outliers_table(part, outliers))
                stored += map(asdict, outliers)
    report.publish(
        "anomalies", tables, options.json, stored=stored, packages=("anygram", "numpy", "numba", "torch")
    )
    return 0


def _sessions(data: Path, seed: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the figures of one seed, with duplicates and without, ties spared and drawn, at each share."""
    parted = hdfs.parted(data, seed)
    order, by_order = hdfs.chosen_order(parted.trained, folder, seed)
    print(f"seed {seed}: AUROC on faults made of training sessions {by_order}", file=sys.stderr, flush=True)
    run = hdfs.train(parted.trained, order, folder)
    for rule in RULES:
        figures = hdfs.figures(run, parted.normal, parted.abnormal, folder, replace(rule, seed=seed))
        yield {"seed": seed, "order": order, **figures}


def _sessions_table(rows: Sequence[dict[str, Any]]) -> Table:
    groups: dict[tuple[str, float, str], list[dict[str, Any]]] = {}
    for row in rows:
        group = row["duplicates"], row["false_alarms_asked"], row["ties"]
        groups.setdefault(group, []).append(row)
    cells = [
        [
            duplicates,
            f"{asked:.2%}",
            ties,
            *(_range([row[name] for row in group]) for name in SHOWN),
            _range([_published_f1(row) for row in group]),
        ]
        for (duplicates, asked, ties), group in groups.items()
    ]
    header = [
        "duplicates",
        "asked",
        "ties",
        *(name.replace("_", " ") for name in SHOWN),
        "F1 at DeepLog's shares",
    ]
    orders = sorted({row["order"] for row in rows})
    seeds = len({row["seed"] for row in rows})
    title = f"HDFS sessions: medians of {seeds} seeds (least to largest); orders {orders}"
    return Table(header, cells, title)


def _outliers(part: str, data: Path, seeds: int, folder: Path) -> list[Found]:
    """Return what our model and its peers find in the searches of a part."""
    of_part, found = OUTLIERS[part], []
    for seed in range(seeds):
        for one in of_part.searches(data, seed):
            within = folder / part
            within.mkdir(exist_ok=True)
            own, run = search.ours(one, of_part.CANDIDATES, of_part.write, within, seed)
            found += [own, *search.peers(one, of_part.features_for(one), seed)]
            said = f"seed {seed}: {own.search}, AUROC {own.auroc:.3f}, {own.chosen}"
            if own.search == rows.EXCHANGED:
                said += f", column told rightly in {rows.named_rightly(run, one, within):.3f} of alarms"
            print(said, file=sys.stderr, flush=True)
    return found


def _outliers_table(part: str, found: Sequence[Found]) -> Table:
    """Return the AUROC of each way in each search, and the mean of all searches in each seed."""
    ways = list(dict.fromkeys(one.way for one in found))
    searches = list(dict.fromkeys(one.search for one in found))
    aurocs = {
        (name, way): [one.auroc for one in found if (one.search, one.way) == (name, way)]
        for name in searches
        for way in ways
    }
    cells = [[name, *(_range(aurocs[name, way], 3) for way in ways)] for name in searches]
    means = [
        [statistics.mean(of_seed) for of_seed in zip(*(aurocs[name, way] for name in searches), strict=True)]
        for way in ways
    ]
    cells.append(["mean", *(_range(of_way, 3) for of_way in means)])
    seeds = len(aurocs[searches[0], ways[0]])
    title = f"{part.capitalize()}: AUROC, medians of {seeds} seeds (least to largest)"
    return Table(["search", *ways], cells, title)


def _published_f1(row: dict[str, Any]) -> float:
    """Return F1 with as many normal and abnormal sessions as published figures have, at these rates."""
    hits, misfires = row["recall"] * _PUBLISHED_ABNORMAL, row["false_alarm_rate"] * _PUBLISHED_NORMAL
    return float(2 * hits / (hits + misfires + _PUBLISHED_ABNORMAL))


def _range(figures: Sequence[float], digits: int = 4) -> str:
    middle, low, high = statistics.median(figures), min(figures), max(figures)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", type=names_of("part", PARTS), default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=5, help="parts of the data (default: 5)")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
