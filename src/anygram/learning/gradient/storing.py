"""Tensors of a learner to arrays that can be written, and back with a look at each."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anygram import states
from anygram.errors import RunError
from anygram.learning.optimiser import Optimiser
from anygram.protocols import State, Tensors


def put_under(name: str, tensors: Tensors) -> Tensors:
    """Return the tensors with a name before theirs.

    >>> list(put_under("state", {"0": np.zeros(1)}))
    ['state.0']
    """
    return {f"{name}.{key}": array for key, array in tensors.items()}


def taken_from(name: str, tensors: Tensors) -> Tensors:
    """Return the tensors that were put under this name, by their own names."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): array for key, array in tensors.items() if key.startswith(prefix)}


def to_array(tensor: Tensor) -> NDArray[Any]:
    """Return the tensor's numbers; bfloat16, which NumPy lacks, as float32."""
    tensor = tensor.detach().cpu()
    array: NDArray[Any] = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array


def taken(tensors: Tensors, name: str, like: Tensor, *, any_shape: bool = False) -> Tensor:
    """Return the array of that name as a tensor like another; RunError where it is none.

    It lies in memory of torch's own: products may depend on how their factors are aligned.
    """
    if name not in tensors:
        raise RunError(f"{name} is missing; restore it or train again")
    array = tensors[name]
    if array.shape != tuple(like.shape) and not any_shape:
        raise RunError(
            f"{name} has shape {array.shape}, wanted {tuple(like.shape)}; restore it or train again"
        )
    if np.dtype(array.dtype) != to_array(like.new_empty(0)).dtype:
        raise RunError(f"{name} holds {array.dtype}, wanted {like.dtype}; restore it or train again")
    if not np.isfinite(array).all():
        raise RunError(f"{name} is not finite; restore it or train again")
    return torch.from_numpy(np.array(array)).to(like.device, like.dtype, copy=True)


def state_to_arrays(state: State) -> Tensors:
    """Return the arrays of a state by their number; none where a part of it cannot be written down."""
    arrays = states.to_arrays(state) or []
    return {
        str(index): to_array(part) if isinstance(part, Tensor) else part for index, part in enumerate(arrays)
    }


def state_from_arrays(tensors: Tensors, like: State) -> State:
    """Return the state that `state_to_arrays` wrote down; `like` is one of the same model and rows."""
    wanted = states.to_arrays(like) or []
    parts = [_part(tensors, str(index), part) for index, part in enumerate(wanted)]
    return states.with_arrays(like, parts)


def _part(tensors: Tensors, name: str, like: Any) -> Any:
    if not isinstance(like, Tensor):
        return np.array(tensors[name], dtype=like.dtype)
    part = taken(tensors, name, like, any_shape=True)
    if part.ndim != like.ndim or len(part) != len(like):
        raise RunError(f"state {name} has shape {tuple(part.shape)}, wanted {len(like)} rows; train again")
    return part


def moments_to_arrays(optimiser: Optimiser) -> Tensors:
    """Return what an optimiser remembers of each parameter, as `number.name`."""
    return {
        f"{index}.{name}": to_array(value)
        for index, parameter in enumerate(optimiser.parameters)
        for name, value in optimiser.state.get(parameter, {}).items()
    }


def restore_moments(optimiser: Optimiser, tensors: Tensors) -> None:
    """Give an optimiser what `moments_to_arrays` returned; RunError where it does not fit."""
    parameters = optimiser.parameters
    moments: dict[int, dict[str, Tensor]] = {}
    for key in tensors:
        number, _, name = key.partition(".")
        index = int(number)
        if not index < len(parameters):
            raise RunError(f"moments of parameter {index}, of {len(parameters)}; restore it or train again")
        like = parameters[index] if tensors[key].ndim else parameters[index].new_empty(())
        moments.setdefault(index, {})[name] = taken(tensors, key, like)
    _require_alike(optimiser, moments)
    optimiser.state = {parameters[index]: own for index, own in moments.items()}


def _require_alike(optimiser: Optimiser, moments: dict[int, dict[str, Tensor]]) -> None:
    """Raise RunError unless all parameters of a group have moments of the same names."""
    number = iter(range(len(optimiser.parameters)))
    for group in optimiser.param_groups:
        names = [set(moments.get(next(number), {})) for _ in group["params"]]
        if any(one != names[0] for one in names):
            raise RunError("moments of some parameters are missing; restore them or train again")


def generators_to_arrays(device: torch.device) -> Tensors:
    """Return the states of the generators that dropout may draw from: the CPU's and the accelerator's."""
    drawn = {"cpu": to_array(torch.get_rng_state())}
    if device.type != "cpu":
        drawn[device.type] = to_array(torch.get_device_module(device).get_rng_state())
    return drawn


def restore_generators(tensors: Tensors, device: torch.device) -> None:
    """Let the generators go on from what `generators_to_arrays` returned."""
    torch.set_rng_state(taken(tensors, "cpu", torch.get_rng_state()))
    if device.type != "cpu" and device.type in tensors:
        module = torch.get_device_module(device)
        module.set_rng_state(taken(tensors, device.type, module.get_rng_state()))
