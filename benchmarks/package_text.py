"""A large corpus of English from Debian's documentation packages: one tokenised sentence a line.

./dev bench package_text [FOLDER]     about 0.9 GB are downloaded once; some minutes of work

Every package is of Debian's main section, so its licence is free. FOLDER (default: a folder of the user's
cache) gets train.txt, test.txt (about 1 % of the lines, drawn with a fixed seed) and packages.json, which
names the packages, their versions and what each gave. Words and punctuation stand apart; a sentence is
kept once, at its first place; lines that are not running English text are dropped. The order is that of
the packages below, so equal versions give equal bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import html
import json
import os
import random
import re
import subprocess
import sys
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import IO, Any, TextIO, cast

PACKAGES = """
dict-gcide dict-foldoc dict-jargon dict-devil fortunes anarchism debian-history debian-policy
developers-reference debian-reference-en debian-handbook debian-faq manpages manpages-dev
freebsd-manpages perl-doc linux-doc-6.1 python3.11-doc rust-doc postgresql-doc-15 apache2-doc
bind9-doc exim4-doc-html libreoffice-help-en-us gimp-help-en openjdk-17-doc scala-doc erlang-doc
ghc-doc racket-doc llvm-14-doc octave-doc maxima-doc python-django-doc python-pandas-doc
python-scipy-doc python-sympy-doc sagemath-doc twisted-doc libboost1.74-doc cppreference-doc-en-html
libstdc++-12-doc wx3.2-doc qtbase5-doc-html libgtk-3-doc libglib2.0-doc lilypond-doc-html
petsc3.18-doc gnuradio-doc derby-doc db5.3-doc lazarus-doc-2.2 sqlite3-doc ffmpeg-doc
python-sklearn-doc python-sqlalchemy-doc imagemagick-6-doc dpdk-doc icu-doc libgtk-4-doc pike8.0-doc
cmake-doc ant-doc checkstyle-doc jython-doc groovy-doc weka-doc uima-doc cinder-doc keystone-doc
ironic-doc heat-doc octavia-doc nova-doc swift-doc manila-doc pylint-doc numba-doc libssl-doc
git-doc nodejs-doc zsh-doc dcmtk-doc libjfreechart-java-doc libopenjfx-java-doc
libcommons-math3-java-doc libbiojava-java-doc qtdeclarative5-doc-html libapache-poi-java-doc
ogre-1.12-doc libjuce-doc slurm-wlm-doc libxalan2-java-doc libswingx-java-doc gradle-doc sphinx-doc
mercurial-common borgbackup-doc pipewire-doc mit-scheme-doc gnuplot-doc libgtkmm-3.0-doc efl-doc
"""
TEST_SHARE, SEED = 0.01, 0

_MARKUP = re.compile(r"\.x?html?$")
_MANUAL = re.compile(r"/man/man\d\w*/[^/]+\.\d\w*$")
_PLAIN = re.compile(r"(\.(txt|rst|pod|md|adoc|dict|dict\.dz)|/games/fortunes/[^/.]+)$")
_NOT_TEXT = re.compile(
    r"changelog|copyright|genindex|(^|/)(index-all|allclasses|searchindex)|/_sources/", re.I
)
_LANGUAGE = re.compile(r"/(?!en)[a-z]{2}([-_][A-Za-z]{2,4})?/.*\.x?html?$|\.(?!en)[a-z]{2}\.html$")

_UNSEEN = re.compile(r"<!--.*?-->|<(script|style|head|pre|nav|svg|math)\b.*?</\1\s*>", re.S | re.I)
_BLOCK = re.compile(
    r"</?(p|div|li|ul|ol|dl|dt|dd|tr|td|th|table|h\d|br|hr|section|body|blockquote|article)\b[^>]*>", re.I
)
_TAG = re.compile(r"<[^>]*>")
_ROFF_FONT = re.compile(r"^\.(B|I|BR|RB|IR|RI|BI|IB|SM|SB|Nm|Ar|Fl|Xr|Pa|Dv|Va|Fn|Li|Em|Sy)\b *")
_ROFF_ESCAPE = re.compile(r"\\([f*](\(..|\[[^]]*\]|.)|s[-+]?\d|[&%|^/,:]|\".*)")
_POD_CODE = re.compile(r"\b[BCEFILSXZ]<+ ?([^<>]*?) ?>+")
_PARAGRAPH = re.compile(r"\n[ \t]*\n|\n%\n")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]* +(?=[\"'(\[]?[A-Z])")
_TOKEN = re.compile(r"\w+(?:[-'’.]\w+)*|[^\w\s]")
_WORD = re.compile(r"[A-Za-z]+(?:[-'’][A-Za-z]+)*")
_COMMON = " the of to and is that for with this a in are be by an it as "
_SPECIAL = {"<s>": "s-tag", "</s>": "end-tag", "<unk>": "unknown-tag"}


def main() -> int:
    """Assemble the corpus, print its size and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=default_folder())
    folder: Path = parser.parse_args().folder
    (folder / "packages").mkdir(parents=True, exist_ok=True)
    try:
        archives = download(folder / "packages")
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or "").strip().splitlines()[-1:] or [str(error)]
        print(f"apt-get download failed ({reason[0]}); run apt-get update first", file=sys.stderr)
        return 1
    with ProcessPoolExecutor() as pool:
        sentences = list(pool.map(extract, archives))
    totals = assemble(folder, archives, sentences)
    print(", ".join(f"{value:,} {name}" for name, value in totals.items()) + f" in {folder}")
    return 0


def default_folder() -> Path:
    """Return the folder of the user's cache where the corpus lives unless told otherwise."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "anygram" / "package-text"


def download(folder: Path) -> list[Path]:
    """Return the packages' archives, fetching those that are missing."""
    missing = [name for name in PACKAGES.split() if not list(folder.glob(f"{name}_*.deb"))]
    if missing:
        words = ["apt-get", "download", *missing]
        subprocess.run(words, cwd=folder, check=True, stdout=sys.stderr, stderr=subprocess.PIPE, text=True)
    return [max(folder.glob(f"{name}_*.deb")) for name in PACKAGES.split()]


def extract(archive: Path) -> Path:
    """Return a file beside the archive that holds its sentences, each once, one a line."""
    out = archive.with_suffix(".sentences")
    seen: set[str] = set()
    with out.open("w", encoding="utf-8") as file:
        for text in texts(archive):
            for sentence in sentences_of(text):
                if sentence not in seen:
                    seen.add(sentence)
                    file.write(sentence + "\n")
    return out


def texts(archive: Path) -> Iterator[str]:
    """Yield the text of each file of an archive that holds any, markup removed, paragraphs kept apart."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as unpacked:
        stream = cast(IO[bytes], unpacked.stdout)
        with tarfile.open(fileobj=stream, mode="r|") as members:
            for member in members:
                name = member.name.removesuffix(".gz")
                if not member.isfile() or _NOT_TEXT.search(name) or _LANGUAGE.search(name):
                    continue
                for pattern, plain in ((_MARKUP, from_html), (_MANUAL, from_roff), (_PLAIN, from_plain)):
                    if pattern.search(name):
                        yield plain(_decoded(cast(IO[bytes], members.extractfile(member)).read()))
                        break


def _decoded(contents: bytes) -> str:
    if contents.startswith(b"\x1f\x8b"):
        try:
            contents = gzip.decompress(contents)
        except (OSError, EOFError, zlib.error):
            return ""
    return contents.decode("utf-8", "ignore").replace("\r", "")


def from_html(text: str) -> str:
    """Return the running text of a page: no code listings, no navigation."""
    text = re.sub(r"\s+", " ", _UNSEEN.sub("\n\n", text))
    return html.unescape(_TAG.sub("", _BLOCK.sub("\n\n", text)))


def from_roff(text: str) -> str:
    """Return the running text of a manual page."""
    lines = []
    for line in text.split("\n"):
        line = _ROFF_FONT.sub("", line)
        if line.startswith((".", "'")):
            lines.append("\n")  # every other request ends a paragraph
        else:
            lines.append(
                _ROFF_ESCAPE.sub("", line).replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")
            )
    return "\n".join(lines)


def from_plain(text: str) -> str:
    """Return a plain text without the marks of POD and reStructuredText."""
    return _POD_CODE.sub(r"\1", text).replace("``", "").replace("**", "")


def sentences_of(text: str) -> Iterator[str]:
    """Yield the sentences of a text that are running English, tokens one space apart."""
    for paragraph in _PARAGRAPH.split(text):
        for sentence in _SENTENCE_END.split(" ".join(paragraph.split())):
            tokens = _TOKEN.findall(sentence)
            if is_running_text(tokens):
                yield _unspecial(" ".join(tokens))


def is_running_text(tokens: list[str]) -> bool:
    """Return whether tokens look like an English sentence rather than code, a table or a heading."""
    words = [token for token in tokens if _WORD.fullmatch(token)]
    common = sum(f" {word.lower()} " in _COMMON for word in words)
    return len(words) >= 6 and len(words) >= 0.7 * len(tokens) and common >= 0.12 * len(words)


def _unspecial(line: str) -> str:
    """Return a line without the tokens that toolkits keep for themselves (KenLM stops at them)."""
    if any(special in line for special in _SPECIAL):
        return " ".join(_SPECIAL.get(token, token) for token in line.split(" "))
    return line


def assemble(folder: Path, archives: list[Path], sentences: list[Path]) -> dict[str, int]:
    """Write train.txt, test.txt and packages.json, and return what the corpus holds."""
    draw = random.Random(SEED)
    seen: set[bytes] = set()
    types: set[str] = set()
    rows: list[dict[str, Any]] = []
    with (
        (folder / "train.txt").open("w", encoding="utf-8") as train,
        (folder / "test.txt").open("w", encoding="utf-8") as test,
    ):
        for archive, file in zip(archives, sentences, strict=True):
            rows.append({**_named(archive), **_merge(file, draw, seen, types, (train, test))})
            file.unlink()
    totals = Counter[str]()
    for row in rows:
        totals.update({name: row[name] for name in ("lines", "tokens")})
    totals.update(types=len(types))
    for part in ("train", "test"):
        totals[f"{part} bytes"] = (folder / f"{part}.txt").stat().st_size
    stored = {"packages": rows, "test_share": TEST_SHARE, "seed": SEED, **totals}
    (folder / "packages.json").write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    return dict(totals)


def _named(archive: Path) -> dict[str, str]:
    name, version, _ = archive.stem.split("_")
    return {"package": name, "version": version.replace("%3a", ":")}


def _merge(
    file: Path, draw: random.Random, seen: set[bytes], types: set[str], parts: tuple[TextIO, TextIO]
) -> dict[str, int]:
    """Append a package's new sentences to train or test, and return how many lines and tokens they were."""
    lines = tokens = 0
    train, test = parts
    with file.open(encoding="utf-8", newline="\n") as sentences:
        for line in sentences:
            digest = hashlib.blake2b(line.encode(), digest_size=10).digest()
            if digest in seen:
                continue
            seen.add(digest)
            words = line.split()
            types.update(words)
            lines, tokens = lines + 1, tokens + len(words)
            (test if draw.random() < TEST_SHARE else train).write(line)
    return {"lines": lines, "tokens": tokens}


if __name__ == "__main__":
    sys.exit(main())
