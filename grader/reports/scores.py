"""scores.csv: one row for each student and exercise."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence

from grader.model import ExerciseResult, Outcome, Report
from grader.reports.text import csv_cell, number

OUTCOMES = tuple(str(outcome) for outcome in Outcome)
HEADER = ("student", "exercise", "status", "score", "max_score", *OUTCOMES, "seconds")


def scores_csv(reports: Sequence[Report]) -> str:
    """The rows in the reports' order; `score` is empty where a fault of ours leaves it unknown."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    for report in reports:
        for result in report.exercises:
            writer.writerow(_row(report.student, result.exercise, result, Counter(str(check.outcome) for check in result.checks)))
        if not report.exercises:
            writer.writerow(_row(report.student, "", report, Counter()))
    return text.getvalue()


def _row(student: str, exercise: str, given: Report | ExerciseResult, counts: Counter[str]) -> list[str | int]:
    score = "" if given.score is None else number(given.score)
    seconds = given.seconds if isinstance(given, ExerciseResult) else 0.0
    row: list[str | int] = [csv_cell(student), csv_cell(exercise), str(given.status), score, number(given.max_score)]
    return [*row, *(counts[outcome] for outcome in OUTCOMES), f"{seconds:.3f}"]
