"""Which language is it: 200 bytes of text from programs that training has not seen.

The texts are the messages of the gettext catalogues that this machine has, and English what they translate. A
seeded third of the programs is held out, a half of these to choose the order; messages that training has too
are left out. A language takes part with enough text in enough programs; of variants ("pt_BR", "sr@latin") and
of languages that share a code in ISO 639-3 (Bosnian, Croatian, Serbian) there is one. `--real DIR` measures
other kinds of text too: English (wikitext, plays, sentences) and Chinese (sentences).

    ./dev bench languages [--locale /usr/share/locale] [--bytes 200] [--real DIR]
"""

from __future__ import annotations

import argparse
import gettext
import json
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import anygram
from anygram.run import Run

LEAST_BYTES, LEAST_PROGRAMS, LEAST_PIECES = 100_000, 6, 20
"""What a language needs for training and in how many programs, and how many pieces to be measured by."""
MOST_BYTES, MOST_PIECES = 200_000, 50
"""Of a language for training, and pieces of it in each part held out."""
ORDERS = (4, 5, 6)
SHORTEST = 40
"""Bytes of a message: shorter ones are words and names."""
NAMES = "iso_"
"""How catalogues begin that are lists of names, of countries and the like."""
MACROLANGUAGES = {"bs": "hbs", "hr": "hbs", "sr": "hbs", "id": "msa", "ms": "msa", "nb": "nor", "nn": "nor"}
"""Languages that ISO 639-3 has one code for, so much alike are they written: the one of most text is in."""

Messages = dict[str, dict[str, list[str]]]
"""Of each language the messages of each program."""


def messages(locale: Path) -> Messages:
    """Return the messages of all catalogues; English ones are what others translate."""
    found: Messages = defaultdict(lambda: defaultdict(list))
    english: dict[str, set[str]] = defaultdict(set)
    for path in sorted(locale.glob("*/LC_MESSAGES/*.mo")):
        language, program = path.parts[-3], path.stem
        if "_" in language.replace("zh_CN", "zh") or "@" in language or language.startswith("en"):
            continue
        if program.startswith(NAMES):
            continue
        try:
            with path.open("rb") as file:
                catalogue = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        except (
            OSError,
            UnicodeDecodeError,
            IndexError,
        ):  # IndexError: a plural rule that gettext cannot read
            continue
        for source, text in catalogue.items():
            original = source[0] if isinstance(source, tuple) else source.partition("\4")[2] or source
            if original and text != original and len(text.encode()) >= SHORTEST:
                found[language][program].append(" ".join(text.split()))
                english[program].add(" ".join(original.split()))
    for program, texts in english.items():
        found["en"][program] = sorted(text for text in texts if len(text.encode()) >= SHORTEST)
    return {language: dict(found[language]) for language in _apart(found)}


def _apart(found: Messages) -> list[str]:
    """Return the languages, of those that share a code the one of most text."""
    sizes = {
        language: sum(len(text) for texts in programs.values() for text in texts)
        for language, programs in found.items()
    }
    most: dict[str, str] = {}
    for language in sorted(sizes, key=lambda language: sizes[language]):
        most[MACROLANGUAGES.get(language, language)] = language
    return sorted(most.values())


def split(found: Messages, piece: int, seed: int = 0) -> tuple[dict[str, list[str]], ...]:
    """Return the training messages of each language, and the pieces to choose by and to measure by."""
    programs = sorted({program for texts in found.values() for program in texts})
    random.Random(seed).shuffle(programs)
    sixth = len(programs) // 6
    parts = set(programs[: -2 * sixth]), set(programs[-2 * sixth : -sixth]), set(programs[-sixth:])
    train, valid, test = {}, {}, {}
    for language, by_program in sorted(found.items()):
        mine = [[text for name in by_program if name in part for text in by_program[name]] for part in parts]
        seen = set(mine[0])
        random.Random(seed).shuffle(mine[0])
        held_out = [_pieces((text for text in texts if text not in seen), piece) for texts in mine[1:]]
        enough = sum(len(text.encode()) for text in mine[0]) >= LEAST_BYTES
        if enough and len(set(by_program) & parts[0]) >= LEAST_PROGRAMS and len(held_out[1]) >= LEAST_PIECES:
            train[language] = _first(mine[0], MOST_BYTES)
            valid[language], test[language] = (_drawn(pieces, seed) for pieces in held_out)
    return train, valid, test


def _first(texts: Iterable[str], most: int) -> list[str]:
    kept, size = [], 0
    for text in texts:
        if size >= most:
            break
        kept.append(text)
        size += len(text.encode())
    return kept


def _pieces(texts: Iterable[str], size: int) -> list[str]:
    """Return pieces of so many bytes, a character cut in two left out."""
    raw = " ".join(dict.fromkeys(texts)).encode()
    pieces = (raw[begin : begin + size] for begin in range(0, len(raw) - size + 1, size))
    return [piece.decode("utf-8", "ignore") for piece in pieces]


def _drawn(pieces: Sequence[str], seed: int) -> list[str]:
    return random.Random(seed).sample(list(pieces), min(len(pieces), MOST_PIECES))


def written(path: Path, texts: dict[str, list[str]]) -> Path:
    """Write labelled records and return their file."""
    with path.open("w", encoding="utf-8") as file:
        for language, mine in texts.items():
            file.writelines(json.dumps({"language": language, "text": text}) + "\n" for text in mine)
    return path


def chosen(train: Path, valid: Path, folder: Path) -> tuple[Run, int]:
    """Return the run of the order that has the most validation pieces right, and that order."""
    best: tuple[float, int, Run] | None = None
    for order in ORDERS:
        run = anygram.train(
            train,
            "ngram",
            codec="bytes",
            settings={"order": order},
            text_field="text",
            label_field="language",
            valid="none",
            out=folder / f"order{order}",
        )
        told = figures(run, valid)
        accuracy, confused = told["accuracy"], "; ".join(told["confused"])
        print(f"order {order}: {accuracy:.4f} of the validation pieces ({confused})", flush=True)
        if best is None or accuracy > best[0]:
            best = accuracy, order, run
    assert best is not None
    return best[2], best[1]


def figures(run: Run, source: Path) -> dict[str, Any]:
    """Return what is right of a file, and what was taken for what."""
    found = run.classify(source, text_field="text", label_field="language")
    wrong = Counter((one.truth, one.labels) for one in found if one.truth != one.labels)
    confused = [
        f"{' '.join(truth or ())} as {' '.join(said)} {n}" for (truth, said), n in wrong.most_common(12)
    ]
    return {**found.figures(), "confused": confused}


def real(data: Path, piece: int) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield pieces of other kinds of text with their languages."""
    pairs = [line.split("\t") for line in (data / "tatoeba-cmn/cmn.txt").read_text("utf-8").splitlines()]
    wiki = (data / "wikitext-2/wiki.test.tokens").read_text("utf-8")
    plays = (data / "tinyshakespeare/input.txt").read_text("utf-8")
    yield "wikitext", {"en": _drawn(_pieces([wiki], piece), 0)}
    yield "plays", {"en": _drawn(_pieces([plays], piece), 0)}
    yield "sentences, English", {"en": _drawn(_pieces([pair[0] for pair in pairs], piece), 0)}
    yield "sentences, Chinese", {"zh_CN": _drawn(_pieces([pair[1] for pair in pairs], piece), 0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--locale", type=Path, default=Path("/usr/share/locale"))
    parser.add_argument("--bytes", type=int, default=200)
    parser.add_argument("--real", type=Path, help="the folder of the project's real data")
    options = parser.parse_args()
    train, valid, test = split(messages(options.locale), options.bytes)
    print(f"{len(train)} languages: {' '.join(train)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="anygram-languages-") as name:
        folder = Path(name)
        files = [
            written(folder / f"{part}.jsonl", texts)
            for part, texts in (("train", train), ("valid", valid), ("test", test))
        ]
        run, order = chosen(files[0], files[1], folder)
        told = figures(run, files[2])
        low, high = told["accuracy_low"], told["accuracy_high"]
        print(
            f"order {order}: {told['accuracy']:.4f} (95 %: {low:.4f} to {high:.4f}) of "
            f"{told['documents']} test pieces of {options.bytes} bytes"
        )
        print(f"what is taken for what: {'; '.join(told['confused']) or 'nothing'}")
        for kind, texts in real(options.real, options.bytes) if options.real else ():
            told = figures(run, written(folder / "real.jsonl", texts))
            print(f"{kind}: {told['accuracy']:.4f} of {told['documents']} {'; '.join(told['confused'])}")


if __name__ == "__main__":
    main()
