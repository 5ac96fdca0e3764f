"""Recurrent blocks by compiled steps against the same cells stepped by autograd.

Axes: B rows, T positions, I inputs, H units, G pre-activations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from anygram.models.gated import CoupledCell, FreeCell
from anygram.models.gru import GruCell
from anygram.models.lstm import LstmCell
from anygram.models.rnn import RnnCell
from anygram.neural import products, recurrence
from anygram.neural.recurrence import Cell

CELLS: dict[str, Callable[[], Cell]] = {
    "tanh": lambda: RnnCell("tanh"),
    "logistic": lambda: RnnCell("logistic"),
    "relu": lambda: RnnCell("relu"),
    "lstm": lambda: LstmCell(1.0),
    "gru": GruCell,
    "coupled": lambda: CoupledCell(1.0),
    "free": lambda: FreeCell(1.0),
}


@dataclass(frozen=True)
class Block:
    """What a layer reads: how much, which rows forget before which position, where rows end."""

    rows: int
    units: int
    clears_TB: list[list[bool]]
    lengths: list[int] | None
    seed: int


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    rows, steps = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    rare = st.sampled_from([False, False, False, True])
    clears_TB = draw(st.lists(st.lists(rare, min_size=rows, max_size=rows), min_size=steps, max_size=steps))
    lengths = draw(st.none() | st.lists(st.integers(0, steps), min_size=rows, max_size=rows))
    return Block(rows, draw(st.integers(1, 20)), clears_TB, lengths, draw(st.integers(0, 1000)))


def run(cell: Cell, block: Block, dtype: torch.dtype) -> list[Tensor]:
    """Return outputs, what is carried after, and the gradients of both parts' weights and inputs."""
    generator = torch.Generator().manual_seed(block.seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(dtype)

    steps, size = len(block.clears_TB), cell.blocks * block.units
    input_TBG = draw(steps, block.rows, size).requires_grad_()
    weight_GH = draw(size, block.units).mul_(0.5).requires_grad_()
    carried = tuple(draw(block.rows, block.units) for _ in range(cell.carries))
    clears = [torch.tensor(row)[:, None] if any(row) else None for row in block.clears_TB]
    lengths_B = None if block.lengths is None else torch.tensor(block.lengths)
    # +0: what is read is overwritten
    hidden_TBH, after = recurrence.read(cell, input_TBG + 0, weight_GH, carried, clears, lengths_B)
    hidden_TBH.backward(draw(*hidden_TBH.shape))  # type: ignore[no-untyped-call]
    assert input_TBG.grad is not None and weight_GH.grad is not None
    assert not any(vector.requires_grad for vector in after)
    return [hidden_TBH.detach(), *after, input_TBG.grad, weight_GH.grad]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_compiled_steps_and_gradients_agree_with_autograd(
    name: str, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for threshold in ("_WORTH_PACKING", "_WORTH_TRANSPOSING"):
        monkeypatch.setattr(products, threshold, 0 if packed else 1000)
    cell = CELLS[name]()

    @given(blocks())
    def agree(block: Block) -> None:
        slow = run(cell, block, torch.float64)
        for one, other in zip(run(cell, block, torch.float32), slow, strict=True):
            assert one.dtype == torch.float32
            torch.testing.assert_close(one, other.float(), atol=2e-5, rtol=2e-5)

    agree()


@pytest.mark.parametrize("name", CELLS)
def test_what_is_no_number_stays_so(name: str) -> None:
    cell = CELLS[name]()
    input_TBG = torch.full((1, 1, cell.blocks * 3), torch.nan)
    weight_GH = torch.zeros(cell.blocks * 3, 3)
    zeros = (torch.zeros(1, 3),) * cell.carries
    assert recurrence.read(cell, input_TBG, weight_GH, zeros, [None], None)[0].isnan().all()


@pytest.mark.parametrize("size", [1e-4, 1.0, 50.0, 1e4])
def test_compiled_activations_are_exact_near_and_far(size: float) -> None:
    for name, activation in (("tanh", torch.tanh), ("logistic", torch.sigmoid)):
        input_TBG = torch.linspace(-size, size, 1001)[None, None]
        expected = activation(input_TBG)
        zeros = (torch.zeros(1, 1001),)
        found, _ = recurrence.read(RnnCell(name), input_TBG, torch.zeros(1001, 1001), zeros, [None], None)
        torch.testing.assert_close(found, expected, atol=2e-7, rtol=0)


def test_a_gradient_is_taken_once() -> None:
    weight_GH = torch.zeros(3, 3, requires_grad=True)
    hidden_TBH, _ = recurrence.read(
        RnnCell("tanh"), torch.zeros(2, 1, 3), weight_GH, (torch.zeros(1, 3),), [None] * 2, None
    )
    hidden_TBH.sum().backward(retain_graph=True)  # type: ignore[no-untyped-call]
    with pytest.raises(RuntimeError, match="twice; run the block again"):
        hidden_TBH.sum().backward()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(1, 1, 1), (3, 70, 5), (2, 5, 200)])
@pytest.mark.parametrize("times", [1, 1000])
def test_a_product_made_ready_is_the_product(rows: int, inputs: int, outputs: int, times: int) -> None:
    weight_OI, x_BI, y_BO = (
        torch.randn(outputs, inputs),
        torch.randn(rows, inputs),
        torch.randn(rows, outputs),
    )
    torch.testing.assert_close(products.ready(weight_OI, rows, times)(x_BI), x_BI @ weight_OI.T)
    torch.testing.assert_close(products.ready_transposed(weight_OI, rows, times)(y_BO), y_BO @ weight_OI)
