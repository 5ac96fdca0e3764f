"""The n-gram's smoothings and prunings as their papers have them, over dictionaries of tuples."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Sequence
from math import exp, log

from tests.small_ngrams import BOUNDARY, SYMBOLS, Documents, Gram, context_after, seen

K, WEIGHTS = 0.03, {"jelinek_mercer": 0.5, "maximum_likelihood": 0.01, "stupid_backoff": 0.4}
NAMES = ["kneser_ney", "absolute", "witten_bell", "katz", "add_k", *WEIGHTS]


def discounts(name: str, counts: Sequence[int]) -> tuple[dict[int, float], bool]:
    """Return what is taken from counts 0 .. 3 (katz: what 1 .. 5 are multiplied by), and if it fell back."""
    n = Counter(counts)
    if name == "absolute":
        d = n[1] / (n[1] + 2 * n[2]) if n[1] and n[2] else 0.5
        return {0: 0, 1: d, 2: d, 3: d}, not (n[1] and n[2])
    if name == "katz":
        fallback = {r: 1 - min(r, 3) / 2 / r for r in range(1, 6)}
        if not all(n[r] for r in range(1, 7)) or n[1] <= 6 * n[6]:
            return fallback, True
        z = 6 * n[6] / n[1]
        ratios = {r: ((r + 1) * n[r + 1] / n[r] / r - z) / (1 - z) for r in range(1, 6)}
        valid = all(0 < ratio <= 1 for ratio in ratios.values())
        return (ratios, False) if valid else (fallback, True)
    if name != "kneser_ney":
        return {0: 0, 1: 0, 2: 0, 3: 0}, False
    if not (n[1] and n[2] and n[3]):
        return {0: 0, 1: 0.5, 2: 1, 3: 1.5}, True
    y = n[1] / (n[1] + 2 * n[2])
    found = {0: 0.0} | {j: j - (j + 1) * y * n[j + 1] / n[j] for j in (1, 2, 3)}
    return (found, False) if min(found[j] for j in (1, 2, 3)) > 0 else ({0: 0, 1: 0.5, 2: 1, 3: 1.5}, True)


class Twin:
    """P of any symbol after any context; n-grams seen no more often than `thresholds` are pruned."""

    def __init__(
        self,
        order: int,
        texts: Documents,
        prefixes: list[int] | None = None,
        name: str = "kneser_ney",
        thresholds: Sequence[int] = (),
    ) -> None:
        self.order, self.name = order, name
        raw = seen(texts, order, prefixes)
        self.counts = [self._counts(raw, length) for length in range(1, order + 1)]
        found = [discounts(name, list(counts.values())) for counts in self.counts]
        self.discounts = [discount for discount, _ in found]
        self.fell_back = [fell_back for _, fell_back in found]
        self.kept: dict[Gram, dict[int, int]] = defaultdict(dict)
        self.lost: dict[Gram, list[int]] = defaultdict(list)
        for length, counts in enumerate(self.counts, 1):
            threshold = thresholds[length - 1] if thresholds else 0
            for gram, count in counts.items():
                if raw[length - 1][gram] > threshold:
                    self.kept[gram[:-1]][gram[-1]] = count
                else:
                    self.lost[gram[:-1]].append(count)
        self.p = functools.cache(self._p)

    def _counts(self, raw: list[dict[Gram, int]], length: int) -> dict[Gram, int]:
        if length == self.order or self.name != "kneser_ney":
            return raw[length - 1]
        left = Counter(gram[1:] for gram in raw[length])
        return {
            gram: count if length > 1 and gram[0] == BOUNDARY else left[gram]
            for gram, count in raw[length - 1].items()
        }

    def _p(self, symbol: int, context: Gram) -> float:
        longest = len(context) == self.order - 1 or context[:1] == (BOUNDARY,)
        if self.name in ("add_k", "maximum_likelihood") and not longest:
            return 1 / SYMBOLS
        kept, lost = self.kept.get(context, {}), self.lost.get(context, [])
        total = sum(kept.values()) + sum(lost)
        if not total:
            return self.lower(symbol, context)
        if self.name in ("katz", "stupid_backoff"):
            return self._backed_off(symbol, context, kept, total)
        return self._interpolated(symbol, context, kept, lost, total)

    def lower(self, symbol: int, context: Gram) -> float:
        """Return P after the context without its first symbol."""
        return self.p(symbol, context[1:]) if context else 1 / SYMBOLS

    def _interpolated(
        self, symbol: int, context: Gram, kept: dict[int, int], lost: list[int], total: int
    ) -> float:
        own, lower = kept.get(symbol, 0), self.lower(symbol, context)
        if self.name == "witten_bell":
            kinds = len(kept) + len(lost)
            return (own + (kinds + sum(lost)) * lower) / (total + kinds)
        if self.name == "add_k":
            return (own + sum(lost) / SYMBOLS + K) / (total + K * SYMBOLS)
        if self.name in WEIGHTS:
            weight = WEIGHTS[self.name]
            return (1 - weight) * (own + sum(lost) * lower) / total + weight * lower
        discount = self.discounts[len(context)]
        taken = sum(discount[min(count, 3)] for count in kept.values()) + sum(lost)
        return (own - discount[min(own, 3)] + taken * lower) / total

    def _backed_off(self, symbol: int, context: Gram, kept: dict[int, int], total: int) -> float:
        if self.name == "stupid_backoff":
            weight = WEIGHTS[self.name]
            scores = {other: count / total for other, count in kept.items()}
            rest = {v: weight * self.lower(v, context) for v in range(SYMBOLS) if v not in kept}
            return (scores | rest)[symbol] / sum((scores | rest).values())
        ratio = self.discounts[len(context)]
        given = {other: ratio.get(count, 1) * count for other, count in kept.items()}
        if len(kept) == SYMBOLS:
            return given[symbol] / sum(given.values())
        if sum(given.values()) == total:
            total += 1
        if symbol in kept:
            return given[symbol] / total
        unseen = sum(self.lower(other, context) for other in range(SYMBOLS) if other not in kept)
        return (1 - sum(given.values()) / total) * self.lower(symbol, context) / unseen

    def after(self, read: list[int]) -> list[float]:
        """Return P of every symbol after these, which follow a boundary."""
        context = context_after(read, self.order)
        return [self.p(symbol, context) for symbol in range(SYMBOLS)]


class PrunedByEntropy(Twin):
    """Stolcke (1998), n-gram by n-gram: what is kept of a twin, and P of it."""

    def __init__(self, whole: Twin, threshold: float) -> None:
        self.order, self.whole = whole.order, whole
        worthy = {
            (*context, symbol)
            for context, symbols in whole.kept.items()
            for symbol in symbols
            if context and self._loss(context, symbol) >= threshold
        }
        self.grams: set[Gram] = set()
        for length in range(whole.order, 1, -1):
            needed = {gram[:-1] for gram in self.grams if len(gram) == length + 1}
            here = {(*context, symbol) for context in whole.kept for symbol in whole.kept[context]}
            self.grams |= {g for g in here if len(g) == length and (g in worthy or g in needed)}
            # contexts that were never learnt stay for what stands after them
            self.grams |= {g for g in needed if g not in here}
        self.p = functools.cache(self._p)

    def _loss(self, context: Gram, symbol: int) -> float:
        """Return the share by which perplexity grows without an n-gram."""
        kept = self.whole.kept[context]
        left = sum(self.whole.p(v, context) for v in range(SYMBOLS) if v not in kept)
        unseen = sum(self.whole.lower(v, context) for v in range(SYMBOLS) if v not in kept)
        p, lower = self.whole.p(symbol, context), self.whole.lower(symbol, context)
        after = (left + p) / (unseen + lower)
        change = p * (log(lower) + log(after) - log(p))
        if unseen:
            change += left * (log(after) - log(left / unseen))
        history = 1.0
        for place, other in enumerate(context):
            history *= self.whole.p(other, context[:place])
        return exp(-history * change) - 1

    def _p(self, symbol: int, context: Gram) -> float:
        if not context:
            return self.whole.p(symbol, context)
        kept = [v for v in self.whole.kept.get(context, {}) if (*context, v) in self.grams]
        if symbol in kept:
            return self.whole.p(symbol, context)
        unseen = sum(self.lower(v, context) for v in range(SYMBOLS) if v not in kept)
        left = 1 - sum(self.whole.p(v, context) for v in kept)
        return left / unseen * self.lower(symbol, context)
