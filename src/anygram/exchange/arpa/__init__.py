"""ARPA files, which KenLM, SRILM and most speech recognisers read.

spelling     symbols as tokens
writing      a model's n-grams as a file
formatting   its lines, compiled
reading      a file as n-grams
header       how many it holds
source       its bytes by whole lines
sections     pieces of it as n-grams
parsing      its lines, compiled
lines        one line in plain Python, where that is called for
vocabulary   its words by their bytes
closing      n-grams that are missing though others extend them
"""

from __future__ import annotations

from pathlib import Path

from anygram.errors import UsageError
from anygram.exchange.arpa import spelling, writing
from anygram.reporting.progress import Progress
from anygram.runs import StoredRun


def export(run: StoredRun, path: Path, progress: Progress) -> list[int]:
    """Write a run's n-grams and return how many of each length; UsageError for a model that has none."""
    if not isinstance(run.model, writing.Listed):
        raise UsageError(
            f"the model '{run.record.model}' has no n-grams to write as arpa; export a run of ngram"
        )
    return writing.write(path, run.model, spelling.tokens(run.codec), progress)


def import_(path: Path, progress: Progress) -> StoredRun:
    """Return the run of an ARPA file, plain or compressed; DataError in one line for a malformed one."""
    from anygram.exchange.arpa import importing  # its kernels are not what an export should wait for

    return importing.import_(path, progress)
