"""`grader audit` turns red, with a sentence that says what to mend, whichever way an exercise is broken."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

LESSON, SLUG = "day1_federated_learning", "fed_avg"


@pytest.fixture
def course(root: Path, tmp_path: Path) -> Path:
    """A copy of the course with one exercise, to be broken."""
    for side in ("exercises", "solutions"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / side / LESSON / SLUG, tmp_path / side / LESSON / SLUG, ignore=ignored)
    return tmp_path


def audit(course: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "grader.cli.main", "audit", *(arguments or (SLUG,)), "--seeds", "1"]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text("utf-8")
    after = change(before)
    assert after != before, "the edit changed nothing"
    path.write_text(after, "utf-8")


def test_the_exercise_as_it_is_is_green(course: Path) -> None:
    code, text = audit(course)
    assert (code, "all as they must be" in text) == (0, True), text


def test_a_broken_check_is_noticed(course: Path) -> None:
    hidden = course / "solutions" / LESSON / SLUG / "test_hidden.py"
    edit(hidden, lambda text: text.replace("[np.float64] * 5)", "[np.float32] * 5)"))
    code, text = audit(course)
    assert code == 1
    assert "the reference: test_takes_any_memory_layout is failed, but it must pass every check" in text


def test_a_weakened_tolerance_is_noticed(course: Path) -> None:
    visible = course / "exercises" / LESSON / SLUG / f"test_{SLUG}.py"
    edit(visible, lambda text: re.sub(r"(?m)^ATOL = .*$", "ATOL = 100.0", text))
    code, text = audit(course)
    assert code == 1
    assert re.search(r"wrong/\w+\.py: passes test_weights_by_num_examples, which FAILS names", text)


def test_a_deleted_check_that_a_wrong_solution_must_fail_is_noticed(course: Path) -> None:
    hidden = course / "solutions" / LESSON / SLUG / "test_hidden.py"
    edit(hidden, lambda text: text.replace("def test_returns_new_memory(", "def test_returns_other_memory("))
    code, text = audit(course)
    assert code == 1
    assert "FAILS names test_returns_new_memory, which is no check" in text


def test_a_check_that_nothing_fails_is_noticed(course: Path) -> None:
    visible = course / "exercises" / LESSON / SLUG / f"test_{SLUG}.py"
    edit(visible, lambda text: text + (
        '\n\n@pytest.mark.check(points=1)\ndef test_is_there(submission):\n    """is there"""\n'
        "    submission.fed_avg([[np.ones(2)]], [1])\n"
    ))  # fmt: skip
    edit(course / "exercises" / LESSON / SLUG / "exercise.toml", lambda text: text.replace("points = 10", "points = 11"))
    code, text = audit(course)
    assert code == 1
    assert "test_is_there" in text


def test_a_check_that_cannot_fail_is_passed_by_the_stub(course: Path) -> None:
    visible = course / "exercises" / LESSON / SLUG / f"test_{SLUG}.py"
    edit(visible, lambda text: text + '\n\n@pytest.mark.check(points=1)\ndef test_nothing(submission):\n    """asks nothing"""\n')
    edit(course / "exercises" / LESSON / SLUG / "exercise.toml", lambda text: text.replace("points = 10", "points = 11"))
    code, text = audit(course)
    assert code == 1
    assert "the stub: passes test_nothing, but it must pass none" in text


def test_a_hidden_line_in_a_stub_is_noticed(course: Path) -> None:
    stub = course / "exercises" / LESSON / SLUG / f"{SLUG}.py"
    reference = (course / "solutions" / LESSON / SLUG / f"{SLUG}.py").read_text("utf-8")
    secret = next(line for line in reference.split("### BEGIN SOLUTION")[2].splitlines() if len(line.strip()) > 40)
    edit(stub, lambda text: text + f"\n# {secret.strip()}\n".replace("# ", "", 1))
    code, text = audit(course)
    assert code == 1
    assert "a line of the reference stands here; remove it" in text
    assert f"run `grader build {SLUG}`" in text


def test_a_hidden_line_in_a_readme_is_noticed(course: Path) -> None:
    hidden = (course / "solutions" / LESSON / SLUG / "test_hidden.py").read_text("utf-8")
    secret = next(line.strip() for line in hidden.splitlines() if "exact_mean(" in line and "def" not in line)
    edit(course / "exercises" / LESSON / SLUG / "README.md", lambda text: f"{text}\n{secret}\n")
    code, text = audit(course)
    assert code == 1
    assert "a line of a hidden check stands here; remove it" in text


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("points=0.5", "points=0.75", "add up to"),
        ("points=0.5", "points=-1", "give a number above 0"),
        ("points=0.5", "points=0.5, needs=['test_no_such']", "which is no check before it"),
        ("points=0.5", "pionts=0.5", "takes points, needs and hint by name"),
        ('    """one client gets its own model back"""\n', "", "no docstring"),
    ],
)
def test_an_authors_slip_is_an_error_with_its_place(course: Path, old: str, new: str, sentence: str) -> None:
    visible = course / "exercises" / LESSON / SLUG / f"test_{SLUG}.py"
    edit(visible, lambda text: text.replace(old, new, 1))
    code, text = audit(course)
    assert code == 1
    assert sentence in text
    assert SLUG in text


def test_an_unknown_exercise_is_wrong_usage(course: Path) -> None:
    code, text = audit(course, "no_such")
    assert code == 2
    assert "the exercises are: fed_avg" in text
