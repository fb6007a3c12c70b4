"""junit.xml: one testcase for each student and check."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from grader.model import ExerciseResult, Outcome, Report, Status
from grader.reports.text import clean, number


def junit_xml(reports: Sequence[Report]) -> str:
    """Well-formed XML 1.0; a suite a student, points as properties."""
    root = ElementTree.Element("testsuites", name="fedlings")
    for report in reports:
        suite = ElementTree.SubElement(root, "testsuite", name=clean(report.student))
        for result in report.exercises:
            _cases(suite, report.student, result)
        cases = suite.findall("testcase")
        suite.set("tests", str(len(cases)))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
        suite.set("time", f"{sum(result.seconds for result in report.exercises):.3f}")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _cases(suite: ElementTree.Element, student: str, result: ExerciseResult) -> None:
    classname = f"{clean(student)}.{result.exercise}"
    if not result.checks:
        case = ElementTree.SubElement(suite, "testcase", classname=classname, name="handed in", time="0.000")
        tag = "error" if result.status is Status.GRADER_ERROR else "failure"
        ElementTree.SubElement(case, tag, type=str(result.status), message=clean(result.reason or ""))
    for check in result.checks:
        case = ElementTree.SubElement(suite, "testcase", classname=classname, name=check.name, time=f"{check.seconds:.3f}")
        properties = ElementTree.SubElement(case, "properties")
        for name, value in (("title", check.title), ("points", number(check.points)), ("earned", number(check.earned))):
            ElementTree.SubElement(properties, "property", name=name, value=clean(value))
        if check.outcome is not Outcome.PASSED:
            tag = {Outcome.SKIPPED: "skipped", Outcome.GRADER_ERROR: "error"}.get(check.outcome, "failure")
            element = ElementTree.SubElement(case, tag, message=clean(check.message or str(check.outcome)))
            if tag != "skipped":
                element.set("type", str(check.outcome))
