"""BLEU and chrF of translations between English and Chinese: what needs no model, anygram, and JoeyNMT.

    ANYGRAM_DATA=/path/to/data ./dev bench translation                       some hours: 10 minutes a model
    ... ./dev bench translation --data tatoeba --direction en-zh --pairs all --peer peers/bin/python

Sentences of Tatoeba and paragraphs of Python's documentation, both ways, learnt from the first 1,000 and
4,000 pairs and from all: translations/pairs.py says how they are split. Everyone learns from the same pairs
for the same seconds on the same threads and writes by beam search of 5; what anygram takes for its codecs is
outside the budget, as pieces are for the peer. `learns` are the seconds of the whole call. Every source of
the test part is measured by all of its references, with sacrebleu's tokenizer for the target's script;
intervals are of 1,000 draws of the sources. What suits models, of settings or codecs, is chosen with
--develop, which measures on the validation part. The peer is left out where --peer names no Python that has
it: how to make one stands in translations/joeynmt.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from peers import report
from peers.options import names_of, real_data
from peers.report import Table
from translations import contenders, measuring, pairs
from translations.contenders import Contest
from translations.measuring import Figures
from translations.options import PACKAGES, add_options, contest_of, sizes_of

DATA = ("tatoeba", "pydocs")
DIRECTIONS = ("en-zh", "zh-en")


def main() -> int:
    """Measure what was asked for and print tables."""
    options = _options()
    folder = real_data(*(file for name in options.data for file in pairs.FILES[name]))
    tables: list[Table] = []
    stored: list[dict[str, Any]] = []
    contest = contest_of(options, "translation")
    for name in options.data:
        for direction in options.direction:
            found = list(_figures(name, direction, contest, options, folder))
            tables.append(measuring.table(f"{name}, {direction}", found))
            stored += [{"data": name, "direction": direction, **one.to_json()} for one in found]
            print(measuring.signatures(found), file=sys.stderr)
    remark = contest.peer.describe() if contest.peer else "without a peer"
    report.publish("translation", tables, options.json, stored=stored, packages=PACKAGES, remark=remark)
    return 0


def _figures(
    name: str, direction: str, contest: Contest, options: argparse.Namespace, data: Path
) -> Iterator[Figures]:
    """Yield every way's figures, those that learn once for each number of pairs."""
    whole = pairs.of(name, data, direction)
    if options.develop:
        whole = replace(whole, test=pairs.held(whole.valid))
    whole = replace(whole, test=whole.test[: options.sources])
    for place, size in enumerate(sizes_of(options.pairs)):
        parts = whole.of_size(size)
        plain = contenders.without_model("translation", parts)
        with tempfile.TemporaryDirectory(prefix="anygram-bench-") as folder:
            learnt = contenders.by_models(contest, parts, Path(folder))
            for written in (*(one for one in plain if one.pairs or not place), *learnt):
                (found,) = measuring.measured("translation", whole.test, [written])
                print(" ".join(measuring.row(found, list(found.measured))), file=sys.stderr, flush=True)
                yield found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=names_of("data", DATA), default=list(DATA))
    parser.add_argument("--direction", type=names_of("direction", DIRECTIONS), default=list(DIRECTIONS))
    add_options(parser, models="seq2seq,attentive,transformer", codec="bpe", sizes="1000,4000,all")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
