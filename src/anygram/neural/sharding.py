"""Tensors that lie in parts on several processes: what all of them have to do together.

Every function here is called by every process, and by none when there is only one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def shard_parts(parts: Iterable[nn.Module], device: torch.device) -> None:
    """Divide the weights of each part among all processes (torch's `fully_shard`)."""
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    # a layer returns a view of its values, which nobody writes to
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    for part in parts:
        fully_shard(part, mesh=mesh)


def whole(tensor: Tensor) -> Tensor:
    """Return the whole of a tensor, whether it is divided or not."""
    gather = getattr(tensor, "full_tensor", None)
    return tensor if gather is None else gather()


@torch.no_grad()
def write_whole(numbers: Tensor, target: Tensor) -> None:
    """Write the numbers into a tensor; into the own part of it where it is divided."""
    if hasattr(target, "full_tensor"):
        from torch.distributed.tensor import DTensor, distribute_tensor

        assert isinstance(target, DTensor)
        numbers = distribute_tensor(numbers.to(target.device), target.device_mesh, target.placements)
    target.copy_(numbers)
