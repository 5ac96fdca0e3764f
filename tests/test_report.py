"""A comparison's report: a page on its own that any parser reads, and Markdown that says the same."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from anygram.comparison import sections
from anygram.comparison.markdown import markdown
from anygram.comparison.page import page
from anygram.comparison.sections import entrants
from anygram.reporting import amounts, plain
from anygram.reporting.documents import Bullets, Document, Figure, Paragraph, Section, Table
from anygram.reporting.markup import Markup
from tests.comparison_results import STATIC, results, slim, twelve
from tests.pages import description, drawings, read_page

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></style></svg>--><b>",
    "&lt;b&gt; &amp;",
    "\x00\x07\x1b[31m\x7f\x85\ud800\ufffe",
    "天地玄黄 مرحبا 𝔘𝔫𝔦 👩‍👩‍👧 e\u0301\u202e",
    "a|b `c` *d* [e](javascript:f)\n\n# g\n```\n",
    "",
]
NAMES = [
    "answer", "trade", "pairs", "third", "again", "curves", "training", "places", "kinds", "documents",
    "calibration", "passage", "samples", "rules", "costs", "failures", "repeat",
]  # fmt: skip


def _names(made: dict[str, Any]) -> list[str]:
    return [section.name for section in sections.document(made).sections]


def _replaced(value: Any, change: Callable[[str], str]) -> Any:
    """Return the value with every text in it changed, and the names of contestants that are keys."""
    match value:
        case str():
            return change(value) if value else value
        case dict():
            return {change(key) if "-" in key else key: _replaced(one, change) for key, one in value.items()}
        case list():
            return [_replaced(one, change) for one in value]
    return value


# The page


@pytest.fixture(scope="module")
def whole() -> str:
    return page(results())


def test_the_page_is_well_formed_and_every_image_has_words(whole: str) -> None:
    found = read_page(whole)
    assert len(found.all("svg")) == len(drawings(whole)) >= 15
    assert found.all("html")[0]["lang"] == "en" and found.all("meta")[0] == {"charset": "utf-8"}
    assert len(found.all("h1")) == 1
    assert all(attributes["scope"] == "col" for attributes in found.all("th"))


def test_captions_stand_above_the_boxes_that_scroll(whole: str) -> None:
    boxes = re.findall(r'<div class="box".*?</div>', whole, re.DOTALL)
    assert boxes and not any("Best first" in re.sub(r"<[^>]*>", "", box) for box in boxes)
    assert '<p class="caption">Best first</p><div class="box"' in whole


def test_standard_input_has_a_name_in_the_report() -> None:
    made = results()
    made["data"]["sources"] = ["-"]
    assert "compared on standard input by one yardstick" in markdown(made)


def test_the_page_needs_nothing_beside_it(whole: str) -> None:
    found = read_page(whole)
    assert not {tag for tag, _ in found.tags} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "base",
        "image",
        "use",
    }
    names = {name for _, attributes in found.tags for name in attributes}
    assert not names & {"src", "srcset", "xlink:href", "style"} and not any(
        name.startswith("on") for name in names
    )
    anchors = {attributes["id"] for _, attributes in found.tags if "id" in attributes}
    assert {(attributes["href"] or "")[1:] for attributes in found.all("a")} <= anchors
    assert all((attributes["href"] or "").startswith("#") for attributes in found.all("a"))
    assert set(re.findall(r"https?://[^\"' ]*", whole)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in whole and "@import" not in whole


def test_parts_come_in_the_order_of_a_reader_in_a_hurry(whole: str) -> None:
    assert _names(results()) == NAMES
    places = [whole.index(f'<section id="{name}">') for name in NAMES]
    assert places == sorted(places)
    assert whole.index("Take transformer-bpe") < whole.index("<table>")


def test_a_part_without_data_is_absent() -> None:
    for count in (1, 2):
        made = slim(count)
        kept = ["answer", "costs", "repeat"] if count == 1 else ["answer", "trade", "costs", "repeat"]
        assert _names(made) == kept
        drawings(page(made))
        read_page(page(made))
    absent: dict[str, Any] = {
        "curves": [],
        "third": None,
        "again": None,
        "pairs": [],
        "disagreements": [],
        "rules": [],
    }
    made = {**results(), **absent, "details": {}}
    assert _names(made) == ["answer", "trade", "costs", "failures", "repeat"]


def _by_task() -> dict[str, Any]:
    """Return results ranked by accuracy, which the last static model has no figure of."""
    made = results()
    rows = []
    for place, row in enumerate(made["results"]):
        figure = None if row["floor"] or row["error"] or row["who"] == "uniform-bytes" else 0.95 - place / 50
        interval = {} if figure is None else {"metric_low": figure - 0.02, "metric_high": figure + 0.02}
        rows.append({**row, "metric_name": "accuracy", "metric": figure, **interval})
    return {**made, "results": rows, "question": {**made["question"], "metric": "accuracy"}}


def test_a_figure_of_which_more_is_better_is_drawn_against_costs() -> None:
    made = _by_task()
    whole = page(made)
    trade = whole[whole.index('<section id="trade">') : whole.index("</section>", whole.index('id="trade"'))]
    assert "accuracy (more is better)" in trade and "higher and further left is better" in trade
    assert trade.count("transformer-bpe in both.</figcaption>") == 3  # the most accurate ends each front
    drawings(whole)


def test_who_has_no_figure_of_the_task_is_in_the_table_of_costs() -> None:
    whole = page(_by_task())
    start = whole.index('<section id="costs">')
    assert "uniform-bytes" in whole[start : whole.index("</section>", start)]


def test_details_of_some_alone_are_enough() -> None:
    for who in results()["details"]:
        made = {**results(), "details": {who: results()["details"][who]}}
        assert set(NAMES) - set(_names(made)) <= {"training", "places"}  # who is far behind is not drawn


def test_nobody_is_left_to_rank() -> None:
    made = slim()
    row = {**made["results"][0], "error": "out of memory", "bits_per_byte": None}
    made.update(results=[row], answer={**made["answer"], "winner": None, "text": "Every contestant failed."})
    read_page(page(made))
    assert _names(made) == ["answer", "failures", "repeat"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_texts_are_text(hostile: str) -> None:
    made = _replaced(results(), lambda text: text + hostile)
    assert _names(made) == NAMES
    found = read_page(page(made))
    drawings(page(made))
    assert not {tag for tag, _ in found.tags} & {"script", "img", "b"}
    assert {name for name, _ in found.tags} <= {name for name, _ in read_page(page(results())).tags}
    outside = re.sub(r"(`{3,})text\n.*?\n\1(?=\n)", "", markdown(made), flags=re.DOTALL)
    assert "<" not in outside and "\x00" not in markdown(made)
    markdown(made).encode("utf-8")
    page(made).encode("utf-8")


def test_a_page_of_twelve_models_and_long_texts_stays_below_a_megabyte() -> None:
    made = twelve(20_000)
    assert len(json.dumps(made)) > 5e6
    whole = page(made)
    assert len(whole.encode("utf-8")) < 1e6 and len(markdown(made).encode("utf-8")) < 1e6
    drawings(whole)
    assert "more characters)" in whole and "Shown are the first 400 bytes" in whole


def _null(value: Any) -> Any:
    """Return the value with null for every number that may be missing."""
    optional = {
        "ci_low", "ci_high", "perplexity", "train_seconds", "total_seconds", "train_symbols", "epochs",
        "score_bytes_per_second", "generate_symbols_per_second", "first_symbol_seconds", "model_bytes",
        "state_bytes_per_100_symbols", "peak_memory_bytes", "fit", "check", "low", "high",
    }  # fmt: skip
    if isinstance(value, dict):
        return {key: None if key in optional else _null(one) for key, one in value.items()}
    return [_null(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("factor", [1.0, 0.0, 1e-9, 1e9])
def test_extreme_and_missing_figures_are_shown(factor: float) -> None:
    def scaled(value: Any) -> Any:
        if isinstance(value, float):
            return value * factor
        if isinstance(value, dict):
            return {key: scaled(one) for key, one in value.items()}
        return [scaled(one) for one in value] if isinstance(value, list) else value

    for made in (scaled(results()), _null(results()), _null(scaled(results()))):
        whole = page(made)
        read_page(whole)
        drawings(whole)
        assert not re.search(r"\b(nan|inf|None|null)\b", re.sub(r"<style>.*?</style>", "", whole))
        markdown(made)


# What it says


def test_static_and_adaptive_figures_are_never_in_one_table_or_chart(whole: str) -> None:
    parts = [block for section in sections.document(results()).sections[:1] for block in section.blocks]
    ranking, lossy, adaptive = (block for block in parts if isinstance(block, Table))
    assert [row[0] for row in ranking.rows] == [f"{model}-{codec}" for model, codec, *_ in STATIC]
    assert [row[0] for row in adaptive.rows] == [
        "lstm-bytes (dynamic)",
        "xz (compressor)",
        "gzip (compressor)",
    ]
    assert [row[0] for row in lossy.rows] == ["ngram-words"]
    for svg in drawings(whole):
        assert not re.search(r"\b(dynamic|xz|gzip|ngram-words)\b", description(svg))


def test_figures_of_the_table_are_those_of_the_results() -> None:
    ranking = next(
        block for block in sections.document(results()).sections[0].blocks if isinstance(block, Table)
    )
    assert [float(row[2]) for row in ranking.rows] == [bits for _, _, bits, *_ in STATIC]
    standing = [row[-1] for row in ranking.rows]
    assert standing == ["recommended", *["not distinguishable from it"] * 2, *[""] * 7]


def test_who_is_far_behind_is_named_and_not_drawn(whole: str) -> None:
    assert (
        "Too far behind to be drawn: frequency-bytes (4.710), uniform-bytes (8.030)." in read_page(whole).text
    )
    intervals = drawings(whole)[0]
    assert "mingru-bytes" in description(intervals) and "uniform-bytes" not in description(intervals)
    two = slim(2)
    two["results"][1]["bits_per_byte"] = 8.0
    assert entrants.of(two).far == {}  # two at least are drawn


def test_learning_curves_are_held_to_account() -> None:
    made = results()
    made["curves"][0]["check"].update(low=1.92, high=2.01, measured=1.97)
    made["curves"][1]["check"]["held"] = False
    made["curves"][2].update(fit=None, check=None)
    made["curves"][4].update(fit=None, check=None, said="No curve: 3 points are too few.")
    said = markdown(made)
    assert "| held | 1.920 to 2.010 | 1.970 |" in said and "| did not hold |" in said
    assert "- contextmix-bytes: No curve of this kind goes through the points.\n" in said
    assert "- ngram-bytes: No curve: 3 points are too few.\n" in said
    assert "ngram-bytes is better below about 2.9 MB of training text (90 %: 2.1 MB to 4.4 MB), lstm" in said
    assert "(90 %: 13 MB or more, if at all), transformer-bytes above; that lies outside the data" in said


def test_many_crossings_are_told_in_part() -> None:
    made = results()
    made["crossings"] = [
        {**made["crossings"][0], "bytes": 1e6 + number, "within": number > 3} for number in range(20)
    ]
    said = markdown(made)
    assert said.count("is better below about") == 12 and "- and 8 crossings more, in results.json" in said
    # 12 of the 16 that lie inside the data, and no guess
    assert "it is a guess" not in said


def test_a_part_that_could_not_be_learnt_is_no_point() -> None:
    made = results()
    for point in made["curves"][0]["points"][:2]:
        point.update(bits_per_byte=None, ci_low=None, ci_high=None)
    said = markdown(made)
    assert "| transformer-bpe | 675 KB |" not in said and "| transformer-bpe | 2.7 MB |" in said
    for curve in made["curves"]:
        for point in curve["points"]:
            point["bits_per_byte"] = None
    assert "curves" not in _names(made)


def test_differences_are_turned_to_the_winner() -> None:
    made = results()
    for pair in made["pairs"]:
        one, other = pair["one"], pair["other"]
        pair.update(one=other, other=one, difference=-pair["difference"])
        pair.update(ci_low=-pair["ci_high"], ci_high=-pair["ci_low"])
    turned, straight = (drawings(page(one))[4] for one in (made, results()))
    assert description(turned) == description(straight)
    assert "lstm-bytes: 0.04" in description(straight)


def test_rules_say_what_was_broken_and_what_was_not_asked() -> None:
    said = markdown(results())
    assert "Not held: one at a time (gru-bytes)." in said
    assert "| one at a time | NOT HELD |" in said and "| the codec comes back | not checked |" in said
    made = results()
    made["rules"] = made["rules"][:2]
    assert "none was broken" in markdown(made)


def test_what_was_measured_on_some_of_the_test_part_says_so() -> None:
    made = results()
    said = "Measured on 800 KB of the test part, from 17 documents."
    assert "Measured on" not in markdown(made)
    for detail in made["details"].values():
        detail["looked_at"] = {"documents": 17, "bytes": 800_000}
    assert markdown(made).count(said) == page(made).count(said) == 2  # by place and by kind


def test_a_lossy_reading_of_the_passage_has_no_bits_per_byte() -> None:
    made = results()
    made["details"]["ngram-words"] = {"passage": [{"text": "The queen", "bits": 9.0}]}
    assert (
        "| ngram-words | lossy, so no bits per byte; most surprising: \u2068'The queen'\u2069 9 |"
        in markdown(made)
    )
    assert "| lstm-bytes | 1.928 bits per byte; most surprising:" in markdown(made)


def test_who_failed_or_stopped_early_is_told_why() -> None:
    made = results()
    made["results"][3]["stopped"] = "the loss was no longer finite"
    made["details"]["lstm-bytes"] |= {"by_kind": [], "failed": {"by_kind": "MemoryError: no room"}}
    said = markdown(made)
    assert "- lstm-bytes could not be measured (by kind): MemoryError: no room\n" in said
    assert "- rnn-bytes failed: out of memory; give a smaller size or less data\n" in said
    assert "- transformer-bytes stopped early: the loss was no longer finite\n" in said


def test_trials_of_a_search_are_listed_with_what_was_chosen() -> None:
    said = markdown(results()).partition("Trials of the search")[2]
    trials = [line for line in said.splitlines() if line.startswith("| lstm-bytes |")]
    assert [line.split(" | ")[1] for line in trials] == [
        "1", "2 (chosen)", "3", "4", "5", "cut short",
    ]  # fmt: skip
    assert "| 2.200 |" in trials[1] and "units = 192" in trials[1]
    assert "failed: out of memory" in trials[4]
    made = results()
    made["results"][1]["search"]["trials"] *= 100
    assert "each with a small part of the budget, without the last 201" in markdown(made)
    assert "Trials" not in markdown({**made, "results": made["results"][:1]})


def test_a_model_has_one_mark_throughout() -> None:
    made = results()
    made["results"].reverse()
    assert entrants.of(made).numbers == entrants.of(results()).numbers
    added = copy.deepcopy(results())
    added["question"]["contestants"].append("new-bytes")
    numbers = entrants.of(added).numbers
    assert {who: numbers[who] for who in entrants.of(results()).numbers} == entrants.of(results()).numbers


# Markdown


def test_markdown_says_what_the_page_says() -> None:
    text, said = read_page(page(results())).text, markdown(results())
    for section in sections.document(results()).sections:
        assert section.title in text and f"## {section.title}\n" in said
        for block in section.blocks:
            if isinstance(block, Paragraph):
                assert block.text in text and plain.literal(block.text) in said
    assert said.count("\n### ") == said.count("\n```text\n")


def test_every_row_of_a_markdown_table_has_its_columns() -> None:
    made = _replaced(results(), lambda text: f"{text}|")
    for table in re.findall(
        r"(?:^\|.*\n)+", plain.block(Table(["a|", "b"], [["|", "\\"], ["x\ny", "`|`"]])) + "\n", re.M
    ):
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()} == {3}
    for table in re.findall(r"(?:^\| .*\n)+", markdown(made), re.M):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_blocks_without_numbers_are_their_words() -> None:
    document = Document(
        "t", "s", [Section("n", "N", [Figure(Markup("<svg/>"), "seen", None), Bullets(["a"])])]
    )
    assert plain.render(document) == "# t\n\ns\n\n## N\n\nseen\n\n- a\n"


# Amounts


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (amounts.size, 1023.9, "1.02 KB"), (amounts.size, 999.6, "1,000 bytes"),
        (amounts.size, 3.2e13, "32 TB"), (amounts.duration, 0.99999, "1,000 ms"),
        (amounts.duration, 86_400, "24 h 0 min"), (amounts.duration, 0, "0 ms"),
        (amounts.number, -1234.5, "-1,234"), (amounts.number, 1e18, "1e+18"), (amounts.number, 0, "0"),
        (amounts.tick, 0, "0"), (amounts.tick, -0.5, "-0.5"), (amounts.tick, 1e9, "1e+09"),
    ],
)  # fmt: skip
def test_amounts(form: Callable[[float], str], value: float, text: str) -> None:
    assert form(value) == text
