"""Which known misconception a failing submission reproduces: the same answers to the same calls.

A check's inputs depend on the run's seed and the check's name only, so what each known wrong solution answers is found
out once a run. A submission whose answers in a failed check equal those of a wrong solution is told its misconception.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks.subject import Exchange
from grader.sandbox.values import Opaque, Raised

# Two programs with the same misconception may add up in another order.
RTOL = 1e-6
ATOL = 1e-12


@dataclass(frozen=True, slots=True)
class WrongSolution:
    """A known misconception: its sentence, what to tell, the checks it fails, its files."""

    name: str
    misconception: str
    hint: str
    fails: frozenset[str]
    files: dict[str, bytes]


class Diagnosis:
    """The wrong solutions of one exercise and what they answered; `record` runs one of them through a check."""

    def __init__(self, wrong: Sequence[WrongSolution], record: Callable[[WrongSolution, str], list[Exchange]]) -> None:
        self._wrong = tuple(wrong)
        self._record = record
        self._known: dict[tuple[str, str], list[Exchange]] = {}

    def find(self, check: str, exchanges: Sequence[Exchange], failed: frozenset[str]) -> WrongSolution | None:
        """The wrong solution that answers the calls of `check` as `exchanges` did.

        Where several do, the one whose failing checks are most like `failed`, those that the submission failed.
        """
        if all(isinstance(exchange.answer, Raised) for exchange in exchanges):
            return None  # exceptions alone are no misconception; a stub has nothing else
        matching = [wrong for wrong in self._wrong if check in wrong.fails and self._answers_alike(wrong, check, exchanges)]
        return min(matching, key=lambda wrong: len(wrong.fails ^ failed), default=None)

    def _answers_alike(self, wrong: WrongSolution, check: str, exchanges: Sequence[Exchange]) -> bool:
        key = (wrong.name, check)
        if key not in self._known:
            self._known[key] = self._record(wrong, check)
        theirs = self._known[key]
        if len(theirs) != len(exchanges) or not all(
            one.name == other.name and alike(one.answer, other.answer) for one, other in zip(exchanges, theirs, strict=True)
        ):
            return False
        # Two programs may stumble over the same input for different reasons: an exception alone is no misconception.
        last, known = exchanges[-1].answer, theirs[-1].answer
        return not (isinstance(last, Raised) and isinstance(known, Raised)) or last.message == known.message


def alike(one: Any, other: Any) -> bool:
    """Whether two answers are the same but for rounding."""
    if isinstance(one, Raised) and isinstance(other, Raised):
        return one.builtin == other.builtin and one.builtin != "NotImplementedError"
    if isinstance(one, Opaque) and isinstance(other, Opaque):
        return one.type_name == other.type_name
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        if one.dtype.kind in "fc":
            return bool(np.allclose(one, other, rtol=RTOL, atol=ATOL, equal_nan=True))
        return bool(np.all(one == other))
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, float):
        return math.isclose(one, other, rel_tol=RTOL, abs_tol=ATOL) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)
