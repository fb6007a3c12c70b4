"""What a class looks like as a whole: the figures that the summary, the page and the terminal share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grader.model import ExerciseResult, Outcome, Report, Status
from grader.reports.text import cut, one_line

BRIEF_CHARACTERS = 90


@dataclass(frozen=True, slots=True)
class CheckDigest:
    """One check over all graded submissions."""

    name: str
    title: str
    visibility: str
    passed: int
    graded: int

    @property
    def share(self) -> float:
        """The part of the graded submissions that passed, 0 to 1."""
        return self.passed / self.graded if self.graded else 0.0


@dataclass(frozen=True, slots=True)
class ExerciseDigest:
    """One exercise over the class. `mean` is over graded submissions, None without one."""

    exercise: str
    max_score: float
    statuses: dict[str, int]
    mean: float | None
    scores: tuple[float, ...]
    checks: tuple[CheckDigest, ...]
    misconceptions: tuple[tuple[str, int], ...]
    problems: tuple[tuple[str, str, str], ...]

    @property
    def hardest(self) -> CheckDigest | None:
        """The check that fewest passed, if there is one."""
        return min(self.checks, key=lambda check: check.share, default=None)

    def hard(self, most: int) -> list[CheckDigest]:
        """The checks that somebody did not pass, the hardest first, at most `most`."""
        return sorted((check for check in self.checks if check.passed < check.graded), key=lambda check: check.share)[:most]


def digest(reports: Sequence[Report]) -> list[ExerciseDigest]:
    """One digest an exercise, in the reports' order."""
    pairs: dict[str, list[tuple[Report, ExerciseResult]]] = {}
    for report in reports:
        for result in report.exercises:
            pairs.setdefault(result.exercise, []).append((report, result))
    return [_one(slug, found) for slug, found in pairs.items()]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why one student has no grade for some exercises, or (`whole`) for none; a submission may have been refused before any."""

    student: str
    exercises: tuple[str, ...]
    reasons: tuple[str, ...]
    whole: bool

    @property
    def brief(self) -> str:
        """The first reason, cut; the whole stands in the student's report."""
        more = f" (and {len(self.reasons) - 1} more)" if len(self.reasons) > 1 else ""
        return cut(one_line(self.reasons[0]), BRIEF_CHARACTERS) + more


def troubles(reports: Sequence[Report], status: Status) -> list[Trouble]:
    """One row a student that has something of this status, each reason once; who has it as a whole comes first."""
    found = []
    for report in sorted(reports, key=lambda report: report.status is not status):
        results = [result for result in report.exercises if result.status is status]
        if results:
            reasons = dict.fromkeys(result.reason or "" for result in results)
            found.append(
                Trouble(report.student, tuple(result.exercise for result in results), tuple(reasons), report.status is status)
            )
        elif report.status is status and not report.exercises:
            found.append(Trouble(report.student, (), (report.reason or "",), True))
    return found


def _one(slug: str, pairs: Sequence[tuple[Report, ExerciseResult]]) -> ExerciseDigest:
    graded = [result for _, result in pairs if result.status is Status.GRADED]
    scores = tuple(result.score for result in graded if result.score is not None)
    passed: Counter[str] = Counter()
    titles: dict[str, tuple[str, str]] = {}
    seen: Counter[str] = Counter()
    for result in graded:
        for check in result.checks:
            titles.setdefault(check.name, (check.title, str(check.visibility)))
            passed[check.name] += check.outcome is Outcome.PASSED
        # A misconception shows in several checks of one student: count students.
        seen.update({check.diagnosis for check in result.checks if check.diagnosis})
    return ExerciseDigest(
        exercise=slug,
        max_score=pairs[0][1].max_score,
        statuses=dict(Counter(str(result.status) for _, result in pairs)),
        mean=sum(scores) / len(scores) if scores else None,
        scores=scores,
        checks=tuple(CheckDigest(name, title, seen_by, passed[name], len(graded)) for name, (title, seen_by) in titles.items()),
        misconceptions=tuple(seen.most_common()),
        problems=tuple(
            (report.student, str(result.status), result.reason or "")
            for report, result in pairs
            if result.status is not Status.GRADED
        ),
    )
