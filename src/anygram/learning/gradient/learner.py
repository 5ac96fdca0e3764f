"""One update after another, from packed blocks with carried state.

Axes: B rows, T positions of a block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from anygram import states
from anygram.allocation import keep_freed
from anygram.data.corpus import Block, Blocks, EncodedCorpus, Position
from anygram.data.pairs import PairBlocks
from anygram.errors import TrainingStopped, UsageError
from anygram.learning.gradient import memory, optimisers, storing
from anygram.learning.gradient.adapting import Adapters, unfrozen
from anygram.learning.gradient.averaging import Average, copy
from anygram.learning.gradient.computing import Compilation, precision_of
from anygram.learning.gradient.config import Config
from anygram.learning.gradient.schedules import factor_at
from anygram.learning.gradient.sharding import Shards, shard
from anygram.learning.gradient.sweeping import Sweep
from anygram.learning.gradient.watching import Watch
from anygram.learning.group import ALONE, Group
from anygram.learning.optimiser import Optimiser
from anygram.neural.precision import Precision
from anygram.protocols import Differentiable, LanguageModel, State, Tensors

_KEPT_BLOCK, _KEPT_BLOCKS = 1 << 30, (1 << 31) - 1
"""Freed memory that the next step will ask for again: giving it back takes a twentieth of a small step."""
KEEP_EVERY = 20
"""Steps between two copies of weights known to be good: one takes about a hundredth of a step."""


class Learnable(LanguageModel, Differentiable, Protocol):
    """A language model that is learnt by gradient."""


class GradientLearner:
    """Steps of an optimiser over blocks, along one schedule over the budget."""

    usable = True
    validates = True

    def __init__(
        self,
        model: Learnable,
        config: Config,
        seed: int,
        group: Group = ALONE,
        budget: float | None = None,
    ) -> None:
        """`group` are the processes among which the rows of a block are divided.

        `budget` are the seconds that training takes; None where they do not limit it.
        """
        keep_freed(_KEPT_BLOCK, _KEPT_BLOCKS)
        self.config = config
        self._model, self._seed, self._group = model, seed, group
        module = model.module()
        group.spread(list(module.parameters()))
        if config.shard:
            shard(model, config, group)
        self._weights = unfrozen(module, config.freeze)
        self._shards = Shards(self._weights, group) if config.shard else None
        if self._shards is not None:
            self._weights = self._shards.weights
        self._adapters = Adapters(self._weights, module, config.lora, seed) if config.lora else None
        if self._adapters is not None:
            self._weights = self._adapters.adapted
        self._parameters = self._adapters.factors if self._adapters else self._weights
        self._precision = precision_of(model, self._device, config, group)
        self._compilation = Compilation(model, config, self._device, self._precision, budget)
        self._optimisers = self._new_optimisers()
        self._good = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
        self._average = Average(self._weights, config.average) if config.average else None
        self._watch = Watch(module, self._weights, config.clip)
        self._sweep = Sweep(self._parameters) if config.rate == "find" else None
        self._rate = 0.0 if config.rate == "find" else config.rate
        self._began = 0.0  # the share of the budget at which the schedule begins
        self._position, self._epochs, self._steps = Position(), 0.0, 0
        self._parts = config.accumulate
        self._states: list[State] = []
        self._watched = False
        self._messages: list[str] = []
        memory.set_checkpointing(module, config.checkpointing)
        torch.manual_seed(seed)  # dropout draws from the global generator
        group.seed(seed, self._steps)

    @property
    def patience(self) -> int:
        """Return after how many validations without improvement learning stops; 0 is never."""
        return self.config.patience

    def batches(self, corpus: EncodedCorpus) -> Iterator[Block]:
        """Yield blocks without end, from where learning last stopped; of pairs, whole documents."""
        config = self.config
        if corpus.conditions is not None:
            if self._group.size > 1:
                raise UsageError(
                    "documents with sources or labels are learnt by one process, whose batches may have one "
                    "row; start anygram without torchrun"
                )
            return PairBlocks(corpus, config.rows * config.block, self._seed).blocks(self._position)
        blocks = Blocks(corpus, config.rows, config.block, self._seed, shuffled=not config.carry)
        if (blocks.rows, blocks.block) != (self.config.rows, self.config.block):
            self._messages.append(
                f"the text has {corpus.symbols:,} symbols: a step reads {blocks.rows} rows of "
                f"{blocks.block}, not {self.config.rows} of {self.config.block}"
            )
        return blocks.blocks(self._position)

    def watch(self) -> None:
        """Look closely at the next update; not at parts of layers."""
        self._watched = self._shards is None

    def update(self, batch: Block, spent: float) -> Mapping[str, Any]:
        """Take one step; TrainingStopped where loss or gradient is not finite.

        The weights are then some that gave a finite loss, not many steps before the one that spoilt them.
        """
        rate = self._rate_at(spent)
        with self._compilation.timed():
            nats, norm, after = self._differentiate(batch)
        measured: dict[str, Any] = {
            "symbols": float(batch.weights_BT.sum()),
            "nats_per_symbol": nats,
            "rate": rate,
            "gradient_norm": norm,
        }
        if self._sweep is not None:
            self._sweep.note(rate, nats)
            if self._sweep.is_over(spent) or not math.isfinite(norm):
                self._end_sweep(self._sweep, spent)
                after = []
            else:
                self._step(rate, norm)
        else:
            measured |= self._learn(rate, nats, norm)
        self._states = after if self.config.carry else []
        self._position, self._epochs = batch.position_after, batch.epochs
        self._steps += 1
        if self._compilation.message:
            self._messages.append(self._compilation.message)
            self._compilation.message = None
        if self._messages:
            measured["message"], self._messages = "; ".join(self._messages), []
        return measured

    def finish(self) -> Mapping[str, Any]:
        """Return the number of parameters, and of those that were learnt, and the rate if it was found."""
        figures: dict[str, Any] = {"parameters": sum(p.numel() for p in self._model.module().parameters())}
        learnt = sum(parameter.numel() for parameter in self._parameters.values())
        if learnt != figures["parameters"] and self._shards is None:
            figures["learnt_parameters"] = learnt
        if self.config.rate == "find":
            figures["rate"] = self._rate
        if self._precision != Precision():
            figures["precision"] = self._precision.to_words()
        if self._compilation.seconds is not None:
            figures["compile_seconds"] = self._compilation.seconds
        return figures

    def shown(self) -> AbstractContextManager[None]:
        """Let the model be, meanwhile, what is to be asked: the average of its weights, if one is kept."""
        return nullcontext() if self._average is None else self._average.shown()

    @property
    def epochs(self) -> float:
        """Return the passes over the corpus so far."""
        return self._epochs

    def tensors(self) -> Tensors:
        """Return all that the next step depends on beside the model: it is then the same to the bit."""
        stored: Tensors = {
            "position": np.array([self._position.epoch, self._position.block, self._steps, self._parts]),
            "progress": np.array([self._epochs, self._rate, self._began]),
            **storing.put_under("generator", storing.generators_to_arrays(self._device)),
        }
        if self._shards is not None:  # parts of moments are of no use to others
            return stored
        for number, optimiser in enumerate(self._optimisers):
            stored |= storing.put_under(f"optimiser{number}", storing.moments_to_arrays(optimiser))
        if self._states and self._group.size == 1:  # of several, each process has the state of its rows
            stored |= storing.put_under("state", storing.state_to_arrays(states.concatenate(self._states)))
        for name, part in self._stateful().items():
            stored |= storing.put_under(name, part.tensors())
        return stored

    def restore(self, tensors: Tensors) -> None:
        """Continue from what `tensors` returned; RunError where it does not fit this learner."""
        if self._shards is not None:
            raise UsageError("a run with shard cannot be resumed; go on from its weights by --from")
        whole = storing.taken(tensors, "position", torch.empty(4, dtype=torch.int64)).tolist()
        epoch, block, self._steps, self._parts = whole
        self._position = Position(epoch, block)
        progress = storing.taken(tensors, "progress", torch.empty(3, dtype=torch.float64)).tolist()
        self._epochs, self._rate, self._began = progress
        if self._rate:
            self._sweep = None
        for name, part in self._stateful().items():
            part.restore(storing.taken_from(name, tensors))
        copy(self._parameters, self._good)
        for number, optimiser in enumerate(self._optimisers):
            storing.restore_moments(optimiser, storing.taken_from(f"optimiser{number}", tensors))
        if (carried := storing.taken_from("state", tensors)) and self._group.size == 1:
            like = self._model.start(len(carried["0"]))
            self._states = self._parted(storing.state_from_arrays(carried, like))
        storing.restore_generators(storing.taken_from("generator", tensors), self._device)
        self._group.seed(self._seed, self._steps)

    @property
    def _device(self) -> torch.device:
        return next(iter(self._weights.values())).device

    def _stateful(self) -> dict[str, Adapters | Average | Sweep]:
        parts = {"lora": self._adapters, "average": self._average, "sweep": self._sweep}
        return {name: part for name, part in parts.items() if part is not None}

    def _rate_at(self, spent: float) -> float:
        if self._sweep is not None:
            return self._sweep.rate_at(spent)
        share = max(0.0, spent - self._began) / (1 - self._began)
        return self._rate * factor_at(share, self.config)

    def _differentiate(self, batch: Block) -> tuple[float, float, list[State]]:
        """Return nats per symbol, the gradient's norm, and the states after of this process's rows.

        Where memory does not suffice the rows are read in more parts, from then on.
        """
        own, total = self._group.share(batch), batch.weights_BT.sum()
        while True:
            try:
                nats, after = self._accumulate(own, total)
                if self._adapters is not None:
                    self._adapters.take_gradients()
                nats, norm = self._add_up(nats)
                both = torch.stack([nats, norm]).tolist()  # one wait for an accelerator, not two
                return both[0], both[1], after
            except (RuntimeError, MemoryError) as error:
                if not memory.is_out_of_memory(error):
                    raise
            self._halve(len(own.ids_BT))  # out here nothing holds on to what the attempt had made

    def _add_up(self, nats: Tensor) -> tuple[Tensor, Tensor]:
        """Let gradients be those of all processes' rows; return their nats and the gradient's norm."""
        if self._shards is not None:
            self._shards.take_gradients()
            return self._group.add_up(nats, self._shards.everywhere), self._shards.norm()
        nats = self._group.add_up(nats, list(self._parameters.values()))
        return nats, torch.linalg.vector_norm(torch.stack(torch._foreach_norm(self._gradients())))

    def _accumulate(self, batch: Block, total: float) -> tuple[Tensor, list[State]]:
        """Leave the gradient of Σ weight · nats / total with the weights; return it, and the states after."""
        for weight in self._weights.values():
            weight.grad = None
        if self._shards is not None:
            self._shards.forget_gradients()
        parts = memory.parts_of(len(batch.ids_BT), self._parts)
        fresh = batch.first or not self._states
        before = [None] * len(parts) if fresh else self._states
        means, after = [], []
        for part, state in zip(parts, before, strict=True):
            own = batch.part(part)
            with self._precision.computing(self._device):
                mean, carried = self._model.loss(own.ids_BT, own.weights_BT, state, own.condition)
            if (share := float(own.weights_BT.sum() / total)) != 1:
                mean = mean * share
            mean.backward()  # type: ignore[no-untyped-call]
            means.append(mean.detach())
            if batch.condition is None:  # whole documents have nothing to carry on
                after.append(carried)
        return torch.stack(means).sum(), after

    def _halve(self, rows: int) -> None:
        if self._parts >= rows:
            raise TrainingStopped(
                f"one row of {self.config.block} symbols does not fit into memory at step {self._steps + 1}; "
                "the last weights are kept; shorten block or take a smaller model"
            )
        self._parts = min(rows, 2 * self._parts)
        memory.free_unused()
        if self._states:
            self._states = self._parted(states.concatenate(self._states))
        self._messages.append(
            f"{rows} rows did not fit into memory: they are read in {self._parts} parts from now on, "
            "which makes the same step"
        )

    def _parted(self, state: State) -> list[State]:
        """Return the state of each part of the rows."""
        rows_B = np.arange(states.count_rows(state))
        return [states.select(state, rows_B[part]) for part in memory.parts_of(len(rows_B), self._parts)]

    def _learn(self, rate: float, nats: float, norm: float) -> dict[str, Any]:
        """Take a step that counts; return what there was to see where this step is watched."""
        if not (math.isfinite(nats) and math.isfinite(norm)):
            self._lose(rate)
        if self._steps % KEEP_EVERY == 0:
            copy(self._parameters, self._good)
        self._watch.note(norm)
        seen = self._watch.before() if self._watched else {}
        self._step(rate, norm)
        if self._watched:
            seen |= self._watch.after()
            self._watched = False
        if self._average is not None:
            self._average.take()
        self._messages += self._watch.warnings()
        return seen

    def _lose(self, rate: float) -> None:
        copy(self._good, self._parameters)
        if self._adapters is not None:
            self._adapters.merge()
        raise TrainingStopped(
            f"the training loss is no longer finite at step {self._steps + 1} (rate {rate:.2g}); "
            f"the last good weights are kept; try --set learner.rate={self._rate / 3:.1g}, a third of it"
        )

    def _step(self, rate: float, norm: float) -> None:
        if norm > self.config.clip:
            torch._foreach_mul_(self._gradients(), self.config.clip / norm)
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate * group["factor"]
            optimiser.step()
        if self._adapters is not None:
            self._adapters.merge()

    def _end_sweep(self, sweep: Sweep, spent: float) -> None:
        sweep.undo()
        if self._adapters is not None:
            self._adapters.merge()
        self._rate, self._began, self._sweep = sweep.choose(), spent, None
        self._optimisers = self._new_optimisers()
        self._messages.append(f"rate={self._rate:.2g}, found in {len(sweep.rates)} steps")

    def _new_optimisers(self) -> list[Optimiser]:
        return optimisers.create(self._parameters, self.config, self._model.module(), self._precision.steps)

    def _gradients(self) -> list[Tensor]:
        return [parameter.grad for parameter in self._parameters.values() if parameter.grad is not None]
