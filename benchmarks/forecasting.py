"""Forecasts beside the seasonal naive one and peers: transformer temperatures (ETTh2) and airline passengers.

    ANYGRAM_DATA=/path/to/data ./dev bench forecasting            some minutes
    pip install statsforecast                                     for its AutoETS and AutoARIMA beside ours

What is learnt, chosen by and measured stands in forecasts/etth2.py and forecasts/airline.py, and how the
codec finds differences in forecasts/differences.py. Peers are used where they are installed; AutoARIMA takes
some 15 seconds for each window of ETTh2, so that they are measured on every --peer-stride-th hour of its test
part alone, and ours once more on the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from forecasts import airline, differences, etth2, parts
from peers import report
from peers.options import names_of, real_data

SUBJECTS = ("airline", "etth2", "differences")


def main() -> int:
    """Train, choose, measure and print; return 1 where a bar is missed."""
    options = _options()
    data = real_data(etth2.FILE, airline.FILE, *(one.file for one in differences.STRETCHES))
    tables, stored, bars = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "airline" in options.data:
            (document,) = parts.series_of(data / airline.FILE)
            table, rows, held = airline.measure(document, folder, options.budget)
            tables.append(table)
            stored += rows
            bars.append(held)
        if "etth2" in options.data:
            documents = parts.series_of(data / etth2.FILE)
            found, rows, held = etth2.measure(
                documents, folder, options.stride, options.peer_stride, options.samples
            )
            tables += found
            stored += rows
            bars.append(held)
        if "differences" in options.data:
            tables.append(differences.measure(data, folder))
    packages = ["torch", "numpy", "statsforecast"]
    report.publish("forecasting", tables, options.json, stored=stored, packages=packages)
    return 0 if all(bars) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=names_of("data", SUBJECTS), default=list(SUBJECTS))
    parser.add_argument("--budget", default="1m", help="of each of the airline's trainings (default: 1m)")
    parser.add_argument("--stride", type=int, default=7, help="hours between windows of ETTh2's test part")
    parser.add_argument(
        "--peer-stride",
        type=int,
        default=485,
        help="the same where peers are measured, which need pip install statsforecast (default: 485)",
    )
    parser.add_argument("--samples", type=int, default=30, help="of each of ETTh2's windows (default: 30)")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
