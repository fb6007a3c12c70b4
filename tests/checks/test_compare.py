"""Comparisons: the smallest useful difference in one line, and no trust in what came back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.checks.compare import assert_array, assert_close, assert_equal, assert_length, assert_type, show
from grader.sandbox.values import Opaque

FLOAT64 = Opaque(0, "numpy.float64")


@pytest.mark.parametrize(
    ("got", "expected", "message"),
    [
        (np.array([4.0]), np.array([5.0]), "the result: expected [5], got [4] (max |difference| 1)"),
        (np.array([4.0], np.float32), np.array([5.0]), "the result: expected dtype float64, got float32"),
        (np.ones((2, 1)), np.ones(2), "the result: expected shape (2,), got (2, 1)"),
        ([1.0], np.ones(1), "the result: expected a numpy array, got list"),
        (None, [np.ones(1)], "the result: expected a list, got None"),
        ((np.ones(1),), [np.ones(1)], "the result: expected a list, got tuple"),
        ([], [np.ones(1)], "the result: expected 1 items, got 0"),
        ([np.ones(1), np.zeros(1)], [np.ones(1), np.ones(1)], "the result[1]: expected [1], got [0] (max |difference| 1)"),
        ({"a": 1}, {"b": 1}, "the result: expected the keys ['b'], got ['a']"),
        (FLOAT64, 1.0, "the result: expected a float, got numpy.float64"),
        (1, 1.0, "the result: expected a float, got int"),
        (True, 1, "the result: expected a int, got bool"),
        (np.array([1, 2]), np.array([1, 3]), "the result: expected [1, 3], got [1, 2]"),
        (np.array([np.nan]), np.array([1.0]), "the result: expected [1], got [nan] (max |difference| nan)"),
    ],
)
def test_differences_are_told_in_one_line(got: Any, expected: Any, message: str) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_close(got, expected, rtol=1e-6)
    assert str(caught.value) == message


def test_large_arrays_show_where_they_differ_first() -> None:
    expected = np.zeros((10, 10))
    got = expected.copy()
    got[3, 4] = 2.0
    with pytest.raises(AssertionError, match=r"expected 0 at \(3, 4\), got 2 at \(3, 4\).*1 of 100 items differ"):
        assert_close(got, expected, rtol=0.0)


@pytest.mark.parametrize(
    "value",
    [
        np.float16([1.5]),
        np.array(2.0),
        np.zeros((0, 3)),
        np.array([np.nan, np.inf]),
        [1, "a", None, (2.0, {"k": b"x"})],
        np.array(["a", None], object),
    ],
)
def test_what_is_the_same_is_close(value: Any) -> None:
    assert_close(value, value, rtol=0.0)
    assert_equal(value, value)


def test_tolerances_are_relative_to_what_is_expected() -> None:
    assert_close(np.array([1.0 + 9e-7]), np.array([1.0]), rtol=1e-6)
    with pytest.raises(AssertionError):
        assert_close(np.array([1.0 + 2e-6]), np.array([1.0]), rtol=1e-6)
    assert_close(np.array([1e-13]), np.array([0.0]), rtol=0.0, atol=1e-12)


def test_float16_is_compared_in_float64() -> None:
    with pytest.raises(AssertionError):
        assert_close(np.float16([60000]), np.float16([-60000]), rtol=1.0)


def test_the_small_helpers() -> None:
    assert_type([], list)
    assert_length([1, 2], 2)
    assert_array(np.zeros((2, 3)), shape=(2, 3), dtype=float)
    with pytest.raises(AssertionError, match="dtype"):
        assert_array(np.zeros(1), dtype=np.int64)
    with pytest.raises(AssertionError, match="numpy array"):
        assert_type([], np.ndarray)


@pytest.mark.parametrize(
    "value", [10**5000, "x" * 10_000, list(range(10_000)), {n: n for n in range(1000)}, np.zeros(10_000), FLOAT64], ids=range(6)
)
def test_whatever_came_back_is_shown_short(value: Any) -> None:
    assert len(show(value)) < 400
