"""The gallery of the docs: filled from results, whole, small, and without a line of data that is not ours."""

from __future__ import annotations

import re
from pathlib import Path

import gallery
import pytest
from gallery import DOCS, EXHIBITS, PAGE, Exhibit

from tests.comparison_results import results
from tests.pages import drawings, read_page

WINDOW = 36
"""Bytes of a line of data that stand in no report: a verse of Chinese has as many."""


def test_what_stands_between_the_marks_is_written_anew_and_all_else_stays() -> None:
    page = "a\n<!-- one -->\nold\n<!-- end of one -->\nb\n<!-- two -->\n<!-- end of two -->\n"
    once = gallery.filled(page, "one", r"new \1")
    assert once == page.replace("old", r"new \1")
    assert gallery.filled(once, "one", r"new \1") == once
    with pytest.raises(ValueError, match="has no <!-- three -->"):
        gallery.filled(page, "three", "x")


def test_the_table_has_every_figure_and_compressors_stand_apart() -> None:
    made = results()
    said = gallery.shown("english", EXHIBITS["english"], made)
    for row in made["results"]:
        name = f"*{row['who']}*" if row["floor"] else f"`{row['who']}`"
        has_figure = row["bits_per_byte"] is not None and not row["error"]
        assert (f"| {name} |" in said) is has_figure
    assert f"> {made['answer']['text']}" in said
    for curve in made["curves"]:
        assert f"- `{curve['who']}`: " in said


def test_a_command_reads_as_people_type_it() -> None:
    piped = Exhibit("seaborn/titanic.csv", "ngram", ("--test", "0.2"), piped=True)
    assert gallery.command(piped, "table", "20s") == (
        "anygram compare - --models ngram --budget 20s --third --test 0.2 --no-texts --out table "
        "< $ANYGRAM_DATA/seaborn/titanic.csv"
    )
    assert gallery.command(EXHIBITS["chinese"], "chinese", "5s").startswith(
        "head -n 60000 $ANYGRAM_DATA/chinese-poetry/tang.txt | anygram compare - --models "
    )
    quoted = Exhibit("example:stdlib", "ngram", quoted=True)
    assert gallery.command(quoted, "source", "5s").startswith("anygram compare example:stdlib --models ngram")
    assert "--no-texts" not in gallery.command(quoted, "source", "5s")
    assert " $ANYGRAM_DATA/loghub/*.log " in gallery.command(EXHIBITS["logs"], "logs", "20s")


@pytest.mark.parametrize("name", EXHIBITS)
def test_every_report_is_there_whole_and_small_and_its_answer_on_the_page(name: str) -> None:
    file = DOCS / "gallery" / f"{name}.html"
    assert file.stat().st_size < 1e6
    text = file.read_text(encoding="utf-8")
    assert f"--out {'DIR' if not EXHIBITS[name].quoted else name}" in text  # and no path of a machine
    read_page(text)
    assert len(drawings(text)) > 8
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(f"<!-- {name} -->(.*)<!-- end of {name} -->", page, re.DOTALL)
    assert found and f"gallery/{name}.html" in found[1]
    (choice,) = re.findall(r"^> (Choose .*?\.) ", found[1], re.MULTILINE)
    assert choice.replace("*", "") in (DOCS / "gallery" / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name, exhibit in EXHIBITS.items() if not exhibit.quoted])
def test_no_line_of_the_data_stands_in_a_report(name: str, real_data: Path) -> None:
    windows: set[bytes] = set()
    for text in (PAGE, *(DOCS / "gallery").glob(f"{name}.*")):
        said = text.read_bytes()
        windows.update(said[start : start + WINDOW] for start in range(len(said)))
    for file in real_data.glob(EXHIBITS[name].source):
        for line in file.read_bytes().splitlines():
            assert len(line) < WINDOW or line[:WINDOW] not in windows, line
