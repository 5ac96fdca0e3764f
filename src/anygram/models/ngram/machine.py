"""Words of memory by address, for kernels: many arrays behind one argument, and prefetching.

A kernel call costs about 0.2 µs for each array it is given, and a model has one a level. So a kernel
gets one array of addresses (`Tables.directory`) and loads from them; whoever calls it keeps the arrays
alive. Nothing here checks a bound.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_READ, _KEEP_IN_ALL_CACHES, _DATA = 0, 3, 1
"""The arguments of llvm.prefetch (LLVM language reference): read access, locality 3, data cache."""


def _load(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()))


@intrinsic  # type: ignore[untyped-decorator]
def load_u32(typing_context: Any, address: Any) -> Any:
    """Return the 32-bit whole number at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(builder, arguments[0], ir.IntType(32))

    return types.uint32(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def load_u8(typing_context: Any, address: Any) -> Any:
    """Return the 8-bit whole number at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(builder, arguments[0], ir.IntType(8))

    return types.uint8(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def load_f32(typing_context: Any, address: Any) -> Any:
    """Return the 32-bit float at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(builder, arguments[0], ir.FloatType())

    return types.float32(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def load_f64(typing_context: Any, address: Any) -> Any:
    """Return the 64-bit float at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(builder, arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing_context: Any, address: Any) -> Any:
    """Ask for the cache line at an address, whatever it holds, without waiting for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        function = builder.module.globals.get("llvm.prefetch.p0") or ir.Function(
            builder.module, kind, "llvm.prefetch.p0"
        )
        hints = [number(hint) for hint in (_READ, _KEEP_IN_ALL_CACHES, _DATA)]
        builder.call(function, [builder.inttoptr(arguments[0], pointer), *hints])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def address_of(typing_context: Any, array: Any) -> Any:
    """Return the address of an array's first element."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.ptrtoint(data, ir.IntType(64))

    return types.int64(array), generate


@numba.njit(inline="always")
def prefetch_element(array: Any, index: int) -> None:
    """Ask for the cache line of an array's element, which may lie outside."""
    prefetch(address_of(array) + np.int64(index) * array.itemsize)
