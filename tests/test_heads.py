"""Heads: the fused loss is the plain one, both softmaxes are normalised, tied weights are shared.

Axes: N positions, D hidden width, V vocabulary.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from anygram.errors import UsageError
from anygram.models import REGISTRY, alone
from anygram.neural import softmax
from anygram.neural.adaptive import cluster_ends, covered, head_of, suggest_softmax
from anygram.neural.heads import Head, HeadConfig
from tests.networks import VOCABULARY, network, text


@pytest.fixture(autouse=True)
def _fused_however_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the plain path, which few logits take, to the test that asks for it."""
    monkeypatch.setattr(softmax, "_FEW_LOGITS", 0)


CONFIGS = [
    HeadConfig(),
    HeadConfig(bias=False),
    HeadConfig(tied=True),
    HeadConfig(tied=True, bias=False, gain=1.0),
    HeadConfig(softmax="adaptive"),
    HeadConfig(softmax="adaptive", bias=False),
]


def _head(config: HeadConfig, vocabulary_size: int, width: int = 6, inner: int = 6) -> Head:
    """Return a head in double precision with wide random weights."""
    embedding = torch.nn.Embedding(vocabulary_size, inner)
    head = head_of(config, width, embedding).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in (*head.parameters(), embedding.double().weight):
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return head


def _weights(head: Head) -> list[Tensor]:
    """Return all weights, the embedding's too where they are shared."""
    shared = getattr(head, "_embedding", None)
    return [*head.parameters(), *(shared[0].parameters() if shared else [])]


def _given(vocabulary_size: int, positions: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return hidden_ND, target_N and weights_N, some of them 0."""
    generator = torch.Generator().manual_seed(seed)
    hidden_ND = torch.randn(positions, 6, generator=generator, dtype=torch.float64)
    target_N = torch.randint(vocabulary_size, (positions,), generator=generator)
    weights_N = torch.rand(positions, generator=generator, dtype=torch.float64)
    return hidden_ND, target_N, weights_N * (torch.rand(positions, generator=generator) < 0.7)


@given(
    config=st.sampled_from(CONFIGS),
    vocabulary_size=st.sampled_from([1, 2, 5, 30, 130]),
    positions=st.sampled_from([0, 1, 7, 40]),
    inner=st.sampled_from([4, 6]),
    learns=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_fused_loss_is_its_twin(
    config: HeadConfig, vocabulary_size: int, positions: int, inner: int, learns: bool, seed: int
) -> None:
    """The loss, and every gradient, summed over two steps and scaled, whether or not the vectors learn."""
    head = _head(config, vocabulary_size, inner=inner)
    found = []
    for fused in (True, False):
        head.fused = fused
        total = torch.zeros((), dtype=torch.float64)
        vectors = []
        for step in (0, 1):
            hidden_ND, target_N, weights_N = _given(vocabulary_size, positions, seed + step)
            vectors.append(hidden_ND.requires_grad_(learns))
            nats = head.loss(hidden_ND, target_N, weights_N)
            (nats * (1 + step)).backward()  # type: ignore[no-untyped-call]
            total = total + nats.detach()
        wanted = [*_weights(head), *(vectors if learns else [])]
        gradients = [torch.zeros_like(one) if one.grad is None else one.grad.clone() for one in wanted]
        found.append([total, *gradients])
        for one in wanted:
            one.grad = None
    for mine, twin in zip(*found, strict=True):
        torch.testing.assert_close(mine, twin, atol=1e-10, rtol=1e-10)


@given(config=st.sampled_from(CONFIGS), rows=st.sampled_from([1, 3, 256]), seed=st.integers(0, 99))
def test_chunks_change_nothing(config: HeadConfig, rows: int, seed: int) -> None:
    head = _head(config, 30)
    hidden_ND, target_N, weights_N = _given(30, 20, seed)
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        expected = head.loss(hidden_ND, target_N, weights_N), *head.judge(hidden_ND, target_N, ranked=True)
        patch.setattr(softmax, "_MOST_LOGITS", rows * 30)
        patch.setattr(softmax, "_IN_CACHE", 70)
        again = head.loss(hidden_ND, target_N, weights_N), *head.judge(hidden_ND, target_N, ranked=True)
    for mine, theirs in zip(again, expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("vocabulary_size", [1, 2, 5, 30, 1000])
def test_every_softmax_is_normalised(config: HeadConfig, vocabulary_size: int) -> None:
    log_p_NV = _head(config, vocabulary_size).log_p(_given(vocabulary_size, 50, 0)[0])
    assert log_p_NV.shape == (50, vocabulary_size)
    total_N = log_p_NV.exp().sum(1)
    torch.testing.assert_close(total_N, torch.ones_like(total_N), atol=1e-12, rtol=0)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("ranked", [True, False])
def test_judging_is_looking_up(config: HeadConfig, ranked: bool) -> None:
    head = _head(config, 130)
    hidden_ND, target_N, _ = _given(130, 300, 1)
    log_p_NV = head.log_p(hidden_ND)
    own_N1 = log_p_NV.gather(1, target_N[:, None])
    with torch.no_grad():
        log_p_N, rank_N = head.judge(hidden_ND, target_N, ranked)
    torch.testing.assert_close(log_p_N, own_N1[:, 0].detach(), atol=1e-10, rtol=0)
    expected_N = (log_p_NV > own_N1 + 1e-12).sum(1) if ranked else torch.zeros_like(target_N)
    torch.testing.assert_close(rank_N, expected_N)


@pytest.mark.parametrize("symbols", [7, 2 * softmax._IN_CACHE // 3])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_equal_symbols_rank_by_id(symbols: int, kind: torch.dtype) -> None:
    logits_nV = torch.zeros(3, symbols, dtype=kind)
    logits_nV[1, -1], logits_nV[2, 0] = 1.0, -1.0
    target_n1 = torch.tensor([[4], [4], [4]])
    assert softmax.count_ahead(logits_nV, target_n1).tolist() == [4, 5, 3]


def test_ranks_counted_at_once_are_those_counted_in_parts() -> None:
    generator = torch.Generator().manual_seed(0)
    logits_nV = torch.randint(-9, 9, (70, 331), generator=generator) / 3  # many are equal
    logits_nV[5, 7] = math.nan
    logits_nV[6, :] = math.nan
    target_n1 = torch.randint(331, (70, 1), generator=generator)
    torch.testing.assert_close(
        softmax.count_ahead(logits_nV, target_n1), softmax.count_ahead(logits_nV.double(), target_n1)
    )


# The adaptive softmax


def test_the_adaptive_softmax_is_the_product_of_its_parts() -> None:
    """P(v | h) written out, one symbol at a time."""
    size = 60
    head = _head(HeadConfig(softmax="adaptive"), size)
    hidden_ND = _given(size, 4, 2)[0]
    w = {name: array.numpy() for name, array in head.state_dict().items()}
    assert cluster_ends(size) == [2, 12, 59]

    def normalised(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        share: np.ndarray[Any, Any] = np.exp(logits) / np.exp(logits).sum()
        return share

    log_p_NV = head.log_p(hidden_ND).detach().numpy()
    for row, h in enumerate(hidden_ND.numpy()):
        root = normalised(w["root.weight"] @ h + w["root.bias"])  # two symbols, the boundary, two clusters
        expected = {0: root[0], 1: root[1], 59: root[2]}
        for cluster, (begin, end) in enumerate([(2, 12), (12, 59)]):
            name = f"clusters.{cluster}"
            inner = w[f"{name}.project.weight"] @ h
            own = normalised(w[f"{name}.output.weight"] @ inner + w[f"{name}.output.bias"])
            expected |= {v: root[3 + cluster] * own[v - begin] for v in range(begin, end)}
        for v in range(size):
            assert log_p_NV[row, v] == pytest.approx(math.log(expected[v]), abs=1e-10)


def test_the_adaptive_softmax_agrees_with_torch() -> None:
    size, width = 60, 16
    head = head_of(HeadConfig(softmax="adaptive", bias=False), width, torch.nn.Embedding(size, 3))
    oracle = torch.nn.AdaptiveLogSoftmaxWithLoss(width, size, [3, 13], div_value=4.0)
    own = dict(head.named_parameters())
    oracle.head.weight = own["root.weight"]
    for cluster, tail in enumerate(oracle.tail):
        tail[0].weight = own[f"clusters.{cluster}.project.weight"]  # type: ignore[index]
        tail[1].weight = own[f"clusters.{cluster}.output.weight"]  # type: ignore[index]
    hidden_ND = torch.randn(20, width, generator=torch.Generator().manual_seed(0))
    in_theirs_V = torch.tensor([0, 1, *range(3, size), 2])  # torch keeps ids in order: the boundary is third
    torch.testing.assert_close(head.log_p(hidden_ND), oracle.log_prob(hidden_ND)[:, in_theirs_V])


@given(vocabulary_size=st.integers(1, 100_000))
def test_clusters_part_all_symbols_but_the_boundary(vocabulary_size: int) -> None:
    ends = cluster_ends(vocabulary_size)
    assert ends == sorted(set(ends))
    assert ends[-1] == vocabulary_size - 1


def test_the_softmax_is_suggested_by_size_and_order() -> None:
    size = 50_000
    share_V = 1 / np.arange(1.0, size)
    ids_N = np.random.default_rng(0).choice(size - 1, 20_000, p=share_V / share_V.sum()).astype(np.int32)
    assert covered(np.append(ids_N, size - 1), size) > 0.7
    assert suggest_softmax(ids_N, size) == "adaptive"
    assert suggest_softmax(size - 2 - ids_N, size) == "full"  # the frequent ones last
    assert suggest_softmax(ids_N % 999, 1000) == "full"
    assert suggest_softmax(ids_N[:0], size) == "full"


# Tied weights


NAMES = [name for name in alone() if hasattr(REGISTRY.load(name).Config, "tied")]


@pytest.mark.parametrize("name", NAMES)
def test_tied_gradients_are_the_sum_of_both(name: str) -> None:
    """The embedding's gradient is that of the same network, not tied, with equal weights, for both uses."""
    fields = REGISTRY.load(name).Config.__dataclass_fields__
    small = {"width": 8, "heads": 2, "units": 6, "embedding": 5}
    sizes = {field: size for field, size in small.items() if field in fields}
    tied, apart = (network(name, {**sizes, "tied": one}) for one in (True, False))
    own = tied.tensors()
    inner = own["body.embedding.weight"]
    project = own.pop("head.project.weight", np.eye(inner.shape[1], dtype=np.float32))
    gain = inner.shape[1] ** -0.5
    apart.restore({**own, "head.weight": gain * inner @ project})
    ids_BT, ones_BT = text(3, 8), np.ones((3, 8), dtype=np.float32)
    nats = [model.loss(ids_BT, ones_BT)[0] for model in (tied, apart)]
    assert nats[0].item() == pytest.approx(nats[1].item(), abs=1e-5)
    for one in nats:
        one.backward()  # type: ignore[no-untyped-call]
    mine, theirs = (dict(model.module().named_parameters()) for model in (tied, apart))
    read, said = theirs["body.embedding.weight"].grad, theirs["head.weight"].grad
    assert read is not None and said is not None
    both = read + gain * said @ torch.from_numpy(project).T
    torch.testing.assert_close(mine["body.embedding.weight"].grad, both, atol=1e-5, rtol=1e-4)


def test_tied_weights_are_stored_once() -> None:
    model = network("lstm", {"units": 6, "embedding": 4, "tied": True})
    assert {name for name in model.tensors() if name.startswith("head")} == {
        "head.bias",
        "head.project.weight",
    }
    same = network("nnlm", {"order": 2, "units": 6, "embedding": 6, "direct": False, "tied": True})
    assert {name for name in same.tensors() if name.startswith("head")} == {"head.bias"}


@pytest.mark.parametrize("name", NAMES)
def test_tied_and_adaptive_do_not_go_together(name: str) -> None:
    with pytest.raises(UsageError, match=r"tied=true shares whole rows.*softmax=full"):
        REGISTRY.load(name).Config(tied=True, softmax="adaptive")
    with pytest.raises(UsageError, match="softmax must be one of full, adaptive, got 'ful'"):
        REGISTRY.load(name).Config(softmax="ful")


# What the fused loss is for


@pytest.mark.parametrize("config", [HeadConfig(zero=True), HeadConfig(softmax="adaptive", zero=True)])
def test_zero_weights_know_nothing(config: HeadConfig) -> None:
    log_p_NV = head_of(config, 6, torch.nn.Embedding(5, 3)).log_p(torch.randn(4, 6))
    assert bool((log_p_NV == log_p_NV[:1]).all())


class _Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes how many numbers the largest tensor holds that is made."""

    most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        sizes = [one.numel() for one in tree_leaves(made) if isinstance(one, Tensor)]
        self.most = max([self.most, *sizes])
        return made


@pytest.mark.parametrize("config", [CONFIGS[0], CONFIGS[4]])
def test_the_loss_holds_few_logits(config: HeadConfig) -> None:
    positions, size = 1024, 5000
    head = head_of(config, 6, torch.nn.Embedding(size, 1))
    hidden_ND = torch.randn(positions, 6, requires_grad=True)
    target_N, ones_N = torch.randint(size, (positions,)), torch.ones(positions)
    for fused, most in ((True, softmax.rows_at_once(size) * size), (False, positions * size)):
        head.fused = fused
        with _Largest() as seen:  # type: ignore[no-untyped-call]
            head.loss(hidden_ND, target_N, ones_N).backward()  # type: ignore[no-untyped-call]
        assert seen.most <= most if fused else seen.most == most


def test_half_precision_products_come_close() -> None:
    head = head_of(HeadConfig(), 16, torch.nn.Embedding(50, 1))
    target_N, ones_N = torch.randint(50, (30,)), torch.ones(30)
    found = []
    for half in (True, False):
        hidden_ND = torch.randn(30, 16, generator=torch.Generator().manual_seed(0)).requires_grad_()
        head.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            nats = head.loss(hidden_ND, target_N, ones_N)
        nats.backward()  # type: ignore[no-untyped-call]
        assert nats.dtype == torch.float32
        found.append([nats.detach(), hidden_ND.grad, *(parameter.grad for parameter in head.parameters())])
    for mine, theirs in zip(*found, strict=True):
        assert mine is not None and theirs is not None and mine.dtype == theirs.dtype
        torch.testing.assert_close(mine, theirs, atol=2e-2 * float(theirs.abs().max()), rtol=0)


@pytest.mark.parametrize("config", [CONFIGS[0], CONFIGS[2], CONFIGS[4]])
def test_the_twin_gives_gradients_by_sample(config: HeadConfig) -> None:
    head = _head(config, VOCABULARY)
    head.fused = False
    hidden_ND, target_N, _ = _given(VOCABULARY, 4, 3)
    ones_N1 = torch.ones(4, 1, dtype=torch.float64)
    weights = {name: parameter.detach() for name, parameter in head.named_parameters()}

    def nats(own: dict[str, Tensor], hidden_D: Tensor, target: Tensor, ones_1: Tensor) -> Tensor:
        logits_1V = torch.func.functional_call(head, own, (hidden_D[None],))
        return (torch.nn.functional.cross_entropy(logits_1V, target[None], reduction="none") * ones_1).sum()

    gradients = torch.func.vmap(torch.func.grad(nats), (None, 0, 0, 0))(weights, hidden_ND, target_N, ones_N1)
    head.fused = True
    for sample in range(4):
        head.zero_grad()
        head.loss(hidden_ND[[sample]], target_N[[sample]], ones_N1[sample]).backward()  # type: ignore[no-untyped-call]
        for name, parameter in head.named_parameters():
            torch.testing.assert_close(gradients[name][sample], parameter.grad)


@given(config=st.sampled_from(CONFIGS), seed=st.integers(0, 99))
def test_few_logits_take_the_plain_path_to_the_same_loss(config: HeadConfig, seed: int) -> None:
    found = []
    for few in (0, 20 * 30):
        head = _head(config, 30)
        hidden_ND, target_N, weights_N = _given(30, 20, seed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(softmax, "_FEW_LOGITS", few)
            nats = head.loss(hidden_ND.requires_grad_(), target_N, weights_N)
        nats.backward()  # type: ignore[no-untyped-call]
        found.append([nats.detach(), hidden_ND.grad, *(weights.grad for weights in _weights(head))])
    for fused, plain in zip(*found, strict=True):
        torch.testing.assert_close(fused, plain, atol=1e-10, rtol=1e-10)


def test_a_models_loss_can_be_unfused() -> None:
    model = network("gru", {"units": 6, "embedding": 4})
    ids_BT, ones_BT = text(2, 5), np.ones((2, 5), dtype=np.float32)
    assert model.fused
    fused = model.loss(ids_BT, ones_BT)[0].item()
    model.fused = False
    assert model.loss(ids_BT, ones_BT)[0].item() == pytest.approx(fused, abs=1e-6)
