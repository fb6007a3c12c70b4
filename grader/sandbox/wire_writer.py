"""The wire's side beside the submission: plain values as bytes, everything else as a number."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from grader.sandbox.values import Opaque, Raised
from grader.sandbox.wire_forms import (
    ARRAY,
    ARRAY_CODES,
    AXES,
    INT_BYTES,
    KIND_BOOL,
    KIND_TEXT,
    LENGTH,
    NUMBER_OBJECT,
    OBJECTS,
    PATH_CHARACTERS,
    SWAPPED,
    TAG_ARRAY,
    TAG_BYTES,
    TAG_DICT,
    TAG_FLOAT,
    TAG_INT,
    TAG_LIST,
    TAG_LONG,
    TAG_OBJECTS,
    TAG_OPAQUE,
    TAG_STR,
    TAG_TENSOR,
    TAG_TUPLE,
    TAGGED_FLOAT,
    TAGGED_INT,
    TAGGED_LENGTH,
    TENSOR,
    TENSOR_DTYPES,
    TENSOR_NAMES,
    TEXT_ITEM_BYTES,
    TO_BOOL,
    TYPE_NAME_CHARACTERS,
    USER_DTYPES,
    WireLimits,
    extent,
    flaw,
)


class Misfit(Exception):
    """Why a value does not fit; on its way up every container adds where it was."""

    def __init__(self, reason: str, nested: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.nested = nested
        self.path: list[str] = []
        self.owners: list[int] = []

    def passed(self, owner: object, step: str) -> Misfit:
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


def too_large(limits: WireLimits) -> str:
    """Why a message of this size does not travel."""
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


class Writer:
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
            raise Misfit(f"a dict key of type {type_name(cls)}; use int, float, str, bytes, bool, None or tuples of these")

    def head(self, tag: int, count: int, depth: int) -> None:
        """Begins a container."""
        if depth >= self.limits.max_depth:
            raise Misfit(f"more than {self.limits.max_depth} levels of containers; return fewer", nested=True)
        self.count(count)
        self.parts.append(TAGGED_LENGTH.pack(tag, count))

    def count(self, count: int) -> None:
        """Takes `count` items off what may come."""
        self.items -= count
        if self.items < 0:
            raise Misfit(f"more than {self.limits.max_items:,} items; return less")

    def spend(self, count: int) -> None:
        """Takes `count` bytes off what may come, before they are copied."""
        self.room -= count
        if self.room < 0:
            raise Misfit(too_large(self.limits))

    def sequence(self, tag: int, owner: object, items: Iterable[Any], count: int, depth: int) -> None:
        """Writes a list or tuple of `count` items."""
        self.head(tag, count, depth)
        # A copy: another thread may still change a list, and the count is already written.
        for index, item in enumerate([*items][:count]):
            try:
                self.value(item, depth + 1)
            except Misfit as misfit:
                raise misfit.passed(owner, f"[{index}]") from None

    def opaque(self, value: object, name: str) -> None:
        """Writes a stand-in for what stays here."""
        if self.keep is None:
            raise Misfit(f"an object of type {name} is no plain value; return numbers, text, lists, dicts or numpy arrays")
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
            raise Misfit(f"a tensor of more than {AXES} axes; return fewer")
        self.spend(math.prod(shape) * TENSOR_DTYPES[name] or extent(shape))
        try:
            plain = cls.detach(value).resolve_conj().resolve_neg().contiguous().reshape(-1)
            data = plain.view(torch.uint8).numpy().tobytes()
        except RuntimeError:  # a tensor of a transformation under way has no data of its own
            self.opaque(value, type_name(type(value)))
            return
        if name == "bool":
            data = data.translate(TO_BOOL)
        self.parts += (TENSOR[len(shape)].pack(TAG_TENSOR, TENSOR_NAMES.index(name), len(shape), len(data), *shape), data)


def _write_none(writer: Writer, value: None, depth: int) -> None:
    writer.parts.append(b"N")


def _write_bool(writer: Writer, value: bool, depth: int) -> None:
    writer.parts.append(b"T" if value else b"F")


def _write_int(writer: Writer, value: int, depth: int) -> None:
    if -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
        writer.parts.append(TAGGED_INT.pack(TAG_INT, value))
        return
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    if size > INT_BYTES:
        raise Misfit(f"an integer of more than {INT_BYTES:,} bytes; return a smaller one")
    writer.parts += (TAGGED_LENGTH.pack(TAG_LONG, size), value.to_bytes(size, "little", signed=True))


def _write_float(writer: Writer, value: float, depth: int) -> None:
    writer.parts.append(TAGGED_FLOAT.pack(TAG_FLOAT, value))


def _write_str(writer: Writer, value: str, depth: int) -> None:
    writer.spend(str.__len__(value))
    data = str.encode(value, "utf-8", "surrogatepass")
    writer.parts += (TAGGED_LENGTH.pack(TAG_STR, len(data)), data)


def _write_bytes(writer: Writer, value: bytes, depth: int) -> None:
    writer.spend(len(value))
    writer.parts += (TAGGED_LENGTH.pack(TAG_BYTES, len(value)), value)


def _write_list(writer: Writer, value: list[Any], depth: int) -> None:
    writer.sequence(TAG_LIST, value, list.__iter__(value), list.__len__(value), depth)


def _write_tuple(writer: Writer, value: tuple[Any, ...], depth: int) -> None:
    writer.sequence(TAG_TUPLE, value, tuple.__iter__(value), tuple.__len__(value), depth)


def _write_dict(writer: Writer, value: dict[Any, Any], depth: int) -> None:
    count = dict.__len__(value)
    writer.head(TAG_DICT, count, depth)
    for key, item in [*dict.items(value)][:count]:
        try:
            writer.key(key, depth + 1)
        except Misfit as misfit:
            raise misfit.passed(value, "") from None
        try:
            writer.value(item, depth + 1)
        except Misfit as misfit:
            raise misfit.passed(value, f"[{_shown(key)}]") from None


def _write_array(writer: Writer, value: np.ndarray, depth: int) -> None:
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
            raise Misfit(f"an array whose texts take {itemsize:,} bytes each; at most {TEXT_ITEM_BYTES:,} are allowed")
    writer.spend(value.nbytes or extent(shape))
    data = value.tobytes()
    if kind == KIND_BOOL:
        data = data.translate(TO_BOOL)  # an array that was never filled may hold other bytes
    elif (kind == KIND_TEXT or itemsize >= 16) and (found := flaw(order, chr(kind), itemsize, data)):
        raise Misfit(f"{found}; fill it before you return it")
    axes = len(shape)
    writer.parts += (ARRAY[axes].pack(TAG_ARRAY, order, kind, axes, itemsize, len(data), *shape), data)


def _write_objects(writer: Writer, value: np.ndarray) -> None:
    """Object arrays of scalars; every other dtype stays where it is."""
    shape = value.shape
    if len(shape) > AXES:
        raise Misfit(f"an array of more than {AXES} axes; return fewer")
    if value.dtype.num != NUMBER_OBJECT:
        return writer.opaque(value, f"numpy.ndarray of {_dtype_name(value.dtype)}")
    writer.count(value.size or extent(shape))
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


def _write_raised(writer: Writer, value: Raised, depth: int) -> None:
    texts = (value.builtin, value.type_name, value.message, value.where)
    if not all(type(text) is str for text in texts):
        raise Misfit("a report of an exception that holds no text; raise exceptions instead")
    writer.parts.append(b"r")
    for text in texts:
        writer.text(text)


def _write_opaque(writer: Writer, value: Opaque, depth: int) -> None:
    if type(value.ident) is not int or not 0 <= value.ident < 1 << 64 or type(value.type_name) is not str:
        raise Misfit("a stand-in for no object; return the object itself")
    writer.mark(value.ident, value.type_name)


Write = Callable[[Writer, Any, int], None]
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
