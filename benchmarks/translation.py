"""BLEU and chrF of translations between English and Chinese: what needs no model, anygram, and JoeyNMT.

    ANYGRAM_DATA=/path/to/data ./dev bench translation                       some hours: 10 minutes a model
    ... ./dev bench translation --data tatoeba --direction en-zh --pairs all --peer peers/bin/python

Sentences of Tatoeba and paragraphs of Python's documentation, both ways, learnt from the first 1,000 and
4,000 pairs and from all: translations/pairs.py says how they are split. Everyone learns from the same pairs
for the same seconds on the same threads and writes by beam search of 5; what anygram takes for its codecs is
outside the budget, as pieces are for the peer. `learns` are the seconds of the whole call, of the peer those
from its first epoch on. Every source of the test part is measured by all of its references, with sacrebleu's
tokenizer for the target's script;
intervals are of 1,000 draws of the sources. What suits models, of settings or codecs, is chosen with
--develop, which measures on the validation part. The peer is left out where --peer names no Python that has
it: how to make one stands in translations/joeynmt.py.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from peers import report
from peers.options import names_of, real_data
from peers.report import Table
from translations import contenders, measuring, pairs
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
    remark = contest.peer.describe() if contest.peer else "without a peer"
    for name in options.data:
        for direction in options.direction:
            found = list(
                contenders.figures(
                    contest,
                    pairs.of(name, folder, direction),
                    sizes_of(options.pairs),
                    develop=options.develop,
                    sources=options.sources,
                )
            )
            tables.append(measuring.table(f"{name}, {direction}", found))
            stored += [{"data": name, "direction": direction, **one.to_json()} for one in found]
            print(measuring.signatures(found), file=sys.stderr)
    report.publish("translation", tables, options.json, stored=stored, packages=PACKAGES, remark=remark)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=names_of("data", DATA), default=list(DATA))
    parser.add_argument("--direction", type=names_of("direction", DIRECTIONS), default=list(DIRECTIONS))
    add_options(parser, models="seq2seq,attentive,transformer", codec="bpe", sizes="1000,4000,all")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
