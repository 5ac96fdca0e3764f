"""What processes of torch say to each other: each reads some rows of a block, all take the same step.

Axes: B rows, T positions of a block.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anygram.data.corpus import Block
from anygram.errors import UsageError
from anygram.processes import Place
from anygram.threads import spans

_BUCKET = 1 << 24
"""About how many numbers are sent at once: 64 MB in float32."""
_PATIENCE = timedelta(days=1)
"""How long one waits for the others, which may be reading or measuring; a lost one is noticed at once."""


class Processes:
    """The `Group` that torchrun started: gloo carries tensors of the CPU, nccl those of CUDA devices."""

    def __init__(self, place: Place) -> None:
        """Wait until all have come; `left` must be called in the end."""
        import torch.distributed as dist  # not before it is needed: it takes a while

        if not dist.is_available():
            raise UsageError("this torch cannot join processes; start anygram without torchrun")
        self._dist = dist
        self._place = place
        self.leads, self.size = place.leads, place.count
        backend = "cpu:gloo,cuda:nccl" if _take_device(place).type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=_PATIENCE)

    def share(self, block: Block) -> Block:
        """Return rows next to each other, as many as the others' or one more or less."""
        rows = len(block.ids_BT)
        if rows < self.size:
            raise UsageError(
                f"{rows} rows cannot be divided among {self.size} processes; start {rows} at most, "
                "or set rows higher if the text is long enough"
            )
        first, stop = spans(rows, self.size)[self._place.rank]
        return block.part(slice(first, stop))

    def add_up(self, nats: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        """Sum bucket by bucket; a parameter that no row of this process met counts as zero."""
        gradients = []
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        total = nats.reshape(1)
        for bucket in _buckets([total, *gradients]):
            flat = torch.cat([tensor.flatten() for tensor in bucket])
            self._dist.all_reduce(flat)
            _unpack(flat, bucket)
        return total[0]

    @torch.no_grad()
    def spread(self, tensors: Sequence[Tensor]) -> None:
        """Send bucket by bucket."""
        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.flatten() for tensor in bucket])
            self._dist.broadcast(flat, src=0)
            _unpack(flat, bucket)

    def agree(self, seconds: float, stop: bool) -> tuple[float, bool]:
        """Take the largest of both."""
        both = torch.tensor([seconds, float(stop)], dtype=torch.float64)
        self._dist.all_reduce(both, op=self._dist.ReduceOp.MAX)
        return both[0].item(), bool(both[1])

    def follow(self, words: Mapping[str, Any]) -> dict[str, Any]:
        """Send them as JSON."""
        letters = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8).copy()
        length = torch.tensor([len(letters)])
        self._dist.broadcast(length, src=0)
        sent = torch.from_numpy(letters) if self.leads else torch.empty(int(length), dtype=torch.uint8)
        self._dist.broadcast(sent, src=0)
        told: dict[str, Any] = json.loads(sent.numpy().tobytes())
        return told

    def seed(self, seed: int, steps: int) -> None:
        """Seed anew in every process but the first, which draws as one alone does."""
        if not self.leads:
            drawn = np.random.SeedSequence((seed, steps, self._place.rank)).generate_state(1, np.uint64)
            torch.manual_seed(int(drawn[0] >> 1))

    def wait(self) -> None:
        """Pass on nothing, together."""
        self.agree(0.0, False)

    def left(self) -> None:
        """Be alone again."""
        self._dist.destroy_process_group()


def _take_device(place: Place) -> torch.device:
    """Make this process's own accelerator the current one; UsageError where there is none left."""
    found = torch.accelerator.current_accelerator(check_available=True)
    if found is None:
        return torch.device("cpu")
    count = torch.accelerator.device_count()
    if place.local_count > count:
        raise UsageError(
            f"{place.local_count} processes on a machine with {count} {found.type} devices; "
            f"start {count} at most"
        )
    torch.accelerator.set_device_index(place.local_rank)
    return found


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Yield the tensors in order, as many at a time as make about one message."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        if bucket and sum(one.numel() for one in bucket) + tensor.numel() > _BUCKET:
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


@torch.no_grad()
def _unpack(flat: Tensor, bucket: Sequence[Tensor]) -> None:
    pieces = torch.split(flat, [tensor.numel() for tensor in bucket])
    torch._foreach_copy_(
        list(bucket), [piece.view_as(tensor) for piece, tensor in zip(pieces, bucket, strict=True)]
    )
