"""The programs in examples/ run, learn, and do what their docstrings say of the classic errors.

Axes: B rows, T positions, X inputs, H hidden units, D width.
"""

from __future__ import annotations

import copy
import json
import math
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from anygram import evaluation
from anygram.codecs import words
from anygram.data.corpus import Blocks, encode_corpus
from anygram.data.examples import read_example
from anygram.models import lstm, uniform
from anygram.protocols import Codec, FloatArray, Ids, LanguageModel, State
from examples import (
    classify,
    find_anomalies,
    multimodal_digits,
    numpy_rnn,
    search,
    transformer_stack,
    word_lstm,
)

BOUNDARY = 9


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Real text: the library's first docstrings."""
    path = tmp_path_factory.mktemp("book") / "docstrings.jsonl"
    lines = [json.dumps({"text": document.text}) for document in islice(read_example("docstrings"), 500)]
    path.write_text("\n".join(lines))
    return str(path)


def test_numpy_rnn_reaches_what_can_be_known() -> None:
    outcome = numpy_rnn.main(["--small"])
    assert outcome.gradient_error < 1e-7
    assert outcome.history[0] == pytest.approx(math.log(10), abs=0.3)
    assert outcome.held_out_nats == pytest.approx(numpy_rnn.least_nats(12), abs=0.06)


def test_numpy_rnn_equals_torch() -> None:
    weights = numpy_rnn.create(seed=3)
    generator = np.random.default_rng(3)
    weights |= {name: generator.normal(size=weights[name].shape) for name in ("b_h1", "b_h2", "b_y")}
    text_BT = numpy_rnn.draw(generator, rows=4, positions=7)
    trace = numpy_rnn.forward(weights, text_BT[:, :-1])
    gradient = numpy_rnn.backward(weights, trace, text_BT[:, 1:])

    network = torch.nn.RNN(10, 20, num_layers=2, dtype=torch.float64)
    head = torch.nn.Linear(20, 10, dtype=torch.float64)
    same = {"weight_ih_l0": "W_xh1", "weight_hh_l0": "W_hh1", "bias_ih_l0": "b_h1"}
    same |= {"weight_ih_l1": "W_xh2", "weight_hh_l1": "W_hh2", "bias_ih_l1": "b_h2"}
    own = {name: torch.from_numpy(weights[mine].T.copy()) for name, mine in same.items()}
    zero = torch.zeros(20, dtype=torch.float64)
    network.load_state_dict(own | {"bias_hh_l0": zero, "bias_hh_l1": zero})
    head.load_state_dict(
        {"weight": torch.from_numpy(weights["W_hy"].T), "bias": torch.from_numpy(weights["b_y"])}
    )
    hidden_TBH, _ = network(torch.from_numpy(trace.x_TBX))
    log_p_TBY = head(hidden_TBH).log_softmax(-1)
    nats = torch.nn.functional.nll_loss(log_p_TBY.flatten(0, 1), torch.from_numpy(text_BT[:, 1:].T.ravel()))
    nats.backward()  # type: ignore[no-untyped-call]

    np.testing.assert_allclose(trace.log_p_TBY, log_p_TBY.detach().numpy(), atol=1e-12)
    assert numpy_rnn.mean_nats(trace, text_BT[:, 1:]) == pytest.approx(nats.item())
    found = {mine: getattr(network, name).grad.numpy().T for name, mine in same.items()}
    assert head.weight.grad is not None and head.bias.grad is not None
    found |= {"W_hy": head.weight.grad.numpy().T, "b_y": head.bias.grad.numpy()}
    assert found.keys() == gradient.keys()
    for name in found:
        np.testing.assert_allclose(gradient[name], found[name], atol=1e-12)


def test_numpy_rnn_gradient_check_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = numpy_rnn.backward

    def biases_forgotten(*given: object) -> numpy_rnn.Weights:
        gradient = sound(*given)  # type: ignore[arg-type]
        return {name: part * (name[0] != "b") for name, part in gradient.items()}

    monkeypatch.setattr(numpy_rnn, "backward", biases_forgotten)
    text_BT = numpy_rnn.draw(np.random.default_rng(0), rows=2, positions=4)
    assert numpy_rnn.gradient_error(numpy_rnn.create(seed=0), text_BT) > 0.1


def test_numpy_rnn_softmax_does_not_overflow() -> None:
    log_p = numpy_rnn.log_softmax(np.array([[1e4, 0.0, -1e4]]))
    np.testing.assert_array_equal(log_p, [[0.0, -1e4, -2e4]])


def test_numpy_rnn_least_nats_is_the_surprisal_of_the_rule() -> None:
    text_BT = numpy_rnn.draw(np.random.default_rng(0), rows=20_000, positions=12)
    stride_BT = np.diff(text_BT) % numpy_rnn.SYMBOLS
    assert set(np.unique(stride_BT)) == {1, 2, 3}
    same = 1 - numpy_rnn.CHANGE + numpy_rnn.CHANGE / 3
    p_BT = np.where(np.diff(stride_BT) == 0, same, numpy_rnn.CHANGE / 3)
    nats = (-np.log(p_BT).sum(axis=1).mean() + math.log(3)) / 11
    assert numpy_rnn.least_nats(12) == pytest.approx(nats, rel=0.01)


def test_transformer_stack_learns_and_passes_its_checks(book: str) -> None:
    outcome = transformer_stack.main(["--small", "--steps", "40", book])
    assert outcome.difference_from_torch < 1e-5
    assert outcome.leak == 0.0
    assert outcome.held_out_nats < outcome.history[0] - 1.5
    assert np.mean(outcome.history[-5:]) < np.mean(outcome.history[5:10])


@pytest.fixture
def stack() -> transformer_stack.Stack:
    torch.manual_seed(0)
    return transformer_stack.Stack(transformer_stack.Setting(blocks=2, width=32, heads=4), BOUNDARY + 1)


IDS_BT = torch.tensor([[1, 2, BOUNDARY, 3, 4, BOUNDARY, BOUNDARY, 5], [6, 6, 6, 6, 6, 6, 6, 6]])


def test_transformer_stack_check_for_leaks_bites(
    stack: transformer_stack.Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert transformer_stack.leak(stack, IDS_BT, cut=4) == 0.0
    everything = torch.ones(2, 8, 8, dtype=torch.bool)
    monkeypatch.setattr(transformer_stack, "visibility", lambda ids_BT, boundary: everything)
    assert transformer_stack.leak(stack, IDS_BT, cut=4) > 1e-3


def test_transformer_stack_keeps_documents_apart(stack: transformer_stack.Stack) -> None:
    stack.eval()
    alone_BT = torch.tensor([[BOUNDARY, 3, 4]])
    torch.testing.assert_close(stack(IDS_BT)[:1, 2:5], stack(alone_BT))


def test_transformer_stack_looks_at_order(stack: transformer_stack.Stack) -> None:
    stack.eval()
    one, other = stack(torch.tensor([[1, 2, 3]]))[0, -1], stack(torch.tensor([[2, 1, 3]]))[0, -1]
    assert (one - other).abs().max() > 1e-3


def test_transformer_stack_drops_out_only_while_training(stack: transformer_stack.Stack) -> None:
    assert (stack(IDS_BT) - stack(IDS_BT)).abs().max() > 0
    stack.eval()
    assert (stack(IDS_BT) - stack(IDS_BT)).abs().max() == 0


def test_transformer_stack_sinusoids_follow_the_formula() -> None:
    pe_BTD = transformer_stack.sinusoids(torch.tensor([[0, 1, 50]]), width=6)
    for row, position in enumerate((0, 1, 50)):
        for i in range(3):
            angle = position / 10_000 ** (2 * i / 6)
            assert pe_BTD[0, row, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert pe_BTD[0, row, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)


def test_word_lstm_learns(book: str) -> None:
    outcome = word_lstm.main(["--small", book])
    assert outcome.learning == sorted(outcome.learning, reverse=True)
    assert outcome.learning[-1] < outcome.learning[0] / 2
    assert outcome.test.perplexity < outcome.learning[0] / 2
    assert outcome.validation[-1].accuracy > outcome.validation[0].accuracy > 0
    assert 0.05 < outcome.test.unknown_share < 0.5


def test_word_lstm_reports_the_epoch_that_validation_chose(
    book: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[LanguageModel] = []
    perplexities = [30.0, 10.0, 20.0, 99.0]

    def scripted(model: LanguageModel, codec: Codec, documents: object) -> word_lstm.Figures:
        seen.append(copy.deepcopy(model))
        return word_lstm.Figures(perplexities[len(seen) - 1], 1.0, 0.0, 0.0)

    monkeypatch.setattr(word_lstm, "measure", scripted)
    setting = word_lstm.Setting(50, embedding=4, units=4, epochs=3, training_bytes=3000)
    outcome = word_lstm.run(book, setting, tmp_path)
    assert [figures.perplexity for figures in (*outcome.validation, outcome.test)] == perplexities
    first, second, third, reported = (model.tensors()["head.bias"].tolist() for model in seen)
    assert reported == second
    assert second not in (first, third)


def test_word_lstm_measures_as_the_yardstick_does_but_for_guesses_of_unknown() -> None:
    documents = list(islice(read_example("docstrings"), 30))
    codec = words.fit([document.text for document in documents], words.Config(size=50))
    # all words tie, and ties go by id: it always guesses id 0, which is the unknown word
    model = uniform.create(uniform.Config(), codec.vocabulary_size, seed=0)
    figures, wanted = word_lstm.measure(model, codec, documents), evaluation.evaluate(model, codec, documents)
    assert codec.unknown == 0 and wanted.unknown_symbols > 0
    assert figures.unknown_share == wanted.unknown_symbols / wanted.symbols == wanted.accuracy
    assert figures.accuracy == 0.0
    assert figures.perplexity == pytest.approx(wanted.perplexity)
    assert figures.perplexity_of_known == pytest.approx(wanted.perplexity_without_unknown)


def test_word_lstm_carries_its_state_and_learns_every_word_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = list(islice(read_example("docstrings"), 20))
    codec = words.fit([document.text for document in documents], words.Config(size=50))
    corpus = encode_corpus(documents, codec, tmp_path)
    model = lstm.create(lstm.Config(units=4, embedding=4), codec.vocabulary_size, seed=0)
    optimizer = torch.optim.Adam(model.module().parameters())
    sound = model.loss
    calls: list[tuple[State, State, float]] = []

    def watched(ids_BT: Ids, weights_BT: FloatArray, state: State) -> tuple[torch.Tensor, State]:
        nats, after = sound(ids_BT, weights_BT, state)
        calls.append((state, after, float(weights_BT.sum())))
        return nats, after

    monkeypatch.setattr(model, "loss", watched)
    word_lstm.learn_epoch(model, optimizer, Blocks(corpus, 4, 32, seed=0), epoch=0, clip=1.0)
    assert len(calls) > 3
    assert calls[0][0] is None
    assert all(state is after for (_, after, _), (state, _, _) in pairwise(calls))
    assert sum(learnt for _, _, learnt in calls) == corpus.symbols


def test_multimodal_digits_names_pictures_and_draws_names() -> None:
    outcome = multimodal_digits.main(["--small"])
    assert max(outcome.validation.values()) > 0.55  # of three
    assert outcome.test > 0.55
    assert list(outcome.drawn) == ["zero", "one", "two"]
    sides = [document.side for document in outcome.drawn.values()]
    assert sides == [{"width": 8, "height": 8, "channels": 1}] * 3


def test_the_faulty_lines_are_found_and_where() -> None:
    outcome = find_anomalies.main()
    worst = list(outcome.odd.items())[: len(find_anomalies.FAULTS)]
    assert {line for line, _ in worst} == set(find_anomalies.FAULTS)
    places = {line: one.where for line, one in worst}
    assert all(
        any(sign in where for where in places.values()) for sign in ("etc/passwd", "TRACE", "500", "<end>")
    )
    assert len(outcome.odd) < 0.05 * len(outcome.lines)


def test_texts_near_a_query_begin_as_it_does_and_neighbours_are_of_one_module() -> None:
    outcome = search.main()
    assert outcome.hits[0][1].startswith("Return True if")
    cosines = [cosine for cosine, _ in outcome.hits]
    assert cosines == sorted(cosines, reverse=True) and len(cosines) == 5
    assert outcome.neighbours.share > 1.5 * outcome.neighbours.chance


def test_functions_are_told_apart_by_their_packages() -> None:
    outcome = classify.main()
    assert outcome.figures["accuracy_low"] > 0.6  # five packages: 0.2 by chance
    assert len(outcome.told) == 5 and all(words for *_, words in outcome.told)
