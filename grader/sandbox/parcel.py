"""Trusted -> worker arguments, by pickle: this direction may carry library objects, the other never does.

numpy arrays keep what a function can notice of them: order, strides, alignment, the read-only flag. Only the
elements of a view travel, never what lies between them in its base. Object arrays, records and subclasses travel
as numpy pickles them. torch tensors keep their strides and which of them share a storage; the whole storage travels.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from grader.model import AuthoringError
from grader.sandbox.values import Opaque

ALIGNMENT = 64
# As `flags.num` has them
C_ORDER, F_ORDER, ALIGNED, WRITEABLE = 0x0001, 0x0002, 0x0100, 0x0400
# Booleans, numbers, text, dates: the dtypes that their `str` tells completely, by numpy's own numbers
SPELT = frozenset(np.dtype(char).num for char in "?bBhHiIlLqQefdgFDGSUMm")


def pack(value: object) -> bytes:
    """The bytes from which `unpack` makes a copy of `value`; `value` stays as it is.

    The same object given twice arrives as one object. An `Opaque` arrives as what it stands for.
    AuthoringError where something in `value` cannot be pickled.
    """
    file = io.BytesIO()
    try:
        _Pickler(file, 5).dump(value)
    except (pickle.PicklingError, TypeError, ValueError, AttributeError, RuntimeError) as error:
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
            torch = sys.modules.get("torch")
            return NotImplemented if torch is None else _torch(torch, obj)
        if obj.dtype.num not in SPELT or not obj.itemsize:
            return NotImplemented
        flags = obj.flags.num
        if not flags & ALIGNED or not flags & (C_ORDER | F_ORDER):
            return _strided, _layout(obj)
        order: Any = "C" if flags & C_ORDER else "F"
        return _dense, (obj.shape, obj.dtype.str, obj.tobytes(order), order, flags & WRITEABLE != 0)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, lookup: Callable[[int], object]) -> None:
        super().__init__(file)
        self._lookup = lookup

    def persistent_load(self, pid: int) -> object:
        return self._lookup(pid)


def _dense(shape: tuple[int, ...], dtype: str, data: bytes, order: Any, writeable: bool) -> np.ndarray:
    # A copy owns its memory, as the array that was packed most likely does.
    array: np.ndarray = np.ndarray(shape, dtype, data, order=order).copy(order)
    if not writeable:
        array.flags.writeable = False
    return array


def _layout(array: np.ndarray) -> tuple[Any, ...]:
    """The arguments of `_strided`: an axis of stride 0 travels once, however long it is."""
    once = array[tuple(slice(1) if stride == 0 else slice(None) for stride in array.strides)]
    alignment = _address(array) % ALIGNMENT
    return array.shape, array.dtype.str, array.strides, once.tobytes(), once.shape, alignment, array.flags.writeable


def _address(array: np.ndarray) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _strided(
    shape: tuple[int, ...],
    dtype: str,
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
    start = below + (alignment - _address(memory) - below) % ALIGNMENT
    array: np.ndarray = np.ndarray(shape, items.dtype, memory, start, strides)
    array[tuple(slice(1) if stride == 0 else slice(None) for stride in strides)] = items
    array.flags.writeable = writeable
    return array


def _torch(torch: Any, obj: Any) -> Any:
    """How dense tensors and their storages are reduced; all else is torch's own affair.

    torch hands out one object for a storage however many tensors lie in it, so that the pickler sees it once.
    """
    if type(obj) is torch.UntypedStorage and obj.device.type == "cpu":
        return _storage, (_bytes_of(torch, obj).numpy().tobytes(),)
    if type(obj) is not torch.Tensor or obj.layout is not torch.strided or obj.device.type != "cpu" or obj.is_quantized:
        return NotImplemented
    if obj.is_nested or obj.is_conj() or obj.is_neg() or obj.__dict__ or obj._backward_hooks or not obj.is_leaf:
        return NotImplemented
    return _tensor, (obj.untyped_storage(), obj.dtype, obj.storage_offset(), tuple(obj.shape), obj.stride(), obj.requires_grad)


def _bytes_of(torch: Any, storage: Any) -> Any:
    return torch.empty(0, dtype=torch.uint8).set_(storage)


def _storage(data: bytes) -> Any:
    import torch

    storage = torch.UntypedStorage(len(data))
    _bytes_of(torch, storage).numpy()[:] = np.frombuffer(data, np.uint8)
    return storage


def _tensor(storage: Any, dtype: Any, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], requires_grad: bool) -> Any:
    import torch

    tensor = torch.empty(0, dtype=dtype).set_(storage, offset, shape, stride)
    return tensor.requires_grad_() if requires_grad else tensor
