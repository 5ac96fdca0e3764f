"""The settings of learning by gradient."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from anygram.errors import UsageError


@dataclass(frozen=True)
class Config:
    """How much a step reads, how fast it learns, and what it learns.

    A step reads `rows` x `block` symbols, in `accumulate` parts one after another where they do not fit into
    memory at once; `checkpointing` computes layers a second time instead of remembering what is in them.
    `rate` is the highest learning rate ("find" looks for one), `warmup` the share of the budget in which it
    is reached, `schedule` how it falls then, to `final_rate` of it; `decay_share` is the end of the budget in
    which `wsd` falls. `optimiser` says whether matrices of hidden layers learn by Muon, with its `momentum`;
    `embedding_rate` and `head_rate` are those of embedding and head in multiples of `rate`. `carry` lets a
    block see what its row read before; without it each begins at a document's start. `decay` is that of the
    weights, `clip` the largest norm of a gradient. `average` is the decay of a moving average of the weights,
    which is then what is asked; `patience` the number of validations without improvement after which learning
    stops; 0 is none of either. `freeze` names the weights that stay as they are ("body.embedding.*, *.bias");
    `lora` is the rank of what is learnt beside the matrices of the run of --from. `tensorboard` writes the
    metrics for TensorBoard too. `precision` are the numbers of most products: "auto" takes bfloat16 where the
    machine multiplies it faster; weights and scores stay float32. `compile` lets torch compile
    what is worth it ("auto": where it pays back within the budget). `shard` lets each of several processes
    hold a part of the layers' weights.
    """

    rows: int = 32
    block: int = 128
    accumulate: int = 1
    rate: float | Literal["find"] = 2e-3
    warmup: float = 0.03
    schedule: Literal["cosine", "linear", "wsd", "constant"] = "cosine"
    decay_share: float = 0.2
    final_rate: float = 0.02
    optimiser: Literal["adamw", "muon"] = "adamw"
    momentum: float = 0.95
    embedding_rate: float = 1.0
    head_rate: float = 1.0
    carry: bool = True
    decay: float = 0.1
    clip: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.99
    average: float = 0.0
    patience: int = 0
    freeze: str = ""
    lora: int = 0
    checkpointing: bool = False
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool | Literal["auto"] = "auto"
    shard: bool = False
    tensorboard: bool = False

    def __post_init__(self) -> None:
        for name in ("rows", "block", "accumulate", "clip", "decay_share", "embedding_rate", "head_rate"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be more than 0, got {getattr(self, name)}")
        if self.rate != "find" and not self.rate > 0:
            raise UsageError(f"rate must be more than 0, got {self.rate}")
        for name in ("warmup", "final_rate", "beta1", "beta2", "momentum", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} must be from 0 to below 1, got {getattr(self, name)}")
        for name in ("decay", "patience", "lora"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.schedule == "wsd" and self.warmup + self.decay_share > 1:
            raise UsageError(
                f"warmup and decay_share must add up to 1 at most, got {self.warmup} and {self.decay_share}; "
                "lower one of them"
            )
        if self.tensorboard and find_spec("tensorboard") is None:
            raise UsageError(
                "tensorboard is not installed; pip install 'anygram[tensorboard]', or leave it out"
            )
