"""junit.xml: one testcase for each student and check."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from grader.model import CheckResult, ExerciseResult, Outcome, Report, Status
from grader.reports.text import clean, log_line, number

TAGS = {Outcome.SKIPPED: "skipped", Outcome.GRADER_ERROR: "error"}
COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def junit_xml(reports: Sequence[Report]) -> str:
    """Well-formed XML 1.0; a suite a student, points as properties. What was not graded is one failure (ours: one error)."""
    root = ElementTree.Element("testsuites", name="fedlings")
    for report in reports:
        suite = ElementTree.SubElement(root, "testsuite", name=log_line(report.student))
        for result in report.exercises:
            _cases(suite, report.student, result)
        if not report.exercises:
            _not_graded(suite, log_line(report.student), report.status, report.reason)
        _count(suite, suite.findall("testcase"), sum(result.seconds for result in report.exercises))
    _count(root, root.findall("testsuite/testcase"), sum(result.seconds for report in reports for result in report.exercises))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _count(element: ElementTree.Element, cases: Sequence[ElementTree.Element], seconds: float) -> None:
    element.set("tests", str(len(cases)))
    for attribute, tag in COUNTED.items():
        element.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", f"{seconds:.3f}")


def _cases(suite: ElementTree.Element, student: str, result: ExerciseResult) -> None:
    classname = f"{log_line(student)}.{result.exercise}"
    if not result.checks:
        _not_graded(suite, classname, result.status, result.reason)
    for check in result.checks:
        _case(suite, classname, check)


def _not_graded(suite: ElementTree.Element, classname: str, status: Status, reason: str | None) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=classname, name="handed in", time="0.000")
    tag = "error" if status is Status.GRADER_ERROR else "failure"
    ElementTree.SubElement(case, tag, type=str(status), message=clean(reason or ""))


def _case(suite: ElementTree.Element, classname: str, check: CheckResult) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=classname, name=log_line(check.name), time=f"{check.seconds:.3f}")
    properties = ElementTree.SubElement(case, "properties")
    told = {"points": number(check.points), "earned": number(check.earned), "visibility": str(check.visibility)}
    for name, value in {"title": clean(check.title), **told}.items():
        ElementTree.SubElement(properties, "property", name=name, value=value)
    if check.outcome is not Outcome.PASSED:
        tag = TAGS.get(check.outcome, "failure")
        element = ElementTree.SubElement(case, tag, message=clean(check.message or str(check.outcome)))
        if tag != "skipped":
            element.set("type", str(check.outcome))
