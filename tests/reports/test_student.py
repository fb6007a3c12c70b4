"""What a student may see, and what never."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from grader.model import ArtefactResult, CheckResult, Outcome, Report, Status, Visibility
from grader.reports.page import feedback_html, feedback_markdown
from grader.reports.schema import tidy
from grader.reports.student import student_json, student_view

Make = Callable[..., Report]
MakeCheck = Callable[..., CheckResult]
RENDERINGS = (student_json, feedback_html, feedback_markdown)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_of_a_hidden_check_only_what_was_promised_is_shown(report: Make, check: MakeCheck, outcome: Outcome) -> None:
    hidden = check(
        name="test_secretname", visibility=Visibility.HIDDEN, outcome=outcome, message="secretmessage", stdout="secretoutput",
        seconds=0.987654, hint="thehint", diagnosis="thediagnosis",
    )  # fmt: skip
    made = tidy(report("ada", hidden))
    shown = student_view(made)["exercises"][0]["checks"][0]
    assert set(shown) == {"title", "visibility", "outcome", "points", "earned", "hint", "diagnosis"}
    for render in RENDERINGS:
        text = render(made)
        assert "secret" not in text
        assert "0.98" not in text


def test_of_a_visible_check_everything_is_shown(report: Make, check: MakeCheck) -> None:
    failed = check(outcome=Outcome.FAILED, message="themessage", stdout="theoutput", hint="thehint", diagnosis="thediagnosis")
    made = tidy(report("ada", failed))
    for render in RENDERINGS:
        text = render(made)
        assert all(word in text for word in ("themessage", "theoutput", "thehint", "thediagnosis", "weights each client"))
    assert json.loads(student_json(made))["exercises"][0]["checks"][0]["name"] == "test_weights"


def test_no_figure_of_the_comparison_with_hidden_inputs_is_shown(report: Make, artefact: ArtefactResult) -> None:
    marked = replace(artefact, max_abs_difference=0.123456, max_rel_difference=0.234567, label_agreement=0.345678)
    made = tidy(report("ada", artefacts=(replace(marked, milliseconds=4.56789),)))
    for render in RENDERINGS:
        assert not [figure for figure in ("0.123", "0.234", "0.345", "4.567") if figure in render(made)]
    assert student_view(made)["exercises"][0]["artefacts"][0]["operators"] == {"Gemm": 2}


def test_the_seed_of_the_hidden_inputs_is_not_shown(report: Make, check: MakeCheck) -> None:
    made = tidy(replace(report("ada", check()), seed=918273645))
    assert not [render for render in RENDERINGS if "918273645" in render(made)]


def test_our_own_words_on_a_fault_of_ours_are_not_shown(report: Make, check: MakeCheck) -> None:
    """They may name hidden checks, and quote the reference."""
    broken = check(outcome=Outcome.GRADER_ERROR, message="the reference gives [5.0]")
    made = tidy(report("ada", broken, status=Status.GRADER_ERROR, reason="fed_avg: test_secret fails too", score=None))
    for render in RENDERINGS:
        text = render(made)
        assert "test_secret" not in text
        assert "the reference gives" not in text
        assert "not your work" in text


def test_the_reason_of_a_rejection_is_shown(report: Make) -> None:
    made = tidy(report("ada", status=Status.REJECTED, reason="no module in the zip", score=0.0))
    assert all("no module in the zip" in render(made) for render in RENDERINGS)


def test_why_a_compared_model_is_refused_is_told_without_places_and_figures(report: Make, artefact: ArtefactResult) -> None:
    refused = replace(artefact, accepted=False, max_abs_difference=0.33, reason="output 1 differs by up to 0.33, first at [3, 7]")
    told = student_view(tidy(report("ada", artefacts=(refused,))))["exercises"][0]["artefacts"][0]["reason"]
    assert "0.33" not in told
    assert "[3, 7]" not in told
    assert "compare the two on rows of your own" in told


def test_why_a_model_is_refused_before_it_ran_is_told_in_full(report: Make, artefact: ArtefactResult) -> None:
    refused = replace(artefact, accepted=False, max_abs_difference=None, reason="batch is frozen at 1; export with a dynamic one")
    told = student_view(tidy(report("ada", artefacts=(refused,))))["exercises"][0]["artefacts"][0]["reason"]
    assert told == "batch is frozen at 1; export with a dynamic one"
