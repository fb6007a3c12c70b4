"""`grader grade` as an instructor uses it: what it leaves, its exit codes, the same seed twice, two checkers."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

SLUG, LESSON = "fed_avg", "day1_federated_learning"
RUN_FILES = {"index.html", "scores.csv", "junit.xml", "summary.md", "run.json", "grader.log"}
STUDENT_FILES = {"report.json", "student.json", "feedback.html", "feedback.md"}


def grader(root: Path, *arguments: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grader.cli.main", *map(str, arguments)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=timeout, check=False)


def hand_in(inbox: Path, student: str, source: str) -> None:
    (inbox / student).mkdir(parents=True)
    (inbox / student / f"{SLUG}.py").write_text(source, "utf-8")


@pytest.fixture(scope="module")
def inbox(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small class: right, wrong in a known way, untouched, hanging at import, no Python, nothing."""
    folder = tmp_path_factory.mktemp("class") / "inbox"
    solutions = root / "solutions" / LESSON / SLUG
    hand_in(folder, "ada", (solutions / f"{SLUG}.py").read_text("utf-8"))
    hand_in(folder, "ben", (solutions / "wrong" / "plain_mean.py").read_text("utf-8"))
    hand_in(folder, "stub", (root / "exercises" / LESSON / SLUG / f"{SLUG}.py").read_text("utf-8"))
    hand_in(folder, "hangs", "while True: pass\n")
    hand_in(
        folder,
        "torchy",
        "from __future__ import annotations\nimport torch, sklearn.linear_model\n"
        + (solutions / f"{SLUG}.py").read_text("utf-8").replace("from __future__ import annotations\n", ""),
    )
    hand_in(folder, "prose", "Dear staff, I am ill.\n")
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("loose files are ignored")
    return folder


@pytest.fixture(scope="module")
def run(root: Path, inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "reports"
    done = grader(root, "grade", inbox, "--out", out, "--seed", 11, "--jobs", 2)
    assert done.returncode == 0, done.stderr
    return out


def report(out: Path, student: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((out / student / "report.json").read_text("utf-8"))
    return loaded


def test_leaves_every_file_of_a_run(run: Path, inbox: Path) -> None:
    students = {path.name for path in inbox.iterdir() if path.is_dir()}
    assert {path.name for path in run.iterdir()} == RUN_FILES | students
    for student in students:
        assert {path.name for path in (run / student).iterdir()} == STUDENT_FILES


def test_scores_and_statuses(run: Path) -> None:
    rows = {row["student"]: row for row in csv.DictReader((run / "scores.csv").read_text("utf-8").splitlines())}
    assert rows["ada"]["score"] == rows["ada"]["max_score"] == "10"
    assert 0 < float(rows["ben"]["score"]) < 10
    assert [rows[name]["score"] for name in ("stub", "hangs", "prose", "empty")] == ["0"] * 4
    assert rows["empty"]["status"] == "rejected"
    assert int(rows["hangs"]["timed_out"]) == int(rows["ada"]["passed"])
    assert all(row["grader_error"] == "0" for row in rows.values())


def test_every_report_fits_the_published_schema(run: Path, root: Path) -> None:
    schema = json.loads((root / "docs" / "report.schema.json").read_text("utf-8"))
    paths = list(run.glob("*/report.json"))
    assert len(paths) == 7
    for path in paths:
        jsonschema.validate(json.loads(path.read_text("utf-8")), schema)


def test_the_known_misconception_is_named(run: Path) -> None:
    checks = report(run, "ben")["exercises"][0]["checks"]
    told = {check["diagnosis"] for check in checks if check["name"] == "test_weights_by_num_examples"}
    assert told == {"takes the plain mean: every client counts the same"}


def test_importing_more_than_the_nursery_did_is_paid_for_and_passes(run: Path) -> None:
    assert report(run, "torchy")["score"] == 10.0


def test_an_import_that_hangs_is_tried_once(run: Path) -> None:
    assert report(run, "hangs")["exercises"][0]["seconds"] < 19


def test_a_syntax_error_is_told_with_its_line(run: Path) -> None:
    check = report(run, "prose")["exercises"][0]["checks"][0]
    assert check["outcome"] == "crashed"
    assert "SyntaxError" in check["message"]
    assert "fed_avg.py:1" in check["message"]


def test_students_see_hidden_checks_by_title_and_outcome_only(run: Path) -> None:
    hidden = [check for check in report(run, "ben")["exercises"][0]["checks"] if check["visibility"] == "hidden"]
    assert any(check["message"] for check in hidden)
    seen = json.loads((run / "ben" / "student.json").read_text("utf-8"))["exercises"][0]["checks"]
    assert {frozenset(check) for check in seen if check["visibility"] == "hidden"} == {
        frozenset({"title", "visibility", "outcome", "points", "earned", "hint", "diagnosis"})
    }
    for name in STUDENT_FILES - {"report.json"}:
        text = (run / "ben" / name).read_text("utf-8")
        assert not [check["message"] for check in hidden if check["message"] and check["message"] in text]


def stable(out: Path) -> dict[str, Any]:
    """Everything of the reports but how long things took."""
    found = {}
    for path in sorted(out.glob("*/report.json")):
        loaded = json.loads(path.read_text("utf-8"))
        for exercise in loaded["exercises"]:
            exercise["seconds"] = 0
            for check in exercise["checks"]:
                check["seconds"] = 0
        found[path.parent.name] = loaded
    return found


def test_the_same_seed_gives_the_same_scores_and_messages(run: Path, root: Path, inbox: Path, tmp_path: Path) -> None:
    again = grader(root, "grade", inbox, "--out", tmp_path / "again", "--seed", 11, "--jobs", 1)
    assert again.returncode == 0
    assert stable(tmp_path / "again") == stable(run)


def test_another_seed_draws_other_inputs_and_gives_the_same_verdicts(run: Path, root: Path, inbox: Path, tmp_path: Path) -> None:
    assert grader(root, "grade", inbox, "--out", tmp_path / "other", "--seed", 12).returncode == 0
    ours, theirs = report(run, "ben")["exercises"][0]["checks"], report(tmp_path / "other", "ben")["exercises"][0]["checks"]
    assert [check["outcome"] for check in ours] == [check["outcome"] for check in theirs]
    assert [check["message"] for check in ours] != [check["message"] for check in theirs]


def test_report_renders_the_same_again(run: Path, root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    for name in ("index.html", "scores.csv", "ben/feedback.html"):
        (copy / name).unlink()
    assert grader(root, "report", copy).returncode == 0
    for name in ("index.html", "scores.csv", "junit.xml", "summary.md", "ben/feedback.html", "ben/report.json"):
        assert (copy / name).read_bytes() == (run / name).read_bytes(), name


def test_a_broken_report_is_named(run: Path, root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (copy / "ben" / "report.json").write_text('{"version": 1, "version": 1}')
    done = grader(root, "report", copy)
    assert done.returncode == 2
    assert "ben/report.json" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["grade", "no_such_folder", "--out", "x"], "no_such_folder"),
        (["grade", ".", "--out", "x", "--exercise", "no_such"], "the exercises are:"),
        (["check", "no_such"], "the exercises are:"),
        (["report", "no_such_folder"], "run.json"),
        (["grade"], "Missing"),
        (["no_such_verb"], "No such command"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what(root: Path, tmp_path: Path, arguments: list[str], text: str) -> None:
    arguments = [str(tmp_path / "x") if argument == "x" else argument for argument in arguments]
    done = grader(root, *arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert not (tmp_path / "x").exists()


def test_an_output_folder_that_cannot_be_made_is_told(root: Path, inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = grader(root, "grade", inbox / "ada", "--out", tmp_path / "file")
    assert done.returncode == 2
    assert "give --out a folder" in done.stderr


def test_reports_written_into_the_inbox_are_no_student_of_the_next_run(root: Path, inbox: Path, tmp_path: Path) -> None:
    for student in ("ada", "ben"):
        shutil.copytree(inbox / student, tmp_path / student)
    for _ in range(2):
        assert grader(root, "grade", tmp_path, "--out", tmp_path / "reports").returncode == 0
    rows = csv.DictReader((tmp_path / "reports" / "scores.csv").read_text("utf-8").splitlines())
    assert [row["student"] for row in rows] == ["ada", "ben"]


def test_outside_a_course_the_cure_is_told(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "grader.cli.main", "list"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "inside the course's checkout" in done.stderr


@pytest.mark.parametrize("verb", ["grade", "check", "list", "report", "audit", "build", "doctor"])
def test_every_verb_has_help_with_an_example(root: Path, verb: str) -> None:
    done = grader(root, verb, "--help")
    assert done.returncode == 0
    assert f"Example: grader {verb}" in done.stdout


def test_json_is_alone_on_stdout(root: Path, inbox: Path, tmp_path: Path) -> None:
    done = grader(root, "grade", inbox / "ada", "--out", tmp_path / "out", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["submissions"] == 1


def test_doctor_names_every_layer(root: Path) -> None:
    done = grader(root, "doctor", "--json")
    assert done.returncode == 0
    assert set(json.loads(done.stdout)["layers"]) == {"namespaces", "rlimits", "privileges", "landlock", "seccomp"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_a_run_leaves_nothing_behind(root: Path, tmp_path: Path, number: int) -> None:
    hand_in(tmp_path / "in", "slow", "import time\ntime.sleep(600)\n")
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "grader.cli.main", "grade", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        command, cwd=root, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")}, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not list((tmp_path / "tmp").glob("*/*/nursery-*/*/scratch")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and str(tmp_path) in _where(pid)]


def _where(pid: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


def test_a_checker_that_dies_is_replaced_and_its_order_tried_again(root: Path, inbox: Path, tmp_path: Path) -> None:
    """The checker of a run is killed once: the result is as if nothing had happened."""
    hand_in(
        tmp_path / "in",
        "slow",
        "import time\ntime.sleep(1.0)\n"
        + (inbox / "ada" / "fed_avg.py").read_text("utf-8").replace("from __future__ import annotations\n", ""),
    )
    (tmp_path / "tmp").mkdir()
    command = [
        sys.executable,
        "-m",
        "grader.cli.main",
        "grade",
        str(tmp_path / "in"),
        "--out",
        str(tmp_path / "out"),
        "--jobs",
        "1",
    ]
    process = subprocess.Popen(command, cwd=root, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not list((tmp_path / "tmp").glob("*/*/nursery-*/*/scratch")) and time.monotonic() < deadline:
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    assert process.wait(60) == 0
    assert report(tmp_path / "out", "slow")["score"] == 10.0
    assert list((tmp_path / "tmp").iterdir()) == []
