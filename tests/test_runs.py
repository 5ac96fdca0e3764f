"""A run folder: what is written comes back; what is damaged, newer or foreign is refused in one line."""

from __future__ import annotations

import json
import pickletools
import re
import tomllib
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import anygram
from anygram import codecs, models, runs, settings
from anygram.codecs.words import WordsCodec
from anygram.errors import RunError
from anygram.laws.codecs import is_stored_alike
from anygram.protocols import Codec, Countable, LanguageModel, TensorCodec
from anygram.runs import Record, StoredRun
from tests.asking import contents, write_corpus

FILES = ["codec.json", "metrics.jsonl", "model.safetensors", "report.md", "run.toml"]
TEXT = "the cat sat on the naïve mat\nthe dog sat on the log"


def _stored(
    model: str = "frequency", codec: str = "chars", config: dict[str, Any] | None = None, **codec_config: Any
) -> StoredRun:
    """Return a run that was never trained by the loop, only put together."""
    codec_module, module = codecs.REGISTRY.load(codec), models.REGISTRY.load(model)
    fitted: Codec = codec_module.fit([TEXT], codec_module.Config(**codec_config))
    model_config = module.Config(**(config or {}))
    made: LanguageModel = module.create(model_config, fitted.vocabulary_size, 3)
    if isinstance(made, Countable):
        ids_N = np.append(fitted.encode(TEXT).ids, np.int32(fitted.boundary))
        made.count(ids_N, np.array([len(ids_N)]))
        made.finish()
    record = Record(
        codec=codec,
        codec_settings=settings.to_words(codec_module.Config(**codec_config)),
        model=model,
        model_settings=settings.to_words(model_config),
        vocabulary_size=fitted.vocabulary_size,
        learner_settings={},
        budget={"seconds": 1.5},
        seed=3,
        data={"sources": ["a.txt"]},
        spent={"seconds": 0.5, "steps": 1},
        figures={"test": {"nats": 0.1 + 0.2}},
    )
    return StoredRun(record, fitted, made)


STORED = [
    _stored("uniform", "bytes"),
    _stored("frequency", "chars", {"order": 3}, min_count=1),
    _stored("ngram", "words", {"order": 2}),
    _stored("frequency", "bpe", size=260),
    _stored("lstm", "chars", {"units": 8, "embedding": 4}),
    _stored("transformer", "words", {"width": 16, "heads": 2, "layers": 1}, spell=True),
]


def _name(stored: StoredRun) -> str:
    return f"{stored.record.model}-{stored.record.codec}"


# Round trips


@pytest.mark.parametrize("stored", STORED, ids=_name)
def test_what_is_written_comes_back(tmp_path: Path, stored: StoredRun) -> None:
    runs.write(tmp_path / "run", stored, metrics=[{"step": 1, "nats": 2.5}])
    back = runs.read(tmp_path / "run")
    assert back.record == stored.record
    assert is_stored_alike(back.codec, stored.codec)
    ids_T = stored.codec.encode(TEXT).ids
    np.testing.assert_array_equal(back.codec.encode(TEXT).ids, ids_T)
    for model in (stored.model, back.model):
        assert model.vocabulary_size == stored.codec.vocabulary_size
    first, second = (model.score(model.start(1), ids_T[None])[0] for model in (stored.model, back.model))
    np.testing.assert_array_equal(first, second)
    assert runs.read_metrics(tmp_path / "run") == [{"step": 1, "nats": 2.5}]
    tensors = {"codec.safetensors"} if isinstance(stored.codec, TensorCodec) else set()
    assert set(contents(tmp_path / "run")) == {*FILES, *tensors}


def test_a_setting_of_none_survives(tmp_path: Path) -> None:
    """TOML has no null: it is written as a word and read back as None."""
    stored = _stored("frequency", "chars")
    assert stored.record.codec_settings == {"min_count": 1, "size": "none"}
    runs.write(tmp_path / "run", stored)
    module = codecs.REGISTRY.load("chars")
    assert settings.build(module.Config, runs.read_record(tmp_path / "run").codec_settings) == module.Config()


def test_nothing_in_a_run_is_a_pickle(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 200)
    lstm = {"units": 8, "embedding": 4, "rows": 4, "block": 16}
    anygram.train(corpus, "lstm", out=tmp_path / "run", budget="2steps", settings=lstm)
    files = contents(tmp_path / "run")
    assert sorted(files) == sorted([*FILES, "training.safetensors"])
    for content in files.values():
        assert not content.startswith(b"PK")  # torch.save's archive
        with pytest.raises(ValueError):
            list(pickletools.genops(content))


def test_no_module_knows_pickle() -> None:
    for path in Path(runs.__file__).parent.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"import (pickle|dill|joblib)|torch\.(load|save)\(|allow_pickle=True", source), (
            path
        )


def test_a_torn_last_line_of_metrics_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert runs.read_metrics(tmp_path) == [{"step": 1}, {"step": 2}]
    assert runs.read_metrics(tmp_path / "nowhere") == []


def test_metrics_are_strict_json(tmp_path: Path) -> None:
    runs.write(tmp_path / "run", STORED[0], metrics=[{"gradient_norm": float("inf")}])
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == '{"gradient_norm": null}\n'


def test_the_report_has_every_number_and_stays_a_table(tmp_path: Path) -> None:
    record = replace(STORED[0].record, data={"sources": ["a|b\nc"], "bytes": 7})
    lines = runs.report(record).splitlines()[2:]
    assert all(line.startswith("| ") or line == "|---|---|" for line in lines)
    assert "| data.bytes | 7 |" in lines and "| test.nats | 0.3 |" in lines
    assert "| data.sources | ['a\\|b\\nc'] |" in lines


@pytest.mark.parametrize("stored", STORED, ids=_name)
def test_the_size_of_a_model_is_that_of_its_files(tmp_path: Path, stored: StoredRun) -> None:
    runs.write(tmp_path / "run", stored, training={"x": np.zeros(1000)})
    files = contents(tmp_path / "run")
    needed = {"model.safetensors", "codec.json", "codec.safetensors"} & set(files)
    assert runs.model_bytes(tmp_path / "run") == sum(len(files[name]) for name in needed)


def test_a_record_is_rewritten_beside_the_same_model(tmp_path: Path) -> None:
    runs.write(tmp_path / "run", STORED[1])
    before = contents(tmp_path / "run")
    record = replace(STORED[1].record, figures={"test": {"bits_per_byte": 2.0}})
    runs.rewrite_record(tmp_path / "run", record)
    after = contents(tmp_path / "run")
    assert runs.read_record(tmp_path / "run") == record
    assert {name for name in FILES if before[name] != after[name]} == {"run.toml", "report.md"}
    assert sorted(after) == FILES


# Damage


def _change(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return damage


def _set(**values: Any) -> Callable[[Path], None]:
    """Return what sets these keys of run.toml; None takes one out."""

    def damage(folder: Path) -> None:
        fields = {**tomllib.loads((folder / "run.toml").read_text(encoding="utf-8")), **values}
        kept = {key: value for key, value in fields.items() if value is not None}
        (folder / "run.toml").write_text(tomli_w.dumps(kept), encoding="utf-8")

    return damage


def _retensor(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "model.safetensors"
        save_file(change(dict(load_file(path))), path)

    return damage


def _unlink(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "no record": (_unlink("run.toml"), "is not a run folder (it has no run.toml)"),
    "no codec": (_unlink("codec.json"), "codec.json: cannot be read (No such file"),
    "no model": (_unlink("model.safetensors"), "model.safetensors: cannot be read (No such file"),
    "record no TOML": (_change("run.toml", lambda raw: b"= 3\n" + raw), "run.toml: cannot be read ("),
    "record no text": (_change("run.toml", lambda raw: b"\xff" + raw), "run.toml: cannot be read ("),
    "codec cut": (_change("codec.json", lambda raw: raw[:-5]), "codec.json: cannot be read ("),
    "codec a list": (_change("codec.json", lambda raw: b"[]"), "holds a list, not an object"),
    "codec without its field": (_change("codec.json", lambda raw: b"{}"), "no usable 'characters'"),
    "codec of other size": (
        _change("codec.json", lambda raw: b'{"characters": "\xc3\xbc\xc3\xa4"}'),
        "the codec has 259 symbols, run.toml says 258",
    ),
    "model cut": (
        _change("model.safetensors", lambda raw: raw[: len(raw) // 2]),
        "safetensors: cannot be read",
    ),
    "model empty": (_change("model.safetensors", lambda raw: b""), "model.safetensors: cannot be read ("),
    "tensor missing": (_retensor(lambda tensors: {}), "is damaged"),
    "newer": (_set(format=runs.FORMAT + 1), f"has run format {runs.FORMAT + 1}, this anygram reads up to"),
    "format no number": (_set(format="new"), "run.toml: format must be int, got 'new'"),
    "field missing": (_set(seed=None), "run.toml: "),
    "field of other kind": (_set(vocabulary_size="many"), "vocabulary_size must be int, got 'many'"),
    "table no table": (_set(figures=3), "figures must be dict, got 3"),
    "model unknown": (_set(model="lsmt"), "no model named 'lsmt'"),
    "codec unknown": (_set(codec="char"), "no codec named 'char'; did you mean 'chars'?"),
    "setting unknown": (_set(model_settings={"ordr": 3}), "no setting named 'ordr'"),
    "setting out of range": (_set(model_settings={"order": 0}), "order must be at least 1, got 0"),
}


DAMAGES_OF_WORDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (_unlink("codec.safetensors"), "codec.json has no 'words' and codec.safetensors is missing"),
    "cut": (_change("codec.safetensors", lambda raw: raw[:-1]), "codec.safetensors: cannot be read ("),
    "empty": (_change("codec.safetensors", lambda raw: b""), "codec.safetensors: cannot be read ("),
    "others": (
        lambda folder: save_file({"words": np.zeros(3)}, folder / "codec.safetensors"),
        "codec.safetensors has no usable 'bytes' and 'ends'",
    ),
    "a space": (
        _change("codec.safetensors", lambda raw: raw.replace(b"mat", b"m t")),
        "codec.safetensors holds no list of words (one holds a space, which ends words)",
    ),
    "too few": (
        lambda folder: save_file(
            dict(WordsCodec(["a"], "whitespace", lines=True).tensors()), folder / "codec.safetensors"
        ),
        "the codec has 4 symbols, run.toml says ",
    ),
}


@pytest.mark.parametrize("name", DAMAGES_OF_WORDS)
def test_damaged_words_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    damage, words = DAMAGES_OF_WORDS[name]
    runs.write(tmp_path / "run", _stored("uniform", "words"))
    damage(tmp_path / "run")
    with pytest.raises(RunError) as caught:
        anygram.load(tmp_path / "run")
    assert words in str(caught.value) and str(tmp_path / "run") in str(caught.value)
    assert "\n" not in str(caught.value) and ";" in str(caught.value)


@pytest.mark.parametrize("as_stored", [list, " ".join])
def test_a_run_with_its_words_in_json_is_read(tmp_path: Path, as_stored: Callable[[list[str]], Any]) -> None:
    """As runs were first written: words as a list, then in a string."""
    stored = _stored("ngram", "words", {"order": 2})
    runs.write(tmp_path / "run", stored)
    (tmp_path / "run" / "codec.safetensors").unlink()
    known = [stored.codec.symbol(identifier) for identifier in range(2, stored.codec.boundary)]
    fields = {**stored.codec.to_json(), "words": as_stored(known)}
    (tmp_path / "run" / "codec.json").write_text(json.dumps(fields))
    assert is_stored_alike(runs.read(tmp_path / "run").codec, stored.codec)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_folder_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    damage, words = DAMAGES[name]
    runs.write(tmp_path / "run", _stored("frequency", "chars"))
    damage(tmp_path / "run")
    before = contents(tmp_path)
    with pytest.raises(RunError) as caught:
        anygram.load(tmp_path / "run")
    assert words in str(caught.value) and str(tmp_path / "run") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value), "no remedy"
    assert contents(tmp_path) == before


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    runs.write(tmp_path / "run", _stored("lstm", "chars", {"units": 8, "embedding": 4}))
    _set(model_settings={"units": 9, "embedding": 4})(tmp_path / "run")
    with pytest.raises(RunError, match="weights of another 'lstm'"):
        anygram.load(tmp_path / "run")
    _set(model="gru", model_settings={"units": 8, "embedding": 4})(tmp_path / "run")
    with pytest.raises(RunError):
        anygram.load(tmp_path / "run")


@given(data=st.data(), stored=st.sampled_from(STORED))
def test_any_damage_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, stored: StoredRun
) -> None:
    """Cut a file anywhere or change any byte of it: a run comes back, or one line."""
    folder = tmp_path_factory.mktemp("damage") / "run"
    runs.write(folder, stored)
    needed = ["codec.json", "model.safetensors", "run.toml"]
    if isinstance(stored.codec, TensorCodec):
        needed.append("codec.safetensors")
    path = folder / data.draw(st.sampled_from(needed))
    raw = path.read_bytes()
    place = data.draw(st.integers(0, min(len(raw), 400) - 1))
    changed = raw[:place] + data.draw(st.binary(min_size=1, max_size=1)) + raw[place + 1 :]
    path.write_bytes(data.draw(st.sampled_from([raw[:place], changed])))
    try:
        back = runs.read(folder).codec
        assert (back.encode(TEXT).ids < back.boundary).all()
        assert isinstance(back.decode(np.arange(back.boundary, dtype=np.int32)), str)
    except RunError as error:
        assert "\n" not in str(error)


def test_fields_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    runs.write(tmp_path / "run", STORED[0])
    _set(members=["a"])(tmp_path / "run")
    assert runs.read_record(tmp_path / "run") == STORED[0].record


def test_a_run_that_only_counted_is_refused_until_it_is_finished(tmp_path: Path) -> None:
    runs.write(tmp_path / "run", replace(STORED[1], record=replace(STORED[1].record, status="unfinished")))
    with pytest.raises(RunError, match=r"stopped before its counts became a model; .* --resume"):
        anygram.load(tmp_path / "run")


def test_versions_are_recorded() -> None:
    found = runs.versions()
    assert {"python", "anygram", "numpy", "torch"} <= set(found)
    assert asdict(STORED[0].record)["versions"] == found == json.loads(json.dumps(found))
