"""Words of wikitext-2: an epoch of word_language_model's LSTM (pytorch/examples), and ours to its perplexity.

The peer runs with its defaults but `--epochs 1`, as a whole process; it also reads the test part at its
end. Its perplexity is the one it prints after the epoch. Ours is a whole process that reads the
validation part once. Both count words and ends of lines, `<unk>` being a word as any other; ours counts one
boundary more, the peer leaves out the first symbol of its ten rows. The peer takes its vocabulary from
all three parts, ours from the training part; in wikitext-2 they are the same.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from peers import processes
from peers.processes import CommandFailed, alternate
from peers.rows import Row

from neural_peers import quality
from neural_peers.quality import Goal, Trial
from neural_peers.session import Session, Trained, require_text, train

PEER = "word_language_model"
SECONDS = 40.0
"""Our budget: 24 s sufficed with --develop, but not in a slower hour; 40 s leave room for one."""
QUICK_LINES = 400
_VALID = re.compile(r"valid ppl +([0-9.]+)")


def measure(session: Session) -> list[Row]:
    """Return the rows of time to the peer's perplexity."""
    folder = session.make("word_language_model")
    parts = _parts(session, folder)
    source = session.peers.word_language_model
    peer = None if source is None else lambda: _trial(session, source, folder)
    runs: list[Trained] = []

    def ours() -> list[Trial]:
        seed = len(runs) // len(session.budgets(SECONDS))
        trials = []
        for seconds in session.budgets(SECONDS):
            out = folder / f"run-{seconds:g}-{seed}"
            words = (
                "--model",
                "lstm",
                "--codec",
                "words",
                "--documents",
                "files",
                "--test",
                str(parts["valid"]),
            )
            runs.append(train(session, parts["train"], out, seconds, seed, *words))
            trials.append(Trial(runs[-1].tested("perplexity"), runs[-1].cost, seed, seconds))
        return trials

    each, theirs = alternate(ours, peer, session.repeats, session.peer_repeats)
    goal = Goal("wikitext-2 words", PEER, "perplexity", "a word")
    return quality.compare(goal, [trial for trials in each for trial in trials], theirs)


def _parts(session: Session, folder: Path) -> dict[str, Path]:
    """Return the parts under the peer's names; with `develop` validation and test change places."""
    names = {"train": "train", "valid": "valid", "test": "test"}
    if session.develop:
        names |= {"valid": "test", "test": "valid"}
    parts = {}
    for part, name in names.items():
        source = require_text(session.data / "wikitext-2" / f"wiki.{name}.tokens")
        parts[part] = folder / f"{part}.txt"
        with source.open(encoding="utf-8", newline="\n") as lines:
            kept = islice(lines, QUICK_LINES if session.quick else None)
            parts[part].write_text("".join(kept), encoding="utf-8", newline="\n")
    return parts


def _trial(session: Session, source: Path, folder: Path) -> Trial:
    printed = folder / "printed.txt"
    words: list[str | Path] = [session.peers.python, source.resolve() / "main.py", "--model", "LSTM"]
    words += ["--epochs", "1", "--data", folder, "--save", folder / "model.pt"]
    cost = processes.run(words, stdout=printed, folder=folder)
    return Trial(valid_perplexity(printed.read_text()), cost)


def valid_perplexity(printed: str) -> float:
    """Return the perplexity printed after the last epoch; CommandFailed where there is none.

    >>> valid_perplexity("| end of epoch   1 | time: 90.00s | valid loss  5.37 | valid ppl   214.22")
    214.22
    """
    found = _VALID.findall(printed)
    if not found:
        raise CommandFailed("main.py printed no 'valid ppl'; is it word_language_model of pytorch/examples?")
    return float(found[-1])
