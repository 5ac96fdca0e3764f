"""The programs that translate and sum up do what their docstrings say."""

from __future__ import annotations

from examples import summarise, translate


def test_numbers_in_words_are_translated_and_their_digits_found() -> None:
    outcome = translate.main()
    assert outcome.right > 0.9
    values = {(one.metric, one.method): one.value for one in outcome.figures}
    assert values["bleu", "model"] > values["bleu", "phrases looked up"] > values["bleu", "copied source"]
    first = outcome.translations[0].alignment
    assert first is not None and len(first.links()) == len(first.target)


def test_docstrings_are_summed_up_better_than_by_copying() -> None:
    outcome = summarise.main()
    assert outcome.value("rouge1", "model") > outcome.value("rouge1", "copied source")
    assert outcome.value("rouge1", "first sentence") > 85
    assert len(outcome.summaries) == summarise.HELD_OUT
