"""summary.md: the class in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from grader.model import Report, Status
from grader.reports.digest import ExerciseDigest, digest, troubles
from grader.reports.run import RunInfo
from grader.reports.text import markdown, number

WEAK = "**The sandbox of this run was weak: submissions could reach more of the machine than they should.**"
SHOWN = 10
SHOWN_REJECTED = 40


def summary_md(reports: Sequence[Report], run: RunInfo) -> str:
    """Counts, means, hardest checks, misconceptions, problems. `reports` are tidy."""
    counts = ", ".join(
        f"{count} {status.replace('_', ' ')}" for status, count in run.counts.items() if status != "submissions" and count
    )
    many = "1 submission" if len(reports) == 1 else f"{len(reports)} submissions"
    lines = ["# Grading run", "", f"{many}{': ' if counts else ''}{counts}. Seed {run.seed}, {run.started}.", ""]
    if run.weak:
        lines += [WEAK, ""]
    digests = digest(reports)
    if len(digests) > 1:
        lines += ["| exercise | graded | rejected | grader error | mean |", "| --- | ---: | ---: | ---: | ---: |"]
        lines += map(_overview, digests)
        lines.append("")
    for one in digests:
        lines += _section(one)
    lines += _problems("Faults of the grader: no score is recorded", reports, Status.GRADER_ERROR, len(reports))
    lines += _problems("Rejected", reports, Status.REJECTED, SHOWN_REJECTED)
    return "\n".join(lines).rstrip() + "\n"


def _mean(one: ExerciseDigest, between: str) -> str:
    return "–" if one.mean is None else f"{number(round(one.mean, 2))}{between}{number(one.max_score)}"


def _overview(one: ExerciseDigest) -> str:
    statuses = [str(one.statuses.get(status, 0)) for status in ("graded", "rejected", "grader_error")]
    return f"| {' | '.join([markdown(one.exercise), *statuses, _mean(one, ' / ')])} |"


def _section(one: ExerciseDigest) -> list[str]:
    mean = "no score" if one.mean is None else f"mean {_mean(one, ' of ')}"
    lines = [f"## {markdown(one.exercise)}", "", f"{one.statuses.get('graded', 0)} graded, {mean}.", ""]
    hard = one.hard(SHOWN)
    if hard:
        lines += ["Hardest checks:", "", "| passed by | check |", "| ---: | --- |"]
        lines += [f"| {check.passed} of {check.graded} | {markdown(check.title)} |" for check in hard]
        lines.append("")
    if one.misconceptions:
        lines += ["Misconceptions seen:", ""]
        lines += [f"- {count} × {markdown(text)}" for text, count in one.misconceptions]
        lines.append("")
    return lines


def _problems(heading: str, reports: Sequence[Report], status: Status, most: int) -> list[str]:
    found = troubles(reports, status)
    if not found:
        return []
    lines = [f"## {heading}", ""]
    for one in found[:most]:
        where = ", ".join(map(markdown, one.exercises)) or "all"
        lines.append(f"- {markdown(one.student)} ({where}): {markdown(one.brief)}")
    if len(found) > most:
        lines.append(f"- and {len(found) - most} more: see scores.csv")
    return [*lines, ""]
