"""Reading a block with one cell, step by step: compiled with its gradient by hand, or left to autograd.

A cell adds two parts, W x_t + b of what it reads, one product for all steps before the loop, and
U h_{t−1}, one product a step. So does the gradient: one product with U a step, and after the loop
one for U itself. Axes: B rows, T positions, H units, G pre-activations, N = T × B.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from anygram.neural.products import ready, ready_transposed

Carried = tuple[Tensor, ...]
"""What a layer carries from step to step, each of axes BH; the output h comes first."""
Clears = Sequence[Tensor | None]
"""For each position the rows that forget all before it is read, as a column, or None where none does."""


class Cell(nn.Module, ABC):
    """One step of a recurrent layer, whose matrices it does not hold.

    `step` says what it does. `compiled` and `compiled_gradient` are the same for one step on float32
    arrays, where a cell has them:

        compiled(input_BG, product_BG, *before, *after)
            writes `after`, and over input_BG what the gradient needs
        compiled_gradient(kept_BG, product_BG, *before, *after, *gradients, product_BH, output_BH)
            kept_BG is what the step left there, and gets the gradient of the input part; product_BG gets
            that of the other part where `apart`. `gradients`, one for each carried vector, are the ones
            of `after` that came straight, not through the product, from the step behind; they get those
            of `before`. product_BH came through the product, output_BH from outside: h's is the sum.
    """

    blocks: int
    """How many blocks of H pre-activations the input, and h_{t−1} too, is projected to."""
    carries: int = 1
    """How many vectors are carried from step to step."""
    apart: bool = False
    """Whether the two parts have gradients that differ: then the product is kept for it."""
    compiled: Callable[..., None] | None = None
    compiled_gradient: Callable[..., None] | None = None

    def input_part(self, input_TBI: Tensor, layer: nn.Linear) -> Tensor:
        """Return W x_t + b of all steps, given the layer that holds W and b."""
        input_TBG: Tensor = layer(input_TBI)
        return input_TBG

    @abstractmethod
    def step(self, input_BG: Tensor, product_BG: Tensor, carried: Carried) -> Carried:
        """Return what is carried on, given W x_t + b and U h_{t−1}."""

    def initial_bias(self, bias_GH: Tensor) -> None:
        """Set the biases before training."""
        nn.init.zeros_(bias_GH)

    def initial_recurrent(self, weight_GH: Tensor) -> None:
        """Set U before training: orthogonal blocks keep the length of what is carried (Saxe et al. 2014)."""
        for block_HH in weight_GH.chunk(self.blocks):
            nn.init.orthogonal_(block_HH)


def read(
    cell: Cell,
    input_TBG: Tensor,
    weight_GH: Tensor,
    carried: Carried,
    clears: Clears,
    lengths_B: Tensor | None,
) -> tuple[Tensor, Carried]:
    """Return h after each position as hidden_TBH, and what is carried after each row's end (no gradient).

    input_TBG, fresh from a product, is overwritten.
    """
    compiled = cell.compiled is not None and input_TBG.device.type == "cpu"
    if compiled and input_TBG.dtype == weight_GH.dtype == torch.float32:
        hidden_TBH, *after = _Compiled.apply(input_TBG, weight_GH, cell, carried, clears, lengths_B)  # type: ignore[no-untyped-call]
        return hidden_TBH, tuple(after)
    return _read_by_autograd(cell, input_TBG, weight_GH, carried, clears, lengths_B)


class _Compiled(torch.autograd.Function):
    """All steps of a cell that is compiled; a buffer holds what is carried at first and after each step."""

    @staticmethod
    def forward(
        ctx: Any,
        input_TBG: Tensor,
        weight_GH: Tensor,
        cell: Cell,
        carried: Carried,
        clears: Clears,
        lengths_B: Tensor | None,
    ) -> tuple[Tensor, ...]:
        steps, rows, _ = input_TBG.shape
        buffers = [vector_BH.new_empty(steps + 1, *vector_BH.shape) for vector_BH in carried]
        for buffer, vector_BH in zip(buffers, carried, strict=True):
            buffer[0] = vector_BH
        project = ready(weight_GH, rows, steps)
        kept = input_TBG.contiguous()
        products = _run(cell, kept, buffers, project, clears)
        ctx.cell, ctx.clears, ctx.buffers, ctx.products = cell, clears, buffers, products
        ctx.kept, ctx.weight_GH = kept, weight_GH
        ctx.set_materialize_grads(False)
        after = [at_ends(buffer, lengths_B) for buffer in buffers]
        ctx.mark_non_differentiable(*after)
        return buffers[0][1:], *after

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        output_TBH = gradients[0]
        if output_TBH is None:
            return None, None, None, None, None, None
        if ctx.kept is None:
            raise RuntimeError("the gradient of a recurrent block was taken twice; run the block again")
        input_TBG, product_TBG = _run_back(ctx, output_TBH.contiguous())
        ctx.kept = None  # overwritten
        read_TBH = ctx.buffers[0][:-1]
        if any(cleared_B1 is not None for cleared_B1 in ctx.clears):
            read_TBH = torch.stack([_cleared((h,), c)[0] for h, c in zip(read_TBH, ctx.clears, strict=True)])
        weight_GH = product_TBG.flatten(0, 1).T @ read_TBH.flatten(0, 1)
        return input_TBG, weight_GH, None, None, None, None


def _run(
    cell: Cell, input_TBG: Tensor, buffers: list[Tensor], project: Callable[[Tensor], Tensor], clears: Clears
) -> list[Tensor]:
    """Take all steps; return the products with U where the cell wants them kept."""
    assert cell.compiled is not None
    vectors = list(zip(*(buffer.unbind() for buffer in buffers), strict=True))
    arrays = list(zip(*(buffer.numpy() for buffer in buffers), strict=True))
    products = []
    for t, input_BG in enumerate(input_TBG.detach().numpy()):
        before, before_arrays = vectors[t], arrays[t]
        cleared_B1 = clears[t]
        if cleared_B1 is not None:
            before = _cleared(before, cleared_B1)
            before_arrays = tuple(vector_BH.numpy() for vector_BH in before)
        product_BG = project(before[0])
        cell.compiled(input_BG, product_BG.numpy(), *before_arrays, *arrays[t + 1])
        if cell.apart:
            products.append(product_BG)
    return products


def _run_back(ctx: Any, output_TBH: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of the input part and of the product, given that of the output."""
    cell, kept_TBG, clears = ctx.cell, ctx.kept, ctx.clears
    steps, rows, _ = kept_TBG.shape
    project = ready_transposed(ctx.weight_GH, rows, steps)
    product_TBG = torch.stack(ctx.products) if cell.apart else kept_TBG
    vectors = list(zip(*(buffer.unbind() for buffer in ctx.buffers), strict=True))
    arrays = list(zip(*(buffer.numpy() for buffer in ctx.buffers), strict=True))
    kept, products, outputs = kept_TBG.numpy(), product_TBG.numpy(), output_TBH.numpy()
    straight = tuple(torch.zeros_like(vector_BH) for vector_BH in vectors[0])
    straight_arrays = [vector_BH.numpy() for vector_BH in straight]
    through_BH = torch.zeros_like(straight[0])
    for t in range(steps - 1, -1, -1):
        cleared_B1, before = clears[t], arrays[t]
        if cleared_B1 is not None:
            before = tuple(vector_BH.numpy() for vector_BH in _cleared(vectors[t], cleared_B1))
        cell.compiled_gradient(
            kept[t], products[t], *before, *arrays[t + 1], *straight_arrays, through_BH.numpy(), outputs[t]
        )
        if t:  # nothing goes on to the block before
            through_BH = project(product_TBG[t])
        if cleared_B1 is not None:
            for vector_BH in (*straight, through_BH):
                vector_BH.masked_fill_(cleared_B1, 0.0)
    return kept_TBG, product_TBG


def _read_by_autograd(
    cell: Cell,
    input_TBG: Tensor,
    weight_GH: Tensor,
    carried: Carried,
    clears: Clears,
    lengths_B: Tensor | None,
) -> tuple[Tensor, Carried]:
    """Return what `read` does, from the cell's own steps."""
    heard: list[Tensor] = []
    zeros_TBG = _ProductGradient.apply(torch.zeros_like(input_TBG), weight_GH, heard)  # type: ignore[no-untyped-call]
    weight_HG = weight_GH.detach().T
    every = [carried]
    for input_BG, zeros_BG, cleared_B1 in zip(input_TBG.unbind(), zeros_TBG.unbind(), clears, strict=True):
        before = _cleared(every[-1], cleared_B1)
        heard.append(before[0].detach())
        every.append(cell.step(input_BG, torch.addmm(zeros_BG, before[0], weight_HG), before))
    buffers = [torch.stack([vectors[index] for vectors in every]) for index in range(cell.carries)]
    return buffers[0][1:], tuple(at_ends(buffer.detach(), lengths_B) for buffer in buffers)


class _ProductGradient(torch.autograd.Function):
    """The identity on what is added to each product U h_{t−1}; its backward gives U's gradient.

    With δ_t the product's gradient U's is Σ_t δ_t h_{t−1}ᵀ: one product here, where autograd would
    add T of them one by one.
    """

    @staticmethod
    def forward(ctx: Any, zeros_TBG: Tensor, weight_GH: Tensor, heard: list[Tensor]) -> Tensor:
        ctx.heard = heard  # filled by the loop, after this
        return zeros_TBG.view_as(zeros_TBG)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None]:
        return None, gradients[0].flatten(0, 1).T @ torch.cat(ctx.heard), None


def _cleared(carried: Carried, cleared_B1: Tensor | None) -> Carried:
    if cleared_B1 is None:
        return carried
    return tuple(vector_BH.masked_fill(cleared_B1, 0.0) for vector_BH in carried)


def at_ends(buffer: Tensor, lengths_B: Tensor | None) -> Tensor:
    """Return of axes (T+1) B H what stands at each row's end, as BH."""
    if lengths_B is None:
        return buffer[-1].clone()
    return buffer[lengths_B, torch.arange(len(lengths_B), device=buffer.device)]
