"""The wire's trusted side: bytes that anybody may have written as plain values, or a WireError."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from grader.sandbox.values import Opaque, Raised, WireError
from grader.sandbox.wire_forms import (
    ARRAY,
    AXES,
    DTYPES,
    FLOAT,
    INT,
    INT_BYTES,
    KEYS_AT_ONCE,
    KEYS_CPU_SECONDS,
    KIND_BOOL,
    KIND_BYTES,
    KIND_TEXT,
    LENGTH,
    NATIVE,
    NO_ORDER,
    OBJECTS,
    SWAPPED,
    TAG_ARRAY,
    TAG_BYTES,
    TAG_DICT,
    TAG_FALSE,
    TAG_FLOAT,
    TAG_INT,
    TAG_LIST,
    TAG_LONG,
    TAG_NONE,
    TAG_OBJECTS,
    TAG_OPAQUE,
    TAG_RAISED,
    TAG_STR,
    TAG_TENSOR,
    TAG_TRUE,
    TAG_TUPLE,
    TENSOR,
    TENSOR_DTYPES,
    TENSOR_NAMES,
    TEXT_ITEM_BYTES,
    TYPE_NAME_CHARACTERS,
    WireLimits,
    extent,
    flaw,
)


class Reader:
    """One message being read. Every method leaves `at` behind what it read."""

    __slots__ = ("at", "cpu", "data", "end", "items", "limits", "tensors")

    def __init__(self, data: bytes, limits: WireLimits, tensors: bool) -> None:
        self.data = data
        self.at = 0
        self.end = len(data)
        self.limits = limits
        self.items = limits.max_items
        self.cpu = KEYS_CPU_SECONDS
        self.tensors = tensors

    def value(self, depth: int) -> Any:
        """Any value."""
        at = self.at
        read = READERS.get(self.data[at]) if at < self.end else None
        if read is None:
            _refuse("an unknown tag" if at < self.end else "it ends too early")
        return read(self, depth)

    def scalar(self, what: str) -> Any:
        """None, bool, int, float, str or bytes."""
        at = self.at
        if at >= self.end or self.data[at] not in SCALAR_TAGS:
            _refuse(f"{what} that is none")
        return READERS[self.data[at]](self, 0)

    def key(self, depth: int) -> Any:
        """The key of a dict."""
        if self.at < self.end and self.data[self.at] == TAG_TUPLE:
            return tuple([self.key(depth + 1) for _ in range(self.count(depth))])
        return self.scalar("a dict key")

    def part(self, size: int) -> int:
        """Where the next `size` bytes begin, which are there."""
        at = self.at
        if size > self.end - at:
            _refuse("it ends too early")
        self.at = at + size
        return at

    def bulk(self) -> bytes:
        """A length at `at` and that many bytes."""
        (size,) = LENGTH.unpack_from(self.data, self.part(8))
        at = self.part(size)
        return self.data[at : at + size]

    def text(self) -> str:
        """A length at `at` and a text of that many bytes."""
        try:
            return str(self.bulk(), "utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return _refuse("a text that is no UTF-8")

    def count(self, depth: int, least: int = 1) -> int:
        """The count of a container at `depth`, whose items take at least `least` bytes each."""
        if depth >= self.limits.max_depth:
            _refuse(f"more than {self.limits.max_depth} levels of containers")
        (count,) = LENGTH.unpack_from(self.data, self.part(9) + 1)
        if count * least > self.end - self.at:
            _refuse("it ends too early")
        self.take(count)
        return count

    def take(self, count: int) -> None:
        """Takes `count` items off what may come."""
        self.items -= count
        if self.items < 0:
            _refuse(f"more than {self.limits.max_items:,} items")

    def shaped(self, layouts: list[struct.Struct], axes_at: int) -> tuple[Any, ...]:
        """A header that ends with a shape, whose number of axes is the byte at `axes_at`."""
        at = self.at + axes_at
        axes = self.data[at] if at < self.end else AXES + 1
        if axes > AXES:
            _refuse("an array without a shape")
        layout = layouts[axes]
        header: tuple[Any, ...] = layout.unpack_from(self.data, self.part(layout.size))
        return header

    def payload(self, shape: tuple[int, ...], itemsize: int, size: int) -> int:
        """Where the data of an array begins, after its length was found to be what the shape says."""
        if math.prod(shape) * itemsize != size:
            _refuse("an array whose length is not that of its shape")
        if not size and extent(shape) > self.limits.max_bytes:
            _refuse("an empty array with too long an axis")
        return self.part(size)

    def fill(self, keys: list[Any], values: list[Any]) -> dict[Any, Any]:
        """The dict of `keys`. Ints and tuples can be chosen to collide, which would take minutes: their time is limited."""
        if len(keys) <= KEYS_AT_ONCE:
            return dict(zip(keys, values, strict=True))
        filled: dict[Any, Any] = {}
        started = time.thread_time()
        for first in range(0, len(keys), KEYS_AT_ONCE):
            last = first + KEYS_AT_ONCE
            filled.update(zip(keys[first:last], values[first:last], strict=True))
            if time.thread_time() - started > self.cpu:
                _refuse("a dict whose keys were chosen to collide")
        self.cpu -= time.thread_time() - started
        return filled


def _refuse(what: str) -> NoReturn:
    raise WireError(f"message: {what}")


def _read_none(reader: Reader, depth: int) -> None:
    reader.at += 1


def _read_true(reader: Reader, depth: int) -> bool:
    reader.at += 1
    return True


def _read_false(reader: Reader, depth: int) -> bool:
    reader.at += 1
    return False


def _read_int(reader: Reader, depth: int) -> int:
    number: int = INT.unpack_from(reader.data, reader.part(9) + 1)[0]
    return number


def _read_long(reader: Reader, depth: int) -> int:
    reader.at += 1
    data = reader.bulk()
    if len(data) > INT_BYTES:
        _refuse(f"an integer of more than {INT_BYTES:,} bytes")
    return int.from_bytes(data, "little", signed=True)


def _read_float(reader: Reader, depth: int) -> float:
    number: float = FLOAT.unpack_from(reader.data, reader.part(9) + 1)[0]
    return number


def _read_str(reader: Reader, depth: int) -> str:
    reader.at += 1
    return reader.text()


def _read_bytes(reader: Reader, depth: int) -> bytes:
    reader.at += 1
    return reader.bulk()


def _read_list(reader: Reader, depth: int) -> list[Any]:
    value, deeper = reader.value, depth + 1
    return [value(deeper) for _ in range(reader.count(depth))]


def _read_tuple(reader: Reader, depth: int) -> tuple[Any, ...]:
    return tuple(_read_list(reader, depth))


def _read_dict(reader: Reader, depth: int) -> dict[Any, Any]:
    count = reader.count(depth, least=2)
    keys, values = [], []
    for _ in range(count):
        keys.append(reader.key(depth + 1))
        values.append(reader.value(depth + 1))
    filled = reader.fill(keys, values)
    if len(filled) != count:
        _refuse("a dict with a key twice")
    return filled


def _read_array(reader: Reader, depth: int) -> np.ndarray:
    _, order, kind, _, itemsize, size, *axes = reader.shaped(ARRAY, 3)
    dtype = DTYPES.get((order, kind, itemsize))
    if dtype is None:
        dtype = _text_dtype(order, kind, itemsize)
    shape = tuple(axes)
    at = reader.payload(shape, itemsize, size)
    if kind == KIND_BOOL:
        if reader.data[at : at + size].translate(None, b"\0\1"):
            _refuse("an array with a bool that is neither 0 nor 1")
    elif (kind == KIND_TEXT or itemsize >= 16) and (found := flaw(order, chr(kind), itemsize, reader.data[at : at + size])):
        _refuse(found)
    return np.ndarray(shape, dtype, reader.data, at).copy()


def _text_dtype(order: int, kind: int, itemsize: int) -> np.dtype[Any]:
    if 0 < itemsize <= TEXT_ITEM_BYTES:
        if kind == KIND_BYTES and order == NO_ORDER:
            return np.dtype(f"S{itemsize}")
        if kind == KIND_TEXT and order in (NATIVE, SWAPPED) and itemsize % 4 == 0:
            return np.dtype(f"{chr(order)}U{itemsize // 4}")
    return _refuse("an array of an unknown dtype")


def _read_objects(reader: Reader, depth: int) -> np.ndarray:
    _, _, *axes = reader.shaped(OBJECTS, 1)
    shape = tuple(axes)
    count = math.prod(shape)
    if count > reader.end - reader.at:
        _refuse("it ends too early")
    reader.take(count or extent(shape))
    items = [reader.scalar("an item of an object array") for _ in range(count)]
    array = np.empty(shape, object)
    array.reshape(-1)[:] = items
    return array


def _read_tensor(reader: Reader, depth: int) -> Any:
    if not reader.tensors:
        _refuse("a tensor where none is allowed")
    _, number, _, size, *axes = reader.shaped(TENSOR, 2)
    if number >= len(TENSOR_NAMES):
        _refuse("a tensor of an unknown dtype")
    name = TENSOR_NAMES[number]
    shape = tuple(axes)
    at = reader.payload(shape, TENSOR_DTYPES[name], size)
    data = bytearray(memoryview(reader.data)[at : at + size])
    if name == "bool" and data.translate(None, b"\0\1"):
        _refuse("a tensor with a bool that is neither 0 nor 1")
    import torch

    dtype = getattr(torch, name)
    return torch.frombuffer(data, dtype=dtype).reshape(shape) if size else torch.empty(shape, dtype=dtype)


def _read_raised(reader: Reader, depth: int) -> Raised:
    reader.at += 1
    return Raised(reader.text(), reader.text(), reader.text(), reader.text())


def _read_opaque(reader: Reader, depth: int) -> Opaque:
    (ident,) = LENGTH.unpack_from(reader.data, reader.part(9) + 1)
    name = reader.text()
    if len(name) > TYPE_NAME_CHARACTERS or not name.isprintable():
        _refuse("a type name that cannot be shown")
    return Opaque(ident, name)


READERS: dict[int, Callable[[Reader, int], Any]] = {
    TAG_NONE: _read_none,
    TAG_TRUE: _read_true,
    TAG_FALSE: _read_false,
    TAG_INT: _read_int,
    TAG_LONG: _read_long,
    TAG_FLOAT: _read_float,
    TAG_STR: _read_str,
    TAG_BYTES: _read_bytes,
    TAG_LIST: _read_list,
    TAG_TUPLE: _read_tuple,
    TAG_DICT: _read_dict,
    TAG_ARRAY: _read_array,
    TAG_OBJECTS: _read_objects,
    TAG_TENSOR: _read_tensor,
    TAG_RAISED: _read_raised,
    TAG_OPAQUE: _read_opaque,
}
SCALAR_TAGS = frozenset((TAG_NONE, TAG_TRUE, TAG_FALSE, TAG_INT, TAG_LONG, TAG_FLOAT, TAG_STR, TAG_BYTES))
