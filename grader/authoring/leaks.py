"""Hidden material where a student could read it: in the exercise's folder, in a report."""

from __future__ import annotations

from collections.abc import Iterable

from grader.authoring.stub import solution_lines
from grader.model import Exercise, Report, Visibility
from grader.reports.page import feedback_html, feedback_markdown
from grader.reports.student import student_json

# Shorter lines ("return result", "import numpy as np") are anybody's.
TELLING_CHARACTERS = 24
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".json", ".ipynb", ".csv"}


def leaks_in_folder(exercise: Exercise) -> list[str]:
    """A sentence for every line of the reference's solution, a wrong solution or a hidden check that a student can read."""
    if exercise.solution is None:
        return []
    reference = (exercise.solution / f"{exercise.slug}.py").read_text("utf-8")
    secret = dict.fromkeys(solution_lines(reference), "the reference")
    visible_checks = exercise.folder / f"test_{exercise.slug}.py"
    own = {
        line.strip()
        for path in (exercise.stub_path, visible_checks)
        if path.is_file()
        for line in _lines(path.read_text("utf-8"))
    }
    hidden = exercise.solution / "test_hidden.py"
    if hidden.is_file():
        # Checks of both files may be written alike; what the visible ones need themselves is no secret.
        secret.update({line: "a hidden check" for line in map(str.strip, _lines(hidden.read_text("utf-8"))) if line not in own})
    found = []
    for path in sorted(exercise.folder.rglob("*")):
        if path.suffix not in TEXT_SUFFIXES or not path.is_file():
            continue
        for number, line in enumerate(_lines(path.read_text("utf-8", "replace")), 1):
            text = line.strip()
            if len(text) >= TELLING_CHARACTERS and text in secret:
                found.append(f"{exercise.slug}/{path.name}:{number}: a line of {secret[text]} stands here; remove it")
    return found


def _lines(text: str) -> Iterable[str]:
    return text.splitlines()


def leaks_in_report(report: Report) -> list[str]:
    """A sentence for every hidden check whose message or output reached what the student sees."""
    seen = student_json(report) + feedback_html(report) + feedback_markdown(report)
    visible = "\n".join(
        f"{check.message}\n{check.stdout}"
        for result in report.exercises
        for check in result.checks
        if check.visibility is Visibility.VISIBLE
    )
    found = []
    for result in report.exercises:
        for check in result.checks:
            for text in (check.message or "", check.stdout):
                telling = check.visibility is Visibility.HIDDEN and len(text) >= TELLING_CHARACTERS and text not in visible
                if telling and text in seen:
                    found.append(f"{result.exercise}: the student's report shows what hidden {check.name} said: {text[:80]!r}")
    return found
