"""Kernels: functions compiled by Numba, and what they need of the machine that Python has no word for."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

P = ParamSpec("P")
R = TypeVar("R")

_numba: Any = numba
"""Numba with all that it offers, of which its types know a part."""

_compiling = _numba.core.event.TimingListener()
_numba.core.event.register("numba:compile", _compiling)


def clock() -> float:
    """Return the seconds of a clock that stands still while kernels are compiled, once on every machine."""
    return time.perf_counter() - (_compiling.duration if _compiling.done else 0.0)


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function once and for all; it lets other threads run while it works.

    What was compiled is kept on disk until the source of any kernel changes: parts, constants and other
    kernels are compiled into it, and Numba itself only looks at the file where the function stands.
    """
    return _kept(numba.njit(cache=True, nogil=True), function)


def elementwise_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile like `kernel`, a product and the sum it goes into rounded once, and division by zero defined.

    So loops of arithmetic become vector instructions; on LSTM gates this took a third off the time.
    """
    return _kept(numba.njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy"), function)


def _kept(compile_: Callable[[Callable[P, R]], Any], function: Callable[P, R]) -> Callable[P, R]:
    dispatcher: Any = compile_(function)
    file = dispatcher._cache._cache_file
    file._source_stamp = file._source_stamp, _sources()
    compiled: Callable[P, R] = dispatcher
    return compiled


def specialised(function: Callable[P, R], *arguments: Any) -> Callable[P, R]:
    """Return a kernel for arguments of the same kinds as these, which it no longer looks at when called.

    That takes about 0.15 of 0.4 µs off a call; what other arguments do is undefined.
    """
    dispatcher: Any = function
    compiled: Callable[P, R] = dispatcher.compile(tuple(map(numba.typeof, arguments)))
    return compiled


@cache
def _sources() -> str:
    """Return a digest of the files of this package that have to do with kernels."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if b"anygram.compiled" in source:
            digest.update(source)
    return digest.hexdigest()


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function into the kernels that call it.

    It should be given addresses, no arrays: counting the references to those would cost more than it does.
    """
    compiled: Callable[P, R] = numba.njit(inline="always")(function)
    return compiled


def borrowing(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that kernels call, which may be given arrays but not make any.

    It does not count the references to them: its callers hold them meanwhile.
    """
    compiled: Callable[P, R] = _numba.njit(_nrt=False)(function)
    return compiled


def making(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that kernels call, which may make arrays."""
    compiled: Callable[P, R] = _numba.njit(function)
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


def _load_float(number: Any, kind: Any) -> Callable[[Any, Any], Any]:
    def load(_: Any, place: Any) -> Any:
        """Return the float at an address."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], kind.as_pointer())
            return builder.load(pointer, align=1)

        return number(types.int64), code

    return load


def _load_signed_16(_: Any, place: Any) -> Any:
    """Return the signed 16-bit number at an address."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(16).as_pointer())
        return builder.sext(builder.load(pointer, align=1), ir.IntType(64))

    return types.int64(types.int64), code


def _float_of(_: Any, bits: Any) -> Any:
    """Return the float that these 32 bits are."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), code


def _prefetch(_: Any, place: Any) -> Any:
    """Ask for the cache line at an address, whatever it is, without waiting for it."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        known = builder.module.globals.get("llvm.prefetch.p0")
        function = known or ir.Function(builder.module, kind, "llvm.prefetch.p0")
        hints = [number(hint) for hint in (_READ, _KEEP_IN_ALL_CACHES, _DATA)]
        builder.call(function, [builder.inttoptr(arguments[0], pointer), *hints])
        return context.get_dummy_value()

    return types.void(types.int64), code


def _pointer(_: Any, place: Any) -> Any:
    """Return an address as a pointer, for `array_at`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), code


def _store_64(_: Any, place: Any, number: Any) -> Any:
    """Write a number into the eight bytes at an address, which need not be aligned."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.store(arguments[1], pointer, align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64), code


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


_READ, _KEEP_IN_ALL_CACHES, _DATA = 0, 3, 1
"""The arguments of llvm.prefetch (LLVM language reference): read access, locality 3, data cache."""

_intrinsic: Any = intrinsic
address: Callable[[Any], Any] = _intrinsic(_address)
load_8: Callable[[Any], Any] = _intrinsic(_load(8))
load_signed_16: Callable[[Any], Any] = _intrinsic(_load_signed_16)
load_32: Callable[[Any], Any] = _intrinsic(_load(32))
load_64: Callable[[Any], Any] = _intrinsic(_load(64))
load_float: Callable[[Any], Any] = _intrinsic(_load_float(types.float32, ir.FloatType()))
load_double: Callable[[Any], Any] = _intrinsic(_load_float(types.float64, ir.DoubleType()))
float_of: Callable[[Any], Any] = _intrinsic(_float_of)
prefetch: Callable[[Any], None] = _intrinsic(_prefetch)
pointer: Callable[[Any], Any] = _intrinsic(_pointer)
array_at: Any = _numba.carray
"""Makes an array of what lies at a pointer, given its shape and kind; good as long as that does."""
store_64: Callable[[Any, Any], None] = _intrinsic(_store_64)
leading_zeros: Callable[[Any], Any] = _intrinsic(_leading_zeros)
trailing_zeros: Callable[[Any], Any] = _intrinsic(_trailing_zeros)


@part
def prefetch_element(array: Any, index: Any) -> None:
    """Ask for the cache line of an array's element, which may lie outside it."""
    prefetch(address(array) + np.int64(index) * array.itemsize)
