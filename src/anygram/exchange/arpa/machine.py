"""What kernels need of the machine that Python has no word for: eight bytes at once, wherever they lie.

The byte at the lowest place is the lowest of the number (little-endian). Nothing here checks a bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_READ_INTO_ALL_CACHES = (0, 3, 1)
"""The arguments of llvm.prefetch (LLVM language reference): read access, locality 3, data cache."""


def _place(context: Any, builder: Any, kind: Any, arguments: Any, pointed_to: Any) -> Any:
    """Return the place of an item of an array, the first two arguments, as a pointer."""
    data = context.make_array(kind)(context, builder, arguments[0]).data
    return builder.bitcast(builder.gep(data, [arguments[1]]), pointed_to.as_pointer())


def _load_64(_: Any, bytes_N: Any, position: Any) -> Any:
    """Return the 8 bytes from a position on as one number."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_place(context, builder, signature.args[0], arguments, ir.IntType(64)), align=1)

    return types.uint64(bytes_N, types.int64), code


def _store_64(_: Any, bytes_N: Any, position: Any, number: Any) -> Any:
    """Write a number into the 8 bytes from a position on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], arguments, ir.IntType(64))
        builder.store(arguments[2], place, align=1)
        return context.get_dummy_value()

    return types.void(bytes_N, types.int64, types.uint64), code


def _leading_zeros(_: Any, number: Any) -> Any:
    """Return how many of the highest bits are 0; 64 of the number 0."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), code


def _trailing_zeros(_: Any, number: Any) -> Any:
    """Return how many of the lowest bits are 0; 64 of the number 0."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), code


def _prefetch(_: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of an item of a one-dimensional array without waiting for it."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        place = _place(context, builder, signature.args[0], arguments, ir.IntType(8))
        name = "llvm.prefetch.p0"
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(ir.VoidType(), [pointer, number, number, number]), name
        )
        builder.call(function, [place, *(number(hint) for hint in _READ_INTO_ALL_CACHES)])
        return context.get_dummy_value()

    return types.void(array, types.int64), code


# what kernels see lacks the first argument, the context of typing
_made: Any = intrinsic
load_64: Callable[[Any, Any], np.uint64] = _made(_load_64)
store_64: Callable[[Any, Any, Any], None] = _made(_store_64)
leading_zeros: Callable[[Any], int] = _made(_leading_zeros)
trailing_zeros: Callable[[Any], int] = _made(_trailing_zeros)
prefetch: Callable[[Any, Any], None] = _made(_prefetch)
