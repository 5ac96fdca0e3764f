"""Translates numbers in words into digits from the last to the first, and shows where each digit was read.

A recurrent network with attention learns from 1,500 numbers and is asked about 200 that it has not seen.
Beside it stands what needs no model: the words copied, and phrases looked up in the pairs one after another,
which does not see that the order is another one.

    python examples/translate.py            some seconds
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anygram
from anygram.tasks.translation import Translation
from anygram.tasks.translation.metrics import Measured

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Outcome:
    """What became of numbers that were not learnt from, and the figures of the model and the baselines."""

    translations: list[Translation]
    figures: list[Measured]

    @property
    def right(self) -> float:
        """The share of the numbers that are right."""
        return sum(one.text == one.references[0] for one in self.translations) / len(self.translations)


def pairs(numbers: Sequence[int]) -> str:
    """Return numbers as a table: in words, and their digits from the last to the first."""
    rows = [(" ".join(WORDS[int(digit)] for digit in str(one)), " ".join(str(one)[::-1])) for one in numbers]
    return "words\tdigits\n" + "".join(f"{words}\t{digits}\n" for words, digits in rows)


def main() -> Outcome:
    """Learn, translate, print some of it and the figures, and return both."""
    numbers = random.Random(0).sample(range(10, 10_000), 1_700)
    with tempfile.TemporaryDirectory() as name:
        train, test = Path(name) / "train.tsv", Path(name) / "test.tsv"
        train.write_text(pairs(numbers[:1_500]))
        test.write_text(pairs(numbers[1_500:]))
        run = anygram.train(
            train,
            "attentive",
            codec="words",
            text_field="words",
            target_field="digits",
            valid="none",
            settings={"units": 48, "embedding": 24, "rate": 0.02, "dropout": 0.0},
            budget="150steps",
        )
        made = run.translate(test, target_field="digits", alignment=True, lookup=train)
        outcome = Outcome(list(made), made.figures)
    for one in outcome.translations[:3]:
        print(f"{one.source}: {one.text}")
        for link in one.alignment.links() if one.alignment is not None else ():
            print(f"    {link.target} ← {link.source} {link.weight:.2f}")
    print(f"{outcome.right:.0%} of {len(outcome.translations)} numbers are right")
    for figure in outcome.figures:
        interval = f"{figure.low:.2f} to {figure.high:.2f}"
        print(f"{figure.metric:5} {figure.method:18} {figure.value:6.2f}  ({interval})")
    return outcome


if __name__ == "__main__":
    main()
