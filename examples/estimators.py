"""Language models in scikit-learn's words: which module is a docstring of?

The first lines of docstrings of four packages of Python's library are classified, by n-grams of bytes whose
order a grid search finds on the training part, and by a logistic regression over the vectors that a small
network makes. Both are pipelines; the figures are of lines that neither has seen.

    python examples/estimators.py            some seconds
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from anygram.data.examples import read_example
from anygram.estimators import LanguageModelClassifier, LanguageModelEmbedder

PACKAGES = ("asyncio", "collections", "email", "encodings")


@dataclass(frozen=True)
class Outcome:
    """How many lines were held out, the order that was found, and the shares that were classified rightly."""

    held_out: int
    order: int
    ngrams: float
    vectors: float
    commonest: float
    """Always the commonest package."""


def first_lines() -> tuple[list[str], list[str]]:
    """Return the first lines of the packages' docstrings, each once, and the package of each."""
    found: dict[str, str] = {}
    for document in takewhile(lambda document: document.name < "f", read_example("docstrings")):
        package = document.name.split("/")[0]
        line = document.text.strip().split("\n")[0]
        if package in PACKAGES and len(line) > 20:
            found.setdefault(line, package)
    return list(found), list(found.values())


def lowered(texts: Sequence[str]) -> list[str]:
    """Return the texts in small letters."""
    return [text.lower() for text in texts]


def main() -> Outcome:
    """Fit both, print how good they are on held-out lines, and return that."""
    texts, packages = first_lines()
    parts: Any = train_test_split(texts, packages, test_size=0.3, random_state=0, stratify=packages)
    train_texts, test_texts, train_packages, test_packages = parts
    steps = [("small", FunctionTransformer(lowered)), ("ngrams", LanguageModelClassifier("frequency"))]
    grid = {"ngrams__settings": [{"order": order} for order in (2, 4, 6)]}
    search = GridSearchCV(Pipeline(steps), grid, cv=3).fit(train_texts, train_packages)
    embedder = LanguageModelEmbedder("gru", settings={"units": 64, "embedding": 16}, budget="80steps")
    regression = make_pipeline(embedder, LogisticRegression(C=100.0, max_iter=1000))
    regression.fit(train_texts, train_packages)
    outcome = Outcome(
        held_out=len(test_texts),
        order=search.best_params_["ngrams__settings"]["order"],
        ngrams=search.score(test_texts, test_packages),
        vectors=regression.score(test_texts, test_packages),
        commonest=max(test_packages.count(package) for package in PACKAGES) / len(test_packages),
    )
    print(f"{outcome.held_out} held-out lines of {', '.join(PACKAGES)}")
    print(f"n-grams of order {outcome.order}, found by three folds: {outcome.ngrams:.1%} right")
    print(f"logistic regression over a GRU's vectors: {outcome.vectors:.1%} right")
    print(f"always the commonest package: {outcome.commonest:.1%}")
    return outcome


if __name__ == "__main__":
    main()
