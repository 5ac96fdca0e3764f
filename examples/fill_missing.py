"""Missing cells of a table filled by a language model of its rows, and wrong cells found.

    python examples/fill_missing.py

150 irises, which scikit-learn carries: four measures and the species. A row is a sentence of five words here,
and a model that predicts the next word knows what a missing one may have been: each candidate is put in its
place, and the likeliest row wins. The rows that are filled are none of those that the model learnt from.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import anygram
from anygram.data import tables
from anygram.data.documents import Document

COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"]


@dataclass(frozen=True)
class Outcome:
    """How well hidden cells were filled, by the model and by what is usual; a filled cell and a suspect."""

    accuracy: float
    accuracy_of_mode: float
    rmse: float
    rmse_of_mean: float
    filled: str
    suspect: tuple[int, str]


def irises() -> list[Document]:
    """Return the rows in an order that is drawn."""
    from sklearn.datasets import load_iris

    data = load_iris()
    rows = [
        [*(f"{measure:.1f}" for measure in measures), str(data.target_names[species])]
        for measures, species in zip(data.data, data.target, strict=True)
    ]
    return [
        tables.document(rows[place], COLUMNS) for place in np.random.default_rng(0).permutation(len(rows))
    ]


def main() -> Outcome:
    """Learn from 100 rows, fill cells of the other 50, and return how well that went."""
    rows = irises()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables.write(folder / "train.csv", rows[:100])
        tables.write(folder / "other.csv", rows[100:])
        (folder / "gap.csv").write_text(f"{','.join(COLUMNS)}\n5.0,3.4,1.5,0.2,\n6.3,3.3,,2.5,virginica\n")
        (folder / "wrong.csv").write_text(
            f"{','.join(COLUMNS)}\n5.0,3.4,1.5,0.2,setosa\n6.3,3.3,6.0,2.5,setosa\n"
        )

        # bins alone, without digits: with few rows to learn from, what matters is learnt sooner
        settings = {"digits": False, "bins": 8}
        run = anygram.train(folder / "train.csv", "ngram", codec="table", settings=settings)
        measured = run.impute(folder / "other.csv", hide=0.2)
        filled = run.impute(folder / "gap.csv")
        (suspect,) = run.suspects(folder / "wrong.csv", top=1)

    found = {(one.type, one.method): one for one in measured.figures if one.column == "all"}
    for one in found.values():
        figure = f"accuracy {one.accuracy:.2f}" if one.accuracy is not None else f"RMSE {one.rmse:.2f}"
        print(f"{one.cells} cells hidden, {one.type}: {one.method:12} {figure}")
    for cell in filled.cells:
        print(f"row {cell.row}: {cell.column} is {cell.value}, with probability {cell.probability:.2f}")
    print(f"row {suspect.row}: {suspect.column} '{suspect.value}' is suspect, expected {suspect.expected}")
    return Outcome(
        accuracy=found["category", "model"].accuracy or 0.0,
        accuracy_of_mode=found["category", "mean or mode"].accuracy or 0.0,
        rmse=found["number", "model"].rmse or 0.0,
        rmse_of_mean=found["number", "mean or mode"].rmse or 0.0,
        filled=filled.cells[0].value,
        suspect=(suspect.row, suspect.column),
    )


if __name__ == "__main__":
    main()
