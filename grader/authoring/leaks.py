"""Hidden material where a student could read it: in the exercise's folder, in a report."""

from __future__ import annotations

from pathlib import Path

from grader.authoring.stub import solution_lines
from grader.catalog import read_constants
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
    # Checks of both files may be written alike; what the visible ones need themselves is no secret.
    own = set(_stripped(exercise.folder / f"test_{exercise.slug}.py"))
    secret = {line: "a hidden check" for line in _stripped(exercise.solution / "test_hidden.py") if line not in own}
    for path in (exercise.solution / "wrong").glob("*.py"):
        docstring, _ = read_constants(path)
        secret[docstring.split("\n")[0]] = f"wrong/{path.name}"
    reference = exercise.solution / f"{exercise.slug}.py"
    if reference.is_file():
        secret.update(dict.fromkeys(solution_lines(reference.read_text("utf-8")), "the reference"))
    found = []
    for path in sorted(exercise.folder.rglob("*")):
        if path.suffix not in TEXT_SUFFIXES or not path.is_file():
            continue
        for number, text in enumerate(_stripped(path), 1):
            if len(text) >= TELLING_CHARACTERS and text in secret:
                found.append(f"{exercise.slug}/{path.name}:{number}: a line of {secret[text]} stands here; remove it")
    return found


def _stripped(path: Path) -> list[str]:
    """The lines of a file without their indentation and without imports, which are anybody's; none where there is no file."""
    lines = map(str.strip, path.read_text("utf-8", "replace").splitlines()) if path.is_file() else ()
    return ["" if line.startswith(("import ", "from ")) else line for line in lines]


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
