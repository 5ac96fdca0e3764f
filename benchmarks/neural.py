"""The neural rungs beside what people use today, on the same data and machine, run in turn: Markdown tables.

    ANYGRAM_DATA=/path/to/data ./dev bench neural --peer-python peers/bin/python --nanogpt nanoGPT \\
        --word-language-model examples/word_language_model

    nanogpt      characters of tinyshakespeare: seconds to nanoGPT's loss, its README's flags for a CPU
    wlm          words of wikitext-2: seconds to the perplexity of word_language_model's LSTM after an epoch
    keras        one LSTM over 10,000 words: tokens a second beside Keras on TensorFlow and torch.nn.LSTM
    huggingface  byte pairs of wikitext-2: bits per byte beside Trainer + GPT2LMHeadModel in equal time
    mfu          a Transformer's training step: the share of the machine's matrix products, beside nanoGPT's

Seconds are those of whole processes: import, compiling, training, and reading the held-out part once. Each
of --repeats is another seed of ours; peers keep their own. Budgets of ours were chosen with --develop, on
other splits than those reported. A peer that is not given is left out, with a line that says so. Ends
with 1 if a row failed, and says why in the row.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from neural_peers import huggingface, lstm_rate, nanogpt, utilisation, word_language_model
from neural_peers.session import HOW_TO_GET_THEM, Peers, Session
from peers import report
from peers.options import names_of, real_data
from peers.processes import CommandFailed
from peers.rows import Row

Measure = Callable[[Session], list[Row]]

MEASURES: dict[str, tuple[str, Measure]] = {
    "nanogpt": (nanogpt.PEER, nanogpt.measure),
    "wlm": (word_language_model.PEER, word_language_model.measure),
    "keras": (lstm_rate.PEER, lstm_rate.measure),
    "huggingface": (huggingface.PEER, huggingface.measure),
    "mfu": (utilisation.PEER, utilisation.measure),
}
"""What can be measured: the peer's name over its column, and how."""

PACKAGES = ("anygram", "torch", "numpy", "numba")


def main() -> int:
    """Measure what was asked for, print the tables, and return the exit status."""
    options = _options()
    data = real_data()
    peers = Peers(options.peer_python, options.nanogpt, options.word_language_model)
    _say_what_is_missing(peers)
    tables: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory(prefix="anygram-bench-") as temporary:
        session = Session(
            data=data,
            folder=(options.work or Path(temporary)).resolve(),
            peers=peers,
            repeats=1 if options.quick else options.repeats,
            peer_repeats=options.peer_repeats,
            seconds=options.seconds,
            settings=tuple(options.set),
            develop=options.develop,
            quick=options.quick,
        )
        for name in options.only:
            peer, measure = MEASURES[name]
            tables.setdefault(peer, []).extend(_measure(name, measure, session))
    report.write("neural", tables, options.json, packages=PACKAGES, remark=peers.describe())
    return 1 if any(row.failed for found in tables.values() for row in found) else 0


def _measure(name: str, measure: Measure, session: Session) -> list[Row]:
    """Return the rows of one measurement, printing each."""
    try:
        found = measure(session)
    except CommandFailed as error:
        found = [Row(name, "", "", failed=str(error))]
    for row in found:
        print("  ".join(row.cells()), file=sys.stderr, flush=True)
    return found


def _say_what_is_missing(peers: Peers) -> None:
    missing = [name for name in ("nanogpt", "word_language_model") if getattr(peers, name) is None] + [
        name for name in ("torch", "tensorflow", "transformers") if not peers.has(name)
    ]
    if missing:
        print(f"left out: {', '.join(missing)}; {HOW_TO_GET_THEM}", file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only",
        type=names_of("measurement", MEASURES),
        default=list(MEASURES),
        help=f"some of {','.join(MEASURES)}",
    )
    parser.add_argument("--nanogpt", type=_folder("train.py"), metavar="DIR", help="a clone of nanoGPT")
    parser.add_argument(
        "--word-language-model",
        type=_folder("main.py"),
        metavar="DIR",
        help="word_language_model in a clone of pytorch/examples",
    )
    parser.add_argument(
        "--peer-python",
        type=_program,
        default=Path(sys.executable),
        metavar="PYTHON",
        help="one that has torch, keras, tensorflow and transformers (default: this one)",
    )
    parser.add_argument("--repeats", type=int, default=3, help="measurements, ours by seed (default: 3)")
    parser.add_argument("--peer-repeats", type=int, help="fewer of the peer of nanogpt and wlm")
    parser.add_argument(
        "--seconds",
        type=_numbers,
        default=(),
        help="other budgets of ours: 10,12,14; with one name in --only",
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="settings of ours")
    parser.add_argument("--develop", action="store_true", help="another split: to choose budgets on")
    parser.add_argument("--quick", action="store_true", help="see that everything runs; figures mean nothing")
    parser.add_argument("--work", type=Path, help="a folder for what is made")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    if options.seconds and len(options.only) > 1:
        parser.error("--seconds is for one measurement: name it with --only")
    return options


def _folder(file: str) -> Callable[[str], Path]:
    def read(word: str) -> Path:
        if not Path(word, file).is_file():
            raise argparse.ArgumentTypeError(f"{word} holds no {file}")
        return Path(word).resolve()

    return read


def _program(word: str) -> Path:
    path = Path(word).absolute()  # not resolved: an environment's Python is known by its link
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{word} is no program")
    return path


def _numbers(words: str) -> tuple[float, ...]:
    return tuple(float(word) for word in words.split(","))


if __name__ == "__main__":
    sys.exit(main())
