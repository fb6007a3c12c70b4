"""Trusted -> worker arguments, by pickle: this direction may carry library objects, the other never does.

numpy arrays keep what a function can notice of them: order, strides, alignment, the read-only flag. Only the
elements of a view travel, never what lies between them in its base.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from grader.model import AuthoringError
from grader.sandbox.values import Opaque

ALIGNMENT = 64
# C order, aligned and writeable, as `flags.num` has them
PLAIN = 0x0001 | 0x0100 | 0x0400
# Booleans, numbers and text: dtypes that their `str` tells completely, by numpy's own numbers
SPELT = frozenset(np.dtype(char).num for char in "?bBhHiIlLqQefdgFDGSU")
BUILT_IN = 24


def pack(value: object) -> bytes:
    """The bytes from which `unpack` makes a copy of `value`; `value` stays as it is.

    The same object given twice arrives as one object. An `Opaque` arrives as what it stands for.
    AuthoringError where something in `value` cannot be pickled.
    """
    file = io.BytesIO()
    try:
        _Pickler(file, 5).dump(value)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise AuthoringError(
            f"arguments of a call: {error}; pass plain values, library objects or what the exercise's support.py defines"
        ) from error
    return file.getvalue()


def unpack(data: bytes, lookup: Callable[[int], object]) -> Any:
    """The value of a parcel; `lookup` finds what an `Opaque` stands for. For the worker: the bytes must be ours."""
    return _Unpickler(io.BytesIO(data), lookup).load()


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> int | None:
        return obj.ident if issubclass(type(obj), Opaque) else None

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is not np.ndarray:
            return NotImplemented
        dtype = obj.dtype
        if dtype.num in SPELT:
            if obj.flags.num & PLAIN == PLAIN:
                return _plain, (obj.shape, dtype.str, obj.tobytes())
            return _strided, _layout(obj, dtype.str)
        if dtype.hasobject or dtype.num >= BUILT_IN:
            return NotImplemented
        return _strided, _layout(obj, dtype)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, lookup: Callable[[int], object]) -> None:
        super().__init__(file)
        self._lookup = lookup

    def persistent_load(self, pid: int) -> object:
        return self._lookup(pid)


def _plain(shape: tuple[int, ...], dtype: str, data: bytes) -> np.ndarray:
    # A copy owns its memory, as the array that was packed most likely does.
    return np.ndarray(shape, dtype, data).copy()


def _layout(array: np.ndarray, dtype: str | np.dtype[Any]) -> tuple[Any, ...]:
    """The arguments of `_strided`: an axis of stride 0 travels once, however long it is."""
    once = array[tuple(slice(1) if stride == 0 else slice(None) for stride in array.strides)]
    address = array.__array_interface__["data"][0]
    return array.shape, dtype, array.strides, once.tobytes(), once.shape, address % ALIGNMENT, array.flags.writeable


def _strided(
    shape: tuple[int, ...],
    dtype: str | np.dtype[Any],
    strides: tuple[int, ...],
    data: bytes,
    once: tuple[int, ...],
    alignment: int,
    writeable: bool,
) -> np.ndarray:
    items = np.ndarray(once, dtype, data)
    steps = [(length - 1) * stride for length, stride in zip(shape, strides, strict=True)] if items.size else []
    below, above = -sum(step for step in steps if step < 0), sum(step for step in steps if step > 0)
    memory = np.zeros(below + above + items.itemsize + 2 * ALIGNMENT, np.uint8)
    start = below + (alignment - memory.ctypes.data - below) % ALIGNMENT
    array: np.ndarray = np.ndarray(shape, items.dtype, memory, start, strides)
    array[tuple(slice(1) if stride == 0 else slice(None) for stride in strides)] = items
    array.flags.writeable = writeable
    return array
