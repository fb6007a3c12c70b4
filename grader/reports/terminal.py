"""What the terminal shows of a run and of a student's own checks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from grader.model import CheckResult, Exercise, ExerciseResult, Outcome, Report
from grader.reports.digest import ExerciseDigest, digest
from grader.reports.page import SIGNS, WORDS
from grader.reports.run import RunInfo
from grader.reports.schema import tidy
from grader.reports.text import clean, log_line, number

STYLES = {"passed": "green", "failed": "red", "crashed": "red", "timed_out": "red", "out_of_memory": "red", "skipped": "dim"}
PROBLEMS_SHOWN = 8
OUTPUT_LINES = 20
WIDEST_TITLE = 72


def render_run(entries: Sequence[tuple[str, Report]], run: RunInfo, out: Path, console: Console) -> None:
    """A row a student, then each exercise in two lines, then where to look."""
    reports = [tidy(report) for _, report in entries]
    digests = digest(reports)
    if console.is_terminal or len(reports) <= 50:
        console.print(_table(reports, [one.exercise for one in digests]))
    for one in digests:
        for line in _lines(one):
            console.print(Text(line))
    if run.weak:
        console.print(
            Text("The sandbox of this run was weak: submissions could reach more of the machine than they should.", "bold")
        )
    console.print(
        Text(f"{out}/index.html · scores.csv · junit.xml · {len(reports)} report.json · seed {run.seed}"), soft_wrap=True
    )


def _table(reports: Sequence[Report], exercises: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("student", overflow="fold")
    for slug in exercises:
        table.add_column(slug, justify="right", overflow="fold")
    for report in reports:
        cells = {result.exercise: _cell(result) for result in report.exercises}
        table.add_row(Text(log_line(report.student, 40)), *(cells.get(slug, Text("")) for slug in exercises))
    return table


def _cell(result: ExerciseResult) -> Text:
    if result.score is None:
        return Text("grader error", "bold")
    if not result.checks:
        return Text(WORDS.get(result.status, str(result.status)), "dim")
    ended = {check.outcome for check in result.checks} - {Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED}
    notes = ", ".join(WORDS[outcome] for outcome in sorted(ended))
    return Text(f"{number(result.score)}/{number(result.max_score)} {notes}".rstrip())


def _lines(one: ExerciseDigest) -> list[str]:
    parts = [f"graded {one.statuses.get('graded', 0)}"]
    if one.mean is not None:
        parts[0] += f" (mean {number(round(one.mean, 1))}/{number(one.max_score)})"
    for status in ("rejected", "grader_error"):
        names = [(student, reason) for student, kind, reason in one.problems if kind == status]
        if names:
            shown = ", ".join(log_line(student, 30) for student, _ in names[:PROBLEMS_SHOWN])
            more = f" and {len(names) - PROBLEMS_SHOWN} more" if len(names) > PROBLEMS_SHOWN else ""
            parts.append(f"{WORDS.get(status, status)} {len(names)} ({shown}{more})")
    lines = [f"{one.exercise}: {' · '.join(parts)}"]
    if one.hardest is not None and one.hardest.passed < one.hardest.graded:
        lines.append(f"  hardest check: {one.hardest.title} ({one.hardest.share:.0%} passed)")
    if one.misconceptions:
        text, count = one.misconceptions[0]
        lines.append(f"  most seen misconception: {text} ({count})")
    return lines


def render_check(result: ExerciseResult, exercise: Exercise, console: Console) -> None:
    """A student's own visible checks: the verdicts, then what was printed, then what to do next."""
    console.print(Text(f"{result.exercise}: {exercise.title}", "bold"))
    # One column for the points, unless a long title would push them off a narrow terminal.
    width = min(max((len(check.title) for check in result.checks), default=0), max(console.width - 24, 20), WIDEST_TITLE)
    for check in result.checks:
        _render_one(check, width, console)
    printed = "".join(_ended(check.stdout) for check in result.checks)
    if printed.strip():
        console.print(Text("\nYour code printed:", "bold"))
        lines = clean(printed).rstrip("\n").split("\n")
        for line in lines[:OUTPUT_LINES]:
            console.print(Text(f"  {line}"))
        if len(lines) > OUTPUT_LINES:
            console.print(Text(f"  … {len(lines) - OUTPUT_LINES} more lines"))
    earned = sum(check.earned for check in result.checks)
    visible = sum(check.points for check in result.checks)
    rest = exercise.points - visible
    hidden = f" Hidden checks, run at grading, decide the other {number(rest)} points." if rest > 0 else ""
    console.print(Text(f"\nVisible {number(earned)}/{number(visible)}.{hidden}"))


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _render_one(check: CheckResult, width: int, console: Console) -> None:
    sign = Text(f" {SIGNS[check.outcome]} ", STYLES.get(check.outcome, ""))
    word = "" if check.outcome in (Outcome.PASSED, Outcome.FAILED) else f"  {WORDS[check.outcome]}"
    console.print(sign + Text(f"{check.title:<{width}}  {number(check.earned)}/{number(check.points)}{word}"))
    if check.outcome in (Outcome.PASSED, Outcome.SKIPPED):
        return
    if check.message:
        _indented(Text(clean(check.message)), console)
    if check.diagnosis:
        _indented(Text(f"Known misconception: {check.diagnosis}"), console)
    if check.hint:
        _indented(Text(f"Hint: {check.hint}", "italic"), console)


def _indented(text: Text, console: Console) -> None:
    console.print(Padding(text, (0, 0, 0, 5), expand=False))
