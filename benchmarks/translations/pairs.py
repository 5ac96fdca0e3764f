"""Pairs of real texts, split so that nothing that is tested was learnt from, and written for all sides alike.

tatoeba    short sentences of English and Chinese. Many share one side: pairs joined by a sentence of either
           side, case and punctuation apart, go into one part together
pydocs     paragraphs of Python's documentation, English and Chinese: whole files go into one part; those
           longer than LONGEST characters on either side are left out, in all parts
scitldr    abstracts and summaries of one sentence, in the parts that the data set has; several summaries of
           an abstract are pairs each to learn from, and references of one source to measure by

What shares a side with something tested all the same, as a paragraph in two files does, is not learnt.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FILES = {
    "tatoeba": ("tatoeba-cmn/cmn.txt",),
    "pydocs": ("pydocs-zh/parallel.en-zh.tsv",),
    "scitldr": ("scitldr/train.jsonl", "scitldr/dev.jsonl", "scitldr/test.jsonl"),
}
LONGEST = 500
SHARES = {"test": 0.05, "valid": 0.05}
SOURCE, TARGET = "source", "target"
"""Fields of the files that are written."""


@dataclass(frozen=True)
class Pair:
    """A source and its target; pairs of equal `group` may not be parted."""

    source: str
    target: str
    group: str = ""


@dataclass(frozen=True)
class Held:
    """A source that is measured, and all that may be said of it."""

    source: str
    references: Sequence[str]


@dataclass(frozen=True)
class Parts:
    """Pairs to learn from in a seeded order, pairs to choose by, and sources to measure."""

    train: Sequence[Pair]
    valid: Sequence[Pair]
    test: Sequence[Held]

    def of_size(self, pairs: int | None) -> Parts:
        """Return the same parts with that many pairs to learn from; all of them where None."""
        return Parts(self.train[:pairs], self.valid, self.test)


def of(name: str, data: Path, direction: str, seed: int = 0) -> Parts:
    """Return the parts of a data set; `direction` is en-zh or zh-en, of summaries it says nothing."""
    paths = [data / file for file in FILES[name]]
    if name == "scitldr":
        train, valid, test = map(_summaries, paths)
        return apart(Parts(_shuffled(_each(train), seed), _each(valid), test))
    every = _tatoeba(paths[0]) if name == "tatoeba" else _documentation(paths[0])
    if direction == "zh-en":
        every = [Pair(one.target, one.source, one.group) for one in every]
    return apart(parted(every, seed))


def apart(parts: Parts) -> Parts:
    """Return the parts, without pairs to learn from or to choose by that share a side with what is tested."""
    sources = {letters(one.source) for one in parts.test}
    targets = {letters(reference) for one in parts.test for reference in one.references}

    def unseen(one: Pair) -> bool:
        return letters(one.source) not in sources and letters(one.target) not in targets

    return Parts([*filter(unseen, parts.train)], [*filter(unseen, parts.valid)], parts.test)


def parted(every: Sequence[Pair], seed: int) -> Parts:
    """Return pairs in parts by group; the order of groups is drawn, and parts are filled up to their shares.

    >>> parts = parted([Pair(str(n), "", str(n // 2)) for n in range(80)], seed=0)
    >>> len(parts.train), len(parts.valid), len(parts.test)
    (72, 4, 4)
    """
    by_group: dict[str, list[Pair]] = {}
    for one in every:
        by_group.setdefault(one.group, []).append(one)
    groups = sorted(by_group)
    drawn = iter([groups[place] for place in np.random.default_rng(seed).permutation(len(groups))])
    found: dict[str, list[Pair]] = {name: [] for name in SHARES}
    for name, share in SHARES.items():
        while len(found[name]) < share * len(every):
            found[name] += by_group[next(drawn)]
    train = [pair for group in drawn for pair in by_group[group]]
    return Parts(_shuffled(train, seed), found["valid"], held(found["test"]))


def held(every: Iterable[Pair]) -> list[Held]:
    """Return each source once, with all of its targets."""
    targets: dict[str, list[str]] = {}
    for one in every:
        known = targets.setdefault(one.source, [])
        if one.target not in known:
            known.append(one.target)
    return [Held(source, references) for source, references in targets.items()]


def write(parts: Parts, folder: Path) -> Mapping[str, Path]:
    """Write the parts as JSON lines of fields `source` and `target`; return their files by name.

    The test part has the first reference of each source.
    """
    first = [Pair(one.source, one.references[0]) for one in parts.test]
    files = {}
    for name, every in (("train", parts.train), ("valid", parts.valid), ("test", first)):
        files[name] = folder / f"{name}.jsonl"
        rows = (json.dumps({SOURCE: one.source, TARGET: one.target}, ensure_ascii=False) for one in every)
        files[name].write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return files


def joined(every: Sequence[Pair], key: Callable[[str], str]) -> list[Pair]:
    """Return the pairs in groups of those that share a source or a target, directly or by way of others."""
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(side: tuple[str, str]) -> tuple[str, str]:
        while (above := parent.setdefault(side, side)) != side:
            parent[side] = parent[above]
            side = above
        return side

    for one in every:
        parent[root(("target", key(one.target)))] = root(("source", key(one.source)))
    return [Pair(one.source, one.target, "".join(root(("source", key(one.source))))) for one in every]


def letters(text: str) -> str:
    """Return the letters and digits of a text in lower case: what is the same sentence.

    >>> letters("I'm home.") == letters("im home!")
    True
    """
    return "".join(filter(str.isalnum, text.casefold()))


def _tatoeba(path: Path) -> list[Pair]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return joined([Pair(*line.split("\t")[:2]) for line in lines if line.strip()], letters)


def _documentation(path: Path) -> list[Pair]:
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return [
        Pair(english, chinese, file)
        for file, english, chinese in rows
        if max(len(english), len(chinese)) <= LONGEST
    ]


def _summaries(path: Path) -> list[Held]:
    records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [
        Held(" ".join(sentence.strip() for sentence in record["source"]), [*map(str.strip, record["target"])])
        for record in records
    ]


def _each(every: Sequence[Held]) -> list[Pair]:
    return [Pair(one.source, reference) for one in every for reference in one.references]


def _shuffled(every: Sequence[Pair], seed: int) -> list[Pair]:
    return [every[place] for place in np.random.default_rng([seed, 1]).permutation(len(every))]
