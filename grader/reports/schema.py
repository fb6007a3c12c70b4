"""report.json, version 1: written from the records, read back strictly, described by a published JSON Schema."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from itertools import islice
from typing import Any

from pydantic import TypeAdapter, ValidationError

from grader.model import REPORT_VERSION, ArtefactResult, CheckResult, ExerciseResult, Report, UsageError
from grader.reports.text import NAME_CHARACTERS, clean, cut, one_line

# Beside what `clean` cuts: what one check printed, in the stored report.
OUTPUT_CHARACTERS = 16_000
REPORT_BYTES = 16 << 20
# Of a model's operators, inputs and axes; a model may declare as many as its size allows.
FACTS = 100
# How long a message and an output may be in a report that is too large: each step is tried after the one before.
STEPS = (2_000, 300, 60, 0)
_adapter = TypeAdapter(Report)


def tidy(report: Report) -> Report:
    """The report with every text of a submission cleaned and cut, and figures that JSON cannot hold made null."""
    return replace(
        report,
        student=one_line(report.student) or "unnamed",
        reason=_clean(report.reason),
        exercises=tuple(map(_tidy_result, report.exercises)),
    )


def _tidy_result(result: ExerciseResult) -> ExerciseResult:
    return replace(
        result,
        reason=_clean(result.reason),
        seconds=_seconds(result.seconds),
        checks=tuple(map(_tidy_check, result.checks)),
        artefacts=tuple(map(_tidy_artefact, result.artefacts)),
    )


def _tidy_check(check: CheckResult) -> CheckResult:
    return replace(
        check,
        title=one_line(check.title),
        message=_clean(check.message),
        hint=_clean(check.hint),
        diagnosis=_clean(check.diagnosis),
        seconds=_seconds(check.seconds),
        stdout=clean(check.stdout, OUTPUT_CHARACTERS),
    )


def _tidy_artefact(artefact: ArtefactResult) -> ArtefactResult:
    tidied: ArtefactResult = _tidy_texts(replace(artefact, reason=None))
    lost = [one.name for one in fields(artefact) if _is_lost(getattr(artefact, one.name))]
    reason = _clean(artefact.reason)
    if lost and reason is None:
        reason = f"{tidied.name}: {', '.join(lost)} is not finite"
    return replace(tidied, reason=reason)


def _is_lost(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _tidy_texts(value: Any) -> Any:
    """Texts cleaned, non-finite figures dropped, lists cut, anywhere in the records of an artefact."""
    if isinstance(value, str):
        return one_line(value, NAME_CHARACTERS)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        return tuple(_tidy_texts(item) for item in value[:FACTS])
    if isinstance(value, dict):
        return {one_line(key, NAME_CHARACTERS): _tidy_texts(item) for key, item in islice(value.items(), FACTS)}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: _tidy_texts(getattr(value, one.name)) for one in fields(value)})
    return value


def _clean(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _seconds(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def fitted(report: Report, render: Callable[[Report], str], limit: int) -> bytes:
    """`render` of a tidy report in UTF-8, its messages and outputs cut further until it has fewer than `limit` bytes."""
    data = render(report).encode()
    for characters in STEPS:
        if len(data) < limit:
            break
        data = render(shortened(report, characters)).encode()
    return data


def shortened(report: Report, characters: int) -> Report:
    """The report with messages, reasons and outputs of at most `characters`, for the case that all together is too large."""

    def short(text: str | None) -> str | None:
        return None if text is None else cut(text, characters)

    def short_check(check: CheckResult) -> CheckResult:
        return replace(check, message=short(check.message), stdout=cut(check.stdout, characters))

    def short_result(result: ExerciseResult) -> ExerciseResult:
        artefacts = tuple(replace(one, reason=short(one.reason)) for one in result.artefacts)
        return replace(result, reason=short(result.reason), checks=tuple(map(short_check, result.checks)), artefacts=artefacts)

    return replace(report, exercises=tuple(map(short_result, report.exercises)))


def to_json(report: Report) -> str:
    """Strict JSON of a tidy report, below the size that a report may have."""
    return fitted(report, _dump, REPORT_BYTES).decode()


def _dump(report: Report) -> str:
    return _adapter.dump_json(report, indent=1).decode() + "\n"


def from_json(text: str, where: str) -> Report:
    """The inverse of `to_json`; UsageError says what is wrong with the text of the file called `where`."""
    try:
        plain = json.loads(text, object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite)
        if not isinstance(plain, dict) or plain.get("version") != REPORT_VERSION:
            raise UsageError(f"{where}: no report of version {REPORT_VERSION}; grade again, or use the grader that wrote it")
        return _adapter.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"{where}: {place}: {first['msg']}; restore the file or grade again") from error
    except RecursionError as error:
        raise UsageError(f"{where}: nested too deeply for a report; restore the file or grade again") from error
    except ValueError as error:
        raise UsageError(f"{where}: {error}; restore the file or grade again") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice")
        found[key] = value
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value


def schema_text() -> str:
    """The JSON Schema of report.json, as published in docs/."""
    schema = _adapter.json_schema(mode="serialization")
    schema["properties"]["version"] = {"title": "Version", "const": REPORT_VERSION}
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"
