"""From an ARPA file to a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from anygram.codecs import words
from anygram.exchange.arpa import closing, reading
from anygram.models import ngram
from anygram.reporting.progress import Progress
from anygram.runs import Record, StoredRun


def import_(path: Path, progress: Progress) -> StoredRun:
    """Return the run of an ARPA file, plain or compressed; DataError in one line for a malformed one."""
    contents = reading.read(path, progress)
    config = words.Config(lines=False)
    codec = words.WordsCodec(contents.words, config.split, lines=False)
    progress.stage("building the model")
    try:
        model, inserted = _model(contents)
    except ngram.WrongNGram as wrong:
        raise reading.repeated(path, wrong.length, wrong.row) from None
    record = Record(
        codec="words",
        codec_settings=asdict(config),
        model="ngram",
        model_settings=asdict(model.config),
        vocabulary_size=contents.vocabulary_size,
        learner_settings={},
        budget={},
        seed=0,
        data={"format": "arpa", "file": str(path), "bytes": path.stat().st_size},
        status="finished",
        figures={
            "ngrams": model.counts(),
            "ngrams_inserted": inserted,
            "ngrams_over_a_boundary": contents.crossing,
        },
    )
    return StoredRun(record, codec, model)


def _model(contents: reading.Contents) -> tuple[ngram.NGram, list[int]]:
    """Return the model, and how many n-grams of each length were put in since longer ones extend them.

    WrongNGram where one stands there twice.
    """
    try:
        model = ngram.from_ngrams(contents.levels, contents.vocabulary_size)
        if model.tables.closed:
            return model, [0] * len(contents.levels)
    except ngram.WrongNGram as wrong:
        if wrong.twin is not None:
            raise
    levels, inserted = closing.close(contents.levels)
    return ngram.from_ngrams(levels, contents.vocabulary_size), inserted
