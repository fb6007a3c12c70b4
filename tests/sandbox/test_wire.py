"""What crosses from the worker to the grader: exact round trips, strict reading, nothing of theirs run."""

from __future__ import annotations

import ast
import collections
import enum
import math
import pickle
import random
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.sandbox import wire, wire_forms
from grader.sandbox.values import Opaque, Raised, WireError
from grader.sandbox.wire import WireLimits, decode, encode

LIMITS = WireLimits(max_bytes=64 << 20, max_depth=64, max_items=100_000)
SMALL = WireLimits(max_bytes=1 << 16, max_depth=8, max_items=1_000)
U64 = struct.Struct("<Q")


def same(one: Any, other: Any) -> bool:
    """Equal in type, structure and every bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return struct.pack("<d", one) == struct.pack("<d", other)
    if isinstance(one, np.ndarray):
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        return same(one.ravel().tolist(), other.ravel().tolist()) if one.dtype == object else one.tobytes() == other.tobytes()
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same([*one.items()], [*other.items()])
    return bool(one == other)


def there_and_back(value: object, limits: WireLimits = LIMITS, **options: Any) -> Any:
    return decode(encode(value, limits, **options), limits, tensors=options.get("tensors", False))


class Kept:
    """Stands for the worker's table of objects."""

    def __init__(self) -> None:
        self.objects: list[object] = []

    def __call__(self, value: object) -> int:
        self.objects.append(value)
        return len(self.objects) - 1


def floats_of_any_bits() -> st.SearchStrategy[float]:
    return st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0])


def scalars() -> st.SearchStrategy[Any]:
    text = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
    integers = st.integers() | st.integers(-(2**2000), 2**2000)
    return st.none() | st.booleans() | integers | floats_of_any_bits() | text | st.binary(max_size=8)


def keys() -> st.SearchStrategy[Any]:
    return st.recursive(
        scalars().filter(lambda key: key == key), lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=4
    )


def dtypes() -> st.SearchStrategy[Any]:
    order: Any = st.sampled_from("<>")
    return order.flatmap(
        lambda o: (
            hnp.boolean_dtypes()
            | hnp.integer_dtypes(endianness=o)
            | hnp.unsigned_integer_dtypes(endianness=o)
            | hnp.floating_dtypes(endianness=o, sizes=(16, 32, 64))
            | hnp.complex_number_dtypes(endianness=o, sizes=(64, 128))
            | hnp.unicode_string_dtypes(endianness=o, min_len=1, max_len=5)
            | hnp.byte_string_dtypes(min_len=1, max_len=5)
        )
    )


def arrays() -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(dtypes(), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))


def values() -> st.SearchStrategy[Any]:
    def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        sequences = st.lists(inner, max_size=4)
        return sequences | sequences.map(tuple) | st.dictionaries(keys(), inner, max_size=4)

    return st.recursive(scalars() | arrays(), deeper, max_leaves=20)


# ---- round trips


@given(values())
@settings(max_examples=200, deadline=None)
def test_every_plain_value_comes_back_bit_for_bit(value):
    assert same(there_and_back(value), value)


@given(arrays(), st.data())
@settings(max_examples=200, deadline=None)
def test_arrays_of_every_layout_come_back_fresh_writeable_and_in_c_order(array, data):
    axes = data.draw(st.permutations(range(array.ndim)))
    steps = tuple(slice(None, None, data.draw(st.sampled_from([1, -1, 2, -2]))) for _ in axes)
    given_array = array.transpose(axes)[steps] if axes else array
    got = there_and_back(given_array)
    assert same(got, given_array)
    assert got.flags.writeable
    assert got.flags.c_contiguous
    assert got.flags.owndata


@pytest.mark.parametrize("char", "?bBhHiIlLqQefdgFDG")
@pytest.mark.parametrize("order", "<>")
def test_every_number_dtype_keeps_its_byte_order_and_size(char, order):
    dtype = np.dtype(char).newbyteorder(order)
    array = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    got = there_and_back(array)
    assert got.dtype == dtype
    assert got.dtype.str == dtype.str
    assert (got == array).all()


def test_nan_payloads_keep_their_bits():
    bits = np.array([0x7FF8000000000001, 0xFFF0DEADBEEF0001, 0x7FF0000000000002], np.uint64)
    single = struct.unpack("<d", bits[2:].tobytes())[0]
    assert struct.pack("<d", there_and_back(single)) == bits[2:].tobytes()
    assert there_and_back(bits.view(np.float64)).tobytes() == bits.tobytes()
    assert math.copysign(1, there_and_back(-0.0)) == -1


def test_integers_of_up_to_4096_bytes_travel_and_longer_ones_do_not():
    for number in (2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**32767 - 1, -(2**32767)):
        assert there_and_back([number]) == [number]
    with pytest.raises(WireError, match=r"at result\[0\]: an integer of more than 4,096 bytes"):
        encode([2**32767], LIMITS)


def test_arrays_of_32_axes_of_none_and_of_no_items_keep_their_shape():
    for shape in ((1,) * 32, (), (0,), (3, 0, 2)):
        assert there_and_back(np.ones(shape, np.float32)).shape == shape
    with pytest.raises(WireError, match="more than 32 axes"):
        encode(np.ones((1,) * 33), LIMITS)


def test_object_arrays_of_scalars_travel_and_others_stay_behind():
    array = np.array([["a", 1, None], [2.5, b"x", True]], object)
    assert same(there_and_back(array.T), array.T)
    assert there_and_back(np.array("label", object)).shape == ()
    kept = Kept()
    other = np.array([1, object()], object)
    assert there_and_back([other], keep=kept) == [Opaque(0, "numpy.ndarray of objects")]
    assert kept.objects[0] is other


def test_items_of_object_arrays_that_are_containers_are_not_looked_into():
    array = np.empty(1, object)
    array[0] = [array]
    assert there_and_back(array, keep=Kept()) == Opaque(0, "numpy.ndarray of objects")


def test_raised_and_opaque_values_come_back_as_such():
    raised = Raised("ValueError", "BadShape", "layer 2: \ud800 shape", "fed_avg.py:27")
    assert there_and_back([raised, Opaque(7, "model.Net")]) == [raised, Opaque(7, "model.Net")]


def test_unfilled_bool_arrays_become_zeros_and_ones():
    got = there_and_back(np.array([0, 1, 2, 255], np.uint8).view(bool))
    assert got.view(np.uint8).tolist() == [0, 1, 1, 1]


def test_a_memoryview_reads_like_bytes():
    assert decode(memoryview(encode({"w": [1, 2]}, LIMITS)), LIMITS) == {"w": [1, 2]}


# ---- tensors


def test_tensors_of_every_dtype_and_layout_come_back():
    torch = pytest.importorskip("torch")
    for name in wire_forms.TENSOR_DTYPES:
        tensor = torch.tensor([[0, 1, 1], [1, 0, 0]]).to(getattr(torch, name))
        for given_tensor in (tensor, tensor.T, tensor[:, 1:], tensor[0, 0], tensor[:0], torch.nn.Parameter(tensor, False)):
            got = there_and_back(given_tensor, tensors=True)
            assert type(got) is torch.Tensor
            assert got.dtype == tensor.dtype
            assert torch.equal(got, given_tensor)
            got.zero_()
    assert torch.equal(there_and_back(torch.tensor([1 + 2j]).conj(), tensors=True), torch.tensor([1 - 2j]))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensors_that_are_not_dense_in_memory_stay_behind():
    torch = pytest.importorskip("torch")
    quantized = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)
    odd = [torch.ones(2, 2).to_sparse(), torch.ones(2, device="meta"), quantized, torch.nested.nested_tensor([torch.ones(2)])]
    got = there_and_back(odd, tensors=True, keep=Kept())
    assert [type(value) for value in got] == [Opaque] * 4
    assert got[1].type_name.startswith("torch.Tensor")


def test_tensors_are_refused_where_they_are_not_expected():
    torch = pytest.importorskip("torch")
    assert there_and_back(torch.ones(2), keep=Kept()) == Opaque(0, "torch.Tensor")
    with pytest.raises(WireError, match="a tensor where none is allowed"):
        decode(encode(torch.ones(2), LIMITS, tensors=True), LIMITS)


def test_an_expanded_tensor_of_a_terabyte_is_refused_before_it_is_copied():
    torch = pytest.importorskip("torch")
    with pytest.raises(WireError, match="more than 64 MiB"):
        encode(torch.zeros(1).expand(1 << 40), LIMITS, tensors=True)


def test_torch_is_never_imported_for_values_without_tensors():
    code = (
        "import sys, numpy; from grader.sandbox.wire import *; limits = WireLimits(1000, 9, 9);"
        "decode(encode([numpy.ones(2)], limits, tensors=True), limits, tensors=True); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(wire.__file__).parents[2])


# ---- what does not fit, and how the student is told


@pytest.mark.parametrize(
    ("value", "limits", "sentence"),
    [
        ([{"w": [0] * 1001}], SMALL, r"^returned value, at result\[0\]\['w'\]: more than 1,000 items; return less$"),
        ([0] * 1001, SMALL, r"^returned value: more than 1,000 items; return less$"),
        ([[0] * 600, [0] * 600], SMALL, r"at result\[1\]: more than 1,000 items"),
        ({"a": np.zeros(9000)}, SMALL, r"at result\['a'\]: more than 65,536 bytes; return less"),
        (("x" * 70_000,), SMALL, r"at result\[0\]: more than 65,536 bytes"),
        (["é" * 40_000], SMALL, r"^returned value: more than 65,536 bytes"),
        (np.zeros(9 << 20), LIMITS, r"^returned value: more than 64 MiB; return less$"),
        (np.broadcast_to(np.zeros(1), 1 << 40), LIMITS, "more than 64 MiB"),
        (np.broadcast_to(np.array([None]), 1 << 40), LIMITS, "more than 100,000 items"),
        (np.zeros((0, 1 << 40)), LIMITS, "more than 64 MiB"),
        ([[[[[[[[[0]]]]]]]]], SMALL, "more than 8 levels of containers"),
        ([len], SMALL, r"at result\[0\]: an object of type builtin_function_or_method is no plain value"),
        ({"n": np.float64(1)}, SMALL, r"at result\['n'\]: an object of type numpy.float64 is no plain value"),
        ({np.int64(1): 1}, SMALL, "a dict key of type numpy.int64; use int, float"),
        ({frozenset(): 1}, SMALL, "a dict key of type frozenset"),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_its_place_and_limit(value, limits, sentence):
    with pytest.raises(WireError, match=sentence):
        encode(value, limits)


def test_limits_hold_exactly():
    assert decode(encode([0] * 1000, SMALL), SMALL) == [0] * 1000
    assert there_and_back([[[[[[[[]]]]]]]], SMALL) == [[[[[[[[]]]]]]]]
    exact = WireLimits(len(encode(np.zeros(100), LIMITS)), 1, 1)
    assert there_and_back(np.zeros(100), exact).shape == (100,)
    less = WireLimits(exact.max_bytes - 1, 1, 1)
    with pytest.raises(WireError):
        encode(np.zeros(100), less)
    with pytest.raises(WireError):
        decode(encode(np.zeros(100), LIMITS), less)


def test_a_value_inside_itself_is_called_that():
    cycle: list[Any] = [1]
    cycle.append({"again": cycle})
    with pytest.raises(WireError, match=r"^returned value, at result\[1\]\['again'\]: a container that contains itself"):
        encode(cycle, LIMITS)


def test_a_few_lists_that_unfold_to_billions_are_stopped_by_the_item_count():
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]
    with pytest.raises(WireError, match="more than 100,000 items"):
        encode(value, LIMITS)


def test_nesting_beyond_the_interpreter_is_a_wire_error_on_both_sides():
    generous = WireLimits(1 << 20, 1 << 20, 1 << 20)
    value: list[Any] = []
    for _ in range(20_000):
        value = [value]
    with pytest.raises(WireError):
        encode(value, generous)
    with pytest.raises(WireError):
        decode((b"l" + U64.pack(1)) * 20_000 + b"N", generous)


def test_the_place_of_a_deep_misfit_stays_short():
    value: Any = len
    for _ in range(50):
        value = {"a rather long name of a layer": value}
    with pytest.raises(WireError) as caught:
        encode(value, LIMITS)
    assert len(str(caught.value)) < 400


# ---- objects of theirs


class Trap:
    """Everything that Python might ask an object ends the test."""

    def sprung(self, *args: object, **kwargs: object) -> Any:
        raise AssertionError("a method of theirs was called")

    __len__ = __iter__ = __eq__ = __hash__ = __reduce__ = __reduce_ex__ = __array__ = __str__ = __repr__ = sprung  # type: ignore[assignment]
    __bool__ = __index__ = __int__ = __float__ = __getattr__ = __getitem__ = __contains__ = __bytes__ = sprung  # type: ignore[assignment]
    __class__ = property(sprung)  # type: ignore[assignment]


class TrapTuple(Trap, tuple):
    pass


class TrapList(Trap, list):
    pass


class TrapDict(Trap, dict):
    items = keys = values = Trap.sprung


class TrapStr(Trap, str):
    encode = Trap.sprung


class TrapArray(np.ndarray):
    def sprung(self, *args: object, **kwargs: object) -> Any:
        raise AssertionError("a method of theirs was called")

    __array__ = __len__ = __iter__ = tobytes = sprung
    shape = dtype = nbytes = property(sprung)


class TrapMeta(type):
    def sprung(cls, *args: object, **kwargs: object) -> Any:
        raise AssertionError("their metaclass was asked")

    __hash__ = __eq__ = __instancecheck__ = __subclasscheck__ = __getattribute__ = mro_entries = sprung  # type: ignore[assignment]


def metaclass_object() -> object:
    return TrapMeta("Sneaky", (), {"__module__": "theirs"})()


def test_subclasses_of_containers_and_text_degrade_without_being_asked():
    trap_dict = TrapDict()
    dict.__setitem__(trap_dict, "k", TrapStr("v"))
    value = [TrapTuple((1, 2)), TrapList([3]), trap_dict]
    got = there_and_back(value)
    assert same(got, [(1, 2), [3], {"k": "v"}])


def test_everyday_subclasses_degrade_to_the_plain_type():
    Point = collections.namedtuple("Point", "x y")
    value = [
        Point(1, 2),
        collections.OrderedDict(a=1),
        collections.Counter("aa"),
        collections.defaultdict(list, b=[]),
        np.str_("s"),
    ]
    assert same(there_and_back(value), [(1, 2), {"a": 1}, {"a": 2}, {"b": []}, "s"])
    assert same(there_and_back({np.str_("s"): 1, Point(1, 2): 2}), {"s": 1, (1, 2): 2})


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (Trap, "Trap"),
        (metaclass_object, "theirs.Sneaky"),
        (lambda: np.zeros(2).view(TrapArray), "TrapArray"),
        (lambda: np.ma.masked_array([1]), "numpy.ma.MaskedArray"),
        (lambda: np.float64(1), "numpy.float64"),
        (lambda: enum.IntEnum("Level", "low").low, "Level"),
        (lambda: np.bytes_(b"x"), "numpy.bytes_"),
        (lambda: (number for number in range(10**18)), "generator"),
        (lambda: range(10**18), "range"),
        (lambda: {1, 2}, "set"),
        (lambda: np.zeros(1, "M8[D]"), "numpy.ndarray of datetime64[D]"),
        (lambda: np.zeros(1, "i4,f4"), "numpy.ndarray of records"),
        (lambda: np.array(["a"], np.dtypes.StringDType()), "numpy.ndarray of numpy.dtypes.StringDType"),
        (lambda: Raised, "type"),
    ],
)
def test_what_is_no_plain_value_stays_behind_unasked(make: Callable[[], object], name: str):
    kept = Kept()
    value = make()
    got = there_and_back([value], keep=kept)[0]
    assert type(got) is Opaque
    assert got.type_name.endswith(name)
    assert kept.objects[got.ident] is value


def test_bfloat16_arrays_stay_behind():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for dtype in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.int4):
        assert type(there_and_back(np.zeros(2, dtype), keep=Kept())) is Opaque


def test_type_names_are_short_and_printable():
    cls = type("A" * 500 + "\x1b[31m\u202e\n", (), {"__module__": "their\0module"})
    got = there_and_back(cls(), keep=Kept())
    assert len(got.type_name) == 200
    assert got.type_name.isprintable()
    assert got.type_name.startswith("theirmodule.AAA")
    odd = type("Odd", (), {"__module__": property(lambda self: 1 / 0)})
    assert there_and_back(odd(), keep=Kept()).type_name == "Odd"


def test_a_list_that_grows_while_it_is_written_stays_consistent():
    growing: list[Any] = [object(), 1]

    def keep(value: object) -> int:
        growing.extend([1, 2, 3])
        return 0

    assert there_and_back(growing, keep=keep) == [Opaque(0, "object"), 1]


def test_forged_stand_ins_are_wire_errors():
    for forged in (Opaque(-1, "x"), Opaque(1, TrapStr("x")), Raised("a", "b", 1, "d")):  # type: ignore[arg-type]
        with pytest.raises(WireError):
            encode(forged, LIMITS)


# ---- bytes that are no message


def bombs() -> Iterator[tuple[str, bytes]]:
    """Short messages that declare much."""
    huge = U64.pack(1 << 40)
    for tag in "sbltd":
        yield f"{tag} of a terabyte", tag.encode() + huge
    yield "a long of a terabyte", b"I" + huge
    yield "lengths near 2^64", b"s" + U64.pack(2**64 - 1)
    yield "array of a terabyte", wire_forms.ARRAY[1].pack(*b"a<f", 1, 8, 1 << 40, 1 << 37)
    yield "array whose product wraps to 0", wire_forms.ARRAY[2].pack(*b"a<f", 2, 8, 0, 1 << 32, 1 << 32)
    yield "array whose product wraps to 8", wire_forms.ARRAY[2].pack(*b"a<f", 2, 8, 8, (1 << 63) + 1, 2) + bytes(8)
    yield "empty array with a long axis", wire_forms.ARRAY[2].pack(*b"a<f", 2, 8, 0, 1 << 62, 0)
    yield "empty array of enormous text", wire_forms.ARRAY[1].pack(*b"a<U", 1, 1 << 30, 0, 0)
    yield "object array of a terabyte", wire_forms.OBJECTS[1].pack(ord("o"), 1, 1 << 40)
    yield "empty object array with a long axis", wire_forms.OBJECTS[2].pack(ord("o"), 2, 1 << 40, 0)
    yield "tensor of a terabyte", wire_forms.TENSOR[1].pack(ord("e"), 0, 1, 1 << 40, 1 << 40)
    yield "empty tensor with long axes", wire_forms.TENSOR[3].pack(ord("e"), 0, 3, 0, 1 << 62, 1 << 62, 0)
    yield "many lists that each declare the rest", (b"l" + U64.pack(500)) * 60 + b"N" * 600
    yield "exception with a terabyte of text", b"r" + huge


@pytest.mark.parametrize(("name", "data"), [*bombs()])
def test_declared_sizes_allocate_nothing(name: str, data: bytes):
    if "tensor" in name:
        pytest.importorskip("torch")
    tracemalloc.start()
    try:
        with pytest.raises(WireError) as caught:
            decode(data, LIMITS, tensors=True)
        assert caught.value.__cause__ is None
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_what_is_decoded_stays_near_the_size_of_the_message():
    value = [["x" * 10, 1.5, {"k": i}] for i in range(10_000)] + [np.zeros(1 << 17)] * 8
    data = encode(value, LIMITS)
    tracemalloc.start()
    try:
        decode(data, LIMITS)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(data)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("nothing", b""),
        ("an unknown tag", b"Z"),
        ("bytes left over", b"NN"),
        ("half an int", b"i" + bytes(7)),
        ("half a float", b"f" + bytes(7)),
        ("an int of 4097 bytes", b"I" + U64.pack(4097) + bytes(4097)),
        ("text that is no UTF-8", b"s" + U64.pack(2) + b"\xc3\x28"),
        ("an overlong UTF-8 form", b"s" + U64.pack(2) + b"\xc0\x80"),
        ("text beyond Unicode", b"s" + U64.pack(4) + b"\xf4\x90\x80\x80"),
        ("a key twice", b"d" + U64.pack(2) + b"TNTN"),
        ("equal keys", b"d" + U64.pack(2) + b"TN" + wire_forms.TAGGED_FLOAT.pack(ord("f"), 1.0) + b"N"),
        ("a list as a key", b"d" + U64.pack(1) + b"l" + U64.pack(0) + b"N"),
        ("an array as a key", b"d" + U64.pack(1) + wire_forms.ARRAY[0].pack(*b"a|b", 0, 1, 1) + b"\1N"),
        ("a list inside a tuple key", b"d" + U64.pack(1) + b"t" + U64.pack(1) + b"l" + U64.pack(0) + b"N"),
        ("a bool of 2 in an array", wire_forms.ARRAY[1].pack(*b"a|b", 1, 1, 2, 2) + b"\1\2"),
        ("33 axes", bytes([*b"a<f", 33]) + bytes(400)),
        ("length and shape differ", wire_forms.ARRAY[1].pack(*b"a<f", 1, 8, 16, 1) + bytes(16)),
        ("dtype of objects", wire_forms.ARRAY[0].pack(*b"a|O", 0, 8, 8) + bytes(8)),
        ("dtype of records", wire_forms.ARRAY[0].pack(*b"a|V", 0, 8, 8) + bytes(8)),
        ("dtype of dates", wire_forms.ARRAY[0].pack(*b"a<M", 0, 8, 8) + bytes(8)),
        ("a float of 3 bytes", wire_forms.ARRAY[0].pack(*b"a<f", 0, 3, 3) + bytes(3)),
        ("native byte order", wire_forms.ARRAY[0].pack(*b"a=f", 0, 8, 8) + bytes(8)),
        ("one byte with an order", wire_forms.ARRAY[0].pack(*b"a<b", 0, 1, 1) + bytes(1)),
        ("text of no length", wire_forms.ARRAY[1].pack(*b"a<U", 1, 0, 0, 5)),
        ("text of half characters", wire_forms.ARRAY[1].pack(*b"a<U", 1, 6, 6, 1) + bytes(6)),
        ("code point beyond Unicode", wire_forms.ARRAY[0].pack(*b"a<U", 0, 4, 4) + struct.pack("<I", 0x110000)),
        ("swapped code point beyond Unicode", wire_forms.ARRAY[0].pack(*b"a>U", 0, 4, 4) + struct.pack(">I", 0x110000)),
        ("a list in an object array", wire_forms.OBJECTS[1].pack(ord("o"), 1, 1) + b"l" + U64.pack(0)),
        ("a type name of 201 characters", b"q" + U64.pack(1) + U64.pack(201) + b"x" * 201),
        ("a type name with an escape", b"q" + U64.pack(1) + U64.pack(1) + b"\x1b"),
        ("a tensor of an unknown dtype", wire_forms.TENSOR[0].pack(ord("e"), 15, 0, 4) + bytes(4)),
        ("a tensor bool of 2", wire_forms.TENSOR[0].pack(ord("e"), 0, 0, 1) + b"\2"),
        ("a pickle", pickle.dumps(Path("x"))),
        ("more levels than allowed", (b"l" + U64.pack(1)) * 65 + b"N"),
        ("a key of more levels than allowed", b"d" + U64.pack(1) + (b"t" + U64.pack(1)) * 64 + b"NN"),
    ],
)
def test_bytes_that_are_no_message_are_refused_by_a_check_of_their_own(name: str, data: bytes):
    with pytest.raises(WireError) as caught:
        decode(data, LIMITS, tensors=True)
    assert caught.value.__cause__ is None, f"{name}: only the last net caught it"


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ([0] * 50, 50),
        ([[0] * 20, (0,) * 20], 42),
        (dict.fromkeys(range(50), 0), 50),
        ({(0,) * 49: 0}, 50),
        (np.zeros(50, object), 50),
        ([np.zeros((5, 0), object), np.zeros((5, 0), object)], 12),
        ([np.zeros(1000)], 1),
    ],
)
def test_items_of_everything_are_counted_together_on_both_sides(value, items):
    exact, less = (WireLimits(1 << 20, 9, count) for count in (items, items - 1))
    data = encode(value, exact)
    decode(data, exact)
    with pytest.raises(WireError, match="more than"):
        encode(value, less)
    with pytest.raises(WireError, match="more than"):
        decode(data, less)


def test_an_empty_array_has_no_axis_longer_than_a_full_one_could():
    array = np.zeros((1000, 0))
    exact, less = WireLimits(1000, 9, 9), WireLimits(999, 9, 9)
    assert there_and_back(array, exact).shape == (1000, 0)
    with pytest.raises(WireError):
        encode(array, less)
    with pytest.raises(WireError, match="too long an axis"):
        decode(encode(array, exact), less)


@pytest.mark.skipif(not wire_forms.EXTENDED, reason="long doubles are ordinary numbers here")
def test_long_doubles_without_their_leading_bit_are_refused_on_both_sides():
    malformed = np.zeros(2, np.longdouble)
    malformed.view(np.uint64)[1] = 0x3FFF
    for array in (malformed, malformed.byteswap().view(malformed.dtype.newbyteorder()), malformed.view(np.clongdouble)):
        with pytest.raises(WireError, match="long doubles that are no numbers"):
            encode(array, LIMITS)
    good = encode(np.ones(2, np.longdouble), LIMITS)
    with pytest.raises(WireError, match="long doubles that are no numbers"):
        decode(good[:-32] + malformed.tobytes(), LIMITS)
    specials = np.array([0, -0.0, np.inf, -np.inf, np.nan, np.finfo(np.longdouble).smallest_subnormal], np.longdouble)
    assert same(there_and_back(specials), specials)


def test_keys_chosen_to_collide_do_not_keep_the_grader_busy():
    modulus = 2**61 - 1  # hash(n) == n % modulus
    data = encode({index * modulus: None for index in range(1, 1500)}, LIMITS)
    assert len(decode(data, LIMITS)) == 1499
    colliding = b"".join(encode(index * modulus, LIMITS) + b"N" for index in range(1, 60_000))
    started = time.thread_time()
    with pytest.raises(WireError, match="chosen to collide"):
        decode(b"d" + U64.pack(59_999) + colliding, LIMITS)
    assert time.thread_time() - started < 5


# ---- mutations


def specimens() -> list[Any]:
    """Values whose messages hold every tag."""
    array = np.arange(6.0).reshape(2, 3)
    return [
        [None, True, False, 5, -1, 2**80, 1.5, "text \u20ac", b"raw"],
        {"w": [array, array.astype("<f4")], 3: (1, 2), (1, "a"): {b"k": None, 2.5: []}, True: "one", None: ()},
        [np.array(True), np.array([True, False]), np.zeros((2, 0, 3), "i2"), np.array(["ab", "c"]), np.array([b"ab"]), array.T],
        [np.arange(3, dtype=char) for char in "bBhHiIqQefdgFDG"],
        np.array([["a", 1, None], [2.5, b"x", True]], object),
        [Raised("ValueError", "Bad", "message", "a.py:1"), Opaque(3, "model.Net"), {"deep": [[[[[[0]]]]]]}],
        [[index, float(index)] for index in range(20)],
    ]


def mutated(rng: random.Random, messages: list[bytes]) -> bytes:
    """A message with a few flips, cuts, splices or edited length fields; now and then just noise."""
    data = bytearray(rng.choice(messages))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data)) if data else 0
        kind = rng.choices(range(8), (8, 2, 1, 1, 1, 2, 2, 0.3))[0]
        if kind == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[at] = rng.choice(b"NTFiIfsbltdaoerq<>|bOVU\x00\x01\x21\xff")
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + rng.randint(1, 9)]
        elif kind == 4:
            other = rng.choice(messages)
            start = rng.randrange(len(other))
            data[at:at] = other[start : start + rng.randint(1, 60)]
        elif kind == 5:
            data[at : at + 8] = U64.pack(
                rng.choice([0, 1, 2, len(data), 255, 1 << 31, 1 << 32, (1 << 61) + 1, 1 << 63, (1 << 64) - 1])
            )
        elif kind == 6:
            data[at : at + 8] = U64.pack(rng.randrange(200))
        else:
            data = bytearray(rng.randbytes(rng.randint(0, 40)))
    return bytes(data)


PLAIN = (type(None), bool, int, float, str, bytes, list, tuple, dict, np.ndarray, Raised, Opaque)


def assert_plain(value: Any) -> None:
    """`value` is of the closed set, through and through."""
    assert type(value) in PLAIN or (type(value).__module__ == "torch" and type(value).__name__ == "Tensor")
    if isinstance(value, dict):
        for pair in value.items():
            assert_plain(pair)
    elif isinstance(value, list | tuple):
        for item in value:
            assert_plain(item)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        assert_plain(value.ravel().tolist())


def decode_mutations(count: int, seed: int, messages: list[bytes], tensors: bool) -> tuple[int, int]:
    """How many of `count` mutated messages were read, and how many refused; all else raises."""
    rng = random.Random(seed)
    read = refused = 0
    for _ in range(count):
        data = mutated(rng, messages)
        try:
            value = decode(data, SMALL, tensors=tensors)
        except WireError as error:
            if error.__cause__ is not None:
                pytest.fail(f"{data!r}: only the last net caught {error.__cause__!r}")
            refused += 1
        else:
            assert_plain(value)
            read += 1
    return read, refused


@pytest.mark.parametrize("seed", range(6))
def test_mutated_messages_are_read_or_refused_and_nothing_else(seed):
    read, refused = decode_mutations(8_000, seed, [encode(value, SMALL) for value in specimens()], tensors=False)
    assert read > 500
    assert refused > 4_000


def test_mutated_tensors_are_read_or_refused_and_nothing_else():
    torch = pytest.importorskip("torch")
    tensors = [
        torch.arange(6.0).reshape(2, 3),
        torch.tensor([True, False]),
        torch.zeros(0, 2),
        torch.ones(2, dtype=torch.bfloat16),
    ]
    read, refused = decode_mutations(
        4_000, 1, [encode(value, SMALL, tensors=True) for value in [*tensors, tensors]], tensors=True
    )
    assert read > 100
    assert refused > 1_000


def test_mutated_messages_allocate_no_more_than_their_limit():
    messages = [encode(value, SMALL) for value in specimens()]
    decode_mutations(10, 5, messages, tensors=False)
    tracemalloc.start()
    try:
        decode_mutations(2_000, 6, messages, tensors=False)
        assert tracemalloc.get_traced_memory()[1] < 4 * SMALL.max_bytes + 200 * SMALL.max_items
    finally:
        tracemalloc.stop()


def test_reading_runs_imports_and_opens_nothing():
    messages = [encode(value, SMALL) for value in specimens()]
    decode_mutations(100, 7, messages, tensors=False)
    events: list[str] = []
    armed = True
    thread = threading.get_ident()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        suspicious = event in ("exec", "compile", "import", "open", "marshal.loads") or event.split(".")[0] in (
            "os",
            "pickle",
            "ctypes",
        )
        if armed and suspicious and threading.get_ident() == thread:
            events.append(event)

    sys.addaudithook(hook)
    try:
        decode_mutations(2_000, 8, messages, tensors=False)
        decode_mutations(200, 9, [pickle.dumps(Path("x"), protocol) for protocol in range(6)], tensors=False)
    finally:
        armed = False
    assert events == []


def test_the_module_names_no_way_to_run_what_it_reads():
    parts = sorted(Path(wire.__file__).parent.glob("wire*.py"))
    assert len(parts) == 4
    tree = ast.parse("\n".join(part.read_text().replace("from __future__ import annotations", "") for part in parts))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert imported == {"math", "struct", "sys", "time", "numpy", "torch"}
    assert not names & {"eval", "exec", "compile", "__import__", "globals"}


def test_ten_small_arrays_cross_in_a_fraction_of_a_millisecond():
    value = [np.ones((4, 3), np.float32) for _ in range(10)]
    seconds = []
    for _ in range(200):
        started = time.perf_counter()
        there_and_back(value)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 300e-6  # measured: 30e-6
