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
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
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


def measure(session: Session) -> list[Row]:
    """Return the rows of bits per byte in equal time."""
    folder = session.make("huggingface")
    valid = "test" if session.develop else "valid"
    texts = {
        part: require_text(session.data / "wikitext-2" / f"wiki.{name}.tokens")
        for part, name in (("train", "train"), ("valid", valid))
    }
    return [
        row
        for seconds in session.budgets(SECONDS)
        for seed in range(session.repeats)
        for row in _one(session, folder, texts, seconds, seed)
    ]


def _one(session: Session, folder: Path, texts: Mapping[str, Path], seconds: float, seed: int) -> list[Row]:
    words = (
        "--model",
        "transformer",
        "--codec",
        "bpe",
        "--documents",
        "files",
        "--test",
        str(texts["valid"]),
    )
    run = train(session, texts["train"], folder / f"run-{seed}", seconds, seed, *words)
    block = int(run.record["learner_settings"]["block"])
    ours = ask_ours("score_blocks", run=run.run, text=texts["valid"], block=block)
    if not session.peers.has("transformers"):
        return _beside(run, ours, "no peer", block, None, None)
    for part, text in texts.items():
        ask_ours("encode", run=run.run, text=text, out=folder / f"{part}.npy")
    found = []
    for name, chosen in (
        ("defaults", {}),
        ("rate 1e-3", {"rate": 1e-3, "dropout": float(run.record["model_settings"].get("dropout", 0.0))}),
    ):
        theirs, cost = _peer(session, folder, run, {**chosen, "seed": seed})
        found += _beside(run, ours, f"{name}, seed {seed}", block, theirs, cost)
    return found


def _peer(
    session: Session, folder: Path, run: Trained, chosen: Mapping[str, Any]
) -> tuple[dict[str, Any], Cost]:
    """Train and measure the peer for as long as our process took."""
    learner, layers = run.record["learner_settings"], int(run.record["model_settings"]["layers"])
    size = size_like(run.parameters, int(run.record["vocabulary_size"]), int(learner["block"]), layers)
    ask = partial(
        ask_peer,
        session,
        "huggingface",
        ids=folder,
        out=folder / "gpt2",
        rows=int(learner["rows"]),
        sizes=vars(size),
        **chosen,
    )
    few, few_cost = ask(steps=FEW_STEPS)
    steps = steps_within(run.cost.seconds, FEW_STEPS, few_cost.seconds, float(few["step_seconds"]))
    found, cost = ask(steps=steps)
    window = ask_peer(
        session, "huggingface_windows", ids=folder, model=folder / "gpt2", stride=size.positions // 2
    )
    return {**found, "steps": steps, "window_nats": window[0]["nats"]}, cost


def _beside(
    run: Trained,
    ours: dict[str, Any],
    what: str,
    block: int,
    theirs: dict[str, Any] | None,
    cost: Cost | None,
) -> list[Row]:
    """Return bits per byte on blocks and as each reads best, and what both processes cost."""
    units = float(ours["units"])

    def bits(nats: float) -> float:
        return nats / units / math.log(2)

    note = f"{run.parameters:,} parameters"
    if theirs is not None:
        note += f", the peer {theirs['parameters']:,}; {theirs['steps']} steps of the peer"
    blocks = bits(ours["nats"]), None if theirs is None else bits(theirs["nats"])
    best = run.tested("bits_per_byte"), None if theirs is None else bits(theirs["window_nats"])
    name = "wikitext-2 bpe"
    return [
        Row(name, f"blocks of {block}, {what}", "bits a byte", *blocks, note=note),
        Row(name, f"carried state beside half windows, {what}", "bits a byte", *best),
        *rows.costs(name, what, [run.cost], [] if cost is None else [cost]),
    ]
