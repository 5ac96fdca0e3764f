"""Results of comparisons that never were, made up by seeded numbers, as results.json holds them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from random import Random
from typing import Any

TEXT = (
    "The queen said: “Who are you?”\nNothing was heard but the wind, and 17 bells\tfar away. "
    "她说：今天天气很好。 مرحبا بالعالم — and so they went home, in 1893, across the frozen river.\n"
)
KINDS = ("letters", "digits", "punctuation", "space", "other", "ends", "frequent words", "rare words")
TRAIN_BYTES = 10_800_000

# model, codec, bits per byte, training seconds, bytes scored a second
STATIC = (
    ("transformer", "bpe", 1.93, 120.3, 410e3),
    ("lstm", "bytes", 1.97, 120.1, 230e3),
    ("contextmix", "bytes", 1.98, 95.4, 61e3),
    ("transformer", "bytes", 2.04, 120.4, 160e3),
    ("ngram", "bytes", 2.16, 3.9, 2.9e6),
    ("gru", "bytes", 2.19, 120.2, 260e3),
    ("mingru", "bytes", 2.31, 120.0, 380e3),
    ("ngram", "bpe", 2.34, 2.2, 5.1e6),
    ("frequency", "bytes", 4.71, 0.31, 9.8e6),
    ("uniform", "bytes", 8.03, 0.0004, 2.2e7),
)


def results(seed: int = 0) -> dict[str, Any]:
    """Return the results of ten static models, a lossy one, a failed one, an adaptive one, two floors."""
    random = Random(seed)
    rows = [_row(random, *each) for each in STATIC]
    rows[1]["search"] = _search()
    lossy = _row(random, "ngram", "words", None, 2.7, 4.4e6)
    adaptive = {
        **rows[1],
        "adaptive": True,
        "way": "dynamic",
        "bits_per_byte": 1.88,
        "ci_low": 1.84,
        "ci_high": 1.92,
    }
    failed = {**_empty("rnn", "bytes"), "error": "out of memory; give a smaller size or less data"}
    floors = [_floor("xz", 2.21), _floor("gzip", 2.96)]
    contestants = [row["who"] for row in [*rows, lossy, failed]]
    return {
        "format": 1,
        "question": _question(contestants),
        "data": _data(),
        "machine": _machine(),
        "results": [*rows, lossy, adaptive, *floors, failed],
        "details": {row["who"]: _detail(random, row) for row in rows},
        "pairs": _pairs(rows),
        "answer": _answer(rows),
        "rules": _rules(),
        "third": _third(rows),
        "again": {**_third(rows), "text": "Another seed named the same."},
        "curves": [_curve(random, row) for row in rows[:5]],
        "crossings": [
            {"below": "ngram-bytes", "above": "lstm-bytes", "bytes": 2.9e6, "low": 2.1e6, "high": 4.4e6,
             "within": True},
            {"below": "lstm-bytes", "above": "transformer-bytes", "bytes": 2.4e7, "low": 1.3e7, "high": None,
             "within": False},
        ],
        "disagreements": [_disagreement(random, number, rows) for number in range(10)],
    }  # fmt: skip


def slim(models: int = 1) -> dict[str, Any]:
    """Return what a comparison gives at the least: no third, no curves, no details."""
    rows = [_row(Random(0), *each) for each in STATIC[:models]]
    return {
        "format": 1,
        "question": _question([row["who"] for row in rows]),
        "data": {"sources": ["corpus.txt"], "test_documents": 1, "train_documents": 1, "test_bytes": 100},
        "machine": {},
        "results": rows,
        "details": {},
        "pairs": [],
        "answer": {
            "prefer": "quality",
            "winner": rows[0]["who"],
            "beside": [],
            "text": "Take it.",
            "pareto": [],
        },
        "rules": [],
        "third": None,
        "again": None,
        "curves": [],
        "crossings": [],
        "disagreements": [],
    }


def twelve(long: int) -> dict[str, Any]:
    """Return the results of twelve models, their texts `long` characters long each."""
    made = results()
    random = Random(1)
    rows = [
        _row(
            random,
            "lstm",
            "bytes",
            1.9 + number / 40,
            100.0 + number,
            2e5 * (number + 1),
            f"-units={64 << number}",
        )
        for number in range(12)
    ]
    made["question"]["contestants"] = [row["who"] for row in rows]
    made["results"] = rows
    made["pairs"] = _pairs(rows)
    made["answer"] = _answer(rows)
    made["third"] = _third(rows)
    made["curves"] = [_curve(random, row) for row in rows]
    made["details"] = {row["who"]: _detail(random, row) for row in rows}
    for detail in made["details"].values():
        detail["samples"] = [TEXT * (long // len(TEXT) + 1)] * 3
        detail["passage"] = [
            {"text": character, "bits": random.uniform(0, 12)} for character in (TEXT * 90)[:long]
        ]
        detail["training"] = [
            {
                "seconds": step / 10,
                "symbols": step * 1000,
                "nats_per_symbol": 5 / (1 + step) + random.random(),
            }
            for step in range(long)
        ]
    made["disagreements"] = [{**_disagreement(random, 0, rows), "excerpt": TEXT * 50}] * 10
    return made


def _row(
    random: Random, model: str, codec: str, bits: float | None, seconds: float, rate: float, suffix: str = ""
) -> dict[str, Any]:
    return {
        **_empty(model, codec, suffix),
        "bits_per_byte": bits,
        "ci_low": None if bits is None else bits - random.uniform(0.02, 0.05),
        "ci_high": None if bits is None else bits + random.uniform(0.02, 0.05),
        "perplexity": random.uniform(3, 40),
        "train_seconds": seconds,
        "total_seconds": seconds * 1.07,
        "train_symbols": int(seconds * 50_000),
        "epochs": seconds / 60,
        "score_bytes_per_second": rate,
        "generate_symbols_per_second": rate / 100,
        "first_symbol_seconds": random.uniform(0.0005, 0.02),
        "state_bytes_per_100_symbols": random.randrange(100, 100_000),
        "model_bytes": random.randrange(10_000, 30_000_000),
        "peak_memory_bytes": random.randrange(200_000_000, 900_000_000),
        "model_settings": {"units": 512, "embedding": 64, "tie": True},
        "learner_settings": {"rate": 0.002, "rows": 16, "block": 64},
    }


def _empty(model: str, codec: str, suffix: str = "") -> dict[str, Any]:
    who = f"{model}-{codec}{suffix}"
    figures = (
        "bits_per_byte", "ci_low", "ci_high", "perplexity", "train_seconds", "total_seconds", "train_symbols",
        "epochs", "score_bytes_per_second", "generate_symbols_per_second", "first_symbol_seconds",
        "state_bytes_per_100_symbols", "model_bytes", "peak_memory_bytes", "energy_joules",
    )  # fmt: skip
    return {
        **dict.fromkeys(figures),
        "who": who, "model": model, "codec": codec, "adaptive": False, "way": "", "floor": False, "run": who,
        "stopped": "", "error": "", "model_settings": {}, "learner_settings": {}, "search": None,
    }  # fmt: skip


def _search() -> dict[str, Any]:
    """Return five trials, of which the second was the best and the last failed."""
    trials = [
        {
            "drawn": {"rate": 1.5}, "settings": {"rate": 0.05 + number / 100, "units": 192},
            "valid_bits_per_byte": 2.2 + abs(number - 1) / 10, "valid_perplexity": 40.0 + abs(number - 1),
            "spent": {"seconds": 12.1, "symbols": 6e5, "epochs": 0.6, "steps": 300.0}, "error": "",
        }
        for number in range(5)
    ]  # fmt: skip
    nothing: dict[str, Any] = {"valid_bits_per_byte": None, "valid_perplexity": None, "settings": {}}
    trials[-1] = {**trials[-1], **nothing, "error": "out of memory; give a smaller size or less data"}
    return {"trials": trials, "chosen": 1, "ended": False}


def _floor(name: str, bits: float) -> dict[str, Any]:
    figures = {"bits_per_byte": bits, "adaptive": True, "floor": True, "train_seconds": 1.2, "run": None}
    return {**_empty(name, ""), "who": name, **figures}


def _question(contestants: Sequence[str]) -> dict[str, Any]:
    return {
        "contestants": list(contestants), "budget": {"seconds": 120.0}, "seed": 0, "threads": 2,
        "prefer": "quality", "adapt": True, "curves": True, "third": True, "again": True,
        "settings": {"lstm.units": "512"},
        "command": "anygram compare novels/*.txt --models lstm,transformer,ngram --budget 2m --out out",
    }  # fmt: skip


def _data() -> dict[str, Any]:
    return {
        "sources": ["novels/*.txt"], "bytes": 12_000_000, "documents": 240, "train_documents": 216,
        "valid": 0.05, "test_documents": 24, "test_bytes": 1_200_000, "fingerprint": "12ab34cd56ef",
        "duplicates_in_test": 0,
    }  # fmt: skip


def _machine() -> dict[str, Any]:
    versions = {"python": "3.11.2", "anygram": "0.1.0", "torch": "2.8.0", "numpy": "2.1.0"}
    return {
        "processor": "x86-64", "cores": 2, "memory_bytes": 8_000_000_000, "platform": "Linux",
        "versions": versions,
    }  # fmt: skip


def _detail(random: Random, row: Mapping[str, Any]) -> dict[str, Any]:
    bits = row["bits_per_byte"]
    memory = 0.0 if row["model"] in ("uniform", "frequency") else 1.0
    return {
        "looked_at": {"documents": 24, "bytes": 1_200_000},
        "checks": [
            {"rule": "causality", "held": True, "said": "later symbols changed earlier ones by at most 0"},
            {"rule": "the codec comes back", "held": None, "said": "not asked of so large a part"},
        ],
        "by_position": [
            {"first": first, "last": 2 * first - 1 if first else 15, "bytes": 4000,
             "bits_per_byte": bits + memory * 2 / math.log2(first + 4)}
            for first in (0, *(16 << power for power in range(9)))
        ],
        "by_context": [
            {"context": 1 << power, "bits_per_byte": bits + memory * 2.5 * 0.6**power} for power in range(11)
        ],
        "by_kind": [
            {"kind": kind, "bytes": 1000, "bits_per_byte": bits * random.uniform(0.4, 2.0)} for kind in KINDS
        ],
        "calibration": _calibration(random),
        "training": [
            {"seconds": row["train_seconds"] * step / 100, "symbols": step * 1000,
             "nats_per_symbol": bits * math.log(2) * (1 + 2 / (1 + step)) + random.uniform(0, 0.1)}
            for step in range(101)
        ],
        "passage": _passage(random, row["codec"], bits),
        "samples": ["Once the river had gone,\nthe bells were 18 and", "«Nothing» — said he. 天气"],
    }  # fmt: skip


def _calibration(random: Random) -> dict[str, Any]:
    bins = []
    for number in range(15):
        confidence = (number + 0.5) / 15
        right = min(1.0, max(0.0, confidence - random.uniform(-0.02, 0.1)))
        bins.append({"confidence": confidence, "accuracy": right, "symbols": random.randrange(10, 4000)})
    return {"ece": random.uniform(0.005, 0.09), "symbols": sum(one["symbols"] for one in bins), "bins": bins}


def _passage(random: Random, codec: str, bits: float) -> list[dict[str, Any]]:
    size = 4 if codec == "bpe" else 1
    pieces = [TEXT[first : first + size] for first in range(0, len(TEXT), size)]
    return [{"text": piece, "bits": random.expovariate(1 / (bits * len(piece.encode())))} for piece in pieces]


def _pairs(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "one": one["who"],
            "other": other["who"],
            "difference": other["bits_per_byte"] - one["bits_per_byte"],
            "ci_low": other["bits_per_byte"] - one["bits_per_byte"] - 0.03,
            "ci_high": other["bits_per_byte"] - one["bits_per_byte"] + 0.04,
            "distinguishable": other["bits_per_byte"] - one["bits_per_byte"] > 0.03,
        }
        for one, other in combinations(rows, 2)
    ]


def _answer(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = [row["who"] for row in rows]
    return {
        "prefer": "quality", "winner": names[0], "beside": names[1:3], "pareto": names[:5],
        "text": f"Take {names[0]}: it has the fewest bits per byte here, though {names[1]} and {names[2]} "
                "cannot be told apart from it on this test part.",
    }  # fmt: skip


def _rules() -> list[dict[str, Any]]:
    return [
        {
            "rule": "the same documents",
            "held": True,
            "said": "all scored 1,200,000 bytes with fingerprint 12ab34cd",
            "who": [],
        },
        {
            "rule": "the same budget",
            "held": True,
            "said": "120 s each; the largest overshoot is 0.4 s",
            "who": [],
        },
        {
            "rule": "one at a time",
            "held": False,
            "said": "gru-bytes began 2 s before lstm-bytes ended",
            "who": ["gru-bytes"],
        },
    ]


def _third(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    sooner = [
        {
            "who": row["who"], "bits_per_byte": row["bits_per_byte"] + 0.1, "ci_low": row["ci_low"] + 0.1,
            "ci_high": row["ci_high"] + 0.1, "train_seconds": 40.0, "error": "",
        }
        for row in rows
    ]  # fmt: skip
    sooner[-1] = {
        **sooner[-1],
        "bits_per_byte": None,
        "ci_low": None,
        "ci_high": None,
        "error": "out of memory",
    }
    said = "A third of the budget would have named the same."
    return {"results": sooner, "winner": rows[0]["who"], "agrees": True, "text": said}


def _curve(random: Random, row: Mapping[str, Any]) -> dict[str, Any]:
    power = random.uniform(0.15, 0.5)
    floor = row["bits_per_byte"] - 0.4

    def bits(size: float) -> float:
        return float(floor + 0.4 * (size / TRAIN_BYTES) ** -power)

    shares = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]
    points = [
        {"share": share, "bytes": int(TRAIN_BYTES * share), "bits_per_byte": bits(TRAIN_BYTES * share),
         "ci_low": bits(TRAIN_BYTES * share) - 0.03, "ci_high": bits(TRAIN_BYTES * share) + 0.03,
         "train_seconds": 120.0}
        for share in shares
    ]  # fmt: skip
    sizes = [TRAIN_BYTES / 16 * 2 ** (step / 2) for step in range(15)]
    band = [
        {"bytes": int(size), "low": bits(size) - 0.03, "middle": bits(size), "high": bits(size) + 0.05}
        for size in sizes
    ]
    last = bits(TRAIN_BYTES)
    return {
        "who": row["who"],
        "points": points,
        "fit": {"a": floor, "b": 0.4 * TRAIN_BYTES**power, "c": power, "band": band},
        "check": {
            "bytes": TRAIN_BYTES,
            "low": last - 0.05,
            "high": last + 0.04,
            "measured": last,
            "held": True,
        },
    }


def _disagreement(random: Random, number: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "document": f"novels/{number}.txt",
        "excerpt": TEXT,
        "bytes": 4000 + number,
        "bits_per_byte": {row["who"]: row["bits_per_byte"] + random.uniform(-0.5, 0.5) for row in rows},
    }
