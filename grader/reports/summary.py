"""summary.md: the class in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from grader.model import Report
from grader.reports.digest import digest
from grader.reports.run import RunInfo
from grader.reports.text import markdown, number

WEAK = "**The sandbox of this run was weak: submissions could reach more of the machine than they should.**"
SHOWN = 10


def summary_md(reports: Sequence[Report], run: RunInfo) -> str:
    """Counts, means, hardest checks, misconceptions, problems."""
    counts = ", ".join(f"{count} {status}" for status, count in run.counts.items() if status != "submissions" and count)
    lines = ["# Grading run", "", f"{len(reports)} submissions: {counts}. Seed {run.seed}, {run.started}.", ""]
    if run.weak:
        lines += [WEAK, ""]
    for one in digest(reports):
        mean = "no score" if one.mean is None else f"mean {number(round(one.mean, 2))} of {number(one.max_score)}"
        lines += [f"## {markdown(one.exercise)}", "", f"{one.statuses.get('graded', 0)} graded, {mean}.", ""]
        if one.checks:
            lines += ["| passed by | check |", "| ---: | --- |"]
            hardest = sorted(one.checks, key=lambda check: check.share)[:SHOWN]
            lines += [f"| {check.share:.0%} | {markdown(check.title)} |" for check in hardest]
            lines.append("")
        if one.misconceptions:
            lines += ["Misconceptions seen:", ""]
            lines += [f"- {count} × {markdown(text)}" for text, count in one.misconceptions]
            lines.append("")
        if one.problems:
            lines += ["Not graded:", ""]
            lines += [
                f"- {markdown(student)}: {markdown(status)}, {markdown(reason)}" for student, status, reason in one.problems
            ]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"
