"""Characters of tinyshakespeare: nanoGPT with its README's flags for a CPU, and ours to the same loss.

nanoGPT is timed as a whole process: import, training, its own estimates of the loss and checkpoints. The
figure compared is that of the checkpoint it leaves (of its best estimate) over the whole last tenth,
measured afterwards: blocks of 64 characters in a row, each predicting the 64 characters after its first,
from at most 64 characters of context. Ours is a whole process too, and reads the tenth once within it; its
figure is taken afterwards over the same blocks: 65 characters scored from the start state, the nats of the
first not counted. What ours gives to whole documents, with carried state, stands beside.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

from peers import processes
from peers.processes import alternate
from peers.rows import Row

from neural_peers import quality
from neural_peers.quality import Goal, Trial
from neural_peers.session import Session, Trained, ask_ours, ask_peer, require_text, train

PEER = "nanoGPT"
SECONDS = 3.0
"""Our budget, chosen with --develop: on the first nine tenths of the text alone."""
BLOCK = 64
FLAGS = {
    "device": "cpu",
    "compile": "False",
    "eval_iters": "20",
    "log_interval": "1",
    "block_size": str(BLOCK),
    "batch_size": "12",
    "n_layer": "4",
    "n_head": "4",
    "n_embd": "128",
    "max_iters": "2000",
    "lr_decay_iters": "2000",
    "dropout": "0.0",
}
QUICK = {"max_iters": "20", "lr_decay_iters": "20", "eval_interval": "10", "warmup_iters": "2"}


def measure(session: Session) -> list[Row]:
    """Return the rows of time to nanoGPT's loss."""
    folder = session.make("nanogpt")
    text = _text(session, folder)
    held_out = folder / "held-out.txt"
    whole = text.read_bytes()
    held_out.write_bytes(whole[int(0.9 * len(whole)) :])
    peer = None if session.peers.nanogpt is None else _peer(session, session.peers.nanogpt, text, folder)
    runs: list[Trained] = []

    def ours() -> list[Trial]:
        seed = len(runs) // len(session.budgets(SECONDS))
        trials = []
        for seconds in session.budgets(SECONDS):
            out = folder / f"run-{seconds:g}-{seed}"
            words = ("--model", "transformer", "--codec", "chars", "--test", "0.1")
            runs.append(train(session, text, out, seconds, seed, *words))
            scored = ask_ours("score_blocks", run=out, text=held_out, block=BLOCK)
            # the text is ASCII: a character is a byte
            trials.append(Trial(scored["nats"] / scored["units"], runs[-1].cost, seed, seconds))
        return trials

    each, theirs = alternate(ours, peer, session.repeats, session.peer_repeats)
    goal = Goal("tinyshakespeare", PEER, f"loss on blocks of {BLOCK}", "nats a character")
    compared = quality.compare(goal, [trial for trials in each for trial in trials], theirs)
    return [*compared, *(_carried(run) for run in runs)]


def _text(session: Session, folder: Path) -> Path:
    """Return the text whose last tenth is measured on: all of it, or what training may see of it."""
    source = require_text(session.data / "tinyshakespeare" / "input.txt")
    text = folder / "input.txt"
    whole = source.read_bytes()
    text.write_bytes(whole[: int(0.9 * len(whole))] if session.develop else whole)
    return text


def _peer(session: Session, source: Path, text: Path, folder: Path) -> Callable[[], Trial]:
    """Return what trains nanoGPT once, in a copy of its own with its data prepared by its own script."""
    copy = folder / "nanoGPT"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".git", "out*"), dirs_exist_ok=True)
    data = copy / "data" / "shakespeare_char"
    shutil.copyfile(text, data / "input.txt")
    python = session.peers.python
    processes.run([python, data / "prepare.py"], folder=copy)
    flags = {**FLAGS, **(QUICK if session.quick else {}), "out_dir": "out"}
    words = [f"--{key}={value}" for key, value in flags.items()]

    def trial() -> Trial:
        shutil.rmtree(copy / "out", ignore_errors=True)
        cost = processes.run([python, "train.py", "config/train_shakespeare_char.py", *words], folder=copy)
        checkpoint = copy / "out" / "ckpt.pt"
        asked = {"folder": copy, "checkpoint": checkpoint, "ids": data / "val.bin", "block": BLOCK}
        scored, _ = ask_peer(session, "nanogpt_blocks", **asked)
        return Trial(
            scored["nats"] / scored["symbols"], cost, note=f"checkpoint of step {scored['iteration']}"
        )

    return trial


def _carried(run: Trained) -> Row:
    bits = run.tested("bits_per_byte")
    what, note = f"the whole tenth with carried state, {run.run.name}", f"{bits * math.log(2):.4f} nats"
    return Row("tinyshakespeare", what, "bits a byte", bits, note=note, digits=4)
