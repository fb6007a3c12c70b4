"""Worker -> trusted values as bytes: a closed set of plain values, bounded in bytes, depth and items.

A value is one tag byte and its payload; lengths are unsigned 64-bit, numbers little-endian:

    N T F           None, True, False
    i I             an int in 8 bytes; length and two's complement of a longer one
    f               a float's 8 bytes
    s b             length and UTF-8 (surrogates passed) or bytes
    l t d           count and items; of a dict key, value, key, value, ...
    a               byte order, kind, number of axes, item size, length, shape, data in C order
    o               number of axes, shape, items (None, bool, int, float, str, bytes) of an object array
    e               dtype, number of axes, length, shape, data of a torch tensor
    r q             the texts of a `Raised`; number and type name of an `Opaque`

`encode` runs beside the submission and is a courtesy to it: whoever wants to can write any bytes to the socket.
`decode` is what protects the grader. It runs nothing, checks every length before it allocates, and needs at most
about 4 * max_bytes + 200 * max_items bytes (text of one-byte characters may need four bytes for each).
"""

from __future__ import annotations

import math
import struct
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from grader.sandbox.values import Opaque, Raised, WireError

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


def encode(value: object, limits: WireLimits, *, keep: Callable[[object], int] | None = None, tensors: bool = False) -> bytes:
    """The message for `value`. Calls no method of any object that is not of a built-in type.

    `keep` is given what is no plain value and answers the number of its `Opaque`; without it such a value is refused.
    Subclasses of str, list, tuple and dict travel as these. WireError where `value` does not fit; its text is for the student.
    """
    writer = _Writer(limits, keep, tensors)
    try:
        writer.value(value, 0)
    except _Misfit as misfit:
        raise WireError(misfit.sentence()) from None
    except RecursionError:
        raise WireError("returned value: nested too deeply; return fewer levels") from None
    data = b"".join(writer.parts)
    if len(data) > limits.max_bytes:
        raise WireError(_Misfit(_too_large(limits)).sentence())
    return data


def decode(data: bytes | memoryview, limits: WireLimits, *, tensors: bool = False) -> object:
    """The value of a message, whoever wrote it. Arrays are fresh, writeable and C-contiguous. WireError for all else."""
    size = data.nbytes if isinstance(data, memoryview) else len(data)
    if size > limits.max_bytes:
        raise WireError(f"message: {size:,} bytes; at most {limits.max_bytes:,} are allowed")
    reader = _Reader(bytes(data), limits, tensors)
    try:
        value = reader.value(0)
    except WireError:
        raise
    except Exception as error:  # the last net: each flaw of a message has a check of its own
        raise WireError("message: it cannot be read") from error
    if reader.at != reader.end:
        raise WireError("message: bytes are left over behind the value")
    return value


class _Misfit(Exception):
    """Why a value does not fit; on its way up every container adds where it was."""

    def __init__(self, reason: str, nested: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.nested = nested
        self.path: list[str] = []
        self.owners: list[int] = []

    def passed(self, owner: object, step: str) -> _Misfit:
        """The same, having passed through `owner` at `step`."""
        self.owners.append(id(owner))
        self.path.append(step)
        return self

    def sentence(self) -> str:
        """Where, what, and what to do."""
        reason = self.reason
        owners, steps = self.owners[::-1], self.path[::-1]
        if self.nested and len(set(owners)) < len(owners):
            reason = "a container that contains itself; return a value without cycles"
            steps = steps[: next(index for index, owner in enumerate(owners) if owner in owners[:index])]
        path = "".join(steps)
        if len(path) > PATH_CHARACTERS:
            path = f"{path[: PATH_CHARACTERS // 2]}…{path[-PATH_CHARACTERS // 2 :]}"
        return f"returned value, at result{path}: {reason}" if path else f"returned value: {reason}"


def _too_large(limits: WireLimits) -> str:
    mib = limits.max_bytes / (1 << 20)
    return f"more than {f'{mib:,g} MiB' if mib >= 1 else f'{limits.max_bytes:,} bytes'}; return less"


def type_name(cls: type) -> str:
    """What `cls` calls itself, "numpy.float64" or "function": printable, at most 200 characters; its metaclass is not asked."""
    module, name = (type.__dict__[which].__get__(cls) for which in ("__module__", "__qualname__"))
    text = name if type(name) is str else "?"
    if type(module) is str and module != "builtins":
        text = f"{module[:TYPE_NAME_CHARACTERS]}.{text}"
    return "".join(char for char in text[: 2 * TYPE_NAME_CHARACTERS] if char.isprintable())[:TYPE_NAME_CHARACTERS]


def _shown(key: object) -> str:
    if type(key) is str:
        return repr(key if len(key) <= 40 else f"{key[:39]}…")
    small = key is None or type(key) in (bool, float) or (type(key) is int and key.bit_length() <= 64)
    return repr(key) if small else "…"


def _flaw(order: int, kind: str, itemsize: int, data: bytes) -> str | None:
    """What is wrong with an array's bytes although their number is right: text and x86 long doubles can be malformed."""
    if kind == "U" and data and np.frombuffer(data, f"{chr(order)}u4").max() > 0x10FFFF:
        return "an array with text that is no Unicode"
    if EXTENDED and itemsize == LONG_DOUBLES.get(kind):
        words = np.frombuffer(data, f"{chr(order)}u8")
        low, high = (words[::2], words[1::2]) if chr(order) == "<" else (words[1::2], words[::2])
        if np.any((low >> 63 != 0) != (high & 0x7FFF != 0)):
            return "an array with long doubles that are no numbers"
    return None


class _Writer:
    """One message under way. `room` counts only what can be large; the whole is weighed at the end."""

    __slots__ = ("items", "keep", "limits", "parts", "room", "torch")

    def __init__(self, limits: WireLimits, keep: Callable[[object], int] | None, tensors: bool) -> None:
        self.limits = limits
        self.keep = keep
        self.parts: list[bytes] = []
        self.room = limits.max_bytes
        self.items = limits.max_items
        self.torch: Any = sys.modules.get("torch") if tensors else None

    def value(self, value: Any, depth: int) -> None:
        """Writes any value. Types are told by id: comparing or hashing one would ask its metaclass."""
        write = WRITERS.get(id(type(value)))
        if write is not None:
            write(self, value, depth)
            return
        cls = type(value)
        for base, write in BASES:
            if issubclass(cls, base):
                write(self, value, depth)
                return
        torch = self.torch
        if torch is not None and (cls is torch.Tensor or cls is torch.nn.Parameter):
            self.tensor(value)
        else:
            self.opaque(value, type_name(cls))

    def key(self, key: Any, depth: int) -> None:
        """Writes the key of a dict."""
        cls = type(key)
        if id(cls) in SCALARS or issubclass(cls, str):
            self.value(key, depth)
        elif issubclass(cls, tuple):
            self.head(TAG_TUPLE, tuple.__len__(key), depth)
            for item in tuple.__iter__(key):
                self.key(item, depth + 1)
        else:
            raise _Misfit(f"a dict key of type {type_name(cls)}; use int, float, str, bytes, bool, None or tuples of these")

    def head(self, tag: int, count: int, depth: int) -> None:
        """Begins a container."""
        if depth >= self.limits.max_depth:
            raise _Misfit(f"more than {self.limits.max_depth} levels of containers; return fewer", nested=True)
        self.count(count)
        self.parts.append(TAGGED_LENGTH.pack(tag, count))

    def count(self, count: int) -> None:
        """Takes `count` items off what may come."""
        self.items -= count
        if self.items < 0:
            raise _Misfit(f"more than {self.limits.max_items:,} items; return less")

    def spend(self, count: int) -> None:
        """Takes `count` bytes off what may come, before they are copied."""
        self.room -= count
        if self.room < 0:
            raise _Misfit(_too_large(self.limits))

    def sequence(self, tag: int, owner: object, items: Iterable[Any], count: int, depth: int) -> None:
        """Writes a list or tuple of `count` items."""
        self.head(tag, count, depth)
        # A copy: another thread may still change a list, and the count is already written.
        for index, item in enumerate([*items][:count]):
            try:
                self.value(item, depth + 1)
            except _Misfit as misfit:
                raise misfit.passed(owner, f"[{index}]") from None

    def opaque(self, value: object, name: str) -> None:
        """Writes a stand-in for what stays here."""
        if self.keep is None:
            raise _Misfit(f"an object of type {name} is no plain value; return numbers, text, lists, dicts or numpy arrays")
        self.mark(self.keep(value), name[:TYPE_NAME_CHARACTERS])

    def mark(self, ident: int, name: str) -> None:
        """Writes an `Opaque`."""
        self.parts.append(TAGGED_LENGTH.pack(TAG_OPAQUE, ident))
        self.text(name)

    def text(self, text: str) -> None:
        """Writes a text without a tag."""
        self.spend(str.__len__(text))
        data = str.encode(text, "utf-8", "surrogatepass")
        self.parts += (LENGTH.pack(len(data)), data)

    def tensor(self, value: Any) -> None:
        """Writes a torch tensor, if it is a dense one in memory. Methods come from the class, not from the instance."""
        torch, cls = self.torch, self.torch.Tensor
        name = str(value.dtype).removeprefix("torch.")
        dense = value.layout is torch.strided and value.device.type == "cpu" and not (value.is_quantized or value.is_nested)
        if not dense or name not in TENSOR_DTYPES:
            self.opaque(value, f"{type_name(type(value))} ({value.layout}, {value.device.type}, {name})")
            return
        shape = tuple(value.shape)
        if len(shape) > AXES:
            raise _Misfit(f"a tensor of more than {AXES} axes; return fewer")
        self.spend(math.prod(shape) * TENSOR_DTYPES[name] or _extent(shape))
        try:
            plain = cls.detach(value).resolve_conj().resolve_neg().contiguous().reshape(-1)
            data = plain.view(torch.uint8).numpy().tobytes()
        except RuntimeError:  # a tensor of a transformation under way has no data of its own
            self.opaque(value, type_name(type(value)))
            return
        if name == "bool":
            data = data.translate(TO_BOOL)
        self.parts += (TENSOR[len(shape)].pack(TAG_TENSOR, TENSOR_NAMES.index(name), len(shape), len(data), *shape), data)


def _extent(shape: tuple[int, ...]) -> int:
    """How many items a shape has, or would have if its axes of length 0 were not there: what loops over it may cost."""
    extent = 1
    for axis in shape:
        extent *= axis or 1
    return extent


def _write_none(writer: _Writer, value: None, depth: int) -> None:
    writer.parts.append(b"N")


def _write_bool(writer: _Writer, value: bool, depth: int) -> None:
    writer.parts.append(b"T" if value else b"F")


def _write_int(writer: _Writer, value: int, depth: int) -> None:
    if -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
        writer.parts.append(TAGGED_INT.pack(TAG_INT, value))
        return
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    if size > INT_BYTES:
        raise _Misfit(f"an integer of more than {INT_BYTES:,} bytes; return a smaller one")
    writer.parts += (TAGGED_LENGTH.pack(TAG_LONG, size), value.to_bytes(size, "little", signed=True))


def _write_float(writer: _Writer, value: float, depth: int) -> None:
    writer.parts.append(TAGGED_FLOAT.pack(TAG_FLOAT, value))


def _write_str(writer: _Writer, value: str, depth: int) -> None:
    writer.spend(str.__len__(value))
    data = str.encode(value, "utf-8", "surrogatepass")
    writer.parts += (TAGGED_LENGTH.pack(TAG_STR, len(data)), data)


def _write_bytes(writer: _Writer, value: bytes, depth: int) -> None:
    writer.spend(len(value))
    writer.parts += (TAGGED_LENGTH.pack(TAG_BYTES, len(value)), value)


def _write_list(writer: _Writer, value: list[Any], depth: int) -> None:
    writer.sequence(TAG_LIST, value, list.__iter__(value), list.__len__(value), depth)


def _write_tuple(writer: _Writer, value: tuple[Any, ...], depth: int) -> None:
    writer.sequence(TAG_TUPLE, value, tuple.__iter__(value), tuple.__len__(value), depth)


def _write_dict(writer: _Writer, value: dict[Any, Any], depth: int) -> None:
    count = dict.__len__(value)
    writer.head(TAG_DICT, count, depth)
    for key, item in [*dict.items(value)][:count]:
        try:
            writer.key(key, depth + 1)
        except _Misfit as misfit:
            raise misfit.passed(value, "") from None
        try:
            writer.value(item, depth + 1)
        except _Misfit as misfit:
            raise misfit.passed(value, f"[{_shown(key)}]") from None


def _write_array(writer: _Writer, value: np.ndarray, depth: int) -> None:
    dtype = value.dtype
    shape = value.shape
    code = ARRAY_CODES.get(dtype.num)
    if code is None or len(shape) > AXES:
        _write_objects(writer, value)
        return
    order, kind, itemsize = code
    if not dtype.isnative:
        order = SWAPPED
    if not itemsize:
        itemsize = dtype.itemsize
        if not 0 < itemsize <= TEXT_ITEM_BYTES:
            raise _Misfit(f"an array whose texts take {itemsize:,} bytes each; at most {TEXT_ITEM_BYTES:,} are allowed")
    writer.spend(value.nbytes or _extent(shape))
    data = value.tobytes()
    if kind == KIND_BOOL:
        data = data.translate(TO_BOOL)  # an array that was never filled may hold other bytes
    elif (kind == KIND_TEXT or itemsize >= 16) and (flaw := _flaw(order, chr(kind), itemsize, data)):
        raise _Misfit(f"{flaw}; fill it before you return it")
    axes = len(shape)
    writer.parts += (ARRAY[axes].pack(TAG_ARRAY, order, kind, axes, itemsize, len(data), *shape), data)


def _write_objects(writer: _Writer, value: np.ndarray) -> None:
    """Object arrays of scalars; every other dtype stays where it is."""
    shape = value.shape
    if len(shape) > AXES:
        raise _Misfit(f"an array of more than {AXES} axes; return fewer")
    if value.dtype.num != NUMBER_OBJECT:
        return writer.opaque(value, f"numpy.ndarray of {_dtype_name(value.dtype)}")
    writer.count(value.size or _extent(shape))
    items = value.ravel().tolist()
    if not all(id(type(item)) in SCALARS or issubclass(type(item), str) for item in items):
        return writer.opaque(value, "numpy.ndarray of objects")
    writer.parts.append(OBJECTS[len(shape)].pack(TAG_OBJECTS, len(shape), *shape))
    for item in items:
        writer.value(item, 0)
    return None


def _dtype_name(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "V" and dtype.num < USER_DTYPES:
        return "records"
    return dtype.name if dtype.num < USER_DTYPES else type_name(type(dtype))


def _write_raised(writer: _Writer, value: Raised, depth: int) -> None:
    texts = (value.builtin, value.type_name, value.message, value.where)
    if not all(type(text) is str for text in texts):
        raise _Misfit("a report of an exception that holds no text; raise exceptions instead")
    writer.parts.append(b"r")
    for text in texts:
        writer.text(text)


def _write_opaque(writer: _Writer, value: Opaque, depth: int) -> None:
    if type(value.ident) is not int or not 0 <= value.ident < 1 << 64 or type(value.type_name) is not str:
        raise _Misfit("a stand-in for no object; return the object itself")
    writer.mark(value.ident, value.type_name)


Write = Callable[[_Writer, Any, int], None]
TYPES: tuple[tuple[type, Write], ...] = (
    (type(None), _write_none),
    (bool, _write_bool),
    (int, _write_int),
    (float, _write_float),
    (bytes, _write_bytes),
    (str, _write_str),
    (list, _write_list),
    (tuple, _write_tuple),
    (dict, _write_dict),
    (np.ndarray, _write_array),
    (Raised, _write_raised),
    (Opaque, _write_opaque),
)
WRITERS: dict[int, Write] = {id(cls): write for cls, write in TYPES}
SCALARS = frozenset(id(cls) for cls, _ in TYPES[:6])
BASES = TYPES[5:9]  # their subclasses travel as the plain type


class _Reader:
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
        if not size and _extent(shape) > self.limits.max_bytes:
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


def _read_none(reader: _Reader, depth: int) -> None:
    reader.at += 1


def _read_true(reader: _Reader, depth: int) -> bool:
    reader.at += 1
    return True


def _read_false(reader: _Reader, depth: int) -> bool:
    reader.at += 1
    return False


def _read_int(reader: _Reader, depth: int) -> int:
    number: int = INT.unpack_from(reader.data, reader.part(9) + 1)[0]
    return number


def _read_long(reader: _Reader, depth: int) -> int:
    reader.at += 1
    data = reader.bulk()
    if len(data) > INT_BYTES:
        _refuse(f"an integer of more than {INT_BYTES:,} bytes")
    return int.from_bytes(data, "little", signed=True)


def _read_float(reader: _Reader, depth: int) -> float:
    number: float = FLOAT.unpack_from(reader.data, reader.part(9) + 1)[0]
    return number


def _read_str(reader: _Reader, depth: int) -> str:
    reader.at += 1
    return reader.text()


def _read_bytes(reader: _Reader, depth: int) -> bytes:
    reader.at += 1
    return reader.bulk()


def _read_list(reader: _Reader, depth: int) -> list[Any]:
    value, deeper = reader.value, depth + 1
    return [value(deeper) for _ in range(reader.count(depth))]


def _read_tuple(reader: _Reader, depth: int) -> tuple[Any, ...]:
    return tuple(_read_list(reader, depth))


def _read_dict(reader: _Reader, depth: int) -> dict[Any, Any]:
    count = reader.count(depth, least=2)
    keys, values = [], []
    for _ in range(count):
        keys.append(reader.key(depth + 1))
        values.append(reader.value(depth + 1))
    filled = reader.fill(keys, values)
    if len(filled) != count:
        _refuse("a dict with a key twice")
    return filled


def _read_array(reader: _Reader, depth: int) -> np.ndarray:
    _, order, kind, _, itemsize, size, *axes = reader.shaped(ARRAY, 3)
    dtype = DTYPES.get((order, kind, itemsize))
    if dtype is None:
        dtype = _text_dtype(order, kind, itemsize)
    shape = tuple(axes)
    at = reader.payload(shape, itemsize, size)
    if kind == KIND_BOOL:
        if reader.data[at : at + size].translate(None, b"\0\1"):
            _refuse("an array with a bool that is neither 0 nor 1")
    elif (kind == KIND_TEXT or itemsize >= 16) and (flaw := _flaw(order, chr(kind), itemsize, reader.data[at : at + size])):
        _refuse(flaw)
    return np.ndarray(shape, dtype, reader.data, at).copy()


def _text_dtype(order: int, kind: int, itemsize: int) -> np.dtype[Any]:
    if 0 < itemsize <= TEXT_ITEM_BYTES:
        if kind == KIND_BYTES and order == NO_ORDER:
            return np.dtype(f"S{itemsize}")
        if kind == KIND_TEXT and order in (NATIVE, SWAPPED) and itemsize % 4 == 0:
            return np.dtype(f"{chr(order)}U{itemsize // 4}")
    return _refuse("an array of an unknown dtype")


def _read_objects(reader: _Reader, depth: int) -> np.ndarray:
    _, _, *axes = reader.shaped(OBJECTS, 1)
    shape = tuple(axes)
    count = math.prod(shape)
    if count > reader.end - reader.at:
        _refuse("it ends too early")
    reader.take(count or _extent(shape))
    items = [reader.scalar("an item of an object array") for _ in range(count)]
    array = np.empty(shape, object)
    array.reshape(-1)[:] = items
    return array


def _read_tensor(reader: _Reader, depth: int) -> Any:
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


def _read_raised(reader: _Reader, depth: int) -> Raised:
    reader.at += 1
    return Raised(reader.text(), reader.text(), reader.text(), reader.text())


def _read_opaque(reader: _Reader, depth: int) -> Opaque:
    (ident,) = LENGTH.unpack_from(reader.data, reader.part(9) + 1)
    name = reader.text()
    if len(name) > TYPE_NAME_CHARACTERS or not name.isprintable():
        _refuse("a type name that cannot be shown")
    return Opaque(ident, name)


READERS: dict[int, Callable[[_Reader, int], Any]] = {
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
