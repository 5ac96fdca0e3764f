"""Translation by looking phrases up: what a model has to beat.

A phrase is one to four words side by side; in scripts without spaces a character is a word, and marks are
words too. Of each phrase of the sources the target phrase t is known with which it goes most,
Dice(s, t) = 2 c(s, t) / (c(s) + c(t)) (Dice 1945; Smadja, McKeown & Hatzivassiloglou 1996), c counting the
pairs that hold a phrase; of equal ones the longest. A source is read from left to right: a source of a pair,
whole, is its pair's target; else the longest phrase whose Dice is at least `least` is replaced and, where
there is none, the word is left out, or copied if no pair has it. `least` is chosen among five by ROUGE-2 on
every tenth pair, with the phrases of the others.

Axes: P pairs of phrases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError
from anygram.tasks.translation.rouge import overlap_f1
from anygram.tasks.translation.scripts import pieces, tokenizer_of

LONGEST = 4
LEAST = (0.1, 0.2, 0.3, 0.4, 0.5)
_TENTH = 10
_AT_ONCE = 1 << 22
"""Pairs of phrases are counted so many at a time."""

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Lookup:
    """Phrases with translation and Dice, whole sources, all words known, what stands between phrases."""

    phrases: dict[Phrase, tuple[str, float]]
    sentences: dict[Phrase, str]
    words: frozenset[str]
    between: str
    least: float

    def translate(self, source: str) -> str:
        """Return what the phrases of a source become."""
        read = _read(source)
        if read in self.sentences:
            return self.sentences[read]
        written = [source[first:last] for first, last in pieces(source)]
        found, place = "", 0
        while place < len(read):
            length, target = self._longest(read[place : place + LONGEST])
            if target is None:
                target = written[place]
            place += length
            if target:
                found += self.between if found and target[0].isalnum() else ""
                found += target
        return found

    def _longest(self, ahead: Phrase) -> tuple[int, str | None]:
        """Return how many words are replaced, and by what; None where the first is to be copied."""
        for length in range(len(ahead), 0, -1):
            target, dice = self.phrases.get(ahead[:length], ("", 0.0))
            if target and dice >= self.least:
                return length, target
        return 1, "" if ahead[0] in self.words else None


def learn(pairs: Sequence[tuple[str, str]]) -> Lookup:
    """Return the lookup of these pairs of source and target; DataError where there are none."""
    if not pairs:
        raise DataError("phrases are looked up in pairs, and there are none; name a source that holds some")
    if len(pairs) < 2 * _TENTH:
        return _learnt(pairs, LEAST[-1])
    held, rest = pairs[::_TENTH], [pair for place, pair in enumerate(pairs) if place % _TENTH]
    tried = _learnt(rest, 0.0)
    return _learnt(pairs, max(LEAST, key=lambda least: _agreement(replace(tried, least=least), held)))


def _agreement(lookup: Lookup, held: Iterable[tuple[str, str]]) -> float:
    return sum(overlap_f1(_read(lookup.translate(source)), _read(target), 2) for source, target in held)


def _learnt(pairs: Sequence[tuple[str, str]], least: float) -> Lookup:
    whole = Counter((_read(source), target) for source, target in pairs)
    sentences: dict[Phrase, str] = {}
    for (source, target), _ in whole.most_common():
        sentences.setdefault(source, target)
    spaced = tokenizer_of(target for _, target in pairs) == "13a"
    return Lookup(
        phrases=_phrases(pairs),
        sentences=sentences,
        words=frozenset(word for source in sentences for word in source),
        between=" " if spaced else "",
        least=least,
    )


def _read(text: str) -> Phrase:
    """Return the words and marks of a text in lower case."""
    return tuple(text[first:last].casefold() for first, last in pieces(text))


class _Side:
    """The phrases of one side by number: in how many pairs each is, its words, how it is written."""

    def __init__(self, texts: Iterable[str]) -> None:
        numbers: dict[Phrase, int] = {}
        self.written: list[str] = []
        self.rows = [np.array(self._numbered(text, numbers), dtype=np.int64) for text in texts]
        self.phrases = list(numbers)
        self.count_P = np.bincount(np.concatenate(self.rows), minlength=len(numbers))
        self.length_P = np.array([len(phrase) for phrase in numbers], dtype=np.int64)

    def _numbered(self, text: str, numbers: dict[Phrase, int]) -> list[int]:
        spans = pieces(text)
        found: dict[int, None] = {}
        words = [text[first:last].casefold() for first, last in spans]
        for first in range(len(words)):
            for last in range(first + 1, min(first + LONGEST, len(words)) + 1):
                phrase = tuple(words[first:last])
                number = numbers.setdefault(phrase, len(numbers))
                if number == len(self.written):
                    self.written.append(text[spans[first][0] : spans[last - 1][1]])
                found[number] = None
        return list(found)

    def repeated(self) -> Iterator[NDArray[np.int64]]:
        """Yield the phrases of each text that are in two texts or more."""
        return (row[self.count_P[row] > 1] for row in self.rows)


def _phrases(pairs: Sequence[tuple[str, str]]) -> dict[Phrase, tuple[str, float]]:
    """Return the best target phrase of each source phrase, with its Dice; each is in two pairs or more."""
    source = _Side(source for source, _ in pairs)
    target = _Side(target for _, target in pairs)
    code_P, both_P = _counted(source, target)
    source_P, target_P = np.divmod(code_P, len(target.phrases))
    dice_P = 2 * both_P / (source.count_P[source_P] + target.count_P[target_P])
    starts = np.flatnonzero(np.diff(source_P, prepend=-1))  # codes are sorted, so sources are
    most_P = np.repeat(np.maximum.reduceat(dice_P, starts), np.diff(starts, append=len(dice_P)))
    equal = np.flatnonzero(dice_P == most_P)
    order = np.lexsort((target_P[equal], -target.length_P[target_P[equal]], source_P[equal]))
    best_P = equal[order[np.unique(source_P[equal], return_index=True)[1]]]
    best = zip(source_P[best_P].tolist(), target_P[best_P].tolist(), dice_P[best_P].tolist(), strict=True)
    return {source.phrases[one]: (target.written[other], dice) for one, other, dice in best}


def _counted(source: _Side, target: _Side) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return source · phrases of the targets + target of phrases found together, and in how many pairs.

    Left out are those whose counts are too unlike for a Dice of at least the smallest `LEAST`.
    """
    code_P = both_P = np.zeros(0, dtype=np.int64)
    held: list[NDArray[np.int64]] = []
    waiting = 0
    for source_P, target_P in zip(source.repeated(), target.repeated(), strict=True):
        counts = source.count_P[source_P][:, None], target.count_P[target_P]
        may_be = 2 * np.minimum(*counts) >= LEAST[0] * (counts[0] + counts[1])
        held.append((source_P[:, None] * len(target.phrases) + target_P)[may_be])
        waiting += len(held[-1])
        if waiting > max(_AT_ONCE, len(code_P)):  # what was counted is sorted anew a few times, not each time
            code_P, both_P = _added(code_P, both_P, held)
            held, waiting = [], 0
    return _added(code_P, both_P, held)


def _added(
    code_P: NDArray[np.int64], both_P: NDArray[np.int64], more: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the counts, sorted by code, with those of more pairs of phrases."""
    if not more:
        return code_P, both_P
    found_P, times_P = np.unique(np.concatenate(more), return_counts=True)
    codes_N, times_N = np.concatenate([code_P, found_P]), np.concatenate([both_P, times_P])
    order_N = np.argsort(codes_N, kind="stable")  # of two sorted runs: one pass
    codes_N, times_N = codes_N[order_N], times_N[order_N]
    starts = np.flatnonzero(np.diff(codes_N, prepend=-1))
    return codes_N[starts], np.add.reduceat(times_N, starts)
