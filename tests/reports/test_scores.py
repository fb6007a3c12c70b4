"""scores.csv: a row a student and exercise, safe in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from grader.model import CheckResult, Outcome, Report, Status, combine
from grader.reports.scores import scores_csv

Make = Callable[..., Report]
MakeCheck = Callable[..., CheckResult]


def rows(*reports: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(scores_csv(reports))))


def test_the_header_is_the_published_one() -> None:
    header = "student,exercise,status,score,max_score,passed,failed,crashed,timed_out,out_of_memory,skipped,grader_error,seconds"
    assert scores_csv([]) == header + "\r\n"


def test_outcomes_are_counted_and_numbers_are_short(report: Make, check: MakeCheck) -> None:
    checks = [check(name="a", points=2.5), check(name="b"), check(name="c", outcome=Outcome.TIMED_OUT)]
    (row,) = rows(report("Doe, Jane", *checks))
    assert (row["student"], row["score"], row["max_score"]) == ("Doe, Jane", "4.5", "6.5")
    assert (row["passed"], row["timed_out"], row["failed"], row["seconds"]) == ("2", "1", "0", "0.500")


def test_a_fault_of_ours_is_an_empty_score_and_never_a_zero(report: Make) -> None:
    (row,) = rows(report("ada", status=Status.GRADER_ERROR, score=None))
    assert (row["status"], row["score"]) == ("grader_error", "")


def test_a_rejected_submission_has_its_row_even_without_an_exercise(report: Make) -> None:
    found = rows(report("ada", status=Status.REJECTED, score=0.0), combine("ben", 7, (), "a link inside"))
    assert [(row["student"], row["status"], row["score"]) for row in found] == [
        ("ada", "rejected", "0"),
        ("ben", "rejected", "0"),
    ]


def test_a_name_that_is_a_formula_is_text(report: Make) -> None:
    (row,) = rows(report('=HYPERLINK("http://x";"y")\n=1'))
    assert row["student"].startswith("'=HYPERLINK")
    assert "\n" not in row["student"]
