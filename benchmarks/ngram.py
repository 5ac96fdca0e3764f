"""The n-gram model beside KenLM, on the same texts and the same machine, run in turn: a Markdown table.

    ./dev bench package_text                        first, once: assembles a large corpus
    ANYGRAM_DATA=/path/to/data ./dev bench ngram --kenlm /path/to/kenlm/build/bin

Texts: wikitext-2 (of ANYGRAM_DATA) and the corpus of package_text, or those of --corpus. Words that lmplz
stops at are renamed and blank lines dropped, for both. Every figure is the median of --repeats
measurements, ours and KenLM's by turns; programs are whole processes, start included; peak memory is that
of the largest process. Ends with 1 if a row failed, and says why in the row.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import package_text
from peers import processes, programs, report, rows, subject
from peers.options import names_of
from peers.processes import MB, CommandFailed, Cost, alternate, ask
from peers.rows import Row
from peers.subject import Subject, anygram, ngrams

VOCABULARY = 30_000
MEMORY = "1G"
PACKAGES = ("anygram", "numpy", "numba", "kenlm")
AGREEMENT = 1e-3
"""How far a sentence's log10 score may be from KenLM's."""

Measure = Callable[[Subject, int], list[Row]]


def main() -> int:
    """Measure what was asked for, print the table, and return the exit status."""
    options = _options()
    peer = programs.find(options.kenlm, options.kenlm_memory)
    if peer is None or not peer.module:
        print(programs.HOW_TO_GET_IT, file=sys.stderr)
    sources = options.corpus or _texts()
    if not sources:
        return 2
    with tempfile.TemporaryDirectory(prefix="anygram-bench-") as temporary:
        folder = options.work or Path(temporary)
        found: list[Row] = []
        for source in sources:
            text = subject.prepare(source, _held_out(source), folder, peer, options.repeats)
            found += _measure(text, options.orders, options.only)
    report.write("ngram", {"KenLM": found}, options.json, packages=PACKAGES)
    return 1 if any(row.failed for row in found) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=_file, nargs="+", help="texts, one sentence a line; test.txt beside")
    parser.add_argument("--kenlm", type=Path, help="the folder of lmplz and build_binary (default: PATH)")
    parser.add_argument(
        "--kenlm-memory", default="4G", help="lmplz -S (default: 4G; its own, 80%% of all, is slower here)"
    )
    parser.add_argument(
        "--only",
        type=names_of("measurement", MEASURES),
        default=list(MEASURES),
        help=f"some of {','.join(MEASURES)}",
    )
    parser.add_argument("--orders", type=_numbers, default=[3, 5], help="default: 3,5")
    parser.add_argument("--repeats", type=int, default=3, help="measurements a figure (default: 3)")
    parser.add_argument("--work", type=Path, help="a folder for what is made; models in it are used again")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


def _file(word: str) -> Path:
    if not Path(word).is_file():
        raise argparse.ArgumentTypeError(f"{word} is no file")
    return Path(word)


def _numbers(words: str) -> list[int]:
    return [int(word) for word in words.split(",")]


def _texts() -> list[Path]:
    """Return the texts that this machine has, saying how to get those it has not."""
    data, corpus = os.environ.get("ANYGRAM_DATA"), package_text.default_folder() / "train.txt"
    wikitext = Path(data or "", "wikitext-2", "wiki.train.tokens")
    missing = {wikitext: "set ANYGRAM_DATA to the folder that holds it", corpus: "./dev bench package_text"}
    for path, remedy in missing.items():
        if not path.is_file():
            print(f"{path} is not here: {remedy}", file=sys.stderr)
    return [path for path in missing if path.is_file()]


def _held_out(source: Path) -> Path | None:
    beside = (source.with_name(source.name.replace("train", "test")), source.with_name("test.txt"))
    return next((path for path in beside if path != source and path.is_file()), None)


def _measure(text: Subject, orders: list[int], names: list[str]) -> Iterator[Row]:
    """Yield the rows of a text, printing each as it comes."""
    for name in names:
        measure, each_order = MEASURES[name]
        for order in orders if each_order else [max(orders)]:
            try:
                found = measure(text, order)
            except CommandFailed as error:
                found = [Row(text.name, f"{name}, order {order}", "", failed=str(error))]
            for row in found:
                print("  ".join(row.cells()), file=sys.stderr, flush=True)
                yield row


def train(text: Subject, order: int) -> list[Row]:
    """Text to a saved model that can be asked: `anygram train` beside lmplz and build_binary."""
    run = text.folder / f"run-{order}"
    peer = None if text.kenlm is None else lambda: text.train_kenlm(order)
    ours, both = alternate(lambda: text.train(run, order), peer, text.repeats)
    note = f"{text.tokens:,} tokens, {ngrams(run):,} n-grams"
    whole = rows.costs(text.name, f"train, order {order}", ours, [a.then(b) for a, b in both], note)
    if text.kenlm is None:
        return whole
    alone = rows.costs(text.name, f"train, order {order}, beside lmplz alone", ours, [a for a, _ in both])
    return [*whole, alone[0], alone[2]]


def size(text: Subject, order: int) -> list[Row]:
    """Bytes of what must be kept: model and vocabulary, beside KenLM's probing file (with its own)."""
    peer = None if text.kenlm is None else text.binary(order)
    return _sizes(text, f"order {order}", text.run(order), peer)


def compact(text: Subject, order: int) -> list[Row]:
    """The compact form beside KenLM's tries."""
    run = text.folder / f"run-{order}-quantized"
    text.train(run, order, settings={"quantize": "true"})
    if text.kenlm is None:
        return _sizes(text, f"quantized, order {order}", run, None)
    tries = {"trie": (), "trie -q 8 -b 8 -a 22": ("-q", "8", "-b", "8", "-a", "22")}
    what = f"quantized, order {order}, beside"
    return [
        row
        for name, options in tries.items()
        for row in _sizes(text, f"{what} {name}", run, text.binary(order, "trie", *options))
    ]


def _sizes(text: Subject, what: str, run: Path, peer: Path | None) -> list[Row]:
    ours = sum(file.stat().st_size for file in (run / "model.safetensors", *run.glob("codec.*")))
    theirs, count = None if peer is None else peer.stat().st_size, ngrams(run)
    return [
        Row(text.name, f"size, {what}", "MB", ours / MB, None if theirs is None else theirs / MB),
        Row(
            text.name,
            f"size an n-gram, {what}",
            "bytes",
            ours / count,
            None if theirs is None else theirs / count,
        ),
    ]


def arpa(text: Subject, order: int) -> list[Row]:
    """ARPA files written and read, beside build_binary reading one."""
    out, again, scratch = (text.folder / name for name in ("ours.arpa", "imported", "read.probing"))
    run, peer = text.run(order), text.kenlm

    def export() -> Cost:
        out.unlink(missing_ok=True)
        return processes.run([anygram(), "export", run, "--format", "arpa", "--out", out])

    def import_() -> Cost:
        shutil.rmtree(again, ignore_errors=True)
        return processes.run([anygram(), "import", out, "--out", again])

    written, _ = alternate(export, None, text.repeats)
    megabytes = out.stat().st_size / MB
    read_ours, read_peer = alternate(
        import_,
        None if peer is None else lambda: processes.run(peer.build_binary(out, scratch, "probing")),
        text.repeats,
    )

    def rates(costs: Iterable[Cost]) -> list[dict[str, float]]:
        return [{"rate": megabytes / cost.seconds} for cost in costs]

    note = f"a file of {megabytes:,.0f} MB"
    write = rows.answers(text.name, f"write ARPA, order {order}", "MB/s", rates(written), [], note=note)
    what = f"read ARPA, order {order}"
    sides = rates(read_ours), rates(read_peer)
    return [write, rows.answers(text.name, what, "MB/s", *sides, more_is_better=True, note=note)]


def score(text: Subject, order: int) -> list[Row]:
    """A list of sentences scored from Python, after loading and warming up."""
    asked, found = {"text": text.held_out}, []
    run, peer = text.run(order), _python_model(text, order)
    ours_out, peer_out = text.folder / "ours.json", text.folder / "peer.json"
    for threads in (1, 2):
        ours, theirs = alternate(
            partial(ask, "ours_batch", model=run, threads=threads, out=ours_out, **asked),
            None if peer is None else lambda: ask("kenlm_batch", model=peer, out=peer_out, **asked),
            text.repeats,
        )
        note = "" if peer is None else _agreement(ours_out, peer_out)
        what = f"score sentences, order {order}, {threads} thread{'s' * (threads > 1)}"
        found.append(rows.answers(text.name, what, "tokens/s", ours, theirs, more_is_better=True, note=note))
    return found


def _python_model(text: Subject, order: int) -> Path | None:
    """Return KenLM's file of a model where Python can ask it."""
    return text.binary(order) if text.kenlm is not None and text.kenlm.module else None


def _agreement(ours: Path, peer: Path) -> str:
    """Return how far the scores are apart at most; CommandFailed where that is too far."""
    nats, log10 = (json.loads(path.read_text()) for path in (ours, peer))
    if len(nats) != len(log10):
        raise CommandFailed(f"{len(nats)} scores, KenLM gave {len(log10)}")
    apart = max(abs(a / math.log(10) - b) for a, b in zip(nats, log10, strict=True))
    if not apart <= AGREEMENT:
        raise CommandFailed(
            f"a sentence's log10 score is {apart:.3g} from KenLM's, at most {AGREEMENT} allowed"
        )
    return f"log10 scores of {len(nats):,} sentences agree to {apart:.1e}"


def single(text: Subject, order: int) -> list[Row]:
    """One sentence of ten words a call."""
    run, peer = text.run(order), _python_model(text, order)
    ours, theirs = alternate(
        lambda: ask("ours_single", model=run, text=text.held_out),
        None if peer is None else lambda: ask("kenlm_single", model=peer, text=text.held_out),
        text.repeats,
    )
    return [rows.answers(text.name, f"score one sentence of ten words, order {order}", "µs", ours, theirs)]


def predict(text: Subject, order: int) -> list[Row]:
    """The whole distribution before each symbol, beside asking KenLM for each word."""
    run = text.run(order, size=VOCABULARY)
    peer = _python_model(text, order)
    asked = {"model": peer, "text": text.held_out, "run": run}
    ours, theirs = alternate(
        lambda: ask("ours_predict", model=run, text=text.held_out),
        None if peer is None else lambda: ask("kenlm_predict", **asked),
        text.repeats,
    )
    what = f"whole distributions, order {order}, {VOCABULARY:,} symbols"
    return [rows.answers(text.name, what, "symbols/s", ours, theirs, more_is_better=True)]


def load(text: Subject, order: int) -> list[Row]:
    """A model loaded in a new process, its file in the page cache, everything imported."""
    run, peer = text.run(order), _python_model(text, order)
    ours, theirs = alternate(
        lambda: ask("ours_load", model=run),
        None if peer is None else lambda: ask("kenlm_load", model=peer),
        text.repeats,
    )
    note = f"a model of {(run / 'model.safetensors').stat().st_size / MB:,.0f} MB"
    return [rows.answers(text.name, f"load, order {order}", "s", ours, theirs, note=note)]


def start(text: Subject, order: int) -> list[Row]:
    """One line scored by a whole process: warm, and the first time after installing."""
    run, line = text.run(order), text.folder / "line.txt"
    with text.held_out.open(encoding="utf-8") as file:
        line.write_text(file.readline(), encoding="utf-8")
    words: subject.Words = [anygram(), "score", run, line, "--out", text.folder / "scores.jsonl"]
    peer = text.kenlm
    binary = None if peer is None else text.binary(order)
    processes.run(words)
    ours, theirs = alternate(
        lambda: processes.run(words),
        None if peer is None or binary is None else lambda: processes.run(peer.query(binary), stdin=line),
        text.repeats,
    )
    warm = rows.costs(text.name, f"score one line, order {order}", ours, theirs, "a whole process, warm")
    small = text.folder / "run-small"

    def learn(environment: Mapping[str, str] | None = None) -> Cost:
        return subject.train(line, small, order, environment=environment)

    learn()
    return [
        *warm[:2],
        _after_installing(text, "score one line", lambda new: processes.run(words, environment=new)),
        rows.costs(text.name, "train on one line", [learn()], [], "a whole process, warm")[0],
        _after_installing(text, "train on one line", learn),
    ]


def _after_installing(text: Subject, what: str, run: Callable[[Mapping[str, str]], Cost]) -> Row:
    """Return the seconds of a command whose compiled kernels are not there yet."""
    with tempfile.TemporaryDirectory(dir=text.folder) as cache:
        cost = run({"NUMBA_CACHE_DIR": cache})
    return rows.costs(text.name, f"{what}, first use after installing", [cost], [])[0]


def memory(text: Subject, order: int) -> list[Row]:
    """Training held to a little memory: the same bytes as without."""
    run, limited = text.run(order), text.folder / "run-limited"
    scratch = text.folder / "limited.arpa"
    peer = text.kenlm
    ours, theirs = alternate(
        lambda: text.train(limited, order, "--memory", MEMORY),
        None if peer is None else lambda: processes.run(peer.lmplz(text.text, scratch, order, MEMORY)),
        text.repeats,
    )
    if not filecmp.cmp(run / "model.safetensors", limited / "model.safetensors", shallow=False):
        raise CommandFailed(f"--memory {MEMORY} gave other bytes than training without it")
    note = f"the same bytes as without; beside lmplz -S {MEMORY} alone"
    return rows.costs(text.name, f"train with --memory {MEMORY}, order {order}", ours, theirs, note)


MEASURES: dict[str, tuple[Measure, bool]] = {
    "train": (train, True),
    "size": (size, True),
    "compact": (compact, True),
    "arpa": (arpa, True),
    "score": (score, True),
    "single": (single, True),
    "predict": (predict, False),
    "load": (load, False),
    "start": (start, False),
    "memory": (memory, False),
}
"""What can be measured, and whether at every order or at the highest alone."""


if __name__ == "__main__":
    sys.exit(main())
