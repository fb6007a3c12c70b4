"""report.json: strict, valid by its published schema, read back as it was, within its size."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import jsonschema
import pytest

from grader.model import ArtefactResult, CheckResult, Outcome, Report, Status, TensorFact, UsageError, Visibility
from grader.reports.schema import from_json, schema_text, tidy, to_json

Make = Callable[..., Report]
MakeCheck = Callable[..., CheckResult]
HOSTILE = "\x1b[31m<script>\udc80\x00\u202e]]> =1+1 \U0001f600"


def strict(text: str) -> object:
    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_every_kind_of_result_fits_the_schema(report: Make, check: MakeCheck, artefact: ArtefactResult) -> None:
    schema = json.loads(schema_text())
    checks = [check(name=f"test_{outcome}", outcome=outcome, message=HOSTILE, stdout=HOSTILE) for outcome in Outcome]
    bare = ArtefactResult("x.onnx", False, HOSTILE, 0)
    for made in (
        report("ada", *checks, artefacts=(artefact, bare)),
        report(HOSTILE, status=Status.REJECTED, reason=HOSTILE, score=0.0),
        report("ada", status=Status.GRADER_ERROR, reason="the checker died", score=None),
    ):
        jsonschema.validate(strict(to_json(tidy(made))), schema)


def test_the_schema_refuses_another_version_and_an_unknown_outcome(report: Make, check: MakeCheck) -> None:
    schema = json.loads(schema_text())
    plain = json.loads(to_json(tidy(report("ada", check()))))
    for broken in ({**plain, "version": 2}, json.loads(json.dumps(plain).replace('"passed"', '"won"'))):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


def test_the_keys_are_those_that_programs_rely_on(report: Make, check: MakeCheck, artefact: ArtefactResult) -> None:
    plain = json.loads(to_json(tidy(report("ada", check(), artefacts=(artefact,)))))
    assert list(plain) == ["version", "student", "seed", "status", "reason", "score", "max_score", "exercises"]
    exercise = plain["exercises"][0]
    assert exercise["checks"][0]["visibility"] == "visible"
    assert exercise["artefacts"][0]["inputs"] == [{"name": "x", "dtype": "float32", "shape": [None, 64]}]
    assert exercise["artefacts"][0]["opset"] == {"ai.onnx": 21}


def test_a_report_is_read_back_as_it_was(report: Make, check: MakeCheck, artefact: ArtefactResult) -> None:
    made = tidy(report("清水", check(outcome=Outcome.FAILED, message=HOSTILE), artefacts=(artefact,)))
    assert from_json(to_json(made), "x") == made
    assert tidy(made) == made


def test_figures_that_json_cannot_hold_are_null_and_the_reason_says_so(report: Make, artefact: ArtefactResult) -> None:
    infinite = replace(artefact, max_abs_difference=math.inf, max_rel_difference=math.nan)
    written = strict(to_json(tidy(report("ada", artefacts=(infinite,)))))
    found = written["exercises"][0]["artefacts"][0]  # type: ignore[index]
    assert found["max_abs_difference"] is None
    assert found["reason"] == "fed_avg.onnx: max_abs_difference, max_rel_difference is not finite"


def test_a_clock_that_went_mad_does_not_make_a_report_unreadable(report: Make, check: MakeCheck) -> None:
    made = tidy(report("ada", check(seconds=math.nan), seconds=math.inf))
    assert from_json(to_json(made), "x") == made


def test_a_model_with_a_million_names_is_cut(report: Make, artefact: ArtefactResult) -> None:
    facts = tuple(TensorFact("\U0001f600" * 10_000, "float32", (1,) * 10_000) for _ in range(1_000))
    many = replace(artefact, operators={f"{n}" * 500: 1 for n in range(20_000)}, inputs=facts)
    assert len(to_json(tidy(report("ada", artefacts=(many,))))) < 1 << 20


def test_a_report_that_is_too_large_keeps_the_beginning_of_every_message(report: Make, check: MakeCheck) -> None:
    checks = [
        check(name=f"test_{n}", outcome=Outcome.FAILED, message=f"message {n} " + '"\U0001f600' * 30_000, stdout='"' * 65_536)
        for n in range(800)
    ]
    text = to_json(tidy(report("ada", *checks)))
    assert len(text.encode()) < 16 << 20
    messages = [one["message"] for one in json.loads(text)["exercises"][0]["checks"]]
    assert all(message.startswith(f"message {n} ") for n, message in enumerate(messages))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"seed":', '"seed": 1, "seed":', "stands twice"),
        ('"score": 2.0', '"score": NaN', "finite"),
        ('"score": 2.0', '"score": 1e999', "finite"),
        ('"version": 1', '"version": 2', "version 1"),
        ('"outcome": "passed"', '"outcome": "won"', "outcome"),
        ('"student": "ada"', '"student": 3', "student"),
        ('"points": 2.0', '"points": "2"', "points"),
        ('"seed":', '"sed":', "seed"),
    ],
)
def test_a_changed_report_is_refused_with_the_place(report: Make, check: MakeCheck, old: str, new: str, said: str) -> None:
    text = to_json(tidy(report("ada", check())))
    assert old in text
    with pytest.raises(UsageError, match=f"reports/ada: .*{said}"):
        from_json(text.replace(old, new, 1), "reports/ada")


def test_a_bottomless_file_is_refused() -> None:
    with pytest.raises(UsageError, match=r"too deeply|recursion"):
        from_json('{"version":' + "[" * 200_000, "x")


def test_texts_of_hidden_checks_are_cleaned_as_well(report: Make, check: MakeCheck) -> None:
    made = tidy(report("ada", check(visibility=Visibility.HIDDEN, hint=HOSTILE, diagnosis=HOSTILE, title=HOSTILE)))
    assert "\x1b" not in repr(made)
    assert "\\x00" not in repr(made)
