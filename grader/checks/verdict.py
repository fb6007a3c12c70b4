"""From the exception that ended a check to its outcome and message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from grader.checks.compare import show
from grader.checks.proxy import SubmissionCrash
from grader.checks.subject import Subject, explain
from grader.model import Outcome
from grader.sandbox.values import Raised

MESSAGE_CHARACTERS = 2000
MESSAGE_LINES = 12
_NOT_RAISED = re.compile(r"DID NOT RAISE (.*)", re.DOTALL)
_CLASS = re.compile(r"<class '(?:\w+\.)*(\w+)'>")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a check ended. `puzzled`: the check's own code failed on what it was given, so a control run must decide."""

    outcome: Outcome
    message: str | None = None
    puzzled: bool = False

    @classmethod
    def of(cls, error: BaseException | None, subject: Subject) -> Verdict:
        """What `error` (None: the check ran through) means for `subject`."""
        if subject.ended is not None:  # even where the check caught it
            return cls(subject.ended.outcome, str(subject.ended))
        if error is None:
            return cls(Outcome.PASSED)
        raised: Raised | None = getattr(error, "raised_by_submission", None)
        if raised is not None:
            outcome = Outcome.OUT_OF_MEMORY if raised.builtin == "MemoryError" else Outcome.CRASHED
            return cls(outcome, _cut(_call(subject) + explain(raised)))
        if isinstance(error, SubmissionCrash):
            return cls(Outcome.CRASHED, str(error))
        if isinstance(error, AssertionError | pytest.fail.Exception):
            return cls(Outcome.FAILED, _cut(_call(subject) + _sentence(str(error))))
        text = f"the check could not use what was returned ({type(error).__name__}: {error})"
        return cls(Outcome.FAILED, _cut(_call(subject) + text), puzzled=True)


SEVERITY = (
    Outcome.GRADER_ERROR,
    Outcome.OUT_OF_MEMORY,
    Outcome.TIMED_OUT,
    Outcome.CRASHED,
    Outcome.FAILED,
    Outcome.SKIPPED,
    Outcome.PASSED,
)


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The one that decides a parametrized check."""
    return min(verdicts, key=lambda verdict: SEVERITY.index(verdict.outcome))


def _sentence(text: str) -> str:
    """An assertion's text without pytest's wrapping."""
    missing = _NOT_RAISED.search(text)
    if missing:
        names = _CLASS.findall(missing[1]) or [missing[1]]
        return f"expected {' or '.join(names)}, but nothing was raised"
    return text or "the assertion does not hold"


def _call(subject: Subject) -> str:
    """The call that shows it, abridged, on a line of its own."""
    if subject.last_call is None:
        return ""
    name, arguments, keywords = subject.last_call
    parts = [*(_argument(value) for value in arguments), *(f"{key}={_argument(value)}" for key, value in keywords.items())]
    return f"{name}({', '.join(parts)})\n"


def _argument(value: object) -> str:
    plain = value is None or isinstance(value, bool | int | float | str | list | tuple | dict) or hasattr(value, "dtype")
    text = show(value) if plain else type(value).__name__
    return text if len(text) <= 120 else text[:119] + "…"


def _cut(text: str) -> str:
    lines = text.splitlines() or [""]
    kept = "\n".join(lines[:MESSAGE_LINES]) + ("\n…" if len(lines) > MESSAGE_LINES else "")
    return kept if len(kept) <= MESSAGE_CHARACTERS else kept[: MESSAGE_CHARACTERS - 1] + "…"
