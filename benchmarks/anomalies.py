"""Anomalies found by surprisal, beside what is published: HDFS sessions, and NAB's series with known causes.

    ANYGRAM_DATA=/path/to/data ./dev bench anomalies              about two minutes
    ANYGRAM_DATA=/path/to/data ./dev bench anomalies --parts sessions --seeds 5

Sessions: n-grams of log keys learn 70 % of the normal sessions and search the other 30 % and all abnormal
ones; half of those normal ones sets the threshold, the other half measures. Series: see nab/detector.py.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from nab import detector
from peers import report
from peers.options import names_of, real_data
from peers.report import Table
from sessions import hdfs

from anygram.tasks.anomalies import Rule
from anygram.tasks.anomalies.rule import Ties

PARTS = ("sessions", "series")
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
            rows = [row for seed in range(options.seeds) for row in _sessions(data, seed, folder)]
            tables.append(_sessions_table(rows))
            stored += rows
        if "series" in options.parts:
            found = detector.measure(real_data(detector.WINDOWS) / "nab", folder)
            tables.append(detector.table(found))
            stored += found
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


def _published_f1(row: dict[str, Any]) -> float:
    """Return F1 with as many normal and abnormal sessions as published figures have, at these rates."""
    hits, misfires = row["recall"] * _PUBLISHED_ABNORMAL, row["false_alarm_rate"] * _PUBLISHED_NORMAL
    return float(2 * hits / (hits + misfires + _PUBLISHED_ABNORMAL))


def _range(figures: Sequence[float]) -> str:
    return f"{statistics.median(figures):.4f} ({min(figures):.4f} to {max(figures):.4f})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", type=names_of("part", PARTS), default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=5, help="of the sessions' parts (default: 5)")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
