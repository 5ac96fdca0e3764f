"""Accuracy on scikit-learn's own tables by its cross-validation: anygram's classifier beside naive Bayes.

./dev bench estimators            a minute or two
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peers import report
from peers.report import Table
from sklearn import datasets
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB

from anygram.estimators import LanguageModelClassifier

TABLES = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
}
WAYS: Mapping[str, Any] = {
    "ngram": LanguageModelClassifier("ngram", "table"),
    "ngram, digits": LanguageModelClassifier("ngram", "table", {"digits": True}),
    "frequency, order 1": LanguageModelClassifier("frequency", "table", {"order": 1}),
    "GaussianNB": GaussianNB(),
}
PARTS = 5


def main() -> int:
    """Measure, print the table, and return 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="a .json file to write")
    options = parser.parse_args()
    found = []
    for way, classifier in WAYS.items():
        for name, load in TABLES.items():
            X, y = load(return_X_y=True)
            found.append(
                {"way": way, "table": name, "parts": cross_val_score(classifier, X, y, cv=PARTS).tolist()}
            )
    rows = [
        [way, *(f"{sum(one['parts']) / PARTS:.3f}" for one in found if one["way"] == way)] for way in WAYS
    ]
    table = Table(["", *TABLES], rows, f"accuracy, mean of {PARTS} parts")
    report.publish("estimators", [table], options.out, stored=found, packages=("anygram", "scikit-learn"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
