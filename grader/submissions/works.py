"""Turns what was found into a `Submission`: one `Work` an exercise, or the reason why there is none."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePosixPath

from grader.model import Course, Exercise, Limits, Submission, Work
from grader.submissions.archive import read_zip
from grader.submissions.candidates import Candidate
from grader.submissions.content import Content, Refused
from grader.submissions.folder import read_folder
from grader.submissions.names import show
from grader.submissions.notebook import MOST_CODE_CHARACTERS, Broken, Cell, code_cells, module_source

_HERE = PurePosixPath()
_MOST_NOTEBOOK_CODE = 4 * MOST_CODE_CHARACTERS
_NO_HELPERS = frozenset({"conftest.py", "sitecustomize.py", "usercustomize.py"})
_NO_PACKAGES = frozenset({"exercises", "solutions", "test", "tests", "grader"})


def read(candidate: Candidate, course: Course, limits: Limits) -> Submission:
    """Everything of `candidate` that can be graded, hashed.

    Never raises for anything a student did: `reason` says why a submission is refused as a whole, `missing` why an exercise
    has no work. GraderFault where the machine fails (no descriptors, no memory, a broken disk).
    """
    try:
        content = _content(candidate, limits)
    except Refused as refusal:
        reason = str(refusal)
        missing = {exercise.slug: reason for exercise in course.exercises}
        return Submission(candidate.student, candidate.folder, _sha256([("reason", reason.encode())]), {}, missing, reason)
    works, missing = _works(content, course)
    unwrapped = None if works else _unwrap(content)
    if unwrapped is not None:
        works, missing = _works(unwrapped, course)
    digest = _sha256((slug, work.sha256.encode()) for slug, work in works.items())
    return Submission(candidate.student, candidate.folder, digest, works, missing)


def _content(candidate: Candidate, limits: Limits) -> Content:
    try:
        mode = candidate.path.lstat().st_mode
    except OSError as error:
        raise Refused("the submission: it vanished while the class was read; hand it in again") from error
    if candidate.path.name.lower().endswith(".zip") and not stat.S_ISDIR(mode):
        return read_zip(candidate.path, limits)
    return read_folder(candidate.path, limits)


def _unwrap(content: Content) -> Content | None:
    """The content of the one folder that everything lies in; None where there is no such folder."""
    if len({path.parts[0] for path in content}) != 1 or any(len(path.parts) == 1 for path in content):
        return None
    return {PurePosixPath(*path.parts[1:]): data for path, data in content.items()}


def _works(content: Content, course: Course) -> tuple[dict[str, Work], dict[str, str]]:
    works: dict[str, Work] = {}
    missing: dict[str, str] = {}
    notebooks = _Notebooks(content)
    for exercise in course.exercises:
        try:
            works[exercise.slug] = _work(content, notebooks, exercise)
        except _Missing as reason:
            missing[exercise.slug] = str(reason)
    return works, missing


class _Missing(Exception):
    """There is nothing to grade for an exercise; the text is the reason that its student reads."""


def _places(exercise: Exercise) -> tuple[PurePosixPath, ...]:
    return _places_of(exercise.lesson, exercise.slug)


@lru_cache(1024)  # making paths is most of what reading a submission of a big course takes
def _places_of(lesson: str, slug: str) -> tuple[PurePosixPath, ...]:
    return _HERE, _HERE / slug, _HERE / lesson / slug, _HERE / "exercises" / lesson / slug


def _work(content: Content, notebooks: _Notebooks, exercise: Exercise) -> Work:
    slug = exercise.slug
    found = _module(content, exercise) or notebooks.module(exercise)
    files: dict[PurePosixPath, bytes] = {}
    if found is not None:
        place, source = found
        files = {PurePosixPath(f"{slug}.py"): source, **_helpers(content, place, exercise)}
    artefact = None
    if exercise.artefact is not None:
        beside = _places(exercise) if found is None else (found[0],)
        artefact = next((data for place in beside if (data := content.get(place / f"{slug}.onnx")) is not None), None)
    if found is None and artefact is None:
        raise _Missing(notebooks.trouble(exercise) or _nothing(content, exercise))
    parts = [*((str(path), files[path]) for path in sorted(files)), *([] if artefact is None else [("<artefact>", artefact)])]
    return Work(slug, files, artefact, _sha256([("exercise", slug.encode()), *parts]))


def _module(content: Content, exercise: Exercise) -> tuple[PurePosixPath, bytes] | None:
    for place in _places(exercise):
        source = content.get(place / f"{exercise.slug}.py")
        if source is not None:
            return place, source
    return None


def _helpers(content: Content, place: PurePosixPath, exercise: Exercise) -> dict[PurePosixPath, bytes]:
    """The modules that `<slug>.py` may import: those beside it and packages beside it, by path relative to it.

    Only what an import statement can name; no tests, nothing that Python or pytest run unasked, and not the exercise's own
    public helper, whose copy comes from the course.
    """
    own = {f"{exercise.slug}.py", *(["support.py"] if (exercise.folder / "support.py").is_file() else [])}
    depth = len(place.parts)
    found: dict[PurePosixPath, bytes] = {}
    for path, data in content.items():
        inner = PurePosixPath(*path.parts[depth:])
        if data is None or path.suffix != ".py" or path.parts[:depth] != place.parts or str(inner) in own:
            continue
        packages = [place.joinpath(*inner.parts[:end]) for end in range(1, len(inner.parts))]
        importable = all(part.isidentifier() for part in (*inner.parts[:-1], inner.stem))
        if importable and not _is_test(inner) and all(content.get(package / "__init__.py") is not None for package in packages):
            found[inner] = data
    return found


def _is_test(path: PurePosixPath) -> bool:
    name = path.name
    return name in _NO_HELPERS or name.startswith("test_") or name.endswith("_test.py") or path.parts[0] in _NO_PACKAGES


def _nothing(content: Content, exercise: Exercise) -> str:
    name = f"{exercise.slug}.py"
    places = f"{name}, {exercise.slug}/{name}, exercises/{exercise.lesson}/{exercise.slug}/{name}"
    here = f"hand it in as {places} or {exercise.slug}.ipynb"
    elsewhere = next((path for path in sorted(content) if path.name.lower() in (name, f"{exercise.slug}.ipynb")), None)
    if elsewhere is not None:
        return f"no {name} in the submission ({show(elsewhere)} is not where it belongs); {here}"
    inner = next((path for path in sorted(content) if path.suffix.lower() == ".zip"), None)
    if inner is not None:
        return f"no {name} in the submission ({show(inner)} inside it is not opened); {here}"
    return f"no {name} in the submission{'' if content else ', which is empty'}; {here}"


class _Notebooks:
    """The notebooks of one submission, each parsed once and only when an exercise needs it."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._read: dict[PurePosixPath, tuple[Cell, ...] | Broken] = {}
        self._code_left = _MOST_NOTEBOOK_CODE
        self._paths: dict[PurePosixPath, list[PurePosixPath]] = {}
        for path in sorted(content):
            if path.suffix == ".ipynb":
                self._paths.setdefault(path.parent, []).append(path)

    def module(self, exercise: Exercise) -> tuple[PurePosixPath, bytes] | None:
        """(place, source) from `<slug>.ipynb`, else from the first notebook with cells that carry the tag `<slug>`."""
        if not self._paths:
            return None
        for place in _places(exercise):
            cells = self._cells(place / f"{exercise.slug}.ipynb")
            if cells:
                return place, module_source(cells)
        for place in _places(exercise):
            for path in self._paths.get(place, ()):
                tagged = [cell for cell in self._cells(path) if exercise.slug in cell.tags]
                if tagged:
                    return place, module_source(tagged)
        return None

    def trouble(self, exercise: Exercise) -> str | None:
        """Why a notebook in which the exercise could be gave nothing; None where there is no such notebook."""
        if not self._paths:
            return None
        own = [place / f"{exercise.slug}.ipynb" for place in _places(exercise)]
        others = [path for place in _places(exercise) for path in self._paths.get(place, ())]
        for path in (*own, *others):
            state = self._read.get(path)
            if isinstance(state, Broken):
                return f"{show(path)} cannot be read: {state}; save it again in Jupyter and hand that in"
            if path in own and state == () and path in self._content:
                return f"{show(path)} has no code cell; hand in your solution in it or as {exercise.slug}.py"
        return None

    def _cells(self, path: PurePosixPath) -> tuple[Cell, ...]:
        if path not in self._read:
            data = self._content.get(path)
            try:
                cells = () if data is None else code_cells(data, min(self._code_left, MOST_CODE_CHARACTERS))
                self._code_left -= sum(len(cell.source) for cell in cells)
                self._read[path] = cells
            except Broken as broken:
                self._read[path] = broken
        state = self._read[path]
        return () if isinstance(state, Broken) else state


def _sha256(parts: Iterable[tuple[str, bytes]]) -> str:
    """The hash of names with contents: each preceded by its length, so that no two lists of parts read the same."""
    digest = hashlib.sha256()
    for name, content in parts:
        for piece in (name.encode("utf-8", "surrogatepass"), content):
            digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.hexdigest()
