"""Context mixing over dictionaries and lists: contexts are what they know, nothing is hashed into a table.

So it equals the kernels only while no two contexts meet in a bucket by chance, which few of a short text do.
What it is asked before each symbol it finds out anew from all that was read.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from functools import reduce
from math import exp, log
from typing import Any

from anygram.models.contextmix.contexts import Context

History = tuple[int, int, int | None]
MOST = {0: 48, 1: 30, 2: 12, 3: 8, 4: 6, 5: 5}
_64 = (1 << 64) - 1


def bounded(logit: int) -> int:
    return max(-3072, min(3071, logit))


def squash(logit: int) -> int:
    return max(1, min(65535, round(65536 / (1 + exp(-bounded(logit) / 256)))))


_SQUASHED = [squash(logit) for logit in range(-3072, 3072)]


def stretch(probability: int) -> int:
    """Return the logit of the middle of the sixteen probabilities that begin alike."""
    return bisect_left(_SQUASHED, probability // 16 * 16 + 8) - 3072


def rate(seen: int) -> int:
    return int(65536 / (seen + 1.5))


def folded(seed: int, number: int) -> int:
    product = (seed + number + 1) * 0x632BE59BD9B4E019 & _64
    return product ^ product >> 31


def hashed(number: int) -> int:
    product = (number ^ number >> 29) * 0x2545F4914F6CDD1D & _64
    return product ^ product >> 32


def fits(zeros: int, ones: int) -> bool:
    return min(zeros, ones) in MOST and max(zeros, ones) <= MOST[min(zeros, ones)]


def after(history: History, bit: int) -> History:
    """Return the history after a bit: the other count is cut, then either while they do not fit."""
    counts = history[:2]
    same, other = counts[bit] + 1, counts[1 - bit]
    other = other if other < 2 else 2 if other < 4 else 3 if other < 7 else 4 if other < 13 else 5
    while not fits(same, other):
        if other == 0 or fits(same - 1, other):
            same -= 1
        else:
            other -= 1
    zeros, ones = (same, other) if bit == 0 else (other, same)
    return zeros, ones, bit if zeros and ones and zeros + ones <= 9 else None


def beginning(history: History) -> int:
    return ((5 * history[1] + 2) << 22) // (5 * (history[0] + history[1]) + 4)


def sure(length: int, bit: int) -> int:
    p = (2 * length + 1 << 22) // (2 * length + 2) if length else 1 << 21
    return p if bit else (1 << 22) - p


def towards(kept: tuple[int, int], bit: int) -> tuple[int, int]:
    """Return a probability in 2^22nds and how often it was seen, after a bit."""
    probability, seen = kept
    return probability + (((bit << 22) - probability >> 3) * rate(seen) >> 13), min(seen + 1, 1000)


class Row:
    """What is known of the symbols since the boundary; all of it is read off them."""

    def __init__(self, read: list[int], size: int, period: int, followed: dict[Any, int]) -> None:
        self.last = [*read[::-1], *[size - 1] * 32][:32]
        self.place = len(read) % period if period else 0
        self.above_place = read[-period] if period and len(read) >= period else 0
        self.followed = followed[self.last[0] & 255] if read else 0
        self.followed_2 = followed[pair(*self.last[1::-1])] if read else 0
        text = bytes(read) if size == 257 else b""
        small = re.sub(rb"[\t\r\n]", b" ", text.lower())
        *before, self.word = re.split(rb"[^a-z0-9\x80-\xff]+", small)
        self.words = [b"", b"", *[word for word in before if word]]
        self.caseless = (bytes(5) + re.sub(rb" +", b" ", small))[-5:]
        self.letters = bytes(6) + bytes(byte & 31 for byte in re.sub(rb"[^a-z\x80-\xff]", b"", small))
        self.shape = _shape(text)
        self.sign = (b"\0" + re.sub(rb"[^,.;:!?A-Z\n]", b"", text))[-1]
        self._read_lines(text)

    def _read_lines(self, text: bytes) -> None:
        *before, line = text.split(b"\n")
        above = bytearray(513)
        for done in before:
            above[: len(done[:510]) + 1] = done[:510] + b"\n"
        self.column = min(len(line), 510)
        self.above, self.corner = above[self.column], above[self.column + 1]
        self.line_start = line[:3]
        words = re.split(rb"[^a-z0-9\x80-\xff]+", line.lower())
        self.line_word = next((word for word in words[:-1] if word), b"")
        self.template = re.sub(rb"[0-9]+", b"\0", line)
        fields, fields_above = (re.split(rb"[,\t; ]", part) for part in (line, (before or [b""])[-1]))
        self.field, self.field_so_far = len(fields) - 1, fields[-1]
        self.field_before = fields[-2] if self.field else b""
        self.field_above = fields_above[self.field] if self.field < len(fields_above) else b""

    def key(self, context: int) -> tuple[int, ...]:
        """Return the context and what it knows."""
        return context, *self._known(context)

    def _known(self, context: int) -> tuple[int, ...]:
        last, word = self.last, number(self.word)
        if context < 10:
            return tuple(last[:context])
        before, before_that = number(self.words[-1]), number(self.words[-2])
        field_so_far = number(self.field_so_far)
        return {
            Context.WORD: (word, last[0]),
            Context.WORDS_2: (word, before),
            Context.WORDS_3: (word, before, before_that),
            Context.WORDS_SKIP: (word, before_that),
            Context.SKIP: (last[1], last[3]),
            Context.PAIR: (last[1], last[2]),
            Context.COARSE: (last[0], sum(last[n] >> 4 << 30 - 10 * n for n in (1, 2, 3))),
            Context.ABOVE: (last[0], (self.column << 20) + self.above),
            Context.COLUMN: (self.column,),
            Context.CORNER: (last[0], (self.above << 20) + self.corner),
            Context.SHAPE: (last[0], sum(kind << 4 * n for n, kind in enumerate(self.shape[:-9:-1]))),
            Context.FOLLOWED: (last[0], self.followed),
            Context.FOLLOWED_2: (last[0], self.followed_2),
            Context.FIELD: (self.field, word),
            Context.FIELD_SO_FAR: (self.field, field_so_far),
            Context.FIELD_BEFORE: (self.field, field_so_far, number(self.field_before)),
            Context.FIELD_ABOVE: (self.field, field_so_far, number(self.field_above)),
            Context.TEMPLATE: (number(self.template), last[0]),
            Context.LINE_START: (word, number(self.line_start)),
            Context.LINE_WORD: (word, number(self.line_word)),
            Context.SENTENCE: (word, self.sign),
            Context.CASELESS: tuple(self.caseless[::-1]),
            Context.RECORD: (self.place, last[0]),
            Context.RECORD_ABOVE: (self.place, self.above_place, last[0]),
            Context.LETTERS: (sum(letter << 5 * n for n, letter in enumerate(self.letters[:-7:-1])), last[0]),
        }[Context(context)]


def number(text: bytes) -> int:
    """Return the hash of some bytes, 0 of none."""
    return reduce(folded, text, 0)


def pair(first: int, second: int) -> tuple[int, int]:
    """Return where it stands what followed two symbols: a hash of them, which others may have too."""
    return -1, folded(first, second) >> 40 & 0xFFFF


def _shape(text: bytes) -> list[int]:
    """Return the kinds of the symbols, runs of small letters as two."""
    kinds = [0] * 8
    for byte in text:
        character = chr(byte)
        kind = 4 if byte >= 128 else 1 if character.islower() else 6 if character.isupper() else 0
        kind = kind or (2 if character.isdigit() else 7 if character == "\n" else 0)
        kind = kind or (3 if character in " \t\r" else 5 if character in ",.;:!?" else 0)
        if [*kinds[-2:], kind] != [1, 1, 1]:
            kinds.append(kind)
    return kinds


@dataclass
class Bucket:
    """What half a symbol is predicted from in one context."""

    slots: dict[int, tuple[int, History, int]] = field(default_factory=dict)
    """Probability, bit history, times seen, of each of 15 nodes."""
    run: tuple[int, int] = (0, 0)
    """The four bits that came last, and how many times in a row."""


NOTHING: History = (0, 0, None)
UNSEEN = 32768, NOTHING, 0


@dataclass
class Asked:
    """What a bit was predicted from."""

    path: int
    depth: int
    node: int
    place: int
    said: list[dict[str, Any]] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    matched: list[tuple[int, int, int]] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)
    logits: list[int] = field(default_factory=list)
    mixed: int = 0
    refined: list[tuple[int, int, int]] = field(default_factory=list)


class Twin:
    """A reader that learns each symbol once it was predicted."""

    def __init__(self, contexts: list[int], size: int, mixers: int, period: int = 0) -> None:
        self.contexts, self.size, self.period = contexts, size, period
        self.bits = 4 * max(1, -(-(size - 2).bit_length() // 4))
        self.leaves = [*range(min(size - 1, 1 << self.bits)), (1 << self.bits) - 1]
        self.read: list[int] = []
        self.document: list[int] = []
        self.buckets: dict[Any, Bucket] = {}
        self.histories: dict[Any, tuple[int, int]] = {}
        self.runs: dict[Any, int] = {}
        self.chain: dict[Any, tuple[int, int]] = {}
        self.counted: dict[Any, tuple[int, int]] = {}
        self.matched: dict[Any, int] = {}
        self.refined: dict[Any, int] = defaultdict(int)
        self.escapes: dict[int, tuple[int, int]] = {}
        self.final: dict[tuple[int, int], int] = defaultdict(lambda: 65536 // mixers)
        say = 75_000 // len(contexts)
        first = [say, say, say // 2, 0, say // 2] * len(contexts) + [20_000, 0, 0, 0, 0]
        self.mixers: list[dict[int, list[int]]] = [defaultdict(first.copy) for _ in range(mixers)]
        self.stood: dict[Any, int] = {}
        self.match_places, self.match_lengths = [0, 0], [0, 0]
        self.followed: dict[Any, int] = defaultdict(int)
        self._look()

    def _look(self) -> None:
        self.row = Row(self.document, self.size, self.period, self.followed)

    def log_p(self, symbol: int) -> float:
        """Return log P of the symbol, and learn it."""
        boundary, highest = self.size - 1, (1 << self.bits) - 1
        leaf = highest if symbol == boundary else symbol
        self.keys = [self.row.key(context) for context in self.contexts]
        expected = [self.read[at] if at < len(self.read) else 0 for at in self.match_places]
        self.expected = [highest if symbol == boundary else symbol for symbol in expected]
        probability, asked = 1.0, []
        for depth in range(self.bits):
            path = leaf + (1 << self.bits) >> self.bits - depth
            bit = leaf >> self.bits - depth - 1 & 1
            reached = {leaf + (1 << self.bits) >> self.bits - depth - 1 for leaf in self.leaves}
            if {2 * path, 2 * path + 1} <= reached:
                asked.append(self._ask(path, depth))
                one = self._predict(asked[-1]) / 65536
                probability *= one if bit else 1 - one
        for ask in asked:
            self._learn(ask, leaf >> self.bits - ask.depth - 1 & 1)
        if leaf == highest and boundary == 1 << self.bits:
            probability *= self._escape(symbol == boundary)
        self._follow(symbol)
        return log(probability)

    def _escape(self, bit: bool) -> float:
        kept = self.escapes.get(self.row.last[0] & 255, (1 << 21, 0))
        self.escapes[self.row.last[0] & 255] = towards(kept, bit)
        one = max(1, min(65535, kept[0] >> 6)) / 65536
        return one if bit else 1 - one

    def _ask(self, path: int, depth: int) -> Asked:
        within = depth % 4
        node = path % (1 << within) + (1 << within)
        place = path if self.bits <= 8 else (depth // 4 * 16 + node) % 256
        return Asked(path, depth, node, place)

    def _bucket(self, c: int, ask: Asked) -> tuple[Any, Bucket]:
        key = self.keys[c], ask.path >> ask.depth % 4
        return key, self.buckets.get(key, Bucket())

    def _predict(self, ask: Asked) -> int:
        row, chain, counted, hits = self.row, 0, 0, 0
        for c in range(len(self.contexts)):
            said = self._say(c, ask, chain, counted)
            ask.said.append(said)
            ask.inputs += said["inputs"]
            if said["history"] != NOTHING:
                chain, counted = said["inputs"][2], said["inputs"][4]
                hits += self.contexts[c] <= 6
        for match in (0, 1):
            ask.inputs += self._match(match, ask)
        ask.inputs.append(256)
        length = ask.matched[0][1]
        kind = row.place & 255 if self.period else (ask.depth % 8 * 32 | min(len(row.word), 31))
        agreed = (min(length, 15) * 8 + min(hits, 7)) * 2 + (ask.matched[1] != (1, 0, 0))
        expected = self.expected[0] + (1 << self.bits) & 255 if length else 0
        ask.chosen = [ask.place, row.last[0] & 255, agreed, kind, row.last[1] & 255, expected]
        total = 0
        for k, mixer in enumerate(self.mixers):
            weights = mixer[ask.chosen[k]]
            ask.logits.append(bounded(sum(w * x for w, x in zip(weights, ask.inputs, strict=True)) >> 16))
            total += ask.logits[-1] * self.final[ask.place, k]
        return self._refine(ask, bounded(total >> 16))

    def _say(self, c: int, ask: Asked, chain: int, counted: int) -> dict[str, Any]:
        """Return the logits that a context gives, and what it knows."""
        _, bucket = self._bucket(c, ask)
        probability, history, seen = bucket.slots.get(ask.node, UNSEEN)
        said: dict[str, Any] = {"history": history, "slot": (probability, seen)}
        said |= {"chain": chain, "counted": counted}
        said["run"], said["inputs"] = None, [0, 0, 0, 0, 0]
        if history == NOTHING:
            return said
        own, logit = stretch(probability), stretch(beginning(history) >> 6)
        before, constant = self.chain.get((c, history), (45_000, logit * (90 if c else 256)))
        within, (nibble, times), run = ask.depth % 4, bucket.run, 0
        if times and 16 + nibble >> 4 - within == ask.node:
            said["run"] = times, within, nibble >> 3 - within & 1
            run = stretch(self.runs.get((c, *said["run"]), sure(times, said["run"][2])) >> 6)
        level = seen if seen < 12 else min(12 + (seen - 12) // 16, 15)
        said["count"] = level, sum(abs(own) > limit for limit in (200, 500, 1000))
        weights = self.counted.get((c, said["count"]), _trust(c, level))
        said["inputs"] = [
            stretch(self.histories.get((c, history), (beginning(history), 0))[0] >> 6),
            own,
            bounded(chain * before + (constant << 8) >> 16),
            run,
            bounded(own * weights[0] + counted * weights[1] >> 16),
        ]
        return said

    def _match(self, match: int, ask: Asked) -> list[int]:
        known = self.expected[match] + (1 << self.bits)
        same = match == 1 and self.match_places[0] == self.match_places[1]
        if not self.match_lengths[match] or same or known >> self.bits - ask.depth != ask.path:
            ask.matched.append((match, 0, 0))
            return [0, 0]
        length = self.match_lengths[match]
        length = length if length < 16 else min(16 + (length - 16) // 8, 31)
        bit = known >> self.bits - ask.depth - 1 & 1
        ask.matched.append((match, length, bit))
        probability = self.matched.get(ask.matched[-1], sure(length, bit)) >> 6
        return [stretch(probability), probability - 32768 >> 4]

    def _refine(self, ask: Asked, logit: int) -> int:
        row = self.row
        rows = (
            ask.place | min(ask.matched[0][1], 15) << 8,
            ask.place | (row.last[0] & 255) << 8,
            hashed(folded(row.last[1], row.last[0])) + ask.place * 0x9E5 & 0xFFFF,
            hashed(folded(number(row.word), row.last[0])) + ask.place * 0x9E5 & 0xFFFF,
        )
        point, rest = divmod(logit + 3072, 192)
        ask.mixed = squash(logit)
        total = 2 * (ask.mixed << 6)
        for r, row_number in enumerate(rows):
            below, above = (
                (squash(192 * at - 3072) << 6) + self.refined[r, row_number, at] for at in (point, point + 1)
            )
            total += (below * (192 - rest) + above * rest) // 192
            ask.refined.append((r, row_number, point + (rest > 96)))
        return max(1, min(65535, total // 6 >> 6))

    def _learn(self, ask: Asked, bit: int) -> None:
        speed = 8 + 819_200 // (4096 + len(self.read))
        mistake = (bit << 16) - ask.mixed
        for k, mixer in enumerate(self.mixers):
            self.final[ask.place, k] += ask.logits[k] * mistake >> 18
            error = ((bit << 16) - (squash(ask.logits[k]) + 3 * ask.mixed) // 4) * speed >> 8
            weights = mixer[ask.chosen[k]]
            weights[:] = [w + (x * error + 8192 >> 14) for w, x in zip(weights, ask.inputs, strict=True)]
        for key in ask.refined:
            self.refined[key] += (bit << 22) - (squash(192 * key[2] - 3072) << 6) - self.refined[key] >> 6
        for match, length, expected in ask.matched:
            if length:
                kept = self.matched.get((match, length, expected), sure(length, expected))
                self.matched[match, length, expected] = kept + ((bit << 22) - kept >> 7)
        for c, said in enumerate(ask.said):
            if said["history"] != NOTHING:
                self._learn_context(c, said, bit)
            self._learn_slot(c, ask, said, bit)

    def _learn_context(self, c: int, said: dict[str, Any], bit: int) -> None:
        history, (_, own, chain, _, counted) = said["history"], said["inputs"]
        kept = self.histories.get((c, history), (beginning(history), 0))
        self.histories[c, history] = towards(kept, bit)
        if said["run"]:
            run = self.runs.get((c, *said["run"]), sure(said["run"][0], said["run"][2]))
            self.runs[c, *said["run"]] = run + ((bit << 22) - run >> 7)
        error, logit = (bit << 16) - squash(chain), stretch(beginning(history) >> 6)
        before, constant = self.chain.get((c, history), (45_000, logit * (90 if c else 256)))
        before += said["chain"] * error + (1 << 17) >> 18
        self.chain[c, history] = before, constant + (error >> 9)
        error = (bit << 16) - squash(counted)
        mine, others = self.counted.get((c, said["count"]), _trust(c, said["count"][0]))
        mine += own * error + (1 << 17) >> 18
        self.counted[c, said["count"]] = mine, others + (said["counted"] * error + (1 << 17) >> 18)

    def _learn_slot(self, c: int, ask: Asked, said: dict[str, Any], bit: int) -> None:
        key, bucket = self._bucket(c, ask)
        self.buckets[key] = bucket
        probability, seen = said["slot"]
        probability += ((bit << 16) - bit - probability) * rate(seen) >> 16
        bucket.slots[ask.node] = probability, after(said["history"], bit), min(seen + 1, 250)
        if ask.depth % 4 == 3:
            nibble, times = (ask.path << 1 | bit) & 15, bucket.run[1]
            bucket.run = nibble, min(times + 1, 15) if bucket.run[0] == nibble else 1

    def _follow(self, symbol: int) -> None:
        for match, at in enumerate(self.match_places):
            going = self.match_lengths[match] and self.read[at] == symbol
            self.match_places[match] += bool(going)
            self.match_lengths[match] = min(self.match_lengths[match] + 1, 65_535) if going else 0
        self.read.append(symbol)
        if symbol == self.size - 1:
            self.document, self.match_places, self.match_lengths = [], [0, 0], [0, 0]
            self._look()
            return
        for place in (self.row.last[0] & 255, pair(*self.row.last[1::-1])):
            self.followed[place] = (self.followed[place] << 8 | symbol & 255) & 0xFFFF
        self.document.append(symbol)
        self._look()
        for match, least in enumerate((5, 12)):
            key = match, *self.row.last[:least]
            if not self.match_lengths[match] and key in self.stood:
                at = self.stood[key]
                before = [*self.read[:at][::-1], *[0] * 32][:32]
                same = [mine == other for mine, other in zip(before, self.row.last, strict=True)]
                if [*same, False].index(False) >= least:
                    self.match_places[match], self.match_lengths[match] = at, [*same, False].index(False)
            self.stood[key] = len(self.read)


def _trust(c: int, seen: int) -> tuple[int, int]:
    """Return what a slot's own probability weighs and what the contexts before do, to begin with."""
    return (65536 * (seen + 1) // (seen + 3) if c else 65536), 65536 * 2 // (seen + 3)
