"""Whether shipped defaults are within 3 % of the best of a small search around them, in bits per byte.

    ANYGRAM_DATA=/path/to/data ./dev bench defaults

Three kinds of text: English articles, Chinese poems, a log; each by the default codec. Nothing was tuned
on these; `--texts plays,more-poems,linux` are those on whose held-out parts the rules were chosen. The
search takes one step from what `suggest` gives: the learning rate and the rows of a step halved and doubled,
the next smaller and the next larger of the sizes that `suggest` knows. `--rounds 2` goes on from the best.
Nothing is read of the test tenth: what is compared is a ninth of the rest (by document, or by position);
the poems are the test tenth of more. Figures are medians of `--repeats` seeds, each training in a process of
its own; the best of a few noisy figures is a little better than its setting is. Ends with 1 where a default
is beyond 3 %, or failed.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from peers import report
from peers.options import TINYSHAKESPEARE, names_of, real_data
from peers.processes import CommandFailed
from peers.report import Table
from tuning import trials
from tuning.trials import Settings, Trials, described

WITHIN = 1.03


@dataclass(frozen=True)
class Source:
    """Where a text is below the folder of data, what its documents are, whether its test tenth is all."""

    path: str
    documents: str
    of_test: bool = False


TEXTS = {
    "articles": Source("wikitext-2/wiki.test.tokens", "files"),
    "poems": Source("chinese-poetry/tang.txt", "paragraphs", of_test=True),
    "log": Source("loghub/OpenSSH_2k.log", "lines"),
}
TUNED_ON = {
    "plays": Source(TINYSHAKESPEARE, "files"),
    "more-poems": Source("chinese-poetry/tang.txt", "paragraphs"),
    "linux": Source("loghub/Linux_2k.log", "lines"),
}
EVERY = {**TEXTS, **TUNED_ON}
PACKAGES = ("anygram", "torch", "numpy", "numba")
HEADER = ("text", "model", "default", "bits a byte", "the best found", "bits a byte", "ratio")


@dataclass(frozen=True)
class Finding:
    """What the default of a model on a text reached, and the best setting found, the default's included."""

    text: str
    model: str
    default: Settings
    default_bits: float
    best: Settings
    best_bits: float

    @property
    def ratio(self) -> float:
        """How many times the best's bits the default needs; infinite where it failed."""
        return self.default_bits / self.best_bits if math.isfinite(self.default_bits) else math.inf

    @property
    def is_within(self) -> bool:
        return self.ratio <= WITHIN

    def cells(self) -> list[str]:
        """Return the row as a table shows it; of the best only what the default has otherwise."""
        changed = {key: value for key, value in self.best.items() if self.default.get(key) != value}
        best = described(changed) or "the default"
        bits = [f"{self.default_bits:.4f}", best, f"{self.best_bits:.4f}", f"{self.ratio:.4f}"]
        return [self.text, self.model, described(self.default), *bits]


def main() -> int:
    """Search what was asked for, print the table, and return the exit status."""
    options = _options()
    data = real_data(*(EVERY[name].path for name in options.texts))
    every: list[Trials] = []
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="anygram-bench-") as folder:
        for name in options.texts:
            one = EVERY[name]
            subject = trials.divided(name, data / one.path, one.documents, Path(folder), of_test=one.of_test)
            every += [Trials(subject, model, options.budget) for model in options.models]
        for tried in every:
            try:
                findings.append(search(tried, options.repeats, options.rounds))
            except CommandFailed as error:
                print(f"{tried.subject.name}  {tried.model}: {error}", file=sys.stderr, flush=True)
    table = Table(HEADER, [finding.cells() for finding in findings])
    stored = [training for tried in every for training in tried.to_json()]
    report.publish("defaults", [table], options.json, stored=stored, packages=PACKAGES)
    return 0 if len(findings) == len(every) and all(one.is_within for one in findings) else 1


def search(tried: Trials, repeats: int, rounds: int) -> Finding:
    """Return the default beside the best of its neighbours, and of the best's in further rounds."""
    sizes = tried.sizes()
    first = tried.run({}, 0)
    if first.failed:
        raise CommandFailed(f"the default of {tried.model} on {tried.subject.name}: {first.failed}")
    default = {key: first.settings[key] for key in ("rate", "rows", *sizes[0])}
    candidates: list[Settings] = [{}]
    best: Settings = {}
    for _ in range(rounds):
        new = [one for one in neighbours({**default, **best}, sizes) if one not in [default, *candidates]]
        candidates += new
        for seed in range(repeats):
            for settings in candidates:
                tried.run(settings, seed)
        before, best = best, min(candidates, key=tried.median)
        if best == before:
            break
    figures = tried.median({}), tried.median(best)
    return Finding(tried.subject.name, tried.model, default, figures[0], {**default, **best}, figures[1])


def neighbours(centre: Settings, sizes: Sequence[Mapping[str, int]]) -> list[Settings]:
    """Return the settings one step away: in rate, in rows, and in size, of which there are these.

    >>> sizes = [{"units": 64}, {"units": 96}]
    >>> [described(one) for one in neighbours({"rate": 0.5, "rows": 1, "units": 64}, sizes)][2:]
    ['rate=0.5 rows=2 units=64', 'rate=0.5 rows=1 units=96']
    """
    changes: list[Settings] = [{"rate": centre["rate"] / 2}, {"rate": centre["rate"] * 2}]
    changes += [{"rows": rows} for rows in (centre["rows"] // 2, centre["rows"] * 2) if rows]
    own = {key: centre[key] for key in sizes[0]}
    if own not in sizes:
        raise CommandFailed(f"{described(own)} is none of the sizes that grow with the budget")
    place = list(sizes).index(own)
    changes += [sizes[beside] for beside in (place - 1, place + 1) if 0 <= beside < len(sizes)]
    return [{**centre, **change} for change in changes]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    texts = names_of("text", EVERY)
    parser.add_argument(
        "--texts",
        type=texts,
        default=list(TEXTS),
        help=f"some of {','.join(EVERY)} (default: the first three)",
    )
    parser.add_argument("--models", type=lambda words: words.split(","), default=["lstm", "transformer"])
    parser.add_argument("--budget", default="20s", help="of each training (default: 20s)")
    parser.add_argument("--repeats", type=int, default=3, help="seeds (default: 3)")
    parser.add_argument("--rounds", type=int, default=1, help="steps from the default at most (default: 1)")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
