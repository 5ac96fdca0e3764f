"""Who translates or sums up: what needs no model, anygram's models, and a peer."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from peers.processes import CommandFailed

import anygram as ag
from anygram.tasks.translation.baselines import baselines
from anygram.tasks.translation.lookup import learn
from anygram.tasks.translation.metrics import Metrics
from translations import pairs
from translations.joeynmt import Peer
from translations.measuring import Figures, Written, measured, row
from translations.pairs import Parts


@dataclass(frozen=True)
class Contest:
    """What is done: which models over which codec, under which budget, and beside which peer."""

    kind: Metrics
    models: Sequence[str]
    codec: str
    budget: str
    threads: int
    source_codec: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    peer: Peer | None = None
    seed: int = 0
    baselines: bool = True


def without_model(kind: Metrics, parts: Parts) -> list[Written]:
    """Return what copying, first sentences, and phrases looked up in the training pairs give."""
    sources = [one.source for one in parts.test]
    began = time.perf_counter()
    lookup = learn([(one.source, one.target) for one in parts.train])
    learnt = time.perf_counter() - began
    found = baselines(kind, sources, lookup)
    by_lookup = {name for name in found if name not in baselines(kind, sources[:1], None)}
    return [
        Written(
            name,
            len(parts.train) if name in by_lookup else 0,
            texts,
            learnt if name in by_lookup else None,
        )
        for name, texts in found.items()
    ]


def figures(
    contest: Contest, whole: Parts, sizes: Sequence[int | None], *, develop: bool, sources: int | None
) -> Iterator[Figures]:
    """Yield every way's figures as they are had, those of ways that learn once for each number of pairs.

    The first so many `sources` are tested, all where None; of the validation part, to `develop` by.
    """
    if develop:
        whole = replace(whole, test=pairs.held(whole.valid))
    whole = replace(whole, test=whole.test[:sources])
    for place, size in enumerate(sizes):
        parts = whole.of_size(size)
        plain = without_model(contest.kind, parts) if contest.baselines else []
        plain = [one for one in plain if one.pairs or not place]
        with tempfile.TemporaryDirectory(prefix="anygram-bench-") as folder:
            for written in chain(plain, by_models(contest, parts, Path(folder))):  # told one by one
                found = measured(contest.kind, whole.test, written)
                print(" ".join(row(found, list(found.measured))), file=sys.stderr, flush=True)
                yield found


def by_models(contest: Contest, parts: Parts, folder: Path) -> Iterator[Written]:
    """Yield what each model writes that learnt from the pairs, and then what the peer does."""
    files = pairs.write(parts, folder)
    for model in contest.models:
        yield _ours(contest, model, parts, files)
    if contest.peer is not None:
        yield _theirs(contest, contest.peer, parts, folder / "peer")


def _ours(contest: Contest, model: str, parts: Parts, files: Mapping[str, Path]) -> Written:
    began = time.perf_counter()
    run = ag.train(
        files["train"],
        model,
        codec=contest.codec,
        source_codec=contest.source_codec,
        text_field=pairs.SOURCE,
        target_field=pairs.TARGET,
        valid=str(files["valid"]),
        settings=contest.settings,
        budget=contest.budget,
        seed=contest.seed,
    )
    trained = time.perf_counter() - began
    began = time.perf_counter()
    ask = run.translate if contest.kind == "translation" else run.summarise
    texts = [one.text for one in ask(files["test"], text_field=pairs.SOURCE)]
    spent = run.record.spent
    parameters = run.record.figures.get("model", {}).get("parameters")
    note = "" if parameters is None else f"{parameters:,} parameters, {spent['steps']:,} steps"
    codecs = contest.codec if contest.source_codec is None else f"{contest.codec}, {contest.source_codec}"
    return Written(f"{model}, {codecs}", len(parts.train), texts, trained, _since(began), note)


def _theirs(contest: Contest, peer: Peer, parts: Parts, folder: Path) -> Written:
    """Return what the peer writes after as many seconds; no texts, but why not, where it fails."""
    seconds = ag.Budget.parse(contest.budget).seconds
    if seconds is None:
        return Written("JoeyNMT", len(parts.train), [], note="left out: its budget is one of seconds")
    try:
        found = peer.learn(parts, folder, seconds, contest.threads)
    except CommandFailed as error:
        return Written("JoeyNMT", len(parts.train), [], note=f"failed: {error}")
    note = f"{found.parameters:,} parameters, {found.steps:,} steps"
    return Written(
        "JoeyNMT", len(parts.train), found.translations, found.seconds, found.decoding_seconds, note
    )


def _since(began: float) -> float:
    return time.perf_counter() - began
