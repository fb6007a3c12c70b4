"""The bytes of the wire: tags, layouts, dtypes, limits; what its writer and its reader share."""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

INT_BYTES = 4096
TEXT_ITEM_BYTES = 1 << 20
TYPE_NAME_CHARACTERS = 200
PATH_CHARACTERS = 160
AXES = 32
KEYS_AT_ONCE = 64
KEYS_CPU_SECONDS = 1.0

TAG_NONE, TAG_TRUE, TAG_FALSE, TAG_INT, TAG_LONG, TAG_FLOAT, TAG_STR, TAG_BYTES = b"NTFiIfsb"
TAG_LIST, TAG_TUPLE, TAG_DICT, TAG_ARRAY, TAG_OBJECTS, TAG_TENSOR, TAG_RAISED, TAG_OPAQUE = b"ltdaoerq"

LENGTH = struct.Struct("<Q")
TAGGED_LENGTH = struct.Struct("<BQ")
TAGGED_INT = struct.Struct("<Bq")
TAGGED_FLOAT = struct.Struct("<Bd")
INT = struct.Struct("<q")
FLOAT = struct.Struct("<d")
# tag, order, kind, axes, item size, length, shape; tag, dtype, axes, length, shape; tag, axes, shape
ARRAY = [struct.Struct(f"<BBBBQQ{axes}Q") for axes in range(AXES + 1)]
TENSOR = [struct.Struct(f"<BBBQ{axes}Q") for axes in range(AXES + 1)]
OBJECTS = [struct.Struct(f"<BB{axes}Q") for axes in range(AXES + 1)]

NATIVE, SWAPPED = b"<>" if sys.byteorder == "little" else b"><"
NO_ORDER = ord("|")
KIND_BOOL, KIND_BYTES, KIND_TEXT = b"bSU"
NUMBER_OBJECT = np.dtype(object).num
USER_DTYPES = 24  # numpy's own have smaller numbers
EXTENDED = np.finfo(np.longdouble).nmant == 63  # x86: a number whose leading bit is explicit and may be wrong
LONG_DOUBLES = {"f": np.dtype(np.longdouble).itemsize, "c": np.dtype(np.clongdouble).itemsize}
TO_BOOL = bytes([0, *[1] * 255])

# numpy's own number of a dtype -> byte order where native, kind, item size (of text: 0, it varies)
ARRAY_CODES: dict[int, tuple[int, int, int]] = {np.dtype("S1").num: (NO_ORDER, KIND_BYTES, 0)}
ARRAY_CODES[np.dtype("U1").num] = (NATIVE, KIND_TEXT, 0)
DTYPES: dict[tuple[int, int, int], np.dtype[Any]] = {}
for _char in "?bBhHiIlLqQefdgFDG":
    _dtype = np.dtype(_char)
    _code = (NATIVE if _dtype.itemsize > 1 else NO_ORDER, ord(_dtype.kind), _dtype.itemsize)
    ARRAY_CODES[_dtype.num] = _code
    DTYPES[_code] = np.dtype(_dtype.str)
    if _dtype.itemsize > 1:
        DTYPES[(SWAPPED, *_code[1:])] = np.dtype(_dtype.str).newbyteorder("S")

TENSOR_DTYPES = {
    "bool": 1, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "uint32": 4, "int32": 4, "uint64": 8, "int64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex64": 8, "complex128": 16,
}  # fmt: skip
TENSOR_NAMES = list(TENSOR_DTYPES)


@dataclass(frozen=True, slots=True)
class WireLimits:
    """The largest message in bytes; containers in containers; elements of all containers and object arrays together."""

    max_bytes: int
    max_depth: int
    max_items: int


def flaw(order: int, kind: str, itemsize: int, data: bytes) -> str | None:
    """What is wrong with an array's bytes although their number is right: text and x86 long doubles can be malformed."""
    if kind == "U" and data and np.frombuffer(data, f"{chr(order)}u4").max() > 0x10FFFF:
        return "an array with text that is no Unicode"
    if EXTENDED and itemsize == LONG_DOUBLES.get(kind):
        words = np.frombuffer(data, f"{chr(order)}u8")
        low, high = (words[::2], words[1::2]) if chr(order) == "<" else (words[1::2], words[::2])
        if np.any((low >> 63 != 0) != (high & 0x7FFF != 0)):
            return "an array with long doubles that are no numbers"
    return None


def extent(shape: tuple[int, ...]) -> int:
    """How many items a shape has, or would have if its axes of length 0 were not there: what loops over it may cost."""
    size = 1
    for axis in shape:
        size *= axis or 1
    return size
