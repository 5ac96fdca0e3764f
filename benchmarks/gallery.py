"""The gallery: comparisons on five kinds of data, reports in docs/gallery/, answers in docs/gallery.md.

    ANYGRAM_DATA=/path/to/data ./dev bench gallery --out comparisons                all five
    ANYGRAM_DATA=/path/to/data ./dev bench gallery --out comparisons english,logs   some of them

docs/gallery.md says where the data are from. Each comparison is kept in a folder below --out; whoever is
interrupted runs the same again, which goes on. What stands in docs/gallery.md between <!-- NAME --> and
<!-- end of NAME --> is written anew; what the figures teach is written by hand.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from peers.options import TINYSHAKESPEARE, names_of, real_data

from anygram.reporting import amounts, tables

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "gallery.md"
BUDGET = "20s"
REPORTS = ("report.html", "report.md")


@dataclass(frozen=True)
class Exhibit:
    """A comparison to show: on which data, with which options of `anygram compare`.

    `source` is a file or a glob in the folder of real data, or a built-in example; a file that is given as
    standard input is `piped`, its first `lines` alone if that says how many. `quoted`: whether its licence
    lets the report quote it.
    """

    source: str
    models: str
    options: tuple[str, ...] = ()
    piped: bool = False
    lines: int | None = None
    quoted: bool = False

    def words(self, data: str, budget: str) -> list[str]:
        """Return what `anygram` is told, the data being in that folder."""
        built_in = self.source.startswith("example:")
        source = "-" if self.piped else self.source if built_in else f"{data}/{self.source}"
        texts = [] if self.quoted else ["--no-texts"]
        return [
            *("compare", source, "--models", self.models, "--budget", budget, "--third"),
            *self.options,
            *texts,
        ]


MODELS = "ngram,contextmix,lstm,transformer"
EXHIBITS = {
    "english": Exhibit(TINYSHAKESPEARE, MODELS, ("--curves",)),
    "chinese": Exhibit(
        "chinese-poetry/tang.txt",
        "ngram:chars,ngram:bpe,contextmix,lstm:chars,transformer:chars",
        ("--documents", "paragraphs", "--test", "0.05", "--curves"),
        piped=True,
        lines=60_000,
    ),
    "source": Exhibit("example:stdlib", MODELS, ("--test", "0.03"), quoted=True),
    "logs": Exhibit("loghub/*.log", MODELS, ("--curves",)),
    "table": Exhibit("seaborn/titanic.csv", MODELS, ("--test", "0.2"), piped=True),
}


def command(exhibit: Exhibit, name: str, budget: str) -> str:
    """Return the command line of an exhibit as people type it."""
    data = "$ANYGRAM_DATA"
    line = " ".join(["anygram", *exhibit.words(data, budget), "--out", name])
    if exhibit.lines:
        return f"head -n {exhibit.lines} {data}/{exhibit.source} | {line}"
    return f"{line} < {data}/{exhibit.source}" if exhibit.piped else line


def compare(exhibit: Exhibit, data: Path, out: Path, budget: str) -> None:
    """Make the comparison of an exhibit, or go on with it."""
    words = exhibit.words(str(data.resolve()), budget)
    if (out / "contest.json").exists():
        words = ["compare", "--resume"]
    out.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(  # in the folder beside, so that no report names a path of this machine
        [sys.executable, "-m", "anygram", *words, "--out", out.name],
        cwd=out.parent,
        input=_piped(exhibit, data),
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _piped(exhibit: Exhibit, data: Path) -> bytes:
    """Return what a comparison reads on standard input."""
    if not exhibit.piped:
        return b""
    with (data / exhibit.source).open("rb") as file:
        return b"".join(islice(file, exhibit.lines))


def shown(name: str, exhibit: Exhibit, results: Mapping[str, Any]) -> str:
    """Return what docs/gallery.md says of an exhibit by itself: data, command, table, answer, curves."""
    data, budget = results["data"], f"{results['question']['budget']['seconds']:g}s"
    learnt = amounts.counted(data["train_documents"], "document")
    held_out = amounts.counted(data["test_documents"], "document")
    said = (
        f"{amounts.size(data['bytes'])} in all; {learnt} to learn from, {held_out} held out "
        f"({amounts.size(data['test_bytes'])}). [The whole report](gallery/{name}.html), "
        f"[the same in Markdown](gallery/{name}.md)."
    )
    parts = [said, f"```sh\n{command(exhibit, name, budget)}\n```", _table(results)]
    parts += [f"> {results['answer']['text']}", *_curves(results)]
    return "\n\n".join(parts)


def _table(results: Mapping[str, Any]) -> str:
    rows = []
    for row in results["results"]:
        if row["error"] or row["bits_per_byte"] is None:
            continue
        figures = [
            amounts.bits(row["bits_per_byte"]),
            amounts.interval(row["ci_low"], row["ci_high"]),
            amounts.duration(row["train_seconds"]),
            amounts.rate(row["score_bytes_per_second"]),
            amounts.size(row["model_bytes"]),
        ]
        rows.append([f"*{row['who']}*" if row["floor"] else f"`{row['who']}`", *figures])
    return tables.markdown(["", "bits per byte", "95 % interval", "training", "scoring", "size"], rows)


def _curves(results: Mapping[str, Any]) -> list[str]:
    """Return what learning curves foretold of the whole and where they cross, as lists."""
    lines = []
    for curve in results["curves"]:
        check = curve["check"]
        if check is None:
            lines.append(f"- `{curve['who']}`: {curve['said']}")
            continue
        held = "held" if check["held"] else "did not hold"
        foretold = amounts.interval(check["low"], check["high"])
        lines.append(
            f"- `{curve['who']}`: the curve through four parts foretold {foretold} for the whole; "
            f"measured {amounts.bits(check['measured'])}: {held}"
        )
    for one in results["crossings"]:
        where = "within" if one["within"] else "beyond"
        lines.append(
            f"- `{one['below']}` is better below {amounts.size(one['bytes'])} of training text, "
            f"`{one['above']}` above ({where} the data)"
        )
    return ["\n".join(lines)] if lines else []


def filled(page: str, name: str, text: str) -> str:
    """Return the page with a text between the marks of a name; ValueError where they are missing."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"{PAGE.name} has no {begin} … {end}; put them where {name} shall stand")
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def publish(name: str, exhibit: Exhibit, out: Path) -> None:
    """Copy the reports of a comparison into the docs, and write what the page of the gallery says of it."""
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    (DOCS / "gallery").mkdir(exist_ok=True)
    for report in REPORTS:
        shutil.copyfile(out / report, (DOCS / "gallery" / name).with_suffix(Path(report).suffix))
    page = filled(PAGE.read_text(encoding="utf-8"), name, shown(name, exhibit, results))
    PAGE.write_text(filled(page, "machine", _machine(results["machine"])), encoding="utf-8")


def _machine(machine: Mapping[str, Any]) -> str:
    versions = machine["versions"]
    named = ", ".join(f"{name} {versions[name]}" for name in ("python", "torch", "numba") if name in versions)
    return (
        f"Measured on {machine['cores']} cores ({machine['processor']}), {named}, with nothing else running."
    )


def main() -> int:
    """Make the exhibits that are named and show them; return the exit status."""
    parser = argparse.ArgumentParser(description="Real reports on five kinds of data, for the docs.")
    parser.add_argument(
        "names", nargs="?", type=names_of("exhibit", EXHIBITS), default=list(EXHIBITS), help="default: all"
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder that keeps the comparisons")
    parser.add_argument("--budget", default=BUDGET, help="training for each model, in seconds: 20s")
    parser.add_argument("--publish", action="store_true", help="only show what --out holds already")
    asked = parser.parse_args()
    for name in asked.names:
        if not asked.publish:
            compare(EXHIBITS[name], real_data(), asked.out / name, asked.budget)
        publish(name, EXHIBITS[name], asked.out / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
