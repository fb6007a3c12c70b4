"""What the batch and its checker processes say to each other; both are trusted, so it travels as pickle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.model import Exercise, ExerciseResult, GraderError, Work


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a checker is told once: the course, its private folder, the run's seed, the strength of the sandbox."""

    root: Path
    work: Path
    seed: int
    strength: str


@dataclass(frozen=True, slots=True)
class Order:
    """One work to grade. `number` names it in the answer."""

    number: int
    exercise: Exercise
    work: Work


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one order, the layers that its sandbox applied, or the error that stops the whole run."""

    number: int
    result: ExerciseResult | None
    layers: tuple[str, ...]
    error: GraderError | None = None
