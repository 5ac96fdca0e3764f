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
from typing import Any

from peers import report
from peers.options import real_data
from translations import contenders, measuring, pairs
from translations.options import PACKAGES, add_options, contest_of, sizes_of


def main() -> int:
    """Measure what was asked for and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser, models="seq2seq,attentive,transformer", codec="bpe", sizes="all")
    options = parser.parse_args()
    folder = real_data(*pairs.FILES["scitldr"])
    contest = contest_of(options, "summary")
    remark = contest.peer.describe() if contest.peer else "without a peer"
    found = list(
        contenders.figures(
            contest,
            pairs.of("scitldr", folder, ""),
            sizes_of(options.pairs),
            develop=options.develop,
            sources=options.sources,
        )
    )
    stored: list[dict[str, Any]] = [{"data": "scitldr", **one.to_json()} for one in found]
    tables = [measuring.table("scitldr", found)]
    report.publish("summarisation", tables, options.json, stored=stored, packages=PACKAGES, remark=remark)
    return 0


if __name__ == "__main__":
    sys.exit(main())
