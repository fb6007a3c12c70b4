"""One submission x one exercise -> one result."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from typing import Any

from grader.catalog import checks_sha256
from grader.checks.session import CheckRun, Collected, Runner, generator
from grader.checks.subject import Exchange, Subject
from grader.checks.verdict import Verdict
from grader.desk import Desk, Keys
from grader.model import (
    ArtefactResult,
    AuthoringError,
    Check,
    CheckResult,
    Exercise,
    ExerciseResult,
    GraderFault,
    Outcome,
    Status,
    Work,
)

TRIES = 2


class Grader:
    """Grades work after work with one seed; the checks of an exercise are collected when it first comes up."""

    def __init__(self, runner: Runner, desk: Desk, seed: int) -> None:
        self._runner = runner
        self._desk = desk
        self._seed = seed
        self._collected: dict[str, Collected] = {}
        self._keys: dict[str, Keys] = {}
        self._hashes: dict[str, str] = {}
        self._cases: dict[str, Sequence[Any]] = {}

    def collected(self, exercise: Exercise) -> Collected:
        """The checks of `exercise`."""
        if exercise.slug not in self._collected:
            collected = self._runner.collect(exercise)
            self._collected[exercise.slug] = collected
            self._keys[exercise.slug] = Keys(self._desk, self._runner, collected, self._seed)
            self._hashes[exercise.slug] = checks_sha256(exercise)
        return self._collected[exercise.slug]

    def grade(self, exercise: Exercise, work: Work) -> ExerciseResult:
        """The result of `work`. A fault of ours is tried again on fresh nurseries, then reported as grader_error."""
        collected = self.collected(exercise)
        started = time.perf_counter()
        for attempt in range(TRIES):
            try:
                checks = self._checks(collected, work)
                artefacts = self._artefacts(exercise, work)
                break
            except GraderFault as fault:
                self._desk.reset()
                if attempt == TRIES - 1:
                    checks, artefacts, reason = _all_unknown(collected.checks), (), str(fault)
                    return self._result(exercise, work, Status.GRADER_ERROR, reason, checks, artefacts, started)
        failing = [check.name for check in checks if check.outcome is Outcome.GRADER_ERROR]
        if failing:
            reason = (
                f"{exercise.slug}: {', '.join(failing)} fails on the reference solution too; run `grader audit {exercise.slug}`"
            )
            return self._result(exercise, work, Status.GRADER_ERROR, reason, checks, artefacts, started)
        return self._result(exercise, work, Status.GRADED, None, checks, artefacts, started)

    def _result(
        self,
        exercise: Exercise,
        work: Work,
        status: Status,
        reason: str | None,
        checks: tuple[CheckResult, ...],
        artefacts: tuple[ArtefactResult, ...],
        started: float,
    ) -> ExerciseResult:
        score = None if status is Status.GRADER_ERROR else float(sum(check.earned for check in checks))
        return ExerciseResult(
            exercise=exercise.slug,
            lesson=exercise.lesson,
            status=status,
            reason=reason,
            score=score,
            max_score=exercise.points if exercise.solution is not None else float(sum(check.points for check in checks)),
            submission_sha256=work.sha256,
            checks_sha256=self._hashes[exercise.slug],
            seconds=time.perf_counter() - started,
            checks=checks,
            artefacts=artefacts,
        )

    def _checks(self, collected: Collected, work: Work) -> tuple[CheckResult, ...]:
        exercise = collected.exercise
        subject = self._desk.subject(exercise, {str(path): content for path, content in work.files.items()})
        runs: dict[str, CheckRun] = {}
        exchanges: dict[str, list[Exchange]] = {}
        try:
            for check in collected.checks:
                runs[check.name] = self._run(collected, check, subject, runs)
                exchanges[check.name] = subject.exchanges
        finally:
            subject.close()
        failed = frozenset(name for name, run in runs.items() if run.verdict.outcome not in (Outcome.PASSED, Outcome.SKIPPED))
        return tuple(
            self._check_result(exercise, check, runs[check.name], exchanges[check.name], failed) for check in collected.checks
        )

    def _run(self, collected: Collected, check: Check, subject: Subject, runs: dict[str, CheckRun]) -> CheckRun:
        lacking = [need for need in check.needs if runs[need].verdict.outcome is not Outcome.PASSED]
        if lacking:
            titles = {other.name: other.title for other in collected.checks}
            subject.begin()
            return CheckRun(Verdict(Outcome.SKIPPED, f"needs a check that did not pass: {titles[lacking[0]]}"), 0.0, "")
        run = self._runner.run(collected, check.name, subject, self._seed, self._desk.referee)
        if run.verdict.puzzled and not self._keys[collected.exercise.slug].reference_passes(check.name):
            return CheckRun(Verdict(Outcome.GRADER_ERROR, run.verdict.message), run.seconds, run.stdout)
        return run

    def _check_result(
        self, exercise: Exercise, check: Check, run: CheckRun, exchanges: list[Exchange], failed: frozenset[str]
    ) -> CheckResult:
        outcome = run.verdict.outcome
        known = None
        if outcome in (Outcome.FAILED, Outcome.CRASHED):
            known = self._keys[exercise.slug].diagnosis.find(check.name, exchanges, failed)
        return CheckResult(
            name=check.name,
            title=check.title,
            visibility=check.visibility,
            outcome=outcome,
            points=check.points,
            earned=check.points if outcome is Outcome.PASSED else 0.0,
            message=run.verdict.message,
            hint=known.hint if known is not None else check.hint,
            diagnosis=known.misconception if known is not None else None,
            seconds=round(run.seconds, 6),
            stdout=run.stdout,
        )

    def _artefacts(self, exercise: Exercise, work: Work) -> tuple[ArtefactResult, ...]:
        if work.artefact is None or exercise.artefact is None or exercise.solution is None:
            return ()
        if exercise.slug not in self._cases:
            cases = _load(exercise.solution / "artefact.py").cases
            self._cases[exercise.slug] = cases(generator(self._seed, f"{exercise.slug}::artefact"))
        name = f"{exercise.slug}.onnx"
        return (self._desk.referee.judge(work.artefact, exercise.artefact, self._cases[exercise.slug], name),)


def _load(path: Any) -> Any:
    """One of our own modules, by path."""
    spec = importlib.util.spec_from_file_location(f"fedlings_{path.parent.name}_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise AuthoringError(
            f"{path.parent.name}/{path.name}: the exercise has an [artefact] table, so this file must give its cases"
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _all_unknown(checks: Sequence[Check]) -> tuple[CheckResult, ...]:
    return tuple(
        CheckResult(
            check.name, check.title, check.visibility, Outcome.GRADER_ERROR, check.points, 0.0, None, check.hint, None, 0.0, ""
        )
        for check in checks
    )
