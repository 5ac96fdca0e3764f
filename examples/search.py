"""Searches texts by likeness: vectors that a network makes of them, and the cosine between these.

A small GRU learns the names and first sentences of the library's functions, byte by byte, without any label.
A vector of a text is the mean of what the network holds after each byte. Then the texts nearest to a query
are listed, and it is asked how often the nearest others of a docstring are of the same module, beside chance.

    python examples/search.py            a few seconds
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import anygram
from anygram.data.examples import read_example
from anygram.tasks.embedding import Embedded, Neighbours

DOCUMENTS = 1200
LEAST = 40
"""Modules with fewer docstrings are left out."""
QUERY = "Return True if the file exists"


@dataclass(frozen=True)
class Outcome:
    """What was found: the texts nearest to the query with their cosines, and what neighbours share."""

    hits: list[tuple[float, str]]
    neighbours: Neighbours


def first_sentences() -> list[tuple[str, str]]:
    """Return (module, first line) of docstrings of modules that have many."""
    found = []
    for document in read_example("docstrings"):
        module = document.name.split(":")[0].split("/")[0].removesuffix(".py")
        line = document.text.strip().split("\n")[0]
        if len(line) > 20:
            found.append((module, line))
    counts = Counter(module for module, _ in found)
    kept = list(dict.fromkeys(pair for pair in found if counts[pair[0]] >= LEAST))
    stride = max(1, len(kept) // DOCUMENTS)
    return kept[::stride][:DOCUMENTS]


def main() -> Outcome:
    """Learn, search, print what was found, and return it."""
    pairs = first_sentences()
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "lines.jsonl"
        rows = ({"text": line, "module": module} for module, line in pairs)
        source.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        run = anygram.train(
            source, "gru", codec="bytes", text_field="text", settings={"units": 128}, budget="100steps"
        )
        embedded: Embedded = run.embed(source, text_field="text", label_field="module")
        query_D = run.embed_texts([QUERY])[0]
    hits = [(hit.cosine, embedded.begins[hit.place]) for hit in embedded.search(query_D, 5)]
    neighbours = embedded.neighbours()
    print(f"{QUERY!r}, the nearest of {len(embedded)}:")
    for cosine, text in hits:
        print(f"    {cosine:.3f}  {text}")
    print(
        f"of ten neighbours {neighbours.share:.1%} are of the same module ({neighbours.chance:.1%} by chance)"
    )
    return Outcome(hits, neighbours)


if __name__ == "__main__":
    main()
