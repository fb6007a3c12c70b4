"""scores.csv: one row for each student and exercise."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence

from grader.model import Outcome, Report
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
            counts = Counter(str(check.outcome) for check in result.checks)
            score = "" if result.score is None else number(result.score)
            row = [csv_cell(report.student), result.exercise, str(result.status), score, number(result.max_score)]
            writer.writerow([*row, *(counts[outcome] for outcome in OUTCOMES), f"{result.seconds:.3f}"])
    return text.getvalue()
