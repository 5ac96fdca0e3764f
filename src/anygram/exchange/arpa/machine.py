"""What kernels need of the machine that Python has no word for: eight bytes at once, wherever they lie.

The byte at the lowest place is the lowest of the number (little-endian). Nothing here checks a bound.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _place(context: Any, builder: Any, kind: Any, array: Any, position: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [position]), ir.IntType(64).as_pointer())


@intrinsic  # type: ignore[untyped-decorator]
def load_64(typing_context: Any, bytes_N: Any, position: Any) -> Any:
    """Return the 8 bytes from a position on as one number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], *arguments)
        return builder.load(place, align=1)

    return types.uint64(bytes_N, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def store_64(typing_context: Any, bytes_N: Any, position: Any, number: Any) -> Any:
    """Write a number into the 8 bytes from a position on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], place, align=1)
        return context.get_dummy_value()

    return types.void(bytes_N, types.int64, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def leading_zeros(typing_context: Any, number: Any) -> Any:
    """Return how many of the highest bits are 0; 64 of the number 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def trailing_zeros(typing_context: Any, number: Any) -> Any:
    """Return how many of the lowest bits are 0; 64 of the number 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate
