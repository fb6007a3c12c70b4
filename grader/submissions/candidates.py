"""Finds the submissions that a list of paths means: a class, a single folder, a zip.

Whether a folder is one submission or a class of them is decided by what lies in it, never by what its sub-folders are called
alone. A sub-folder or zip is *another's* if it would be a submission by itself (a zip always; a folder that holds
`<slug>.py`, `.ipynb` or `.onnx` where `read` looks for it) and is no part of the layout of one submission; `fed_avg/fed_avg.py`,
`<lesson>/fed_avg/fed_avg.py` and `exercises/<lesson>/fed_avg/fed_avg.py` are such parts, `exercises/fed_avg.py` is none. Then

- two or more of another's: a class, whatever else lies there;
- one of another's and no exercise's file directly in the folder: a class;
- else an exercise's file directly in it or a part of the layout: one submission;
- else, with nothing recognised: a class if it has sub-folders, one (to be rejected) if it has files only.

In a class every sub-folder, zip and link to a folder is a submission; other files and names that begin with a dot are loose.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.model import Course, UsageError
from grader.submissions.content import WANTED, is_ignored
from grader.submissions.names import Name, assign

_LISTED = 2_000
_WHAT_TO_DO = "give a folder with one submission a sub-folder, a single submission's folder, or a zip"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One submission that was found, good or bad.

    `student` is the display name: every letter and digit of the folder's or zip's name, no control or bidi characters,
    unlike any other of the run. `folder` is the name of its reports: [A-Za-z0-9._-], at most 100 characters, unique whatever
    the case.
    """

    path: Path
    student: str
    folder: str


def find(paths: Sequence[Path], course: Course) -> list[Candidate]:
    """The submissions at `paths`, each once, sorted by report folder. The module's first lines say what is a class.

    A folder with nothing in it is a class that nobody has handed in to, but beside other paths an empty submission.
    UsageError for a path that does not exist, cannot be read, or is neither a folder nor a `.zip`.
    """
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_submissions(_absolute(path), course, alone=len(paths) == 1)))
    named = [(path, _name(path)) for path in found]
    assigned = assign([name for _, name in named])
    candidates = [Candidate(path, student, folder) for (path, _), (student, folder) in zip(named, assigned, strict=True)]
    return sorted(candidates, key=lambda candidate: (candidate.folder.lower(), candidate.folder))


def _absolute(path: Path) -> Path:
    """`path` from the root on. Its last part is not resolved where it is a name: a link stays one, for `read` to refuse."""
    try:
        return path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name
    except (OSError, RuntimeError) as error:
        raise UsageError(f"{path}: {error}; {_WHAT_TO_DO}") from error


def _submissions(path: Path, course: Course, *, alone: bool) -> list[Path]:
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; {_WHAT_TO_DO}") from error
    if stat.S_ISLNK(mode) or (stat.S_ISREG(mode) and _is_zip(path.name)):
        return [path]
    if not stat.S_ISDIR(mode):
        raise UsageError(f"{path}: neither a folder nor a .zip; {_WHAT_TO_DO}")
    try:
        with os.scandir(path) as entries:
            listed = sorted((entry for entry in entries if not _is_loose(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; make the folder readable or give another") from error
    members = [entry for entry in listed if _is_member(entry)]
    if members and _is_class(path, {entry.name: entry.is_dir(follow_symlinks=False) for entry in listed}, members, course):
        return [path / entry.name for entry in members]
    return [path] if listed or not alone else []


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _is_loose(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "__pycache__")


def _is_member(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a class is a submission: a folder, a zip, or a link to either or to nobody knows what."""
    if entry.is_symlink() and not _is_zip(entry.name):
        try:
            return stat.S_ISDIR(entry.stat().st_mode)
        except OSError:
            return True
    return entry.is_dir(follow_symlinks=False) or _is_zip(entry.name)


def _is_class(folder: Path, listed: dict[str, bool], members: Sequence[os.DirEntry[str]], course: Course) -> bool:
    direct = _holds(listed, {exercise.slug for exercise in course.exercises})
    layout, others = False, 0
    for member in members:
        part = _is_part(folder, member.name, course)
        layout = layout or part
        # A link tells nothing: one submission that has a link inside is refused, it does not become a class.
        others += not part and (member.is_file(follow_symlinks=False) or _is_submission(folder / member.name, course))
        if others >= (2 if direct else 1):
            return True
    return not (direct or layout)


def _is_submission(folder: Path, course: Course) -> bool:
    """Whether `read` would find something in `folder`, which may wrap everything in one folder."""
    listed = _list(folder)
    if _is_layout(folder, listed, course):
        return True
    inner = [name for name in listed if not is_ignored(name)]
    return len(inner) == 1 and listed[inner[0]] and _is_layout(folder / inner[0], _list(folder / inner[0]), course)


def _is_layout(folder: Path, listed: dict[str, bool], course: Course) -> bool:
    slugs = {exercise.slug for exercise in course.exercises}
    return _holds(listed, slugs) or any(_is_part(folder, name, course) for name, is_folder in listed.items() if is_folder)


def _is_part(folder: Path, name: str, course: Course) -> bool:
    """Whether the sub-folder `name` holds an exercise where one submission in `folder` may have it."""
    if name == "exercises":
        return any(_is_lesson(folder / name / lesson.slug, course) for lesson in course.lessons)
    return _holds(_list(folder / name), {name} & {exercise.slug for exercise in course.exercises}) or _is_lesson(
        folder / name, course
    )


def _is_lesson(folder: Path, course: Course) -> bool:
    slugs = {exercise.slug for exercise in course.exercises if exercise.lesson == folder.name}
    return bool(slugs) and any(_holds(_list(folder / slug), {slug}) for slug in slugs & set(_list(folder)))


def _holds(listed: dict[str, bool], slugs: set[str]) -> bool:
    return any(not listed.get(f"{slug}{suffix}", True) for slug in slugs for suffix in WANTED)


def _list(folder: Path) -> dict[str, bool]:
    """Name -> is a folder, of the first entries of `folder`; nothing where that is a link, no folder or unreadable."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return {}
    try:
        with os.scandir(descriptor) as entries:
            return {entry.name: entry.is_dir(follow_symlinks=False) for _, entry in zip(range(_LISTED), entries, strict=False)}
    except OSError:
        return {}
    finally:
        os.close(descriptor)


def _name(path: Path) -> Name:
    is_zip = _is_zip(path.name) and not stat.S_ISDIR(path.lstat().st_mode)
    return Name(path.name, path.name[:-4] if is_zip else path.name, str(path))
