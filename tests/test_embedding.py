"""Documents as vectors: what they are made of, that neither batches nor pieces change them, search, refusals.

Axes: N documents, B rows, T positions, D width.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

import anygram
from anygram import lanes
from anygram.api import Run
from anygram.codecs import bytes as bytes_codec
from anygram.data.documents import Document
from anygram.errors import AnygramError, DataError, UsageError
from anygram.models import REGISTRY
from anygram.protocols import FloatArray
from anygram.tasks.embedding import POOLINGS, Pooling, embed, neighbours_share_label, search, vectors
from anygram.tasks.embedding.picture import MOST_DOTS, principal
from anygram.tasks.embedding.vectors import featured, normalised
from tests.asking import ask
from tests.pages import drawings, read_page

CODEC = bytes_codec.fit([], bytes_codec.Config())
SMALL: dict[str, dict[str, Any]] = {
    "nnlm": {"order": 3, "embedding": 4, "units": 6},
    "lstm": {"units": 6, "embedding": 4},
    "transformer": {"layers": 1, "width": 8, "heads": 2, "context": 16},
}
pooled = pytest.mark.parametrize("pooling", POOLINGS)
networks = pytest.mark.parametrize("name", SMALL)


def network(name: str) -> Any:
    module = REGISTRY.load(name)
    return module.create(module.Config(**SMALL[name]), CODEC.vocabulary_size, 0)


def slowly(model: Any, text: str, pooling: Pooling) -> FloatArray:
    """Return a document's vector, its symbols read one by one."""
    ids_T = CODEC.encode(text).ids
    if not len(ids_T):
        ids_T = np.array([CODEC.boundary], dtype=np.int32)
    state, hidden_TD = model.start(1), []
    for identifier in ids_T:
        ids_11 = np.array([[identifier]], dtype=np.int32)
        hidden_TD.append(model.features(state, ids_11)[0, 0])
        state = model.advance(state, ids_11)
    found_TD: FloatArray = np.array(hidden_TD)
    pooled: dict[Pooling, FloatArray] = {
        "mean": found_TD.mean(axis=0),
        "max": found_TD.max(axis=0),
        "last": found_TD[-1],
    }
    return pooled[pooling]


# What the vectors are


@networks
@pooled
def test_vectors_are_pooled_features_whoever_stands_beside_and_however_cut(
    name: str, pooling: Pooling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "CHUNK", 7)
    monkeypatch.setattr(lanes, "ROWS", 3)
    texts = ["a", "", "the cat sat on the mat", "né", "to be or not", "the cat", "x" * 14]
    model = network(name)
    vectors_ND = embed(model, CODEC, map(Document, texts), pooling, normalise=False)
    assert vectors_ND.dtype == np.float32
    expected_ND = np.array([slowly(model, text, pooling) for text in texts])
    np.testing.assert_allclose(vectors_ND, expected_ND, atol=1e-5)
    assert np.ptp(expected_ND, axis=0).max() > 0.01  # they differ, so that it is no empty agreement


def test_windows_of_documents_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{'word ' * (n % 4)}{n}" for n in range(11)]
    model = network("lstm")
    whole_ND = embed(model, CODEC, map(Document, texts))
    monkeypatch.setattr(vectors, "_DOCUMENTS_AT_ONCE", 4)
    np.testing.assert_allclose(embed(model, CODEC, map(Document, texts)), whole_ND, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(whole_ND, axis=1), 1, atol=1e-6)


def test_models_with_features_are_known_by_what_create_returns() -> None:
    names = featured()
    assert {"lstm", "gru", "rnn", "nnlm", "transformer", "mingru"} <= set(names)
    assert not {"ngram", "frequency", "uniform", "contextmix", "mixture"} & set(names)


# Search and neighbours


@given(st.integers(2, 40), st.integers(1, 6), st.integers(1, 45), st.integers(0, 2**32 - 1))
def test_search_is_what_scikit_learn_finds(count: int, width: int, top: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    vectors_ND, query_D = generator.normal(size=(count, width)), generator.normal(size=width)
    found = search(vectors_ND, query_D, top)
    peers = pytest.importorskip("sklearn.neighbors", reason="needs scikit-learn")
    nearest = peers.NearestNeighbors(n_neighbors=min(top, count), metric="cosine", algorithm="brute")
    distances, _ = nearest.fit(vectors_ND).kneighbors(query_D[None])
    np.testing.assert_allclose([hit.cosine for hit in found], 1 - distances[0], atol=1e-9)
    cosine_N = normalised(vectors_ND) @ normalised(query_D[None])[0]
    np.testing.assert_allclose([hit.cosine for hit in found], cosine_N[[hit.place for hit in found]])
    assert len({hit.place for hit in found}) == min(top, count)


def test_equal_vectors_are_found_by_place_and_one_of_zeros_is_near_to_none() -> None:
    vectors_ND = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    hits = search(vectors_ND, np.array([3.0, 0.0]), 4)
    assert [(hit.place, hit.cosine) for hit in hits] == [(1, 1.0), (2, 1.0), (0, 0.0), (3, 0.0)]


def test_a_memory_mapped_file_is_searched_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anygram.tasks.embedding import neighbours

    vectors_ND = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    np.save(tmp_path / "v.npy", vectors_ND)
    expected = search(vectors_ND, vectors_ND[7], 5)
    monkeypatch.setattr(neighbours, "_COSINES_AT_ONCE", 20)
    assert search(np.load(tmp_path / "v.npy", mmap_mode="r"), vectors_ND[7], 5) == expected
    assert expected[0].place == 7 and expected[0].cosine == pytest.approx(1)


def test_neighbours_by_hand() -> None:
    degrees = np.radians([0, 10, 21, 90, 95, 12])
    vectors_ND = np.stack([np.cos(degrees), np.sin(degrees)], axis=1)
    # the last one lies among the a's
    found = neighbours_share_label(vectors_ND, ["a", "a", "a", "b", "b", "b"], k=2)
    assert found.share == pytest.approx((0.5 + 0.5 + 0.5 + 0.5 + 0.5 + 0) / 6)
    assert found.chance == pytest.approx(2 * 3 * 2 / (6 * 5))
    # of one vote each the nearest's label wins: 0 -> 10, 10 -> 12, 21 -> 12, 90 -> 95, 95 -> 90, 12 -> 10
    assert found.vote == pytest.approx(3 / 6)
    assert (found.k, found.documents, found.labels, found.largest) == (2, 6, 2, 0.5)


@given(st.integers(4, 30), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_neighbours_are_those_of_a_slow_twin(count: int, k: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    vectors_ND = generator.normal(size=(count, 3)).astype(np.float32)
    labels = ["a", "b", *generator.choice(["a", "b", "c"], count - 2).tolist()]
    found = neighbours_share_label(vectors_ND, labels, k)
    shares = []
    for own in range(count):
        near = [hit.place for hit in search(vectors_ND, vectors_ND[own], count) if hit.place != own][:k]
        shares.append(np.mean([labels[place] == labels[own] for place in near]))
    assert found.share == pytest.approx(np.mean(shares))


def test_neighbours_of_labels_at_random_share_them_by_chance() -> None:
    generator = np.random.default_rng(0)
    labels = generator.choice(["a", "b", "c"], 2000, p=[0.6, 0.3, 0.1]).tolist()
    found = neighbours_share_label(generator.normal(size=(2000, 5)), labels)
    assert found.share == pytest.approx(found.chance, abs=0.02)
    assert found.chance == pytest.approx(0.46, abs=0.02)


def test_principal_components_are_scikit_learns() -> None:
    vectors_ND = np.random.default_rng(0).normal(size=(40, 5)) * [1, 4, 2, 1, 3] + 7
    place_N2, share_2 = principal(vectors_ND)
    peers = pytest.importorskip("sklearn.decomposition", reason="needs scikit-learn")
    peer = peers.PCA(2).fit(vectors_ND)
    np.testing.assert_allclose(np.abs(place_N2), np.abs(peer.transform(vectors_ND)), atol=1e-9)
    np.testing.assert_allclose(share_2, peer.explained_variance_ratio_)


# The whole way


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedding")
    lines = [("number", f"{n * n} {n * 7} {n + 100}") for n in range(40)]
    lines += [("word", f"{'abcde'[n % 5]}ll the {'xyz'[n % 3]}oo") for n in range(40)]
    rows = [{"text": text, "topic": topic} for topic, text in lines]
    (folder / "mixed.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return anygram.train(
        folder / "mixed.jsonl",
        "gru",
        codec="bytes",
        text_field="text",
        settings={"units": 16, "embedding": 8},
        budget="20steps",
        out=folder / "run",
    )


def test_digits_and_letters_lie_apart(run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, page = folder / "mixed.jsonl", folder / "plane.html"
    said = ask(
        capsys, "embed", run.path, source, "--text-field", "text", "--label-field", "topic",
        "--query", "841 203 129", "--top", 3, "--out", folder / "v.parquet", "--report", page, "--json",
    )  # fmt: skip
    assert said.status == 0, said.err
    told = said.fields
    assert told["documents"] == 80 and told["width"] == 16
    assert told["neighbours"]["share"] > 0.95 > 0.6 > told["neighbours"]["chance"]
    assert told["hits"][0]["document"].endswith("mixed.jsonl:30")
    assert told["hits"][0]["begins"] == "841 203 129" and told["hits"][0]["cosine"] == pytest.approx(1)
    table = parquet.read_table(folder / "v.parquet")
    assert table.column_names == ["document", "label", "vector"]
    embedded = run.embed(source, text_field="text")
    np.testing.assert_allclose(np.array(table["vector"].to_pylist()), embedded.vectors_ND, atol=1e-6)
    text = page.read_text(encoding="utf-8")
    read_page(text)
    assert len(drawings(text)) == 1 and "number" in text and "word" in text


def test_vectors_are_written_as_npy_and_texts_have_the_same(run: Run, folder: Path) -> None:
    embedded = run.embed(folder / "mixed.jsonl", text_field="text", pooling="last")
    embedded.write(folder / "v.npy")
    stored_ND = np.load(folder / "v.npy", allow_pickle=False)
    np.testing.assert_array_equal(stored_ND, embedded.vectors_ND)
    vectors_ND = run.embed_texts(["0 0 100", "all the xoo"], "last")
    np.testing.assert_allclose(vectors_ND, stored_ND[[0, 40]], atol=1e-6)
    assert embedded.labels is None


def test_of_many_documents_some_are_drawn(run: Run, tmp_path: Path) -> None:
    from anygram.tasks.embedding import Embedded, picture

    many = MOST_DOTS + 50
    vectors_ND = np.random.default_rng(0).normal(size=(many, 3)).astype(np.float32)
    labels = [f"label {n % 12}" for n in range(many)]
    picture.write_page(tmp_path / "p.html", Embedded(vectors_ND, labels, labels, labels), "Many")
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert text.count('opacity="0.6"') == MOST_DOTS
    assert "others" in text and f"{MOST_DOTS:,} of {many:,} documents" in text


# Refusals


def test_what_cannot_be_done_is_said_in_one_line(
    run: Run, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = folder / "mixed.jsonl"
    grams = anygram.train(source, "uniform", codec="bytes", text_field="text", out=tmp_path / "grams")
    (tmp_path / "a.npy").mkdir()

    def refused(*words: object) -> str:
        before = sorted(tmp_path.iterdir())
        said = ask(capsys, "embed", *words)
        assert sorted(tmp_path.iterdir()) == before
        return said.refusal

    assert "no features" in (said := refused(grams.path, source, "--out", tmp_path / "v.npy"))
    assert "lstm" in said and "transformer" in said
    assert "nothing is asked for" in refused(run.path, source)
    assert "let it end in .npy, .parquet" in refused(run.path, source, "--out", tmp_path / "v.csv")
    assert "end with .html" in refused(run.path, source, "--report", tmp_path / "v.svg")
    assert "is a folder" in refused(run.path, source, "--out", tmp_path / "a.npy")
    asked = (run.path, source, "--text-field", "text", "--label-field")
    assert "no 5000 neighbours" in refused(*asked, "topic", "--neighbours", 5000)
    assert "'nowhere'" in refused(*asked, "nowhere")
    assert "top must be at least 1" in refused(run.path, source, "--query", "a", "--top", 0)


@pytest.mark.parametrize(
    ("error", "said", "asked"),
    [
        (UsageError, "pooling must be one of mean, last, max", lambda run: run.embed_texts(["a"], "sum")),
        (UsageError, "takes a list", lambda run: run.embed_texts("abc")),
        (DataError, "no documents", lambda run: run.embed_texts([])),
        (UsageError, "does not go with", lambda run: search(np.eye(3), np.ones(2))),
        (UsageError, "give one for each", lambda run: neighbours_share_label(np.eye(3), ["a", "b"], 1)),
        (UsageError, "at least 1", lambda run: neighbours_share_label(np.eye(3), ["a", "b", "b"], 0)),
        (DataError, "all documents have", lambda run: neighbours_share_label(np.eye(3), ["a"] * 3, 1)),
        (DataError, "a plane needs", lambda run: principal(np.ones((1, 3)))),
    ],
)
def test_wrong_calls_are_refused(run: Run, error: type[AnygramError], said: str, asked: Any) -> None:
    with pytest.raises(error, match=said):
        asked(run)
