"""Kernels: functions compiled by Numba, and what they need of the machine that Python has no word for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function once and for all; it lets other threads run while it works."""
    compiled: Callable[P, R] = numba.njit(cache=True, nogil=True)(function)
    return compiled


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function into the kernels that call it.

    It should be given addresses, no arrays: counting the references to those would cost more than it does.
    """
    compiled: Callable[P, R] = numba.njit(inline="always")(function)
    return compiled


def _address(_: Any, array: Any) -> Any:
    """Return where in memory a contiguous array begins."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        begin = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.ptrtoint(begin, ir.IntType(64))

    return types.int64(array), code


def _load(bits: int) -> Callable[[Any, Any], Any]:
    def load(_: Any, place: Any) -> Any:
        """Return what lies at an address, which need not be aligned, as a number."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            return builder.zext(builder.load(pointer, align=1), ir.IntType(64))

        return types.uint64(types.int64), code

    return load


def _trailing_zeros(_: Any, number: Any) -> Any:
    """Return how many of the lowest bits are 0; 64 of the number 0."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), code


_intrinsic: Any = intrinsic
address: Callable[[Any], Any] = _intrinsic(_address)
load_8: Callable[[Any], Any] = _intrinsic(_load(8))
load_64: Callable[[Any], Any] = _intrinsic(_load(64))
trailing_zeros: Callable[[Any], Any] = _intrinsic(_trailing_zeros)
