"""index.html for the instructor, feedback.html and feedback.md for the student. No script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from grader.model import Outcome, Report
from grader.reports.digest import ExerciseDigest, digest
from grader.reports.run import RunInfo
from grader.reports.student import student_view
from grader.reports.text import code_block, markdown, number

BINS = 10
# Meaning is never by colour alone: every outcome has a sign and a word.
SIGNS = {
    "passed": "✓", "failed": "✗", "crashed": "!", "timed_out": "∞", "out_of_memory": "▣", "skipped": "–", "grader_error": "?",
}  # fmt: skip
WORDS = {outcome: outcome.replace("_", " ") for outcome in map(str, Outcome)}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("grader.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = number
    environment.globals.update(SIGNS=SIGNS, WORDS=WORDS)
    return environment


def index_html(entries: Sequence[tuple[str, Report]], run: RunInfo) -> str:
    """The class at a glance: heat map, histogram, hardest checks, misconceptions, problems. `entries`: (folder, report)."""
    digests = digest([report for _, report in entries])
    return (
        _environment()
        .get_template("index.html")
        .render(
            run=run,
            entries=entries,
            exercises=[
                {
                    "digest": one,
                    "histogram": histogram(one),
                    "rows": [
                        (folder, report.student, result)
                        for folder, report in entries
                        for result in report.exercises
                        if result.exercise == one.exercise
                    ],
                }
                for one in digests
            ],
        )
    )


def histogram(one: ExerciseDigest) -> list[tuple[str, int, float]]:
    """(label, number of students, height between 0 and 1) for each tenth of the points."""
    counts = [0] * BINS
    for score in one.scores:
        counts[min(BINS - 1, int(BINS * score / one.max_score)) if one.max_score else 0] += 1
    highest = max([*counts, 1])
    step = one.max_score / BINS
    return [
        (f"{number(step * place)}–{number(step * (place + 1))}", count, count / highest) for place, count in enumerate(counts)
    ]


def feedback_html(report: Report) -> str:
    """What one student may see, as a page."""
    return _environment().get_template("feedback.html").render(report=student_view(report))


def feedback_markdown(report: Report) -> str:
    """What one student may see, as Markdown."""
    view = student_view(report)
    total = "no score yet" if view["score"] is None else f"{number(view['score'])} of {number(view['max_score'])} points"
    lines = [f"# {markdown(view['student'])}: {total}", ""]
    if view["reason"]:
        lines += [markdown(view["reason"]), ""]
    for exercise in view["exercises"]:
        score = "no score yet" if exercise["score"] is None else f"{number(exercise['score'])} of {number(exercise['max_score'])}"
        lines += [f"## {markdown(exercise['exercise'])}: {score}", ""]
        if exercise["status"] == "grader_error":
            lines += ["The grader failed here, not your work. Your teachers have been told; there is no score yet.", ""]
        elif exercise["reason"]:
            lines += [markdown(exercise["reason"]), ""]
        for check in exercise["checks"]:
            lines += _check_lines(check)
        for artefact in exercise["artefacts"]:
            verdict = "accepted" if artefact["accepted"] else f"not accepted: {markdown(artefact['reason'] or '')}"
            lines += ["", f"- {markdown(artefact['name'])}: {verdict}"]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _check_lines(check: dict[str, Any]) -> list[str]:
    points = f"{number(check['earned'])}/{number(check['points'])}"
    hidden = " (hidden check)" if check["visibility"] == "hidden" else ""
    lines = [f"- {SIGNS[check['outcome']]} {markdown(check['title'])}{hidden}: {WORDS[check['outcome']]}, {points}"]
    if check["outcome"] == "passed":
        return lines
    if check["diagnosis"]:
        lines.append(f"  - Known misconception: {markdown(check['diagnosis'])}")
    if check["hint"]:
        lines.append(f"  - Hint: {markdown(check['hint'])}")
    if check.get("message"):
        lines += ["", *(f"  {line}" for line in code_block(check["message"]).splitlines()), ""]
    if check.get("stdout"):
        lines += ["  It printed:", "", *(f"  {line}" for line in code_block(check["stdout"]).splitlines()), ""]
    return lines
