"""The files of a run on disk: whole or not at all, never through a link, read back, within their sizes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader.model import CheckResult, Outcome, Report, UsageError
from grader.reports import folder
from grader.reports.run import RunInfo
from grader.reports.schema import tidy

Make = Callable[..., Report]
MakeCheck = Callable[..., CheckResult]
STUDENT_FILES = {"report.json", "student.json", "feedback.html", "feedback.md"}
RUN_FILES = {"index.html", "scores.csv", "junit.xml", "summary.md", "run.json"}


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path, report: Make, check: MakeCheck, run: RunInfo) -> None:
    entries = [("ada", tidy(report("ada", check()))), ("s-1", tidy(report("清水", check(outcome=Outcome.FAILED))))]
    for name, one in entries:
        folder.write_report(tmp_path / "new" / "out", name, one)
    folder.write_run(tmp_path / "new" / "out", entries, run)
    assert folder.read_run(tmp_path / "new" / "out") == (run, entries)
    assert {path.name for path in (tmp_path / "new" / "out").iterdir()} == RUN_FILES | {"ada", "s-1"}
    assert {path.name for path in (tmp_path / "new" / "out" / "ada").iterdir()} == STUDENT_FILES


def test_a_linked_folder_is_replaced_not_followed(tmp_path: Path, report: Make) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "ada").symlink_to(tmp_path / "home")
    folder.write_report(tmp_path / "out", "ada", report("ada"))
    assert list((tmp_path / "home").iterdir()) == []
    assert not (tmp_path / "out" / "ada").is_symlink()


def test_a_linked_file_of_the_run_is_replaced_not_followed(tmp_path: Path, report: Make, run: RunInfo) -> None:
    (tmp_path / "secret").write_text("untouched")
    (tmp_path / "scores.csv").symlink_to(tmp_path / "secret")
    folder.write_run(tmp_path, [("ada", report("ada"))], run)
    assert (tmp_path / "secret").read_text() == "untouched"


def test_a_file_in_the_way_of_a_folder_is_told_and_kept(tmp_path: Path, report: Make) -> None:
    (tmp_path / "ada").write_text("mine")
    with pytest.raises(UsageError, match=r"ada: no folder.*move it away"):
        folder.write_report(tmp_path, "ada", report("ada"))
    assert (tmp_path / "ada").read_text() == "mine"


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/tmp", "a\0b"])
def test_no_folder_lies_outside(tmp_path: Path, report: Make, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        folder.write_report(tmp_path / "out", name, report("ada"))
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, report: Make, check: MakeCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_report(tmp_path, "ada", report("ada", check()))
    before = {path: path.read_bytes() for path in (tmp_path / "ada").iterdir()}

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        folder.write_report(tmp_path, "ada", report("ada", check(outcome=Outcome.FAILED)))
    assert {path: path.read_bytes() for path in (tmp_path / "ada").iterdir()} == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"folders": ["../../etc"]}, "folders"),
        ({"folders": "ada"}, "folders"),
        ({"folders": [3]}, "folders"),
        ({"seed": "seven"}, "seed"),
        ({"counts": [1]}, "counts"),
    ],
)
def test_a_changed_run_is_refused_with_the_place(
    tmp_path: Path, report: Make, run: RunInfo, change: dict[str, object], said: str
) -> None:
    folder.write_run(tmp_path, [("ada", report("ada"))], run)
    plain = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**plain, **change}))
    with pytest.raises(UsageError, match=rf"run\.json: .*{said}"):
        folder.read_run(tmp_path)


def test_a_run_of_a_later_version_that_tells_more_is_read(tmp_path: Path, run: RunInfo) -> None:
    folder.write_run(tmp_path, [], run)
    plain = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**plain, "campus": "north"}))
    assert folder.read_run(tmp_path) == (run, [])


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"{}", None])
def test_what_is_no_run_is_told(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"run\.json"):
        folder.read_run(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{}", None])
def test_a_report_that_cannot_be_read_is_told(tmp_path: Path, report: Make, run: RunInfo, content: bytes | None) -> None:
    folder.write_run(tmp_path, [("ada", report("ada"))], run)
    (tmp_path / "ada").mkdir()
    if content is not None:
        (tmp_path / "ada" / "report.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"ada/report\.json"):
        folder.read_run(tmp_path)


@pytest.mark.parametrize("text", ["\U0001f600", '"', "&", "`", "<@#", "\n", "\u0660"])
def test_sizes_hold_for_text_of_characters_that_escape_to_many_bytes(
    tmp_path: Path, report: Make, check: MakeCheck, text: str
) -> None:
    flood = text * (65_536 // len(text))
    checks = [
        check(name=f"test_{n}", outcome=Outcome.FAILED, message=flood, stdout=flood, hint="a hint " * 30) for n in range(300)
    ]
    folder.write_report(tmp_path, "ada", report("ada", *checks))
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "ada").iterdir()}
    assert sizes.pop("report.json") < 16 << 20
    assert max(sizes.values()) < 4 << 20


def test_the_four_files_of_a_student_cost_little(tmp_path: Path, report: Make, check: MakeCheck) -> None:
    """About 1.5 ms for 14 checks where it was measured; a template compiled for each student would cost 20."""
    message = "fed_avg([[2.0], [6.0]], [1, 3])\n  expected [5.0]\n  got      [4.0]"
    checks = [check(name=f"test_{n}", outcome=Outcome.FAILED, message=message, stdout="debug\n" * 10) for n in range(14)]
    made = report("ada", *checks)
    folder.write_report(tmp_path, "warm", made)
    took = []
    for n in range(10):
        started = time.process_time()  # not the wall clock: other tests may run beside this one
        folder.write_report(tmp_path, f"s{n}", replace(made, student=f"s{n}"))
        took.append(time.process_time() - started)
    assert min(took) < 0.015
