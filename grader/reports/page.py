"""index.html for the instructor, feedback.html and feedback.md for the student. No script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from grader.model import Outcome, Report, Status, Visibility
from grader.reports.digest import BRIEF_CHARACTERS, ExerciseDigest, Trouble, digest, troubles
from grader.reports.run import RunInfo
from grader.reports.student import student_view
from grader.reports.text import code_block, cut, markdown, number, one_line

BINS = 10
HARDEST = 5
# More students than this that lack an exercise are folded away: in a run of many exercises, nearly everybody lacks one.
SHOWN_PARTLY = 12
# Meaning is never by colour alone: every outcome has a sign and a word.
SIGNS = {
    "passed": "✓", "failed": "✗", "crashed": "!", "timed_out": "∞", "out_of_memory": "▣", "skipped": "–", "grader_error": "?",
}  # fmt: skip
WORDS = {outcome: outcome.replace("_", " ") for outcome in map(str, Outcome)}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram: from `low` points on, `height` between 0 and 1."""

    low: str
    label: str
    count: int
    height: float


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("grader.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, percent=percent, short=lambda reason: cut(one_line(reason), BRIEF_CHARACTERS))
    environment.globals.update(SIGNS=SIGNS, WORDS=WORDS, facts=artefact_facts)
    return environment


def percent(share: float) -> str:
    """0.5 as "50 %"; only all are 100 % and only none are 0 %."""
    whole = round(100 * share)
    if 0 < share < 1:
        whole = min(99, max(1, whole))
    return f"{whole} %"


def index_html(entries: Sequence[tuple[str, Report]], run: RunInfo) -> str:
    """The class at a glance: heat map, histogram, hardest checks, misconceptions, problems. `entries`: (folder, report)."""
    reports = [report for _, report in entries]
    digests = digest(reports)
    return (
        _environment()
        .get_template("index.html")
        .render(run=run, entries=entries, problems=_problems(reports), exercises=[_section(one, entries) for one in digests])
    )


def _problems(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """The tables of what has no grade, a row a student: faults of ours first, and never folded away."""
    faults = troubles(reports, Status.GRADER_ERROR)
    rejected = troubles(reports, Status.REJECTED)
    whole, partly = [one for one in rejected if one.whole], [one for one in rejected if not one.whole]
    tables = [
        # Of a fault the whole of every reason: somebody has to mend it.
        _table("Faults of the grader", "Not the students' doing: no score is recorded.", faults, [one.reasons for one in faults]),
        _table("Rejected", "Nothing of what was handed in could be graded.", whole, [(one.brief,) for one in whole]),
        _table("Rejected in part", "Exercises not handed in, or unreadable.", partly, [(one.brief,) for one in partly]),
    ]
    tables[2]["open"] = len(partly) <= SHOWN_PARTLY
    return [table for table in tables if table["rows"]]


def _table(title: str, caption: str, rows: Sequence[Trouble], reasons: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    many = f"{len(rows)} student{'' if len(rows) == 1 else 's'}"
    return {"title": f"{title}: {many}", "caption": caption, "rows": list(zip(rows, reasons, strict=True)), "open": True}


def _section(one: ExerciseDigest, entries: Sequence[tuple[str, Report]]) -> dict[str, Any]:
    """What the page shows of one exercise; `edge` is the column where the hidden checks begin."""
    names = [check.name for check in one.checks]
    rows = []
    for folder, report in entries:
        for result in report.exercises:
            if result.exercise == one.exercise:
                outcomes = {check.name: str(check.outcome) for check in result.checks}
                rows.append((folder, report.student, result, [outcomes.get(name, "") for name in names]))
    hidden = [place for place, check in enumerate(one.checks) if check.visibility == Visibility.HIDDEN]
    return {
        "digest": one,
        "histogram": histogram(one),
        "hardest": one.hard(HARDEST),
        "rows": rows,
        "edge": hidden[0] if hidden and hidden[0] else -1,
    }


def histogram(one: ExerciseDigest) -> list[Bar]:
    """A bar for each tenth of the points; a score on an edge belongs to the upper bar, full points to the last."""
    counts = [0] * BINS
    for score in one.scores:
        # A millionth of a bar, since 0.3 / 1 * 10 is just below 3.
        place = int(BINS * score / one.max_score + 1e-6) if one.max_score else 0
        counts[min(BINS - 1, max(0, place))] += 1
    highest = max([*counts, 1])
    edges = [number(round(one.max_score * place / BINS, 2)) for place in range(BINS + 1)]
    return [
        Bar(edges[place], f"{edges[place]} to {edges[place + 1]}", count, count / highest) for place, count in enumerate(counts)
    ]


def artefact_facts(artefact: dict[str, Any]) -> str:
    """What a model file says of itself, in one line, from the student's view of it."""
    parts = [f"{artefact['bytes']} bytes"]
    if artefact["ir_version"] is not None:
        parts.append(f"IR version {artefact['ir_version']}")
    parts += [f"opset {version} of {domain}" for domain, version in artefact["opset"].items()]
    for side in ("inputs", "outputs"):
        if artefact[side]:
            parts.append(f"{side}: {', '.join(map(_tensor, artefact[side]))}")
    if artefact["operators"]:
        parts.append("operators: " + ", ".join(f"{count} {name}" for name, count in artefact["operators"].items()))
    return "; ".join(parts)


def _tensor(fact: dict[str, Any]) -> str:
    axes = ", ".join("any" if axis is None else str(axis) for axis in fact["shape"])
    return f"{fact['name']} {fact['dtype']} ({axes})"


def feedback_html(report: Report) -> str:
    """What one student may see, as a page."""
    return _environment().get_template("feedback.html").render(report=_for_reading(report))


def _for_reading(report: Report) -> dict[str, Any]:
    """The student's view, each hint once an exercise and only where the check itself ran."""
    view = student_view(report)
    for exercise in view["exercises"]:
        given: set[str | None] = set()
        for check in exercise["checks"]:
            if check["outcome"] == "skipped" or check["hint"] in given:
                check["hint"] = None
            given.add(check["hint"])
    return view


def feedback_markdown(report: Report) -> str:
    """What one student may see, as Markdown."""
    view = _for_reading(report)
    points = "" if view["score"] is None else " points"
    lines = [f"# {markdown(view['student'])}: {_score(view)}{points}", ""]
    if view["reason"]:
        lines += [markdown(view["reason"]), ""]
    for exercise in view["exercises"]:
        lines += [f"## {markdown(exercise['exercise'])}: {_score(exercise)}", ""]
        if exercise["reason"] and exercise["reason"] != view["reason"]:
            lines += [markdown(exercise["reason"]), ""]
        for check in exercise["checks"]:
            lines += _check_lines(check)
        for artefact in exercise["artefacts"]:
            verdict = "✓ accepted" if artefact["accepted"] else f"✗ not accepted: {markdown(artefact['reason'] or '')}"
            lines += ["", f"- {markdown(artefact['name'])}: {verdict}", f"  - {markdown(artefact_facts(artefact))}"]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _score(view: dict[str, Any]) -> str:
    return "no score yet" if view["score"] is None else f"{number(view['score'])} of {number(view['max_score'])}"


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
