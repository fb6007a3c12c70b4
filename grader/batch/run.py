"""A whole run: intake, grading, reports; what `grader grade` does between its arguments and its exit code."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from grader import __version__, catalog, submissions
from grader.batch import local
from grader.batch.orders import Assignment, Order
from grader.model import (
    Course,
    Exercise,
    ExerciseResult,
    Report,
    Status,
    Submission,
    UsageError,
    combine,
)
from grader.reports import folder
from grader.reports.run import RunInfo
from grader.sandbox.policy import LAYER_NAMES
from grader.sandbox.remove import remove_tree
from grader.sandbox.worker import work_folder

PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "skl2onnx", "onnx", "onnxruntime", "pytest")


@dataclass(frozen=True, slots=True)
class Request:
    """What the instructor asked for. `exercises`: empty for all that somebody handed in."""

    paths: tuple[Path, ...]
    out: Path
    exercises: tuple[str, ...]
    jobs: int
    seed: int
    strength: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Told after every result: how many of how many are done."""

    done: int
    total: int
    exercise: str


@dataclass(slots=True)
class _Pending:
    """A submission some of whose results are not known yet."""

    submission: Submission
    folder: str
    results: dict[str, ExerciseResult] = field(default_factory=dict)


def run(request: Request, course: Course, tell: Callable[[Progress], None]) -> tuple[RunInfo, list[tuple[str, Report]]]:
    """Grades everything and writes all that a run leaves in `request.out`. UsageError for unreadable requests."""
    started = datetime.now(UTC)
    out = request.out.parent.resolve() / request.out.name  # as the candidates' paths are written
    # Reports may be written beside the submissions; those of an earlier run are no student.
    candidates = [one for one in submissions.find(list(request.paths), course) if one.path != out]
    if not candidates:
        raise UsageError(f"{request.paths[0]}: no submission in it; give a folder with one submission a sub-folder, or a zip")
    exercises = _exercises(request, course, candidates)
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{request.out}: {error.strerror}; give --out a folder that can be written") from error
    order = {exercise.slug: position for position, exercise in enumerate(exercises)}
    pending: dict[int, _Pending] = {}
    entries: list[tuple[str, Report]] = []
    layers: set[str] = set(LAYER_NAMES)
    total, done = len(candidates) * len(exercises), 0

    def finish(number: int) -> None:
        one = pending.pop(number)
        results = tuple(one.results[slug] for slug in sorted(one.results, key=order.__getitem__))
        report = combine(one.submission.student, request.seed, results, one.submission.reason)
        folder.write_report(request.out, one.folder, report)
        entries.append((one.folder, report))

    def orders() -> Iterator[Order]:
        nonlocal done
        for number, candidate in enumerate(candidates):
            submission = submissions.read(candidate, course, catalog.course_limits(course.root))
            pending[number] = _Pending(submission, candidate.folder)
            for exercise in exercises:
                work = submission.works.get(exercise.slug)
                if work is not None:
                    yield Order(number, exercise, work)
                    continue
                pending[number].results[exercise.slug] = _rejected(submission, exercise)
                done += 1
                tell(Progress(done, total, exercise.slug))
            if len(pending[number].results) == len(exercises):
                finish(number)

    work = work_folder()
    assignment = Assignment(course.root, work, request.seed, request.strength)
    try:
        results = local.run(orders(), assignment, request.jobs, request.out / "grader.log", layers.intersection_update)
        for given, result in results:
            pending[given.number].results[given.exercise.slug] = result
            done += 1
            tell(Progress(done, total, given.exercise.slug))
            if len(pending[given.number].results) == len(exercises):
                finish(given.number)
    finally:
        remove_tree(work)
    entries.sort()
    info = _info(request, started, [report for _, report in entries], [name for name in LAYER_NAMES if name in layers])
    folder.write_run(request.out, entries, info)
    return info, entries


def _exercises(request: Request, course: Course, candidates: Sequence[submissions.Candidate]) -> tuple[Exercise, ...]:
    """The exercises asked for, else those that at least one submission of this run has, else all."""
    if request.exercises:
        return tuple(course.exercise(slug) for slug in request.exercises)
    found: set[str] = set()
    for candidate in candidates:
        found.update(submissions.read(candidate, course, catalog.course_limits(course.root)).works)
        if len(found) == len(course.exercises):
            break
    return tuple(exercise for exercise in course.exercises if exercise.slug in found) or course.exercises


def _rejected(submission: Submission, exercise: Exercise) -> ExerciseResult:
    reason = submission.reason or submission.missing.get(exercise.slug) or f"no {exercise.slug}.py in the submission"
    return ExerciseResult(
        exercise=exercise.slug,
        lesson=exercise.lesson,
        status=Status.REJECTED,
        reason=reason,
        score=0.0,
        max_score=exercise.points,
        submission_sha256=submission.sha256,
        checks_sha256=catalog.checks_sha256(exercise),
        seconds=0.0,
    )


def _info(request: Request, started: datetime, reports: Sequence[Report], layers: Sequence[str]) -> RunInfo:
    environment = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
        "sandbox": request.strength,
        "layers": list(layers),
    }
    counts = Counter(str(report.status) for report in reports)
    return RunInfo(
        version=__version__,
        seed=request.seed,
        started=started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=environment,
        counts={"submissions": len(reports), **{str(status): counts.get(str(status), 0) for status in Status}},
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
