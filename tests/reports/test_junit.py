"""junit.xml: well-formed, a testcase a check, counts that add up."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from grader.model import CheckResult, Outcome, Report, Status, Visibility, combine
from grader.reports.junit import junit_xml
from grader.reports.schema import tidy

Make = Callable[..., Report]
MakeCheck = Callable[..., CheckResult]


def parsed(*reports: Report) -> ElementTree.Element:
    return ElementTree.fromstring(junit_xml([tidy(report) for report in reports]).encode())


@pytest.mark.parametrize(
    ("outcome", "tags"),
    [
        (Outcome.PASSED, []),
        (Outcome.FAILED, ["failure"]),
        (Outcome.CRASHED, ["failure"]),
        (Outcome.TIMED_OUT, ["failure"]),
        (Outcome.OUT_OF_MEMORY, ["failure"]),
        (Outcome.SKIPPED, ["skipped"]),
        (Outcome.GRADER_ERROR, ["error"]),
    ],
)
def test_each_outcome_has_its_element(report: Make, check: MakeCheck, outcome: Outcome, tags: list[str]) -> None:
    (case,) = parsed(report("ada", check(outcome=outcome))).iter("testcase")
    assert [child.tag for child in case if child.tag != "properties"] == tags
    if tags in (["failure"], ["error"]):
        assert case[1].get("type") == str(outcome)


def test_points_title_and_visibility_are_properties(report: Make, check: MakeCheck) -> None:
    root = parsed(report("ada", check(visibility=Visibility.HIDDEN)))
    found = {one.get("name"): one.get("value") for one in root.iter("property")}
    assert found == {"title": "weights each client", "points": "2", "earned": "2", "visibility": "hidden"}


def test_the_counts_of_a_suite_and_of_all_are_those_of_their_cases(report: Make, check: MakeCheck) -> None:
    outcomes = [Outcome.PASSED, Outcome.FAILED, Outcome.CRASHED, Outcome.SKIPPED, Outcome.GRADER_ERROR]
    root = parsed(report("ada", *(check(name=f"test_{one}", outcome=one) for one in outcomes)), report("ben", check()))
    counts = [tuple(one.get(key) for key in ("tests", "failures", "errors", "skipped")) for one in (root, *root)]
    assert counts == [("6", "2", "1", "1"), ("5", "2", "1", "1"), ("1", "0", "0", "0")]


def test_what_was_not_graded_is_one_failure_and_a_fault_of_ours_one_error(report: Make) -> None:
    root = parsed(
        report("ada", status=Status.REJECTED, reason="no fed_avg.py", score=0.0),
        report("ben", status=Status.GRADER_ERROR, reason="the checker died", score=None),
        combine("cleo", 7, (), "a link inside"),
    )
    found = [(case[0].tag, case[0].get("message")) for case in root.iter("testcase")]
    assert found == [("failure", "no fed_avg.py"), ("error", "the checker died"), ("failure", "a link inside")]


def test_no_text_breaks_the_xml(report: Make, check: MakeCheck) -> None:
    text = "]]><evil a='\"'>\x00\ufffe\uffff\udc80\x1b[2J&amp;"
    root = parsed(report(text, check(outcome=Outcome.FAILED, message=text)))
    assert next(root.iter("failure")).get("message") == "]]><evil a='\"'>&amp;"
    assert not list(root.iter("evil"))
