"""Encoder-decoders: what they learn, what they hear of a source, and where they look in it.

Axes: B rows, T positions, S positions of a source, V vocabulary.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import seq2seq as bench
import torch

import anygram
from anygram import states
from anygram.budgets import Budget
from anygram.codecs.bytes import BytesCodec
from anygram.errors import UsageError
from anygram.learning.gradient import Config
from anygram.models import REGISTRY, alone
from anygram.models.attentive import Additive
from anygram.neural.attention import CrossAttention
from anygram.neural.encoder_decoder import EncoderDecoder
from anygram.neural.heads import FullHead, HeadConfig
from anygram.protocols import Aligned, Differentiable, Distributing, Featured, Ids, Ranked
from tests.asking import ask

NAMES = ["seq2seq", "attentive"]
SMALL: dict[str, dict[str, Any]] = {
    "seq2seq": {"layers": 2, "width": 16, "heads": 2, "dropout": 0.0},
    "attentive": {"units": 9, "embedding": 5, "dropout": 0.0},
}
TARGETS, SOURCES = 6, 5
BOUNDARY = TARGETS - 1


def ids(*symbols: int) -> Ids:
    return np.array(symbols, dtype=np.int32)


SOURCE = [ids(0, 1, 2, 3), ids(4), ids()]
TEXT_BT = np.array([[0, 1, 2, BOUNDARY], [3, BOUNDARY, 0, 0], [4, 4, BOUNDARY, 1]], dtype=np.int32)
WEIGHTS_BT = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]], dtype=np.float32)


def model_of(name: str, **words: Any) -> EncoderDecoder:
    """Return a small model whose every part is heard."""
    module = REGISTRY.load(name)
    model: EncoderDecoder = module.create_conditional(
        module.Config(**{**SMALL[name], **words}), TARGETS, SOURCES, 0
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.module().parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    return model


# What is learnt


LESSONS = {
    "seq2seq": bench.Subject(
        "seq2seq", {"layers": 1, "width": 32, "heads": 2, **bench.ALIKE}, {"rate": 0.03, "block": 7}, 140
    ),
    "attentive": bench.Subject(
        "attentive", {"units": 32, "embedding": 16, **bench.ALIKE}, {"rate": 0.05, "block": 7}, 140
    ),
}
RULES = {"seq2seq": "copy", "attentive": "reverse"}
LETTERS, LENGTH = 10, 6


@functools.cache
def _pupil(name: str) -> EncoderDecoder:
    model, _, _ = bench.learnt(LESSONS[name], bench.strings(RULES[name], 4000, 1, LENGTH, LETTERS), seed=0)
    assert isinstance(model, EncoderDecoder)
    return model


@pytest.mark.parametrize("name", NAMES)
def test_strings_never_seen_are_written_to_the_letter(name: str) -> None:
    unseen = bench.strings(RULES[name], 300, 2, LENGTH, LETTERS)
    assert bench.share_right(_pupil(name), unseen) >= 0.99


@pytest.mark.parametrize("name", NAMES)
def test_a_letter_is_looked_for_where_it_stands(name: str) -> None:
    """Of a copy the alignment is the diagonal, of what is reversed the other one."""
    codec, model = BytesCodec(), _pupil(name)
    sources = [codec.encode(one.given or "").ids for one in bench.strings("copy", 20, 3, LENGTH, LETTERS)]
    wanted_T = np.arange(LENGTH)
    targets = sources
    if RULES[name] == "reverse":
        wanted_T, targets = wanted_T[::-1], [source[::-1] for source in sources]
    weight_BTS = model.alignment(model.start(20, sources), np.stack(targets))
    assert (weight_BTS.argmax(-1) == wanted_T).mean() > 0.95
    assert weight_BTS.sum(-1) == pytest.approx(np.ones((20, LENGTH)), abs=1e-5)


# What is heard


@pytest.mark.parametrize("name", NAMES)
def test_encoder_decoders_speak_the_protocols(name: str) -> None:
    for protocol in (Ranked, Differentiable, Featured, Distributing, Aligned):
        assert isinstance(model_of(name), protocol)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("copy", [False, True])
def test_padding_of_sources_and_targets_changes_nothing_that_is_learnt(name: str, copy: bool) -> None:
    model = model_of(name, copy=copy)
    found = []
    for text_BT, weights_BT in (
        (TEXT_BT, WEIGHTS_BT),
        (np.pad(TEXT_BT, ((0, 0), (0, 3)), constant_values=2), np.pad(WEIGHTS_BT, ((0, 0), (0, 3)))),
    ):
        model.module().zero_grad()
        nats, _ = model.loss(text_BT, weights_BT, None, SOURCE)
        nats.backward()  # type: ignore[no-untyped-call]
        found.append(
            (nats.item(), [p.grad.clone() for p in model.module().parameters() if p.grad is not None])
        )
    alone = [model.loss(TEXT_BT[[row]], WEIGHTS_BT[[row]], None, [SOURCE[row]])[0].item() for row in range(3)]
    assert found[0][0] == pytest.approx(np.average(alone, weights=WEIGHTS_BT.sum(1)), abs=1e-5)
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-6)
    torch.testing.assert_close(found[0][1], found[1][1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_all_weights_learn(name: str) -> None:
    for words in ({}, {"tied": True, "shared": True, "copy": True}):
        model = model_of(name, **words)
        model.loss(TEXT_BT, WEIGHTS_BT, None, SOURCE)[0].backward()  # type: ignore[no-untyped-call]
        still = [key for key, weight in model.module().named_parameters() if weight.grad is None]
        assert not still


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("copy", [False, True])
def test_products_in_half_precision_give_about_the_same(name: str, copy: bool) -> None:
    model = model_of(name, copy=copy, tied=copy, shared=copy)
    wanted = model.loss(TEXT_BT, WEIGHTS_BT, None, SOURCE)[0].item()
    with torch.autocast("cpu", torch.bfloat16):
        nats, state = model.loss(TEXT_BT, WEIGHTS_BT, None, SOURCE)
        model.loss(TEXT_BT, WEIGHTS_BT, state)
    nats.backward()  # type: ignore[no-untyped-call]
    assert nats.item() == pytest.approx(wanted, abs=0.2)
    gradients = [weight.grad for weight in model.module().parameters()]
    assert all(one is not None and bool(one.isfinite().all()) for one in gradients)


@pytest.mark.parametrize("name", NAMES)
def test_the_alignment_goes_on_where_a_state_stands(name: str) -> None:
    model = model_of(name)
    start = model.start(3, SOURCE)
    whole_BTS = model.alignment(start, TEXT_BT)
    state, steps = start, []
    for t in range(TEXT_BT.shape[1]):
        steps.append(model.alignment(state, TEXT_BT[:, t : t + 1])[:, 0])
        state = model.advance(state, TEXT_BT[:, t : t + 1])
    np.testing.assert_allclose(np.stack(steps, axis=1), whole_BTS, atol=1e-5)
    assert whole_BTS.shape == (3, 4, 5) and (whole_BTS[1, :, 2:] == 0).all()
    assert model.alignment(start, TEXT_BT[:, :0]).shape == (3, 0, 5)
    joined = states.concatenate([model.start(1, [ids(1)]), start])
    found_BTS = model.alignment(joined, TEXT_BT[[0, 0, 1, 2]])[1:]
    np.testing.assert_allclose(found_BTS, whole_BTS, atol=1e-5)


# Beside others' attention


def test_cross_attention_agrees_with_torch() -> None:
    torch.manual_seed(0)
    ours = CrossAttention(16, 4)
    theirs = torch.nn.MultiheadAttention(16, 4, batch_first=True, bias=False)
    parts = [ours.query.weight, ours.key.weight, ours.value.weight]
    theirs.load_state_dict({"in_proj_weight": torch.cat(parts), "out_proj.weight": ours.output.weight})
    y_BTD, e_BSD = torch.randn(3, 5, 16), torch.randn(3, 7, 16)
    past_BS = torch.arange(7) >= torch.tensor([7, 2, 1])[:, None]
    mask_B11S = torch.zeros(3, 7).masked_fill(past_BS, -torch.inf)[:, None, None]
    key_BSD, value_BSD = ours.keys_and_values(e_BSD)
    expected, weights = theirs(y_BTD, e_BSD, e_BSD, key_padding_mask=past_BS)
    torch.testing.assert_close(ours(y_BTD, key_BSD, value_BSD, mask_B11S), expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(ours.weights(y_BTD, key_BSD, mask_B11S), weights, atol=1e-6, rtol=1e-5)


def test_additive_attention_agrees_with_its_slow_twin() -> None:
    torch.manual_seed(0)
    ours = Additive(3, 4)
    s_BU, e_BSD = torch.randn(2, 3), torch.randn(2, 5, 4)
    lengths = [5, 2]
    mask_BS = torch.zeros(2, 5).masked_fill(torch.arange(5) >= torch.tensor(lengths)[:, None], -torch.inf)
    found_BS = ours(s_BU, ours.key(e_BSD), mask_BS).detach()
    for row, length in enumerate(lengths):
        scores = []
        for j in range(length):
            inner = ours.query.weight @ s_BU[row] + ours.query.bias + ours.key.weight @ e_BSD[row, j]
            scores.append((ours.score @ torch.tanh(inner)).item())
        wanted = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(found_BS[row, :length], wanted, atol=1e-6)
        assert (found_BS[row, length:] == 0).all()


def test_the_decoder_agrees_with_its_slow_twin() -> None:
    """Bahdanau's equations, a symbol at a time, with torch's own recurrent cell."""
    model = model_of("attentive")
    own = {name.removeprefix("body."): torch.from_numpy(a) for name, a in model.tensors().items()}
    encoder = torch.nn.GRU(5, 9, batch_first=True, bidirectional=True)
    encoder.load_state_dict({n.removeprefix("encoder."): w for n, w in own.items() if "encoder." in n})
    cell = torch.nn.GRUCell(5 + 18, 9)
    cell.load_state_dict(
        {
            "weight_ih": torch.cat([own["symbol.weight"], own["heard.weight"]], dim=1),
            "bias_ih": own["symbol.bias"],
            "weight_hh": own["recurrent.weight"],
            "bias_hh": own["recurrent.bias"],
        }
    )
    source = torch.tensor([*SOURCE[0].tolist(), SOURCES])
    e_SD = encoder(own["source_embedding.weight"][source][None])[0][0]
    s_U = torch.tanh(own["begin.weight"] @ e_SD[0, 9:] + own["begin.bias"])
    target = [0, 3, 2]
    for t, symbol in enumerate([BOUNDARY, *target]):
        inner = e_SD @ own["attention.key.weight"].T + own["attention.query.weight"] @ s_U
        weights_S = (torch.tanh(inner + own["attention.query.bias"]) @ own["attention.score"]).softmax(0)
        c_D, y_E = weights_S @ e_SD, own["embedding.weight"][symbol]
        s_U = cell(torch.cat([y_E, c_D])[None], s_U[None])[0]
        hidden_U = torch.tanh(own["readout.weight"] @ torch.cat([s_U, c_D, y_E]) + own["readout.bias"])
        log_p_V = (own["head.weight"] @ hidden_U + own["head.bias"]).log_softmax(0)
        state = model.advance(model.start(1, [SOURCE[0]]), np.array([target[:t]], dtype=np.int32))
        np.testing.assert_allclose(model.predict(state)[0], log_p_V.detach(), atol=1e-5)


# Smoothed targets


@pytest.mark.parametrize("name", NAMES)
def test_smoothing_is_learnt_and_not_told(name: str) -> None:
    """The value is the surprisal; the gradient is torch's of smoothed labels."""
    model = model_of(name, smoothing=0.1)
    nats, _ = model.loss(TEXT_BT, WEIGHTS_BT, None, SOURCE)
    log_p_BT = model.score(model.start(3, SOURCE), TEXT_BT)[0]
    assert nats.item() == pytest.approx(-(log_p_BT * WEIGHTS_BT).sum() / WEIGHTS_BT.sum(), abs=1e-5)
    plain, _ = model_of(name, smoothing=0.0).loss(TEXT_BT, WEIGHTS_BT, None, SOURCE)
    assert nats.item() == pytest.approx(plain.item(), abs=1e-6)


@pytest.mark.parametrize("tied", [False, True])
def test_smoothed_gradients_agree_with_torch(tied: bool) -> None:
    torch.manual_seed(0)
    embedding = torch.nn.Embedding(7, 4)
    head = FullHead(HeadConfig(tied=tied, smoothing=0.2), 4, embedding)
    hidden_ND, target_N = torch.randn(5, 4, requires_grad=True), torch.tensor([0, 6, 3, 3, 1])
    weights_N = torch.tensor([1.0, 2.0, 0.0, 1.0, 1.0])
    assert head.bias is not None
    of = [hidden_ND, embedding.weight if tied else head.weight, head.bias]
    found = torch.autograd.grad(head.loss(hidden_ND, target_N, weights_N), of)
    each_N = torch.nn.functional.cross_entropy(
        head(hidden_ND), target_N, reduction="none", label_smoothing=0.2
    )
    wanted = torch.autograd.grad((each_N * weights_N).sum() / weights_N.sum(), of)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)


def test_smoothing_needs_all_symbols_at_once() -> None:
    with pytest.raises(UsageError, match="smoothing=0 or softmax=full"):
        HeadConfig(softmax="adaptive", smoothing=0.1)


# Copied symbols


@pytest.mark.parametrize("name", NAMES)
def test_what_is_copied_stands_in_the_source(name: str) -> None:
    """A gate that is shut leaves the vocabulary nothing; one that is open is the model that cannot copy."""
    copying, plain = model_of(name, copy=True), model_of(name)
    plain.restore({key: a for key, a in copying.tensors().items() if "pointer" not in key})
    gate: Any = dict(copying.module().named_parameters())["body.pointer.gate_bias"]
    with torch.no_grad():
        gate.fill_(-50.0)
        p_BV = np.exp(copying.predict(copying.start(2, [ids(0, 2, 2), ids(4)])))
        gate.fill_(50.0)
        open_BV = copying.predict(copying.start(3, SOURCE))
    assert (p_BV[0, [1, 3, 4]] < 1e-6).all() and p_BV[0, [0, 2, BOUNDARY]].sum() == pytest.approx(1, abs=1e-5)
    assert (p_BV[1, [0, 1, 2, 3]] < 1e-6).all()
    np.testing.assert_allclose(open_BV, plain.predict(plain.start(3, SOURCE)), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("setting", ["shared", "copy"])
def test_one_vocabulary_is_asked_for_where_it_is_needed(name: str, setting: str) -> None:
    module = REGISTRY.load(name)
    with pytest.raises(UsageError, match=f"{setting} needs one vocabulary for source and target"):
        module.create_conditional(module.Config(**{**SMALL[name], setting: True}), 6, 7, 0)


# Without a source


@pytest.mark.parametrize("name", NAMES)
def test_without_a_source_there_is_no_such_model(name: str) -> None:
    assert name not in alone()
    with pytest.raises(UsageError, match="--target-field"):
        REGISTRY.load(name).create(REGISTRY.load(name).Config(), 5, 0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([ids(0)], "2 rows, got 1 sources"),
        ([ids(0), ids(SOURCES)], "must be 0 to 4, got 5"),
        ([ids(0), ids(-1)], "must be 0 to 4, got -1"),
    ],
)
def test_an_unfit_condition_is_refused(name: str, sources: list[Ids], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        model_of(name).start(2, sources)
    state = model_of(name).start(3, SOURCE)
    with pytest.raises(UsageError, match="read its condition already"):
        model_of(name).loss(TEXT_BT, WEIGHTS_BT, state, SOURCE)


# Sizes


@pytest.mark.parametrize("name", NAMES)
def test_larger_budgets_and_texts_get_larger_networks(name: str) -> None:
    module = REGISTRY.load(name)

    def weights(seconds: float, symbols: int) -> int:
        config, settings = module.suggest(TEXT_BT.ravel(), symbols, TARGETS, Budget(seconds=seconds))
        Config(**settings)
        model = module.create_conditional(config, TARGETS, SOURCES, 0)
        return sum(weight.numel() for weight in model.module().parameters())

    assert weights(20, 10**6) < weights(300, 10**6) < weights(3000, 10**7)
    assert weights(300, 10**4) < weights(300, 10**6)


# Through the command line


@pytest.mark.parametrize("name", NAMES)
def test_trained_from_the_command_line_and_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    pairs = tmp_path / "pairs.tsv"
    rows = [f"{one.given}\t{one.text}\n" for one in bench.strings("reverse", 60, 1, LENGTH, LETTERS)]
    pairs.write_text("".join(rows))
    out = tmp_path / "run"
    sizes = {"seq2seq": ["layers=1", "width=16", "heads=2"], "attentive": ["units=8", "embedding=4"]}[name]
    words = ["--text-field", "1", "--target-field", "2", "--model", name, "--codec", "bytes", "--out", out]
    words += ["--valid", "0.1", "--test", "none"]
    changes = [word for size in (*sizes, "model.dropout=0.1") for word in ("--set", size)]
    done = ask(capsys, "train", pairs, *words, *changes, "--budget", "6steps")
    assert done.status == 0, done.err
    assert ask(capsys, "train", pairs, *words, *changes, "--budget", "12steps", "--resume").status == 0
    run = anygram.load(out)
    assert isinstance(run.model, EncoderDecoder)
