"""JoeyNMT (Kreutzer, Bastings & Riezler 2019), a program for learning and teaching translation, as a peer.

It is run as its users run it, by `python -m joeynmt`, from an environment of its own:

    python3.11 -m venv peers
    peers/bin/pip install torch joeynmt importlib_metadata 'sentencepiece<0.2.2'

(version 2.3.0 imports importlib_metadata without saying so, and asks sentencepiece for what is gone since
0.2.2). It learns pieces by SentencePiece, as its configuration for English and Japanese does, from the
training part alone, and has a budget of seconds of training, its own validations included: the clock starts
with its first epoch, and Ctrl-C, which it takes as the end of training, stops it. The weights that did best
on the validation part translate the test part, the last ones where it was stopped before it had looked.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import processes
from peers.processes import CommandFailed

from translations.pairs import Parts

SOURCE, TARGET = "src", "trg"
"""Which language each side has, as its files are named."""


@dataclass(frozen=True)
class Size:
    """How large its Transformer is, and how it learns; the defaults are those of few pairs."""

    layers: int = 3
    width: int = 256
    heads: int = 4
    inner: int = 1024
    dropout: float = 0.2
    smoothing: float = 0.1
    rate: float = 1e-3
    warmup: int = 200
    tokens: int = 1500
    """Of a step, on the longer side."""
    source_pieces: int = 4000
    target_pieces: int = 4000
    validate_each: int = 200


@dataclass(frozen=True)
class Learnt:
    """What came of a training: steps, seconds, parameters, and translations of the test part."""

    steps: int
    seconds: float
    parameters: int
    translations: Sequence[str]
    decoding_seconds: float
    perplexities: Mapping[int, float]
    """Of the validation part, a symbol, by step."""


@dataclass(frozen=True)
class Peer:
    """Where it is installed, and how large it is."""

    python: Path
    size: Size = Size()

    def describe(self) -> str:
        """Return its version and that of its torch; CommandFailed where it is not installed."""
        asked = "'JoeyNMT', m.version('joeynmt'), 'torch', m.version('torch')"
        code = f"import importlib.metadata as m; print({asked})"
        said = subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=False)
        if said.returncode != 0:
            raise CommandFailed(f"{self.python} has no joeynmt; {(__doc__ or '').splitlines()[5].strip()}")
        return said.stdout.strip()

    def learn(self, parts: Parts, folder: Path, seconds: float, threads: int, beam: int = 5) -> Learnt:
        """Learn for that many seconds, translate the test part, and return what came of it."""
        folder.mkdir(parents=True, exist_ok=True)
        _write_texts(parts, folder)
        self._pieces(parts, folder)
        longest = _longest(parts)
        words = [str(self.python), "-m", "joeynmt"]
        file = _configured(configuration(self.size, folder, beam, longest), folder / "learning.yaml")
        took = _interrupted([*words, "train", file, "--skip-test"], folder, seconds, threads)
        log = (folder / "model" / "train.log").read_text(encoding="utf-8")
        steps = re.findall(r"[Ss]tep:? +(\d+)", log)
        if not steps:
            raise processes.CommandFailed("JoeyNMT told of no step in its budget; give it more")
        asked = configuration(self.size, folder, beam, longest)
        del asked["data"]["dev"]  # which it would translate as well
        file = _configured(asked, folder / "asking.yaml")
        cost = processes.run(
            [*words, "test", file, "--output-path", folder / "translated"],
            environment=_environment(threads),
            folder=folder,
        )
        return Learnt(
            int(steps[-1]),
            took,
            int(re.findall(r"Total params: (\d+)", log)[0]),
            (folder / "translated.test").read_text(encoding="utf-8").splitlines(),
            cost.seconds,
            perplexities(log),
        )

    def _pieces(self, parts: Parts, folder: Path) -> None:
        """Learn pieces of both sides from the training part; of characters the rarest 1 of 2,000 are left."""
        sizes = {SOURCE: self.size.source_pieces, TARGET: self.size.target_pieces}
        for side, pieces in sizes.items():
            given = {
                "input": str(folder / f"train.{side}"),
                "model_prefix": str(folder / side),
                "vocab_size": pieces,
                "hard_vocab_limit": False,  # a thousand pairs have fewer
                "character_coverage": 0.9995,
                "unk_id": 0,
                "pad_id": 1,
                "bos_id": 2,
                "eos_id": 3,
                "vocabulary_output_piece_score": False,
            }
            told = "**json.loads(sys.argv[1])"
            code = f"import json, sys, sentencepiece as s; s.SentencePieceTrainer.train({told})"
            processes.run([self.python, "-c", code, json.dumps(given)])


def perplexities(log: str) -> dict[int, float]:
    """Return the validation part's perplexity by step, from what training said.

    >>> perplexities("Step:      200, Batch Loss\\nEvaluation result (greedy): loss: 3.1, ppl:  22.20")
    {200: 22.2}
    """
    found, step = {}, 0
    for line in log.splitlines():
        if told := re.search(r"Step: +(\d+)", line):
            step = int(told[1])
        if "Evaluation result" in line and (figure := re.search(r"ppl: +([\d.]+)", line)):
            found[step] = float(figure[1])
    return found


def configuration(size: Size, folder: Path, beam: int, longest: int) -> dict[str, Any]:
    """Return what its configuration says: a Transformer with norms first, as its authors have it."""
    side = {
        "embeddings": {"embedding_dim": size.width, "scale": True, "dropout": 0.0},
        "type": "transformer",
        "num_layers": size.layers,
        "num_heads": size.heads,
        "hidden_size": size.width,
        "ff_size": size.inner,
        "dropout": size.dropout,
        "layer_norm": "pre",
    }
    return {
        "name": "anygram's peer",
        "model_dir": str(folder / "model"),
        "use_cuda": False,
        "fp16": False,
        "random_seed": 0,
        "data": {
            "train": str(folder / "train"),
            "dev": str(folder / "valid"),
            "test": str(folder / "test"),
            "dataset_type": "plain",
            "sample_dev_subset": 200,
            SOURCE: _texts(SOURCE, folder),
            TARGET: _texts(TARGET, folder),
        },
        "testing": {
            "beam_size": beam,
            "beam_alpha": 1.0,
            "batch_size": 50,
            "batch_type": "sentence",
            "max_output_length": longest,
            "eval_metrics": [],
            "generate_unk": False,
        },
        "training": {
            "optimizer": "adamw",
            "adam_betas": [0.9, 0.98],
            "normalization": "tokens",
            "scheduling": "warmupinversesquareroot",
            "learning_rate": size.rate,
            "learning_rate_warmup": size.warmup,
            "learning_rate_min": 0.0,
            "label_smoothing": size.smoothing,
            "clip_grad_norm": 1.0,
            "batch_size": size.tokens,
            "batch_type": "token",
            "early_stopping_metric": "ppl",
            "epochs": 100_000,
            "validation_freq": size.validate_each,
            "logging_freq": 20,
            "keep_best_ckpts": 1,
            "print_valid_sents": [],
            "overwrite": True,
        },
        "model": {
            "initializer": "xavier_uniform",
            "embed_initializer": "xavier_uniform",
            "tied_embeddings": False,
            "tied_softmax": True,
            "encoder": side,
            "decoder": side,
        },
    }


def _longest(parts: Parts) -> int:
    """Return how long a translation may be: no more pieces than 999 of 1,000 targets have characters."""
    lengths = sorted(len(one.target) for one in parts.train)
    return lengths[int(0.999 * (len(lengths) - 1))]


def _configured(fields: Mapping[str, Any], path: Path) -> str:
    """Write a configuration, in JSON, which is YAML too, and return its path."""
    path.write_text(json.dumps(fields), encoding="utf-8")
    return str(path)


def _texts(side: str, folder: Path) -> dict[str, Any]:
    return {
        "lang": side,
        "max_length": 512,
        "level": "bpe",
        "normalize": False,
        "voc_file": str(folder / f"{side}.vocab"),
        "tokenizer_type": "sentencepiece",
        "tokenizer_cfg": {"model_file": str(folder / f"{side}.model")},
    }


def _write_texts(parts: Parts, folder: Path) -> None:
    """Write a line for each side of each pair."""
    tested = [(one.source, one.references[0]) for one in parts.test]
    every = {
        "train": [(one.source, one.target) for one in parts.train],
        "valid": [(one.source, one.target) for one in parts.valid],
        "test": tested,
    }
    for name, sides in every.items():
        for place, side in enumerate((SOURCE, TARGET)):
            lines = (" ".join(texts[place].split()) for texts in sides)
            (folder / f"{name}.{side}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _environment(threads: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def _interrupted(words: Sequence[str], folder: Path, seconds: float, threads: int) -> float:
    """Run a training, stop it that long after its first epoch began; return the seconds since."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # behind `&` it is ignored, and by children too
    with (folder / "said.txt").open("w") as sink:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={**os.environ, **_environment(threads)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        began, timer = 0.0, threading.Timer(seconds, process.send_signal, [signal.SIGINT])
        assert process.stdout is not None
        for line in process.stdout:
            sink.write(line)
            if not began and "EPOCH 1" in line:
                began = time.perf_counter()
                timer.start()
        timer.cancel()
    if process.wait() != 0 or not began:
        last = (folder / "said.txt").read_text().strip().splitlines()[-1:]
        raise CommandFailed(f"joeynmt ended with {process.returncode}: {' '.join(last)[:200]}")
    return time.perf_counter() - began
