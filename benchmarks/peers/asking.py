"""Tasks that ask a loaded model, each run in a process of its own: prints what it found as JSON.

python -m peers.asking TASK '{"model": ..., ...}'
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

AT_LEAST_SECONDS = 1.0
WORDS_OF_SHORT = 10


def main() -> None:
    """Run the task named first with the arguments in the JSON object named second."""
    task, given = sys.argv[1:]
    print(json.dumps(TASKS[task](**json.loads(given))))


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _short(path: str) -> list[str]:
    """Return a thousand sentences of ten words."""
    long = (line.split() for line in _lines(path))
    return [
        " ".join(words[:WORDS_OF_SHORT])
        for words in islice((w for w in long if len(w) >= WORDS_OF_SHORT), 1000)
    ]


def _anygram(path: str) -> Any:
    return importlib.import_module("anygram").load(path)


def _kenlm(path: str) -> Any:
    return importlib.import_module("kenlm").Model(path)


def _median_seconds(call: Callable[[], object]) -> float:
    """Return the median of at least three calls that together take a second or more, after one to warm up."""
    call()
    taken: list[float] = []
    while len(taken) < 3 or sum(taken) < AT_LEAST_SECONDS:
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def _rate(score: Callable[[list[str]], Iterable[float]], text: str, out: str | None) -> dict[str, float]:
    """Return tokens a second, boundaries not counted; the scores are written to `out`."""
    sentences = _lines(text)
    tokens = sum(len(line.split()) for line in sentences)
    seconds = _median_seconds(lambda: score(sentences))
    if out is not None:
        Path(out).write_text(json.dumps([float(one) for one in score(sentences)]))
    return {"tokens_per_second": tokens / seconds}


def ours_batch(model: str, text: str, threads: int, out: str | None = None) -> dict[str, float]:
    """Score a list of sentences with one call."""
    scorer = _anygram(model).scorer()
    return _rate(lambda sentences: scorer.scores(sentences, threads=threads), text, out)


def kenlm_batch(model: str, text: str, out: str | None = None) -> dict[str, float]:
    """Score a list of sentences as KenLM's users do, a call a sentence."""
    kenlm = _kenlm(model)
    return _rate(lambda sentences: [kenlm.score(one) for one in sentences], text, out)


def _single(score: Callable[[str], float], text: str) -> dict[str, float]:
    sentences = _short(text)

    def every() -> None:
        for sentence in sentences:
            score(sentence)

    return {"microseconds": _median_seconds(every) / len(sentences) * 1e6}


def ours_single(model: str, text: str) -> dict[str, float]:
    """Score short sentences, a call a sentence."""
    return _single(_anygram(model).scorer().score, text)


def kenlm_single(model: str, text: str) -> dict[str, float]:
    """Score short sentences, a call a sentence."""
    return _single(_kenlm(model).score, text)


def ours_predict(model: str, text: str, symbols: int = 4000) -> dict[str, float]:
    """Read a text symbol by symbol, asking for the whole distribution before each."""
    run = _anygram(model)
    language_model, boundary = run.model, run.codec.boundary
    encoded = (run.codec.encode(line).ids for line in _lines(text))
    ids = list(islice((int(i) for one in encoded for i in (*one, boundary)), symbols))
    array = importlib.import_module("numpy").array
    steps = [array([[i]], dtype="int32") for i in ids]

    def read() -> None:
        state = language_model.start(1)
        for ids_BT in steps:
            language_model.predict(state)
            state = language_model.advance(state, ids_BT)

    return {"symbols_per_second": len(steps) / _median_seconds(read)}


def kenlm_predict(model: str, text: str, run: str, symbols: int = 20) -> dict[str, float]:
    """Read a text word by word, asking for each word that a run knows before each: there is no other way."""
    module, kenlm = importlib.import_module("kenlm"), _kenlm(model)
    codec = _anygram(run).codec
    words = [codec.decode([identifier]) for identifier in range(codec.unknown + 1, codec.boundary)]
    text_words = list(islice((word for line in _lines(text) for word in line.split()), symbols))

    def read() -> None:
        state, after = module.State(), module.State()
        kenlm.BeginSentenceWrite(state)
        for read_word in text_words:
            for word in words:
                kenlm.BaseScore(state, word, after)
            kenlm.BaseScore(state, read_word, after)
            state, after = after, state

    return {"symbols_per_second": len(text_words) / _median_seconds(read)}


def ours_load(model: str) -> dict[str, float]:
    """Load a run, everything imported; the first time in this process."""
    anygram = importlib.import_module("anygram")
    importlib.import_module("anygram.models.ngram")
    load = anygram.load
    begin = time.perf_counter()
    load(model)
    return {"seconds": time.perf_counter() - begin}


def kenlm_load(model: str) -> dict[str, float]:
    """Load a model, the module imported."""
    load = importlib.import_module("kenlm").Model
    begin = time.perf_counter()
    load(model)
    return {"seconds": time.perf_counter() - begin}


TASKS: dict[str, Callable[..., dict[str, float]]] = {
    function.__name__: function
    for function in (
        ours_batch,
        kenlm_batch,
        ours_single,
        kenlm_single,
        ours_predict,
        kenlm_predict,
        ours_load,
        kenlm_load,
    )
}

if __name__ == "__main__":
    main()
