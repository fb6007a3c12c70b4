"""The files of a run: the one module of the reports that touches the disk."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from grader.model import Report, UsageError
from grader.reports.junit import junit_xml
from grader.reports.page import feedback_html, feedback_markdown, index_html
from grader.reports.run import RunInfo
from grader.reports.schema import fitted, from_json, tidy, to_json
from grader.reports.scores import scores_csv
from grader.reports.student import student_json
from grader.reports.summary import summary_md

STUDENT_BYTES = 4 << 20
FORMATS = {"student.json": student_json, "feedback.html": feedback_html, "feedback.md": feedback_markdown}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_run_adapter = TypeAdapter(RunInfo)


def write_report(out: Path, folder: str, report: Report) -> None:
    """The four files of one student in `out/folder`, each replaced whole or not at all; links are replaced, not followed.

    UsageError where something that is no folder is in the way.
    """
    out.mkdir(parents=True, exist_ok=True)
    clean = tidy(report)
    with _folder(out, folder) as target:
        _replace(target, "report.json", to_json(clean).encode())
        for name, render in FORMATS.items():
            _replace(target, name, fitted(clean, render, STUDENT_BYTES))


def write_run(out: Path, entries: Sequence[tuple[str, Report]], run: RunInfo) -> None:
    """The files of the whole class. `entries`: (folder, report) in the order in which they are shown."""
    tidied = [(folder, tidy(report)) for folder, report in entries]
    reports = [report for _, report in tidied]
    out.mkdir(parents=True, exist_ok=True)
    plain = {**asdict(run), "folders": [folder for folder, _ in entries]}
    texts = {
        "scores.csv": scores_csv(reports),
        "junit.xml": junit_xml(reports),
        "summary.md": summary_md(reports, run),
        "index.html": index_html(tidied, run),
        "run.json": json.dumps(plain, indent=1, allow_nan=False) + "\n",
    }
    target = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name, text in texts.items():
            _replace(target, name, text.encode())
    finally:
        os.close(target)


def read_run(out: Path) -> tuple[RunInfo, list[tuple[str, Report]]]:
    """What `write_run` and `write_report` left in `out`. UsageError says which file is missing or broken."""
    path = out / "run.json"
    try:
        plain = json.loads(path.read_text("utf-8"))
        folders = plain.pop("folders")
        run = _run_adapter.validate_python(plain)
        if not isinstance(folders, list) or not all(isinstance(folder, str) and _is_simple(folder) for folder in folders):
            raise ValueError("folders: not a list of the names of folders")
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; give the folder that `grader grade --out` wrote") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give the folder that `grader grade --out` wrote") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}: {place}: {first['msg']}; grade again") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path}: not the run of this grader ({error}); grade again") from error
    return run, [(folder, _read_report(out / folder / "report.json")) for folder in folders]


def _read_report(path: Path) -> Report:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; restore the file or grade again") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: {error}; restore the file or grade again") from error
    return from_json(text, str(path))


def _is_simple(name: str) -> bool:
    return bool(name) and name not in (".", "..") and "/" not in name and "\0" not in name


@contextmanager
def _folder(out: Path, name: str) -> Iterator[int]:
    """A descriptor of `out/name`, made where it does not exist; a link of that name goes, what it leads to stays."""
    if not _is_simple(name):
        raise UsageError(f"{out}: {name!r} cannot be the name of a folder; rename the submission")
    path = out / name
    if path.is_symlink():
        path.unlink()
    try:
        path.mkdir(exist_ok=True)
        descriptor = os.open(path, _FOLDER)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{path}: no folder, and a report belongs there; move it away") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _replace(folder: int, name: str, data: bytes) -> None:
    """The file `name` in the open folder gets the content `data` at once: a reader sees the old or the new."""
    temporary = f".{name}.{secrets.token_hex(4)}"
    try:
        with open(os.open(temporary, _NEW_FILE, 0o644, dir_fd=folder), "wb") as file:
            file.write(data)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
