"""Comparisons whose messages show the smallest useful difference.

Each raises AssertionError with one short line; each treats what came from a submission as untrusted plain values
(built-in scalars and containers, numpy arrays, `Opaque` stand-ins) and never calls a method of anything else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from grader.sandbox.values import Opaque

SHOWN_ITEMS = 6


def kind(value: Any) -> str:
    """What a student would call the type of `value`: "list", "numpy array float32 (2, 3)", "numpy.float64"."""
    if isinstance(value, Opaque):
        return value.type_name
    if isinstance(value, np.ndarray):
        return f"numpy array {value.dtype} {value.shape}"
    if value is None:
        return "None"
    return type(value).__name__


def show(value: Any) -> str:
    """A short text of `value`: arrays abridged to their first items, long text and containers cut."""
    if isinstance(value, Opaque):
        return f"an instance of {value.type_name}"
    if isinstance(value, np.ndarray):
        flat = value.ravel()
        items = ", ".join(_scalar(item) for item in flat[:SHOWN_ITEMS].tolist())
        return f"[{items}{', …' if flat.size > SHOWN_ITEMS else ''}]" + ("" if value.ndim == 1 else f" of shape {value.shape}")
    if isinstance(value, list | tuple):
        items = ", ".join(show(item) for item in value[:SHOWN_ITEMS]) + (", …" if len(value) > SHOWN_ITEMS else "")
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        pairs = [f"{show(key)}: {show(item)}" for key, item in list(value.items())[:SHOWN_ITEMS]]
        return "{" + ", ".join(pairs) + (", …" if len(value) > SHOWN_ITEMS else "") + "}"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > 1000:  # Python refuses to write out very long ones
        return f"an integer of {value.bit_length()} bits"
    text = f"{value:.7g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def assert_type(got: Any, expected: type, what: str = "the result") -> None:
    """`got` is of exactly the built-in type `expected` (or np.ndarray)."""
    if type(got) is not expected:
        name = "numpy array" if expected is np.ndarray else expected.__name__
        raise AssertionError(f"{what}: expected a {name}, got {kind(got)}")


def assert_array(got: Any, *, shape: tuple[int, ...] | None = None, dtype: Any = None, what: str = "the result") -> None:
    """`got` is a numpy array, of this shape and dtype where they are given."""
    if not isinstance(got, np.ndarray):
        raise AssertionError(f"{what}: expected a numpy array, got {kind(got)}")
    if shape is not None and got.shape != tuple(shape):
        raise AssertionError(f"{what}: expected shape {tuple(shape)}, got {got.shape}")
    if dtype is not None and got.dtype != np.dtype(dtype):
        raise AssertionError(f"{what}: expected dtype {np.dtype(dtype)}, got {got.dtype}")


def assert_close(got: Any, expected: Any, *, rtol: float, atol: float = 0.0, what: str = "the result") -> None:
    """`got` has the structure, types, shapes and dtypes of `expected`, and its numbers within the tolerance.

    Numbers agree where |got - expected| <= atol + rtol * |expected|, computed in float64 (complex128 for complex);
    integers, booleans and text agree where they are equal; NaN agrees with NaN.
    """
    if isinstance(expected, np.ndarray):
        assert_array(got, shape=expected.shape, dtype=expected.dtype, what=what)
        _assert_numbers(got, expected, rtol, atol, what)
    elif isinstance(expected, Mapping):
        assert_type(got, dict, what)
        if set(got) != set(expected):
            raise AssertionError(f"{what}: expected the keys {show(sorted(expected))}, got {show(list(got))}")
        for key in expected:
            assert_close(got[key], expected[key], rtol=rtol, atol=atol, what=f"{what}[{key!r}]")
    elif isinstance(expected, list | tuple):
        assert_type(got, type(expected), what)
        assert_length(got, len(expected), what)
        for index, (one, other) in enumerate(zip(got, expected, strict=True)):
            assert_close(one, other, rtol=rtol, atol=atol, what=f"{what}[{index}]")
    elif type(expected) is float:
        assert_type(got, float, what)
        same = math.isnan(got) if math.isnan(expected) else got == expected or abs(got - expected) <= atol + rtol * abs(expected)
        if not same:
            raise AssertionError(f"{what}: expected {_scalar(expected)}, got {_scalar(got)}")
    else:
        assert_equal(got, expected, what)


def assert_equal(got: Any, expected: Any, what: str = "the result") -> None:
    """`got` is of the same type as `expected` and equal to it; arrays in shape, dtype and every bit of every number."""
    if isinstance(expected, np.ndarray | list | tuple | Mapping):
        assert_close(got, expected, rtol=0.0, atol=0.0, what=what)
        return
    assert_type(got, type(expected), what)
    if got != expected:
        raise AssertionError(f"{what}: expected {show(expected)}, got {show(got)}")


def assert_length(got: Sequence[Any], expected: int, what: str = "the result") -> None:
    """`got`, a list or tuple, has `expected` items."""
    if len(got) != expected:
        raise AssertionError(f"{what}: expected {expected} items, got {len(got)}")


def _assert_numbers(got: np.ndarray, expected: np.ndarray, rtol: float, atol: float, what: str) -> None:
    if expected.dtype.kind not in "fc":
        differs = np.asarray(got != expected)
        if differs.any():
            raise AssertionError(f"{what}: expected {_window(expected, differs)}, got {_window(got, differs)}{_count(differs)}")
        return
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    one, other = got.astype(wide), expected.astype(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(one - other)
        agrees = (one == other) | (np.isnan(one) & np.isnan(other)) | (difference <= atol + rtol * np.abs(other))
    if not agrees.all():
        worst = np.nanmax(np.where(agrees, 0.0, difference)) if not np.isnan(difference[~agrees]).all() else math.nan
        raise AssertionError(
            f"{what}: expected {_window(expected, ~agrees)}, got {_window(got, ~agrees)}"
            f" (max |difference| {worst:.2g}){_count(~agrees)}"
        )


def _window(values: np.ndarray, differs: np.ndarray) -> str:
    """All of a small array; of a large one the items that differ first."""
    if values.size <= SHOWN_ITEMS:
        return show(values)
    first = np.flatnonzero(differs.ravel())[: SHOWN_ITEMS // 2]
    return ", ".join(
        f"{_scalar(values.ravel()[i].item())} at {tuple(int(j) for j in np.unravel_index(i, values.shape))}" for i in first
    )


def _count(differs: np.ndarray) -> str:
    return "" if differs.size <= SHOWN_ITEMS else f"; {int(differs.sum())} of {differs.size} items differ"
