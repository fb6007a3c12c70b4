"""Made-up reports for the tests of the formats."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from grader.model import (
    ArtefactResult,
    CheckResult,
    ExerciseResult,
    Outcome,
    Report,
    Status,
    TensorFact,
    Visibility,
    combine,
)
from grader.reports.run import RunInfo

CHECK = CheckResult(
    "test_weights", "weights each client", Visibility.VISIBLE, Outcome.PASSED, 2.0, 2.0, None, None, None, 0.125, ""
)
ARTEFACT = ArtefactResult(
    "fed_avg.onnx", True, None, 3412, 10, {"ai.onnx": 21}, {"Gemm": 2}, (TensorFact("x", "float32", (None, 64)),),
    (TensorFact("p", "float32", (None, 10)),), 3e-7, 2e-6, 1.0, (1, 7, 64), 1.9,
)  # fmt: skip


@pytest.fixture
def check() -> Callable[..., CheckResult]:
    """A check that passed, with what the test wants different; `earned` follows the outcome unless it is given."""

    def make(**different: Any) -> CheckResult:
        made = replace(CHECK, **different)
        if "earned" not in different:
            made = replace(made, earned=made.points if made.outcome is Outcome.PASSED else 0.0)
        return made

    return make


@pytest.fixture
def artefact() -> ArtefactResult:
    """An accepted model."""
    return ARTEFACT


@pytest.fixture
def report() -> Callable[..., Report]:
    """One student's report on fed_avg from its checks, with what the test wants different in the exercise's result."""

    def make(student: str = "ada", *checks: CheckResult, **different: Any) -> Report:
        result = ExerciseResult(
            exercise="fed_avg",
            lesson="day1",
            status=Status.GRADED,
            reason=None,
            score=float(sum(one.earned for one in checks)),
            max_score=float(sum(one.points for one in checks)) or 10.0,
            submission_sha256="a" * 64,
            checks_sha256="b" * 64,
            seconds=0.5,
            checks=checks,
        )
        return combine(student, 7, (replace(result, **different),))

    return make


@pytest.fixture
def run() -> RunInfo:
    """A run in the full sandbox."""
    return RunInfo(
        "0.1.0",
        7,
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:09+00:00",
        {"python": "3.11.9", "sandbox": "strong", "layers": ["landlock", "seccomp"]},
        {"submissions": 2, "graded": 1, "rejected": 0, "grader_error": 1},
    )


@pytest.fixture
def plain_console() -> Console:
    """A console that writes to memory, as to a log file."""
    return Console(file=io.StringIO(), width=10_000, markup=False, highlight=False, emoji=False)
