"""From collected test functions to checks, with everything that an author can get wrong named."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from grader.model import AuthoringError, Check, Exercise, Visibility


def checks_of(
    exercise: Exercise, items: Sequence[pytest.Function]
) -> tuple[tuple[Check, ...], dict[str, tuple[pytest.Function, ...]]]:
    """The checks in the order of their files, the visible ones first, and the items of each (several if parametrized)."""
    groups: dict[str, list[pytest.Function]] = {}
    for item in items:
        groups.setdefault(item.originalname, []).append(item)
    checks: list[Check] = []
    for name, group in groups.items():
        if len({item.path for item in group}) > 1:
            raise AuthoringError(f"{exercise.slug}: two checks are called {name}; rename one, names are unique over both files")
        checks.append(_check(exercise, group[0], [check.name for check in checks]))
    total = math.fsum(check.points for check in checks)
    if exercise.solution is not None and not math.isclose(total, exercise.points, abs_tol=1e-9):
        raise AuthoringError(
            f"{exercise.slug}: the checks' points add up to {total:g}, but exercise.toml says {exercise.points:g}"
        )
    return tuple(checks), {name: tuple(group) for name, group in groups.items()}


def _check(exercise: Exercise, item: pytest.Function, earlier: Sequence[str]) -> Check:
    place = f"{Path(item.path).name}:{item.originalname}"
    mark = item.get_closest_marker("check")
    if mark is None:
        raise AuthoringError(f"{place}: no @pytest.mark.check(points=…); every test function is a check")
    unknown = set(mark.kwargs) - {"points", "needs", "hint"}
    if unknown or mark.args:
        raise AuthoringError(f"{place}: the mark takes points, needs and hint by name, not {sorted(unknown) or mark.args}")
    points = mark.kwargs.get("points")
    if isinstance(points, bool) or not isinstance(points, int | float) or not math.isfinite(points) or points <= 0:
        raise AuthoringError(f"{place}: points is {points!r}; give a number above 0")
    title = (inspect.getdoc(item.function) or "").split("\n")[0].strip()
    if not title:
        raise AuthoringError(f"{place}: no docstring; its first line is the title in every report")
    needs = tuple(mark.kwargs.get("needs", ()))
    for need in needs:
        if need not in earlier:
            raise AuthoringError(f"{place}: needs {need!r}, which is no check before it; the ones before are {list(earlier)}")
    visible = exercise.solution is None or not Path(item.path).is_relative_to(exercise.solution)
    visibility = Visibility.VISIBLE if visible else Visibility.HIDDEN
    return Check(item.originalname, title, visibility, float(points), needs, mark.kwargs.get("hint"))
