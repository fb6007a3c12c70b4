"""What flows through the grader: frozen records and errors; no I/O.

The records of a run (`Report` and what it holds) carry exactly the field names of report.json,
version 1, so that one definition serves the code, the JSON and its published schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath

REPORT_VERSION = 1


class Outcome(StrEnum):
    """How one check ended for one submission."""

    PASSED = "passed"
    FAILED = "failed"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    SKIPPED = "skipped"
    GRADER_ERROR = "grader_error"


class Status(StrEnum):
    """What became of a submission, or of its part for one exercise."""

    GRADED = "graded"
    REJECTED = "rejected"
    GRADER_ERROR = "grader_error"


class Visibility(StrEnum):
    """Whether a student may read a check's source and messages."""

    VISIBLE = "visible"
    HIDDEN = "hidden"


class GraderError(Exception):
    """Base of the errors that the grader itself raises; the text says where, what, and what to do."""


class UsageError(GraderError):
    """Input that cannot be read or a request that makes no sense (exit code 2)."""


class AuthoringError(GraderError):
    """An exercise that contradicts itself: points, needs, titles, files (exit code 2)."""


class GraderFault(GraderError):
    """A fault of the grader or the machine, never of a submission (exit code 3)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one check may use of the machine, and what one submission may be. Sizes in bytes."""

    seconds: float = 10.0
    cpu_seconds: float = 10.0
    memory_bytes: int = 1 << 30
    scratch_bytes: int = 64 << 20
    output_bytes: int = 64 << 10
    value_bytes: int = 64 << 20
    value_depth: int = 64
    value_items: int = 100_000
    submission_bytes: int = 16 << 20
    submission_files: int = 200


@dataclass(frozen=True, slots=True)
class ArtefactSpec:
    """What an exported model must look like (`[artefact]` in exercise.toml). `None` in a shape is a dynamic axis."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    max_bytes: int = 8 << 20
    ir_versions: tuple[int, int] = (4, 14)
    opsets: Mapping[str, tuple[int, int]] = field(default_factory=lambda: {"ai.onnx": (9, 28), "ai.onnx.ml": (1, 5)})
    batch_sizes: tuple[int, ...] = (1, 7, 64)
    rtol: float = 0.0
    atol: float = 1e-5


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a model: its name (None: any), dtype as numpy spells it, and shape."""

    name: str | None
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise as the catalog read it. `solution` is None in a student's copy."""

    slug: str
    lesson: str
    title: str
    folder: Path
    solution: Path | None
    minutes: int
    difficulty: str
    points: float
    requires: tuple[str, ...]
    needs: tuple[str, ...]
    source: str
    hints: tuple[str, ...]
    limits: Limits
    artefact: ArtefactSpec | None = None
    order: int = 0

    @property
    def stub_path(self) -> Path:
        """The module that a student fills in."""
        return self.folder / f"{self.slug}.py"

    @property
    def check_paths(self) -> tuple[Path, ...]:
        """The files of the checks that exist here, the visible ones first."""
        hidden = () if self.solution is None else (self.solution / "test_hidden.py",)
        return tuple(path for path in (self.folder / f"test_{self.slug}.py", *hidden) if path.is_file())


@dataclass(frozen=True, slots=True)
class Lesson:
    """The exercises of one lesson, in the order in which they are taught."""

    slug: str
    title: str
    exercises: tuple[Exercise, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """The whole tree."""

    root: Path
    lessons: tuple[Lesson, ...]

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """Every exercise in teaching order."""
        return tuple(exercise for lesson in self.lessons for exercise in lesson.exercises)

    def exercise(self, slug: str) -> Exercise:
        """The exercise called `slug`; UsageError names those that exist."""
        for exercise in self.exercises:
            if exercise.slug == slug:
                return exercise
        known = ", ".join(exercise.slug for exercise in self.exercises) or "none"
        raise UsageError(f"exercise {slug!r}: there is no such exercise; the exercises are: {known}")


@dataclass(frozen=True, slots=True)
class Check:
    """One test function worth points. Its name is the function's, its title the docstring's first line."""

    name: str
    title: str
    visibility: Visibility
    points: float
    needs: tuple[str, ...]
    hint: str | None


@dataclass(frozen=True, slots=True)
class Work:
    """One student's part for one exercise: `files` by path relative to the module, `<slug>.py` among them.

    `files` is empty where only an artefact was handed in; `artefact` holds its bytes.
    """

    exercise: str
    files: Mapping[PurePosixPath, bytes]
    artefact: bytes | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Submission:
    """What one student handed in, immutable and hashed. `reason` is set where it was refused as a whole.

    `student` keeps the letters and digits of the name; `folder` is the unique safe name of its reports.
    """

    student: str
    folder: str
    sha256: str
    works: Mapping[str, Work]
    missing: Mapping[str, str]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one report."""

    name: str
    title: str
    visibility: Visibility
    outcome: Outcome
    points: float
    earned: float
    message: str | None
    hint: str | None
    diagnosis: str | None
    seconds: float
    stdout: str


@dataclass(frozen=True, slots=True)
class TensorFact:
    """One input or output as a model declares it; a dynamic axis is None."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class ArtefactResult:
    """The referee's verdict on one file. What could not be read is None or empty."""

    name: str
    accepted: bool
    reason: str | None
    bytes: int
    ir_version: int | None = None
    opset: Mapping[str, int] = field(default_factory=dict)
    operators: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[TensorFact, ...] = ()
    outputs: tuple[TensorFact, ...] = ()
    max_abs_difference: float | None = None
    max_rel_difference: float | None = None
    label_agreement: float | None = None
    batch_sizes: tuple[int, ...] = ()
    milliseconds: float | None = None


@dataclass(frozen=True, slots=True)
class ExerciseResult:
    """One submission's result for one exercise; `score` is None exactly when `status` is grader_error."""

    exercise: str
    lesson: str
    status: Status
    reason: str | None
    score: float | None
    max_score: float
    submission_sha256: str
    checks_sha256: str
    seconds: float
    checks: tuple[CheckResult, ...] = ()
    artefacts: tuple[ArtefactResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one submission of one run: report.json."""

    version: int
    student: str
    seed: int
    status: Status
    reason: str | None
    score: float | None
    max_score: float
    exercises: tuple[ExerciseResult, ...]


def combine(student: str, seed: int, results: tuple[ExerciseResult, ...], reason: str | None = None) -> Report:
    """One report from the results of its exercises: a fault anywhere leaves the total score unknown (None)."""
    if any(result.status is Status.GRADER_ERROR for result in results):
        status = Status.GRADER_ERROR
    elif any(result.status is Status.GRADED for result in results):
        status = Status.GRADED
    else:
        status = Status.REJECTED
    scores = [result.score for result in results]
    score = None if status is Status.GRADER_ERROR else float(sum(score for score in scores if score is not None))
    max_score = float(sum(result.max_score for result in results))
    return Report(REPORT_VERSION, student, seed, status, reason, score, max_score, results)
