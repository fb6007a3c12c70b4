"""The sample class that `make grade` grades: every kind of submission ends as it must, and as the README shows."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def out(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "reports"
    command = [sys.executable, "-m", "grader.cli.main", "grade", "examples/submissions", "--out", str(folder), "--jobs", "2"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "terminal.txt").write_text(done.stdout, "utf-8")
    return folder


def scores(out: Path, exercise: str) -> dict[str, str]:
    rows = csv.DictReader((out / "scores.csv").read_text("utf-8").splitlines())
    return {row["student"]: row["score"] for row in rows if row["exercise"] == exercise and row["status"] == "graded"}


def test_right_work_has_full_marks_however_it_was_handed_in(out: Path) -> None:
    """A module, a zip, one with a helper module, a notebook."""
    found = scores(out, "fed_avg")
    assert [found[student] for student in ("ada", "ines", "jo", "nour")] == ["10"] * 4
    assert scores(out, "partition")["ada"] == "10"


def test_wrong_and_hostile_work_has_not(out: Path) -> None:
    found = scores(out, "fed_avg")
    assert all(float(found[student]) < 7 for student in ("ben", "chloe", "eve", "hana"))
    assert [found[student] for student in ("dan", "finn", "gus", "lin")] == ["0"] * 4


@pytest.mark.parametrize(
    ("student", "outcome"), [("dan", "timed_out"), ("finn", "out_of_memory"), ("gus", "crashed"), ("lin", "crashed")]
)
def test_each_ends_in_its_own_way(out: Path, student: str, outcome: str) -> None:
    checks = json.loads((out / student / "report.json").read_text("utf-8"))["exercises"][0]["checks"]
    assert checks[0]["outcome"] == outcome


def test_the_traversing_zip_is_rejected_with_its_reason(out: Path) -> None:
    report = json.loads((out / "mallory" / "report.json").read_text("utf-8"))
    assert report["status"] == "rejected"
    assert "../../solutions" in report["reason"]


def test_the_exported_model_is_accepted(out: Path) -> None:
    exercises = json.loads((out / "kai" / "report.json").read_text("utf-8"))["exercises"]
    artefacts = [artefact for exercise in exercises for artefact in exercise["artefacts"]]
    assert [(artefact["name"], artefact["accepted"]) for artefact in artefacts] == [("sklearn_onnx_round_trip.onnx", True)]


def test_the_readme_shows_what_is_printed(out: Path, root: Path) -> None:
    shown = re.findall(r"(?s)`make grade` ends with:\n\n```\n(.*?)```", (root / "README.md").read_text("utf-8"))[0]
    printed = {" ".join(line.split()) for line in (out / "terminal.txt").read_text("utf-8").splitlines()}
    for line in shown.splitlines():
        words = " ".join(line.split())
        if words and "…" not in words and not set(words) <= {"─"}:
            assert words in printed, line
