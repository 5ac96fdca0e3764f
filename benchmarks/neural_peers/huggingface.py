"""Byte pairs of wikitext-2: GPT2LMHeadModel trained by Hugging Face's Trainer, and ours, in equal time.

Ours is trained first, as a whole process, its defaults for the budget. Its codec's ids are then given to
the peer, whose model has as many parameters (± 5 %), as many rows and positions a step, and as many steps
as fit the seconds that our whole process took: a short run before tells what a step and everything else
costs. The peer's process imports, trains and measures the validation part once; it need not learn
the codec. It runs twice: with its defaults (rate 5e-5, linear decay, dropout 0.1), and with a rate of 1e-3
and our run's dropout, which suit so short a training better.

Bits per byte of the validation part: on blocks (as `nanogpt` does), and as each side reads long texts best:
ours with carried state, the peer by windows that move on by half a block.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import rows
from peers.processes import CommandFailed, Cost
from peers.rows import Row

from neural_peers.session import Session, Trained, ask_ours, ask_peer, require_text, train

PEER = "GPT2LMHeadModel, Trainer"
SECONDS = 120.0
FEW_STEPS = 12
TOLERANCE = 0.05


@dataclass(frozen=True)
class Size:
    """The sizes of a GPT-2: `positions` are those of a block."""

    vocabulary: int
    positions: int
    layers: int
    width: int
    heads: int

    @property
    def parameters(self) -> int:
        """Count embeddings (the head's are the same), layers of 12 D² + 13 D, and the last norm."""
        embeddings = (self.vocabulary + self.positions) * self.width
        return embeddings + self.layers * (12 * self.width**2 + 13 * self.width) + 2 * self.width


def size_like(parameters: int, vocabulary: int, positions: int, layers: int) -> Size:
    """Return the GPT-2 whose parameters are nearest, of about so many layers; CommandFailed beyond 5 %.

    The width is a multiple of 16; heads are as near to 64 wide as divides it.

    >>> size = size_like(124_439_808, 50257, 1024, 12)
    >>> size.layers, size.width, size.heads, size.parameters
    (12, 768, 12, 124439808)
    """
    sizes = [
        Size(vocabulary, positions, count, width, _heads(width))
        for count in range(max(1, layers - 1), layers + 2)
        for width in range(16, 4097, 16)
    ]

    def apart(size: Size) -> float:
        return abs(size.parameters / parameters - 1)

    best = min(sizes, key=lambda size: (apart(size) > TOLERANCE, abs(size.layers - layers), apart(size)))
    if apart(best) > TOLERANCE:
        raise CommandFailed(f"no GPT-2 of about {layers} layers has {parameters:,} parameters within 5 %")
    return best


def _heads(width: int) -> int:
    fitting = [heads for heads in range(1, width // 16 + 1) if width % heads == 0]
    return min(fitting, key=lambda heads: (abs(width / heads - 64), heads))


def steps_within(seconds: float, few_steps: int, few_cost: float, step_seconds: float) -> int:
    """Return how many steps a process may take, from what one of few steps cost; at least one.

    >>> steps_within(100.0, few_steps=10, few_cost=15.0, step_seconds=0.5)
    180
    """
    return max(1, int((seconds - (few_cost - few_steps * step_seconds)) / step_seconds))


VARIANTS = ("defaults", "rate 1e-3")


@dataclass(frozen=True)
class Result:
    """One side's training: bits per byte on blocks and as it reads best, and what its process cost."""

    blocks: float
    best: float
    parameters: int
    cost: Cost
    steps: int


def measure(session: Session) -> list[Row]:
    """Return the rows of bits per byte in equal time."""
    folder = session.make("huggingface")
    valid = "test" if session.develop else "valid"
    names = {"train": "train", "valid": valid}
    texts = {
        part: require_text(session.data / "wikitext-2" / f"wiki.{name}.tokens")
        for part, name in names.items()
    }
    found = []
    for seconds in session.budgets(SECONDS):
        ours: list[Result] = []
        theirs: dict[str, list[Result]] = {variant: [] for variant in VARIANTS}
        for seed in range(session.repeats):
            run, scored = _ours(session, folder, texts, seconds, seed)
            ours.append(_result(scored, run.tested("bits_per_byte"), run.cost))
            if session.peers.has("transformers"):
                for variant, results in theirs.items():
                    results.append(_peer(session, folder, run, scored["units"], variant, seed))
        for variant, results in theirs.items():
            found += _beside(f"budget {seconds:g} s, {variant}", ours, results)
    return found


def _ours(
    session: Session, folder: Path, texts: Mapping[str, Path], seconds: float, seed: int
) -> tuple[Trained, dict[str, Any]]:
    """Train ours, leave the ids for the peer, and return the run and what it gives to blocks."""
    data = ("--codec", "bpe", "--documents", "files", "--test", str(texts["valid"]))
    out = folder / f"run-{seed}"
    run = train(session, texts["train"], out, seconds, seed, "--model", "transformer", *data)
    for part, text in texts.items():
        ask_ours("encode", run=out, text=text, out=folder / f"{part}.npy")
    block = int(run.record["learner_settings"]["block"])
    scored = ask_ours("score_blocks", run=out, text=texts["valid"], block=block)
    return run, {**scored, "parameters": run.parameters, "steps": run.record["spent"]["steps"]}


def _peer(session: Session, folder: Path, run: Trained, units: float, variant: str, seed: int) -> Result:
    """Train and measure the peer for as long as our process took."""
    learner, model = run.record["learner_settings"], run.record["model_settings"]
    vocabulary, block = int(run.record["vocabulary_size"]), int(learner["block"])
    size = size_like(run.parameters, vocabulary, block, int(model["layers"]))
    chosen: dict[str, Any] = {"rows": int(learner["rows"]), "sizes": vars(size), "seed": seed}
    if variant != "defaults":
        chosen |= {"rate": 1e-3, "dropout": float(model.get("dropout", 0.0))}
    places = {"ids": folder, "out": folder / "gpt2"}
    few, few_cost = ask_peer(session, "huggingface", steps=FEW_STEPS, **places, **chosen)
    steps = steps_within(run.cost.seconds, FEW_STEPS, few_cost.seconds, float(few["step_seconds"]))
    scored, cost = ask_peer(session, "huggingface", steps=steps, **places, **chosen)
    given = {"ids": folder, "model": folder / "gpt2", "stride": block // 2}
    windows, _ = ask_peer(session, "huggingface_windows", **given)
    best = float(windows["nats"]) / units / math.log(2)
    return _result({**scored, "units": units, "steps": steps}, best, cost)


def _result(scored: Mapping[str, Any], best: float, cost: Cost) -> Result:
    blocks = float(scored["nats"]) / float(scored["units"]) / math.log(2)
    return Result(blocks, best, int(scored["parameters"]), cost, int(scored["steps"]))


def _beside(what: str, ours: Sequence[Result], theirs: Sequence[Result]) -> list[Row]:
    """Return the medians of bits per byte, and what both processes cost."""
    note = _sizes("ours", ours) + ("; " + _sizes("the peer", theirs) if theirs else "; without the peer")

    def row(name: str, figure: str, note: str = "") -> Row:
        value, peer = (
            statistics.median(getattr(one, figure) for one in results) if results else None
            for results in (ours, theirs)
        )
        return Row("wikitext-2 bpe", f"{name}, {what}", "bits a byte", value, peer, note=note, digits=4)

    costs = [one.cost for one in ours], [one.cost for one in theirs]
    return [
        row("on blocks", "blocks", note),
        row("carried state beside half windows", "best"),
        *rows.costs("wikitext-2 bpe", what, *costs),
    ]


def _sizes(side: str, results: Sequence[Result]) -> str:
    steps = [f"{one.steps:,}" for one in results]
    return f"{side} {results[0].parameters:,} parameters, steps {' '.join(steps)}"
