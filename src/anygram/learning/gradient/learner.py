"""One update after another, from packed blocks with carried state.

Axes: B rows, T positions of a block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from anygram.data.corpus import Block, Blocks, EncodedCorpus, Position
from anygram.errors import TrainingStopped
from anygram.learning.gradient import optimisers
from anygram.learning.gradient.config import Config
from anygram.learning.gradient.schedules import factor_at
from anygram.protocols import Differentiable, State, Tensors


class GradientLearner:
    """AdamW (Loshchilov & Hutter 2019) over blocks; matrices decay, vectors do not."""

    usable = True
    validates = True

    def __init__(self, model: Differentiable, config: Config, seed: int) -> None:
        self.config = config
        self._model = model
        self._seed = seed
        self._module = model.module()
        self._optimiser = optimisers.create([p for p in self._module.parameters() if p.requires_grad], config)
        self._parameters = list(self._module.parameters())
        self._good = [parameter.detach().clone() for parameter in self._parameters]
        self._position = Position()
        self._epochs = 0.0
        self._state: State | None = None
        torch.manual_seed(seed)  # dropout draws from the global generator

    def batches(self, corpus: EncodedCorpus) -> Iterator[Block]:
        """Yield blocks without end, from where learning last stopped."""
        blocks = Blocks(corpus, self.config.rows, self.config.block, self._seed)
        return blocks.blocks(self._position)

    def update(self, batch: Block, spent: float) -> Mapping[str, float]:
        """Take one step; TrainingStopped where loss or gradient is not finite.

        The weights are then those that last gave a finite loss, before the step that spoilt them.
        """
        rate = self.config.rate * factor_at(spent, self.config)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        nats, state = self._model.loss(batch.ids_BT, batch.weights_BT, None if batch.first else self._state)
        nats.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self._module.parameters(), self.config.clip)
        nats_per_symbol, gradient_norm = nats.item(), norm.item()
        if not (math.isfinite(nats_per_symbol) and math.isfinite(gradient_norm)):
            _copy(self._good, self._parameters)
            raise TrainingStopped(
                f"the training loss is no longer finite (rate {rate:.2g}); the last good weights are kept; "
                "try --set rate=... a third of it"
            )
        _copy(self._parameters, self._good)
        self._optimiser.step()
        self._state, self._position, self._epochs = state, batch.position_after, batch.epochs
        return {
            "symbols": float(batch.weights_BT.sum()),
            "nats_per_symbol": nats_per_symbol,
            "rate": rate,
            "gradient_norm": gradient_norm,
        }

    def finish(self) -> Mapping[str, Any]:
        """Return the number of parameters; nothing is left to complete."""
        return {"parameters": sum(parameter.numel() for parameter in self._module.parameters())}

    @property
    def epochs(self) -> float:
        """Return the passes over the corpus so far."""
        return self._epochs

    def tensors(self) -> Tensors:
        """Return position, optimiser moments and the generator of dropout.

        The carried state is left out: a resumed run begins its first block at a document's start.
        """
        stored: Tensors = {
            "position": np.array([self._position.epoch, self._position.block], dtype=np.int64),
            "epochs": np.array(self._epochs),
            "generator": torch.get_rng_state().numpy(),
        }
        for index, moments in self._optimiser.state_dict()["state"].items():
            for name, value in moments.items():
                stored[f"optimiser.{index}.{name}"] = value.detach().cpu().numpy()
        return stored

    def restore(self, tensors: Tensors) -> None:
        """Continue from what `tensors` returned."""
        epoch, block = (int(number) for number in tensors["position"])
        self._position, self._epochs = Position(epoch, block), float(tensors["epochs"])
        torch.set_rng_state(torch.from_numpy(tensors["generator"].copy()))
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, array in tensors.items():
            if name.startswith("optimiser."):
                _, index, moment = name.split(".")
                moments.setdefault(int(index), {})[moment] = torch.from_numpy(array.copy())
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": moments, "param_groups": groups})


@torch.no_grad()
def _copy(source: Sequence[torch.Tensor], target: Sequence[torch.Tensor]) -> None:
    for one, other in zip(source, target, strict=True):
        other.copy_(one)
