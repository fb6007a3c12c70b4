"""A newcomer adds an exercise by adding a folder on each side and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REFERENCE = '''"""Doubling."""

import numpy as np


def double(values: np.ndarray) -> np.ndarray:
    """Twice the values, in a new array."""
    # TODO: return twice the values
    ### BEGIN SOLUTION
    if not isinstance(values, np.ndarray):
        raise TypeError("values: expected an array")
    return values + values
    ### END SOLUTION
'''
CONFIGURATION = """
title = "Doubling"
minutes = 5
difficulty = "easy"
points = 10
requires = ["numpy"]
source = "arithmetic"
hints = ["What is twice a number?"]
"""
VISIBLE = '''
import numpy as np
import pytest
from grader.checks.compare import assert_close


@pytest.mark.check(points=4, hint="Add it to itself.")
@pytest.mark.parametrize("size", [1, 5])
def test_doubles(submission, rng, size):
    """doubles every value"""
    values = rng.uniform(1, 2, size)
    assert_close(submission.double(values), 2 * values, rtol=1e-15)
'''
HIDDEN = '''
import pytest


@pytest.fixture
def no_array():
    return [1.0, 2.0]


@pytest.mark.check(points=6, needs=["test_doubles"])
def test_refuses_lists(submission, no_array):
    """refuses what is no array"""
    with pytest.raises(TypeError):
        submission.double(no_array)
'''
BODIES = {
    "wrong/squares.py": ("squares", "return values * values", "{'test_doubles'}"),
    "wrong/identity.py": ("returns its input", "return values", "{'test_doubles'}"),
    "wrong/nothing.py": ("returns nothing", "return None", "{'test_doubles'}"),
    "wrong/halves.py": ("halves", "return values / 2", "{'test_doubles'}"),
    "wrong/as_list.py": ("returns a list", "return list(2 * values)", "{'test_doubles'}"),
    "wrong/takes_lists.py": ("takes lists too", "return 2 * np.asarray(values)", "{'test_refuses_lists'}"),
    "right/adds.py": ("adds", "return np.add(values, values) if isinstance(values, np.ndarray) else fail()", None),
    "right/shifts.py": ("multiplies", "return 2 * values if isinstance(values, np.ndarray) else fail()", None),
    "right/divides.py": ("divides by a half", "return values / 0.5 if isinstance(values, np.ndarray) else fail()", None),
}


def add_exercise(root: Path) -> None:
    public, secret = root / "exercises" / "toys" / "double", root / "solutions" / "toys" / "double"
    for folder in (public, secret / "wrong", secret / "right"):
        folder.mkdir(parents=True)
    (public / "README.md").write_text("# Doubling\n")
    (public / "exercise.toml").write_text(CONFIGURATION)
    (public / "test_double.py").write_text(VISIBLE)
    (secret / "double.py").write_text(REFERENCE)
    (secret / "test_hidden.py").write_text(HIDDEN)
    for name, (docstring, body, fails) in BODIES.items():
        head = f'"""{docstring}"""\nimport numpy as np\n' + (f"FAILS = {fails}\nHINT = 'twice'\n" if fails else "")
        (secret / name).write_text(f"{head}\ndef fail():\n    raise TypeError\n\ndef double(values):\n    {body}\n")


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grader.cli.main", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_two_folders_are_an_exercise(tmp_path: Path) -> None:
    add_exercise(tmp_path)
    built = run(tmp_path, "build")
    assert built.returncode == 0, built.stderr
    stub = (tmp_path / "exercises" / "toys" / "double" / "double.py").read_text()
    assert 'raise NotImplementedError("return twice the values")' in stub
    assert "values + values" not in stub
    assert run(tmp_path, "build", "--check").returncode == 0
    audited = run(tmp_path, "audit")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    assert "double  2 checks · reference, stub, 6 wrong, 3 right · 3 seeds" in audited.stdout

    (tmp_path / "inbox" / "eva").mkdir(parents=True)
    (tmp_path / "inbox" / "eva" / "double.py").write_text(REFERENCE)
    graded = run(tmp_path, "grade", "inbox", "--out", "reports")
    assert graded.returncode == 0, graded.stderr
    assert json.loads((tmp_path / "reports" / "eva" / "report.json").read_text())["score"] == 10.0

    listed = run(tmp_path, "list")
    assert "double" in listed.stdout
    assert "not started" in listed.stdout
    checked = run(tmp_path, "check")
    assert checked.returncode == 1
    assert "NotImplementedError: return twice the values (double.py:" in checked.stdout
    (tmp_path / "exercises" / "toys" / "double" / "double.py").write_text(REFERENCE)
    passed = run(tmp_path, "check", "double")
    assert passed.returncode == 0
    assert "Visible 4/4. Hidden checks, run at grading, decide the other 6 points." in passed.stdout
    assert "passed" in run(tmp_path, "list").stdout


def test_a_check_that_stumbles_over_an_answer_is_the_submissions_failure_not_ours(tmp_path: Path) -> None:
    add_exercise(tmp_path)
    run(tmp_path, "build")
    visible = tmp_path / "exercises" / "toys" / "double" / "test_double.py"
    visible.write_text(
        VISIBLE.replace(
            "assert_close(submission.double(values), 2 * values, rtol=1e-15)",
            "assert submission.double(values)[0] == 2 * values[0]",
        )
    )
    (tmp_path / "in" / "eva").mkdir(parents=True)
    (tmp_path / "in" / "eva" / "double.py").write_text("def double(values):\n    return None\n")
    assert run(tmp_path, "grade", "in", "--out", "out").returncode == 0
    checks = json.loads((tmp_path / "out" / "eva" / "report.json").read_text())["exercises"][0]["checks"]
    assert checks[0]["outcome"] == "failed"
    assert "could not use what was returned" in checks[0]["message"]


def test_a_check_that_fails_on_the_reference_too_is_our_fault_and_no_zero(tmp_path: Path) -> None:
    add_exercise(tmp_path)
    run(tmp_path, "build")
    visible = tmp_path / "exercises" / "toys" / "double" / "test_double.py"
    visible.write_text(VISIBLE.replace("    values = rng", "    values = no_such_name\n    values = rng"))
    (tmp_path / "in" / "eva").mkdir(parents=True)
    (tmp_path / "in" / "eva" / "double.py").write_text(REFERENCE)
    done = run(tmp_path, "grade", "in", "--out", "out")
    assert done.returncode == 3
    report = json.loads((tmp_path / "out" / "eva" / "report.json").read_text())
    assert (report["status"], report["score"]) == ("grader_error", None)
    assert "eva,double,grader_error,,10" in (tmp_path / "out" / "scores.csv").read_text()
