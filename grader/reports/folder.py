"""The files of a run: the one module of the reports that touches the disk."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from grader.model import Report, UsageError
from grader.reports.junit import junit_xml
from grader.reports.page import feedback_html, feedback_markdown, index_html
from grader.reports.run import RunInfo
from grader.reports.schema import from_json, shortened, tidy, to_json
from grader.reports.scores import scores_csv
from grader.reports.student import student_json
from grader.reports.summary import summary_md

STUDENT_BYTES = 4 << 20
FORMATS = {"student.json": student_json, "feedback.html": feedback_html, "feedback.md": feedback_markdown}


def write_report(out: Path, folder: str, report: Report) -> None:
    """The four files of one student in `out/folder`, each replaced whole or not at all."""
    target = out / folder
    target.mkdir(parents=True, exist_ok=True)
    clean = tidy(report)
    _replace(target / "report.json", to_json(clean))
    for name, render in FORMATS.items():
        text = render(clean)
        if len(text.encode()) >= STUDENT_BYTES:
            text = render(shortened(clean))
        _replace(target / name, text)


def write_run(out: Path, entries: Sequence[tuple[str, Report]], run: RunInfo) -> None:
    """The files of the whole class. `entries`: (folder, report) in the order in which they are shown."""
    tidied = [(folder, tidy(report)) for folder, report in entries]
    reports = [report for _, report in tidied]
    _replace(out / "scores.csv", scores_csv(reports))
    _replace(out / "junit.xml", junit_xml(reports))
    _replace(out / "summary.md", summary_md(reports, run))
    _replace(out / "index.html", index_html(tidied, run))
    plain = {**asdict(run), "folders": [folder for folder, _ in entries]}
    _replace(out / "run.json", json.dumps(plain, indent=1, allow_nan=False) + "\n")


def read_run(out: Path) -> tuple[RunInfo, list[tuple[str, Report]]]:
    """What `write_run` and `write_report` left in `out`. UsageError says which file is missing or broken."""
    path = out / "run.json"
    try:
        plain = json.loads(path.read_text("utf-8"))
        folders = plain.pop("folders")
        run = RunInfo(**plain)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; give the folder that `grader grade --out` wrote") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: not the run of this grader ({error}); grade again") from error
    return run, [(folder, _read_report(out / folder / "report.json")) for folder in folders]


def _read_report(path: Path) -> Report:
    try:
        return from_json(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; restore the file or grade again") from error


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with open(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    temporary.replace(path)
