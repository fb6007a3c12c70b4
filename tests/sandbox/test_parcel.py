"""What the worker is given: the same objects, in the same memory layout, and nothing beside them."""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.model import AuthoringError
from grader.sandbox import parcel
from grader.sandbox.parcel import pack, unpack
from grader.sandbox.values import Opaque


def no_lookup(ident: int) -> object:
    raise AssertionError(f"nothing was kept, and yet {ident} was asked for")


def there(value: Any) -> Any:
    return unpack(pack(value), no_lookup)


def assert_same_array(got: np.ndarray, expected: np.ndarray) -> None:
    """Equal in all that a function can notice."""
    assert type(got) is type(expected)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if expected.size:
        assert all(
            length < 2 or one == other for one, other, length in zip(got.strides, expected.strides, got.shape, strict=True)
        )
    for flag in ("C_CONTIGUOUS", "F_CONTIGUOUS", "WRITEABLE", "ALIGNED"):
        assert got.flags[flag] == expected.flags[flag], flag
    assert got.tobytes() == expected.tobytes()


def read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def unaligned() -> np.ndarray:
    return np.frombuffer(bytearray(range(33)), np.float64, offset=1)


BASE = np.arange(24.0).reshape(4, 6)


@pytest.mark.parametrize(
    "array",
    [
        BASE,
        BASE.T,
        np.asfortranarray(BASE),
        BASE[::-1, ::2],
        BASE[:, 1],
        BASE[1:3, 2:4],
        BASE.reshape(2, 3, 4).transpose(2, 0, 1)[:, ::-1],
        read_only(BASE.copy()),
        read_only(BASE.copy().T),
        np.broadcast_to(BASE[0], (5, 6)),
        np.lib.stride_tricks.as_strided(BASE, (3, 6), (0, 8)),
        np.lib.stride_tricks.sliding_window_view(np.arange(9), 4),
        np.diagonal(BASE),
        unaligned(),
        unaligned()[::-2],
        np.array(3.5),
        BASE[2:2],
        BASE[:, 3:3].T,
        np.array([["ab", "c"], ["", "d"]]).T,
        np.array([b"x", b"yz"])[::-1],
        np.arange(6, dtype=">i2")[::2],
        np.arange(4).astype("M8[s]")[::2],
        np.ones((3, 2), np.float16).T,
        np.ones(3, np.clongdouble),
        BASE.astype(bool)[:, ::3],
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}{array.strides}",
)
def test_arrays_keep_order_strides_alignment_and_the_read_only_flag(array):
    assert_same_array(there(array), array)


@given(
    hnp.arrays(
        st.sampled_from(["f8", ">f4", "i2", "?", "U3", "c16"]), hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
    ),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_every_view_of_an_array_keeps_its_layout(array, data):
    view = array.transpose(data.draw(st.permutations(range(array.ndim))))
    view = view[data.draw(hnp.basic_indices(view.shape, allow_newaxis=True, allow_ellipsis=True))]
    if isinstance(view, np.ndarray):
        assert_same_array(there(view), view)


def test_a_broadcast_array_of_a_billion_rows_is_a_small_parcel():
    array = np.broadcast_to(np.arange(3.0), (10**9, 3))
    data = pack(array)
    assert len(data) < 1000
    got = unpack(data, no_lookup)
    assert got.shape == array.shape
    assert got.strides == (0, 8)
    assert got[10**9 - 1].tolist() == [0.0, 1.0, 2.0]


def test_what_lies_between_the_elements_of_a_view_stays_here():
    secret = np.frombuffer(b"expected value!!" * 8, np.uint8).reshape(8, 16).copy()
    secret[:, ::4] = 7
    data = pack((secret[:, ::4], secret.T[4:8]))
    assert b"expected value!!" not in data
    assert b"ted" not in pack(secret[:, ::4])
    got = unpack(pack(secret[:, ::4]), no_lookup)
    assert set(np.unique(got.base)) <= {0, 7}


def test_what_arrives_is_a_copy_that_owns_its_memory_and_can_be_written():
    array = np.zeros(3)
    got = there(array)
    got += 1
    assert array.tolist() == [0, 0, 0]
    assert got.flags.owndata


def test_an_object_given_twice_arrives_as_one():
    array, view, items = np.zeros(3), BASE.T, [1]
    one, other, third, fourth, fifth, sixth = there((array, array, view, view, items, items))
    assert one is other
    assert third is fourth
    assert fifth is sixth
    assert one is not there(array)


def test_a_cycle_arrives_as_a_cycle():
    cycle: list[Any] = [BASE]
    cycle.append(cycle)
    got = there(cycle)
    assert got[1] is got


def test_opaque_values_arrive_as_what_they_stand_for():
    model = object()
    kept = [None, model]
    message = ("call", Opaque(1, "net.Net"), ([Opaque(1, "net.Net"), BASE],), {"none": Opaque(0, "NoneType")})
    verb, target, arguments, keywords = unpack(pack(message), kept.__getitem__)
    assert verb == "call"
    assert target is model
    assert arguments[0][0] is model
    assert keywords == {"none": None}


class Handle(Opaque):
    """As the proxy has it: a stand-in that can do more and refuses to be pickled itself."""

    __slots__ = ("extra",)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"packing asked a handle for {name}")

    def __reduce__(self) -> Any:
        raise TypeError("a handle is packed as the object that it stands for")


def test_subclasses_of_opaque_arrive_as_what_they_stand_for():
    assert unpack(pack({"model": Handle(2, "net.Net")}), lambda ident: ("kept", ident)) == {"model": ("kept", 2)}


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"a": [1, 2.5, (True, "x", b"y")], 3: {4, 5}},
        np.array([1, None, "x"], object),
        np.ma.masked_array([1.0, 2.0], [False, True]),
        np.zeros(3, "i4,f8"),
        np.float32(1.5),
        Path("a/b"),
    ],
)
def test_other_values_arrive_as_pickle_brings_them(value):
    got = there(value)
    assert type(got) is type(value)
    assert str(got) == str(value)


def test_generators_go_on_where_they_were():
    rng = np.random.default_rng(7)
    rng.normal(size=3)
    got = there(rng)
    assert got.normal() == copy.deepcopy(rng).normal()


def test_fitted_estimators_predict_the_same():
    linear_model = pytest.importorskip("sklearn.linear_model")
    model = linear_model.LinearRegression().fit(BASE, BASE[:, 0])
    assert there(model).predict(BASE).tolist() == model.predict(BASE).tolist()


def test_tensors_keep_strides_dtype_and_which_of_them_share_memory():
    torch = pytest.importorskip("torch")
    base = torch.arange(12.0).reshape(3, 4)
    state = {
        "whole": base, "view": base[:, 1], "turned": base.T, "tied": base.view(3, 4), "weight": torch.nn.Parameter(base.clone()),
        "half": torch.ones(2, dtype=torch.bfloat16), "flag": torch.tensor(True), "none": torch.zeros(0, 3),
        "grad": torch.ones(2, requires_grad=True), "conjugate": torch.tensor([1 + 2j]).conj(), "sparse": base.to_sparse(),
    }  # fmt: skip
    got = there(state)
    for name, tensor in state.items():
        assert type(got[name]) is type(tensor), name
        assert got[name].dtype == tensor.dtype, name
        assert got[name].requires_grad == tensor.requires_grad, name
        assert torch.equal(
            got[name].to_dense() if name == "sparse" else got[name], tensor.to_dense() if name == "sparse" else tensor
        )
        if name != "sparse":
            assert got[name].stride() == tensor.stride(), name
    assert got["tied"].data_ptr() == got["whole"].data_ptr()
    assert got["view"].data_ptr() == got["whole"].data_ptr() + 4
    assert got["weight"].data_ptr() != got["whole"].data_ptr()
    got["whole"].zero_()
    assert got["turned"].sum() == 0
    assert base.sum() == 66


def test_a_module_with_tied_weights_arrives_tied():
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    net[1].weight = net[0].weight
    got = there(net)
    assert got[1].weight is got[0].weight
    assert torch.equal(got(torch.ones(2)), net(torch.ones(2)))


def test_torch_is_not_imported_for_arrays():
    code = (
        "import sys, numpy; from grader.sandbox.parcel import *;"
        "unpack(pack([numpy.ones(2), Opaque(1, 'x')]), str); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(parcel.__file__).parents[2])


@dataclass
class Noted:
    """Notices when it is changed."""

    value: Any


def test_packing_changes_nothing():
    array = BASE.copy().T
    flags = array.flags.num
    noted = Noted([array, array])
    pack((noted, {"view": array[::-1]}))
    assert noted.value[0] is noted.value[1] is array
    assert array.flags.num == flags
    assert (array == BASE.T).all()


@pytest.mark.parametrize(
    "value", [lambda: 1, open, (item for item in "ab"), sys.modules["sys"]], ids=["lambda", "open", "generator", "module"]
)
def test_what_cannot_be_pickled_is_the_authors_error(value):
    if value is open:
        assert there(open) is open
        return
    with pytest.raises(AuthoringError, match=r"^arguments of a call: .*; pass plain values"):
        pack(("call", "f", (value,), {}))
