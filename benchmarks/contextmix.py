"""Context mixing beside zpaq -m5: bits a byte on held-out text after the training text, and bytes a second.

    ANYGRAM_DATA=/path/to/data ./dev bench contextmix               plays and encyclopedia, 8 minutes
    ... ./dev bench contextmix --only plays --memory 2800M          with larger tables
    ... ./dev bench contextmix --only plays --mixture               with a mixture, trained 10 minutes
    ... ./dev bench contextmix --only encyclopedia --mixture        with a mixture, trained 30 minutes

Adaptive figures are of models that go on learning while they read the held-out text, as zpaq does, which is
given the training text as its history, padded so that it sizes its tables alike with and without the
held-out text. Rates are those of reading everything in one thread, tables cold, kernels compiled. A mixture
is of contextmix, an LSTM and a Transformer, which learn for so many seconds together; its weights are fitted
on the last hundredth of the training text, in part of the same seconds. Ends with 1 where a figure is missed.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from peers import report
from peers.options import TINYSHAKESPEARE, names_of, real_data
from peers.report import Table

from anygram import api
from anygram.budgets import Budget, parse_bytes
from anygram.comparison import floors
from anygram.data.documents import Document
from anygram.models import contextmix
from anygram.protocols import FloatArray

WIKITEXT = "wikitext-2/wiki.train.tokens", "wikitext-2/wiki.test.tokens"
NEEDED = {"plays": (TINYSHAKESPEARE,), "encyclopedia": WIKITEXT}
MEMORY = {"plays": 0, "encyclopedia": 2800 << 20}
"""Bytes of contextmix's tables by text, 0 for its own default: ten megabytes fill larger ones."""
TRAINING = {"plays": 600.0, "encyclopedia": 1800.0}
"""Seconds in which a mixture and its members may learn."""
FITTING = {"plays": 30.0, "encyclopedia": 200.0}
"""Seconds of those that are kept for the weights."""
AT_MOST = {
    ("plays", "fast, adaptive"): 1.86,
    ("plays", "strong, adaptive"): 1.82,
    ("plays", "strong, static"): 2.02,
    ("plays", "mixture, adaptive"): 1.82,
    ("encyclopedia", "fast, adaptive"): 1.38,
    ("encyclopedia", "mixture, adaptive"): 1.36,
}
"""Bits a byte."""
AT_LEAST_KB = {("plays", "fast, adaptive"): 200}
MOST_SECONDS = {("encyclopedia", "fast, adaptive"): 120}


@dataclass(frozen=True)
class Figure:
    """What reading the held-out text cost after the training text, and how long both took."""

    text: str
    what: str
    bits: float
    seconds: float
    bytes_read: int

    @property
    def missed(self) -> bool:
        """Whether it is worse than wanted."""
        key = self.text, self.what
        slow = self.bytes_read / self.seconds < 1000 * AT_LEAST_KB.get(key, 0)
        late = self.seconds > MOST_SECONDS.get(key, math.inf)
        return self.bits > AT_MOST.get(key, math.inf) or slow or late


def parts(text: str, data: Path) -> tuple[bytes, bytes]:
    """Return the training and the held-out text: of the plays the last tenth is held out."""
    files = [(data / name).read_bytes() for name in NEEDED[text]]
    if len(files) == 1:
        cut = int(0.9 * len(files[0]))
        return files[0][:cut], files[0][cut:]
    return files[0], files[1]


def alone(text: str, data: Path, memory: int) -> Iterator[Figure]:
    """Yield the figures of contextmix and of zpaq, in turn."""
    train, test = parts(text, data)
    yield from _zpaq(text, train, test)
    compiled = contextmix.create(contextmix.Config(), 257, 0)
    compiled.learn(np.zeros(9, dtype=np.int32))
    compiled.score(compiled.start(1), np.zeros((1, 9), dtype=np.int32))
    for size in ("fast", "strong"):
        ids_N, held_N = (np.frombuffer(part, dtype=np.uint8).astype(np.int32) for part in (train, test))
        suggested, _ = contextmix.suggest(ids_N, len(ids_N), 257, Budget(epochs=1))
        config = contextmix.Config(size=size, kind=suggested.kind, memory=memory)
        started = time.perf_counter()
        model = contextmix.create(config, 257, 0)
        model.learn(ids_N)
        learnt = time.perf_counter() - started
        reader = model.reader()
        started = time.perf_counter()
        nats = -reader.read(held_N).sum()
        seconds = learnt + time.perf_counter() - started
        yield Figure(text, f"{size}, adaptive", _bits(nats, test), seconds, len(train + test))
        del reader
        started = time.perf_counter()
        log_p_BT, _ = model.score(model.start(1), held_N[None])
        seconds = learnt + time.perf_counter() - started
        yield Figure(text, f"{size}, static", _bits(-log_p_BT.sum(), test), seconds, len(train + test))


def _zpaq(text: str, train: bytes, test: bytes) -> Iterator[Figure]:
    if "zpaq" not in floors.available():
        return
    documents = [[Document(part.decode("utf-8"), separator=0)] for part in (train, test)]
    floor = floors.measure("zpaq", *documents)
    yield Figure(text, "zpaq -m5", floor.bits_per_byte, floor.seconds / 2, len(train + test))


def mixed(text: str, data: Path, seconds: float, memory: int) -> Iterator[Figure]:
    """Yield the figures of a mixture and of its members as it reads them; print how sure its gain is."""
    train, test = parts(text, data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "train.txt").write_bytes(train)
        (folder / "test.txt").write_bytes(test)
        source, spent, runs = folder / "train.txt", 0.0, {}
        for number, model in enumerate(("contextmix", "lstm", "transformer")):
            run = api.train(
                source,
                model,
                out=folder / model,
                codec="bytes",
                budget=f"{(seconds - FITTING[text] - spent) / (3 - number):.0f}s",
                valid="0.01",
                settings={"size": "strong"} if model == "contextmix" else {},
                memory=memory or None if model == "contextmix" else None,
            )
            spent += run.record.spent["seconds"]
            runs[model] = run
        started = time.perf_counter()
        mixture = api.train(
            source,
            "mixture",
            out=folder / "mixture",
            codec="bytes",
            valid="0.01",
            members=[folder / model for model in runs],
        )
        spent += time.perf_counter() - started
        measured = {}
        for what, run in {**runs, "mixture": mixture}.items():
            started = time.perf_counter()
            adaptive = what in ("contextmix", "mixture")  # networks are read as the mixture reads them
            found = measured[what] = run.evaluate(folder / "test.txt", adapt=adaptive)
            assert found.bits_per_byte is not None
            took = time.perf_counter() - started
            way = "adaptive" if adaptive else "static"
            yield Figure(text, f"{what}, {way}", found.bits_per_byte, took, len(test))
        best = min(runs, key=lambda what: measured[what].nats)
        low, high = _gain(measured[best].nats_D, measured["mixture"].nats_D, len(test))
        print(f"{text}: {spent:.0f} s of training; gain over {best} {low:.3f} to {high:.3f} bits a byte")


def _gain(nats_D: FloatArray, mixed_D: FloatArray, size: int) -> tuple[float, float]:
    """Return the 95 % interval of the bits a byte gained, by a paired bootstrap over 64 blocks."""
    generator = np.random.default_rng(0)
    gained_D = (nats_D - mixed_D) / math.log(2)
    drawn = generator.integers(0, len(gained_D), (10_000, len(gained_D)))
    low, high = np.quantile(gained_D[drawn].sum(axis=1) / size, (0.025, 0.975))
    return float(low), float(high)


def _bits(nats: float, test: bytes) -> float:
    return float(nats) / math.log(2) / len(test)


def main() -> int:
    """Measure, print the table and what is missed, and return the exit status."""
    parser = argparse.ArgumentParser(description="Context mixing beside zpaq.")
    parser.add_argument("--only", type=names_of("text", NEEDED), default=list(NEEDED))
    parser.add_argument("--memory", type=parse_bytes, help="of contextmix's tables; default: by text")
    parser.add_argument("--mixture", action="store_true", help="mixtures instead, which take long")
    parser.add_argument("--seconds", type=float, help="training of a mixture in all; default: by text")
    parser.add_argument("--json", type=Path, help="a file to keep the figures in")
    arguments = parser.parse_args()
    data = real_data(*(name for text in arguments.only for name in NEEDED[text]))
    figures: list[Figure] = []
    for text in arguments.only:
        memory = MEMORY[text] if arguments.memory is None else arguments.memory
        if arguments.mixture:
            figures += mixed(text, data, arguments.seconds or TRAINING[text], memory)
        else:
            figures += alone(text, data, memory)
    rows = [
        (f.text, f.what, f"{f.bits:.4f}", f"{f.seconds:.1f}", f"{f.bytes_read / f.seconds / 1000:.0f}")
        for f in figures
    ]
    header = ("text", "model", "bits a byte", "seconds", "KB a second")
    stored = [asdict(figure) for figure in figures]
    packages = ["numpy", "numba", "torch"]
    report.publish("contextmix", [Table(header, rows)], arguments.json, stored=stored, packages=packages)
    missed = [figure for figure in figures if figure.missed]
    for figure in missed:
        print(f"missed: {figure.text}, {figure.what}: {figure.bits:.4f} bits a byte, {figure.seconds:.1f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
