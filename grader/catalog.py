"""Reads the tree of exercises. An exercise's folder is its registration: nothing else names it."""

from __future__ import annotations

import ast
import hashlib
import keyword
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from grader.model import ArtefactSpec, AuthoringError, Course, Exercise, Lesson, Limits, TensorSpec, UsageError

# With the import before it, a check then ends within 35 s.
LONGEST_CHECK_SECONDS = 20.0
DIFFICULTIES = ("easy", "medium", "hard")
KIB, MIB = 1 << 10, 1 << 20
_LIMIT_KEYS: dict[str, tuple[str, float]] = {
    "seconds": ("seconds", 1), "cpu_seconds": ("cpu_seconds", 1), "memory_mib": ("memory_bytes", MIB),
    "scratch_mib": ("scratch_bytes", MIB), "output_kib": ("output_bytes", KIB), "value_mib": ("value_bytes", MIB),
    "value_depth": ("value_depth", 1), "value_items": ("value_items", 1), "submission_mib": ("submission_bytes", MIB),
    "submission_files": ("submission_files", 1),
}  # fmt: skip
_KEYS = {
    "title": str, "minutes": int, "difficulty": str, "points": int | float, "requires": list, "source": str, "hints": list,
    "needs": list, "order": int, "limits": dict, "artefact": dict,
}  # fmt: skip
_NEEDED = ("title", "minutes", "difficulty", "points", "requires", "source", "hints")


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds `exercises/`; UsageError where there is none."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / "exercises").is_dir():
            return folder
    raise UsageError(f"{start}: no exercises/ here or above; run the command inside the course's checkout")


def load(root: Path) -> Course:
    """The course at `root`. AuthoringError says which file contradicts what."""
    limits = course_limits(root)
    lessons = [_lesson(root, folder, limits) for folder in sorted((root / "exercises").iterdir()) if _is_content(folder)]
    course = Course(root, tuple(lesson for lesson in lessons if lesson.exercises))
    slugs = [exercise.slug for exercise in course.exercises]
    for slug in slugs:
        if slugs.count(slug) > 1:
            raise AuthoringError(f"{slug}: two lessons have an exercise of this name; rename one")
    for exercise in course.exercises:
        for need in exercise.needs:
            if need not in slugs:
                raise AuthoringError(f"{exercise.slug}/exercise.toml: needs {need!r}, which is no exercise of this course")
    return course


def course_limits(root: Path) -> Limits:
    """The limits of `course.toml`, or the defaults."""
    path = root / "course.toml"
    return _limits(_toml(path).get("limits", {}), path, Limits()) if path.is_file() else Limits()


def _is_content(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith((".", "_"))


def _lesson(root: Path, folder: Path, limits: Limits) -> Lesson:
    facts = _toml(folder / "lesson.toml") if (folder / "lesson.toml").is_file() else {}
    exercises = [
        _exercise(root, folder.name, child, limits)
        for child in sorted(folder.iterdir())
        if _is_content(child) and (child / "exercise.toml").is_file()
    ]
    exercises.sort(key=lambda exercise: (exercise.order, exercise.slug))
    return Lesson(folder.name, str(facts.get("title", folder.name.replace("_", " "))), tuple(exercises))


def _exercise(root: Path, lesson: str, folder: Path, limits: Limits) -> Exercise:
    path = folder / "exercise.toml"
    facts = _toml(path)
    _validate(facts, folder.name, path)
    solution = root / "solutions" / lesson / folder.name
    return Exercise(
        slug=folder.name,
        lesson=lesson,
        title=facts["title"],
        folder=folder,
        solution=solution if solution.is_dir() else None,
        minutes=facts["minutes"],
        difficulty=facts["difficulty"],
        points=float(facts["points"]),
        requires=tuple(facts["requires"]),
        needs=tuple(facts.get("needs", ())),
        source=facts["source"],
        hints=tuple(facts["hints"]),
        limits=_limits(facts.get("limits", {}), path, limits),
        artefact=_artefact(facts["artefact"], path) if "artefact" in facts else None,
        order=facts.get("order", 0),
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuthoringError(f"{path.parent.name}/{path.name}: {error}; mend the file") from error


def _validate(facts: Mapping[str, Any], slug: str, path: Path) -> None:
    where = f"{slug}/{path.name}"
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", slug) or keyword.iskeyword(slug):
        raise AuthoringError(f"{slug}: a folder's name is its slug: lower-case letters, digits and _, at most 41")
    for key, value in facts.items():
        if key not in _KEYS:
            raise AuthoringError(f"{where}: no such key {key!r}; the keys are {', '.join(_KEYS)}")
        if not isinstance(value, _KEYS[key]) or isinstance(value, bool):
            raise AuthoringError(f"{where}: {key} = {value!r} is of the wrong type")
    for key in _NEEDED:
        if not facts.get(key):
            raise AuthoringError(f"{where}: no {key}; every exercise states it")
    if facts["difficulty"] not in DIFFICULTIES:
        raise AuthoringError(f"{where}: difficulty is {facts['difficulty']!r}; it is one of {', '.join(DIFFICULTIES)}")
    for key in ("requires", "needs", "hints"):
        if not all(isinstance(item, str) and item.strip() for item in facts.get(key, ())):
            raise AuthoringError(f"{where}: {key} is a list of non-empty text")


def _limits(given: Mapping[str, Any], path: Path, base: Limits) -> Limits:
    where = f"{path.parent.name}/{path.name}"
    changes: dict[str, Any] = {}
    kinds = {field.name: field.type for field in fields(Limits)}
    for key, value in given.items():
        if key not in _LIMIT_KEYS:
            raise AuthoringError(f"{where}: no such limit {key!r}; the limits are {', '.join(_LIMIT_KEYS)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise AuthoringError(f"{where}: {key} = {value!r}; give a number above 0")
        name, unit = _LIMIT_KEYS[key]
        changes[name] = value * unit if kinds[name] == "float" else int(value * unit)
    limits = replace(base, **changes)
    if limits.seconds > LONGEST_CHECK_SECONDS:
        raise AuthoringError(f"{where}: seconds is {limits.seconds:g}; a check may take at most {LONGEST_CHECK_SECONDS:g}")
    return limits


def _artefact(given: Mapping[str, Any], path: Path) -> ArtefactSpec:
    where = f"{path.parent.name}/{path.name}: [artefact]"
    known = {"inputs", "outputs", "max_bytes", "ir_versions", "opsets", "batch_sizes", "rtol", "atol"}
    if unknown := set(given) - known:
        raise AuthoringError(f"{where} has no key {sorted(unknown)[0]!r}; the keys are {', '.join(sorted(known))}")
    try:
        values: dict[str, Any] = {key: value for key, value in given.items() if key in ("max_bytes", "rtol", "atol")}
        values.update({key: tuple(given[key]) for key in ("ir_versions", "batch_sizes") if key in given})
        if "opsets" in given:
            values["opsets"] = {domain: tuple(span) for domain, span in given["opsets"].items()}
        return ArtefactSpec(_tensors(given["inputs"]), _tensors(given["outputs"]), **values)
    except (KeyError, TypeError, AttributeError) as error:
        raise AuthoringError(f"{where}: {error!r}; inputs and outputs are lists of {{name, dtype, shape}}") from error


def _tensors(given: list[Mapping[str, Any]]) -> tuple[TensorSpec, ...]:
    """-1 stands for a dynamic axis."""
    return tuple(
        TensorSpec(item.get("name"), item["dtype"], tuple(None if size == -1 else size for size in item["shape"]))
        for item in given
    )


def read_constants(path: Path) -> tuple[str, dict[str, Any]]:
    """A module's docstring and its literal top-level constants, read without executing it."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    values = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                values[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return ast.get_docstring(tree) or "", values


def checks_sha256(exercise: Exercise) -> str:
    """The hash of everything that decides a verdict: checks, artefact cases, public helpers, limits and points."""
    digest = hashlib.sha256()
    paths = [*exercise.check_paths, exercise.folder / "support.py", exercise.folder / "exercise.toml"]
    if exercise.solution is not None:
        paths.append(exercise.solution / "artefact.py")
    for path in paths:
        content = path.read_bytes() if path.is_file() else b""
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
