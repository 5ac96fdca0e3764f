"""What both benchmarks are told, and what they do by it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from anygram.settings import build, parse_pairs
from anygram.tasks.translation.metrics import Metrics
from translations.contenders import Contest
from translations.joeynmt import Peer, Size

PACKAGES = ("anygram", "torch", "numpy", "sacrebleu")
ALL = "all"


def add_options(parser: argparse.ArgumentParser, *, models: str, codec: str, sizes: str) -> None:
    """Add what translating and summing up have in common."""
    parser.add_argument("--models", default=models, help=f"names between commas, or '' (default: {models})")
    parser.add_argument("--codec", default=codec, help=f"of both sides (default: {codec})")
    parser.add_argument("--source-codec", metavar="CODEC", help="shared, or of sources (default: as --codec)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="settings of ours")
    parser.add_argument("--pairs", default=sizes, help=f"how many are learnt from (default: {sizes})")
    parser.add_argument("--budget", default="10m", help="training of each, the peer too (default: 10m)")
    parser.add_argument("--peer", type=_program, metavar="PYTHON", help="one that has joeynmt")
    parser.add_argument(
        "--peer-set", action="append", default=[], metavar="KEY=VALUE", help="the peer's Size"
    )
    parser.add_argument("--sources", type=int, help="the first so many of the test part alone")
    parser.add_argument(
        "--no-baselines", action="store_true", help="leave out what needs no model: phrases take minutes"
    )
    parser.add_argument("--develop", action="store_true", help="measure on the validation part: to choose by")
    parser.add_argument("--seed", type=int, default=0, help="of weights and order (default: 0)")
    parser.add_argument("--json", type=Path, help="a file for the figures")


def contest_of(options: argparse.Namespace, kind: Metrics) -> Contest:
    """Return what is done, on as many threads as torch takes, which OMP_NUM_THREADS says."""
    return Contest(
        kind=kind,
        models=[name for name in options.models.split(",") if name],
        codec=options.codec,
        source_codec=options.source_codec,
        budget=options.budget,
        threads=int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)),
        settings=parse_pairs(options.set),
        peer=None if options.peer is None else Peer(options.peer, build(Size, parse_pairs(options.peer_set))),
        seed=options.seed,
        baselines=not options.no_baselines,
    )


def sizes_of(words: str) -> Sequence[int | None]:
    """Return numbers of pairs, None for all.

    >>> sizes_of("1000,all")
    [1000, None]
    """
    return [None if word == ALL else int(word) for word in words.split(",")]


def _program(word: str) -> Path:
    path = Path(word).absolute()  # not resolved: an environment's Python is known by its link
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{word} is no program")
    return path
