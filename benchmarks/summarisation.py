"""ROUGE of summaries of scientific abstracts in one sentence: first sentences, phrases looked up, anygram.

    ANYGRAM_DATA=/path/to/data ./dev bench summarisation                     some 40 minutes: 10 a model
    ... ./dev bench summarisation --peer peers/bin/python

SciTLDR (Cachola et al. 2020) in its own parts: 1,988 abstracts to learn from. A source is its sentences, with
blanks between them. Every abstract of the test part is measured by all of its references, of which the one
counts that is nearest: ROUGE of Unicode words, in lower case, no stems. Two thousand pairs are few to learn
to write from: first sentences are hard to beat, and whether a model does is what the table shows. What suits
is chosen with --develop, on the validation part. The peer is JoeyNMT, where --peer names a Python that has
it: see translations/joeynmt.py.
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
from peers.options import real_data
from translations import contenders, measuring, pairs
from translations.contenders import Contest
from translations.measuring import Figures
from translations.options import PACKAGES, add_options, contest_of, sizes_of


def main() -> int:
    """Measure what was asked for and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser, models="seq2seq,attentive,transformer", codec="bpe", sizes="all")
    options = parser.parse_args()
    folder = real_data(*pairs.FILES["scitldr"])
    contest = contest_of(options, "summary")
    found = list(_figures(contest, options, folder))
    stored: list[dict[str, Any]] = [{"data": "scitldr", **one.to_json()} for one in found]
    remark = contest.peer.describe() if contest.peer else "without a peer"
    tables = [measuring.table("scitldr", found)]
    report.publish("summarisation", tables, options.json, stored=stored, packages=PACKAGES, remark=remark)
    return 0


def _figures(contest: Contest, options: argparse.Namespace, data: Path) -> Iterator[Figures]:
    """Yield every way's figures."""
    whole = pairs.of("scitldr", data, "")
    if options.develop:
        whole = replace(whole, test=pairs.held(whole.valid))
    whole = replace(whole, test=whole.test[: options.sources])
    for size in sizes_of(options.pairs):
        parts = whole.of_size(size)
        with tempfile.TemporaryDirectory(prefix="anygram-bench-") as folder:
            learnt = contenders.by_models(contest, parts, Path(folder))
            for written in (*contenders.without_model("summary", parts), *learnt):
                (found,) = measuring.measured("summary", whole.test, [written])
                print(" ".join(measuring.row(found, list(found.measured))), file=sys.stderr, flush=True)
                yield found


if __name__ == "__main__":
    sys.exit(main())
