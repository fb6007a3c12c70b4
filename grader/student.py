"""A student's own checkout: which exercise is at hand, what was passed, the work on the disk."""

from __future__ import annotations

import ast
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from grader.model import Course, Exercise, UsageError, Work
from grader.submissions import Candidate, read

STATE = Path(".grader") / "progress.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """The last `grader check` of one exercise: of which source, how many visible checks of how many passed."""

    source_sha256: str
    passed: int
    checks: int


def own_work(course: Course, exercise: Exercise) -> Work:
    """The module in the checkout with the modules beside it, as grading would take them. UsageError where it is unreadable."""
    candidate = Candidate(exercise.folder, "you", "you")
    submission = read(candidate, course, exercise.limits)
    if exercise.slug not in submission.works:
        reason = submission.reason or submission.missing.get(exercise.slug, "there is no such file")
        raise UsageError(f"{exercise.stub_path}: {reason}")
    return submission.works[exercise.slug]


def source_sha256(exercise: Exercise) -> str:
    """The hash of the student's module."""
    return hashlib.sha256(exercise.stub_path.read_bytes()).hexdigest()


def untouched(exercise: Exercise) -> bool:
    """Whether every function still only raises NotImplementedError."""
    try:
        tree = ast.parse(exercise.stub_path.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return False
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return bool(functions) and all(_only_raises(function) for function in functions)


def _only_raises(function: ast.FunctionDef) -> bool:
    body = [node for node in function.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return False
    raised = body[0].exc.func if isinstance(body[0].exc, ast.Call) else body[0].exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def load_progress(root: Path) -> dict[str, Progress]:
    """What earlier checks found; empty where there is nothing readable, since it can be had again."""
    try:
        stored = json.loads((root / STATE).read_text("utf-8"))
        return {slug: Progress(str(one["source_sha256"]), int(one["passed"]), int(one["checks"])) for slug, one in stored.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def save_progress(root: Path, slug: str, progress: Progress) -> None:
    """Remembers one exercise's state."""
    known = load_progress(root) | {slug: progress}
    path = root / STATE
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(
        {name: {"source_sha256": one.source_sha256, "passed": one.passed, "checks": one.checks} for name, one in known.items()}
    )
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)


def state(exercise: Exercise, progress: dict[str, Progress]) -> str:
    """ "not started", "started", "failing 2 of 5" or "passed"."""
    known = progress.get(exercise.slug)
    if untouched(exercise):
        return "not started"
    if known is None or not exercise.stub_path.is_file() or known.source_sha256 != source_sha256(exercise):
        return "changed since the last check" if known is not None else "started"
    return "passed" if known.passed == known.checks else f"failing {known.checks - known.passed} of {known.checks}"


def next_exercise(course: Course, progress: dict[str, Progress]) -> Exercise | None:
    """The first exercise that is not passed."""
    return next((exercise for exercise in course.exercises if state(exercise, progress) != "passed"), None)


def changed_last(course: Course) -> Exercise:
    """The exercise whose module was changed last; the first one on a tree where nothing was started."""
    started = [exercise for exercise in course.exercises if exercise.stub_path.is_file() and not untouched(exercise)]
    if not course.exercises:
        raise UsageError(f"{course.root}: there is no exercise in it")
    return max(started, key=lambda exercise: exercise.stub_path.stat().st_mtime_ns, default=course.exercises[0])
