"""report.json, version 1: written from the records, read back strictly, described by a published JSON Schema."""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from grader.model import REPORT_VERSION, CheckResult, Report, UsageError
from grader.reports.text import MESSAGE_CHARACTERS, NAME_CHARACTERS, clean, one_line

# Beside what `clean` cuts: what one check printed, in the stored report.
OUTPUT_CHARACTERS = 16_000
SHORT_CHARACTERS = 300
REPORT_BYTES = 16 << 20
_adapter = TypeAdapter(Report)


def tidy(report: Report) -> Report:
    """The report with every text of a submission cleaned and cut, and figures that JSON cannot hold made null."""
    exercises = tuple(
        replace(
            result,
            reason=None if result.reason is None else clean(result.reason),
            checks=tuple(
                replace(
                    check,
                    message=None if check.message is None else clean(check.message),
                    stdout=clean(check.stdout, OUTPUT_CHARACTERS),
                )
                for check in result.checks
            ),
            artefacts=tuple(_tidy_texts(artefact) for artefact in result.artefacts),
        )
        for result in report.exercises
    )
    reason = None if report.reason is None else clean(report.reason)
    return replace(report, student=one_line(report.student) or "unnamed", reason=reason, exercises=exercises)


def _tidy_texts(value: Any) -> Any:
    """Texts cleaned and non-finite figures dropped, anywhere in the records of an artefact."""
    if isinstance(value, str):
        return one_line(value, MESSAGE_CHARACTERS)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        return tuple(_tidy_texts(item) for item in value)
    if isinstance(value, dict):
        return {one_line(key, NAME_CHARACTERS): _tidy_texts(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: _tidy_texts(getattr(value, one.name)) for one in fields(value)})
    return value


def to_json(report: Report) -> str:
    """Strict JSON of a tidy report, below the size that a report may have."""
    text = _dump(report)
    if len(text.encode()) > REPORT_BYTES - 1024:
        text = _dump(shortened(report))
    return text


def shortened(report: Report) -> Report:
    """The report without what its checks printed and with short messages, for the case that all together is too large."""

    def short(check: CheckResult) -> CheckResult:
        message = check.message if check.message is None else clean(check.message, SHORT_CHARACTERS)
        return replace(check, message=message, stdout="[cut: the report would be too large]" if check.stdout else "")

    return replace(
        report, exercises=tuple(replace(result, checks=tuple(map(short, result.checks))) for result in report.exercises)
    )


def _dump(report: Report) -> str:
    return _adapter.dump_json(report, indent=1).decode() + "\n"


def from_json(text: str, where: str) -> Report:
    """The inverse of `to_json`; UsageError says what is wrong with the text of the file called `where`."""
    try:
        plain = json.loads(text, object_pairs_hook=_unique)
        if not isinstance(plain, dict) or plain.get("version") != REPORT_VERSION:
            raise UsageError(f"{where}: no report of version {REPORT_VERSION}; grade again, or use the grader that wrote it")
        return _adapter.validate_python(plain)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"{where}: {place}: {first['msg']}; restore the file or grade again") from error
    except ValueError as error:
        raise UsageError(f"{where}: {error}; restore the file or grade again") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"the key {key!r} stands twice")
    return dict(pairs)


def schema_text() -> str:
    """The JSON Schema of report.json, as published in docs/."""
    schema = _adapter.json_schema(mode="serialization")
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"
