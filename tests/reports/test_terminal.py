"""What the terminal and a log show."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from grader.model import CheckResult, Exercise, Limits, Outcome, Report, Status
from grader.reports.run import RunInfo
from grader.reports.terminal import render_check, render_run

Make = Callable[..., Report]
MakeCheck = Callable[..., CheckResult]


@pytest.fixture
def exercise() -> Exercise:
    return Exercise(
        "fed_avg", "day1", "Federated averaging", Path(), None, 20, "easy", 10.0, (), (), "a paper", ("a hint",), Limits()
    )


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_students_own_checks_read_as_verdict_message_cure(
    report: Make, check: MakeCheck, exercise: Exercise, plain_console: Console
) -> None:
    failed = check(
        name="test_b", title="two clients", outcome=Outcome.FAILED, message="expected [5.0]\ngot      [4.0]", hint="divide once",
        diagnosis="takes the plain mean", stdout="debug",
    )  # fmt: skip
    render_check(report("ada", check(points=1.0), failed).exercises[0], exercise, plain_console)
    assert [line.rstrip() for line in written(plain_console).splitlines()] == [
        "fed_avg: Federated averaging",
        " ✓ weights each client  1/1",
        " ✗ two clients          0/2",
        "     expected [5.0]",
        "     got      [4.0]",
        "     Known misconception: takes the plain mean",
        "     Hint: divide once",
        "",
        "Your code printed:",
        "  debug",
        "",
        "Visible 1/3. Hidden checks, run at grading, decide the other 7 points.",
    ]


def test_a_log_is_not_padded_to_its_width(report: Make, check: MakeCheck, exercise: Exercise, plain_console: Console) -> None:
    render_check(report("ada", check(outcome=Outcome.FAILED, message="no")).exercises[0], exercise, plain_console)
    assert max(map(len, written(plain_console).splitlines())) < 100


def test_a_run_names_who_has_no_grade(report: Make, check: MakeCheck, run: RunInfo, plain_console: Console) -> None:
    entries = [
        ("ada", report("ada", check(), check(name="test_b", title="two clients", outcome=Outcome.TIMED_OUT))),
        ("ben", report("ben", status=Status.REJECTED, reason="no fed_avg.py", score=0.0)),
        ("cleo", report("cleo", status=Status.GRADER_ERROR, reason="the checker died", score=None)),
    ]
    render_run(entries, run, Path("reports"), plain_console)
    text = written(plain_console)
    assert "2/4 timed out" in text
    assert "graded 1 (mean 2/4) · rejected 1 (ben) · grader error 1 (cleo)" in text
    assert "hardest check: two clients (0% passed)" in text
    assert "reports/index.html" in text


@pytest.mark.parametrize("width", [20, 40, 10_000])
def test_no_name_becomes_a_command_however_the_table_is_folded(report: Make, run: RunInfo, width: int) -> None:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False)
    entries = [(f"s{n}", report(f"{'x' * n} ::error::boom ##[error]")) for n in range(12)]
    render_run(entries, run, Path("reports"), console)
    assert not [line for line in written(console).splitlines() if line.strip().startswith("::")]
    assert "##[" not in written(console)


def test_what_a_submission_printed_is_cut_to_some_lines(
    report: Make, check: MakeCheck, exercise: Exercise, plain_console: Console
) -> None:
    render_check(report("ada", check(stdout="line\n" * 500)).exercises[0], exercise, plain_console)
    assert written(plain_console).count("  line") == 20
    assert "480 more lines" in written(plain_console)
