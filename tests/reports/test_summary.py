"""summary.md: the class in Markdown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from grader.model import CheckResult, ExerciseResult, Outcome, Report, Status, combine
from grader.reports.run import RunInfo
from grader.reports.summary import summary_md

Make = Callable[..., Report]
MakeCheck = Callable[..., CheckResult]


def test_counts_mean_hardest_misconceptions_and_problems_are_told(report: Make, check: MakeCheck, run: RunInfo) -> None:
    easy = check(name="test_a", title="one client")
    hard = check(name="test_b", title="two clients", outcome=Outcome.FAILED, diagnosis="takes the plain mean")
    reports = [
        report("ada", easy, hard),
        report("ben", easy, replace(hard, outcome=Outcome.PASSED, earned=2.0, diagnosis=None)),
        report("cleo", status=Status.REJECTED, reason="no fed_avg.py", score=0.0),
        report("dan", status=Status.GRADER_ERROR, reason="the checker died", score=None),
    ]
    written = summary_md(reports, run)
    assert "2 graded, mean 3 of 4." in written
    assert "| 1 of 2 | two clients |" in written
    assert "one client |" not in written
    assert "- 1 × takes the plain mean" in written
    assert "- cleo (fed\\_avg): no fed\\_avg.py" in written
    assert "- dan (fed\\_avg): the checker died" in written


def test_the_mean_is_over_graded_submissions(report: Make, check: MakeCheck, run: RunInfo) -> None:
    """A rejected one is a zero in the gradebook and says nothing about the exercise."""
    written = summary_md([report("ada", check()), report("ben", status=Status.REJECTED, score=0.0, max_score=2.0)], run)
    assert "1 graded, mean 2 of 2." in written


def test_a_misconception_counts_a_student_once(report: Make, check: MakeCheck, run: RunInfo) -> None:
    failing = [check(name=f"test_{n}", outcome=Outcome.FAILED, diagnosis="takes the plain mean") for n in range(3)]
    assert "- 1 × takes the plain mean" in summary_md([report("ada", *failing)], run)


def test_several_exercises_have_an_overview(report: Make, check: MakeCheck, run: RunInfo) -> None:
    one: ExerciseResult = report("ada", check()).exercises[0]
    written = summary_md([combine("ada", 7, (one, replace(one, exercise="partition")))], run)
    assert "| partition | 1 | 0 | 0 | 2 / 2 |" in written


def test_a_class_without_any_submission_or_exercise_is_told(run: RunInfo) -> None:
    assert summary_md([], run).startswith("# Grading run\n\n0 submissions")
    assert "- ben (all): a link inside" in summary_md([combine("ben", 7, (), "a link inside")], run)


def test_who_has_no_grade_at_all_comes_before_who_lacks_an_exercise(report: Make, check: MakeCheck, run: RunInfo) -> None:
    graded = report("ada", check()).exercises[0]
    missing = [replace(graded, exercise=slug, status=Status.REJECTED, reason=f"no {slug}", score=0.0) for slug in ("b", "c")]
    reports = [combine("ada", 7, (graded, *missing)), report("ben", status=Status.REJECTED, reason="a link inside", score=0.0)]
    written = summary_md(reports, run)
    assert written.endswith("- ben (fed\\_avg): a link inside\n- ada (b, c): no b \\(and 1 more\\)\n")
