"""HDFS sessions, a line of log keys each: normal ones parted by a seed, and faults made of them to choose by.

The order of the n-grams is chosen without an abnormal session: by how well they tell sessions of the training
part that were kept back from such with one fault, a key replaced, left out, put in, two exchanged, or the end
missing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anygram import api
from anygram.tasks.anomalies import Rule

NORMAL, ABNORMAL = "hdfs_deeplog/hdfs_train", "hdfs_deeplog/hdfs_test_abnormal"
ORDERS = (3, 6, 10, 16)
TRAINED, KEPT = 0.7, 0.8
"""Shares of the normal sessions that are learnt from, and of those that faults are not made of."""

Sessions = list[str]
_QUICK = Rule(expected=0)


@dataclass(frozen=True)
class Parted:
    """Normal sessions that are learnt from, normal ones that are searched, and abnormal ones."""

    trained: Sessions
    normal: Sessions
    abnormal: Sessions


def parted(data: Path, seed: int) -> Parted:
    """Return the sessions, the normal ones drawn by a seed."""
    normal, abnormal = (
        [line.strip() for line in (data / name).read_text().splitlines()] for name in (NORMAL, ABNORMAL)
    )
    first, second = _drawn(normal, TRAINED, np.random.default_rng(seed))
    return Parted(first, second, abnormal)


def chosen_order(trained: Sessions, folder: Path, seed: int) -> tuple[int, dict[int, float]]:
    """Return the order with the largest AUROC on faults made of kept-back sessions, and the AUROC of each."""
    generator = np.random.default_rng(seed)
    first, second = _drawn(trained, KEPT, generator)
    known, keys = set(trained), sorted({key for line in first for key in line.split()})
    made = [" ".join(_with_fault(line.split(), keys, generator)) for line in second]
    faulty = [line for line in made if line not in known]
    found = {order: figures(train(first, order, folder), second, faulty, folder)["auroc"] for order in ORDERS}
    return max(found, key=lambda order: found[order]), found


def train(sessions: Sessions, order: int, folder: Path) -> api.Run:
    """Return n-grams over the sessions' keys."""
    file = folder / "trained.log"
    file.write_text("".join(f"{line}\n" for line in sessions))
    return api.train(file, "ngram", codec="words", settings={"order": order}, budget="1epochs")


def figures(
    run: api.Run, normal: Sessions, abnormal: Sessions, folder: Path, rule: Rule = _QUICK
) -> dict[str, Any]:
    """Return what `anygram anomalies` says of sessions; half of the normal ones set the threshold.

    `recall_at_one_percent` is the recall of the threshold that one in a hundred of those pass that did not
    set any: what a threshold that were known exactly would give.
    """
    file = folder / "searched.jsonl"
    labelled = [*((line, 0) for line in normal), *((line, 1) for line in abnormal)]
    file.write_text("".join(json.dumps({"text": line, "label": label}) + "\n" for line, label in labelled))
    found = run.anomalies(file, text_field="text", label_field="label", **asdict(rule))
    findings = list(found)
    score_D = np.array([one.score for one in findings])
    apart_D = np.array([one.sets_threshold for one in findings])
    normal_N = score_D[: len(findings) - found.figures()["labelled_anomalous"]]
    exact = np.quantile(normal_N[~apart_D[: len(normal_N)]], 0.99, method="higher")
    recall = float((score_D[len(normal_N) :] > exact).mean())
    return {**found.figures(), "recall_at_one_percent": recall}


def _drawn(lines: Sessions, share: float, generator: np.random.Generator) -> tuple[Sessions, Sessions]:
    order = generator.permutation(len(lines))
    cut = int(share * len(lines))
    return [lines[place] for place in order[:cut]], [lines[place] for place in order[cut:]]


def _with_fault(keys: Sequence[str], known: Sequence[str], generator: np.random.Generator) -> Sequence[str]:
    """Return a session with one fault at a place drawn at random."""
    place, other = int(generator.integers(len(keys))), str(generator.choice(known))
    before, after = list(keys[:place]), list(keys[place:])
    faults = (
        [*before, other, *after[1:]],
        [*before, *after[1:]],
        [*before, other, *after],
        [*before, *after[1:2], after[0], *after[2:]],
        before,
    )
    return faults[int(generator.integers(len(faults)))]
