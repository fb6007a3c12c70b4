"""What one checker process keeps at hand: warm nurseries, the referee, our own solutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType

from grader import catalog
from grader.artifacts import judge as judging
from grader.artifacts.judge import Case
from grader.checks.diagnosis import Diagnosis, WrongSolution
from grader.checks.session import Collected, Runner
from grader.checks.subject import Exchange, Subject
from grader.model import ArtefactResult, ArtefactSpec, AuthoringError, Exercise, GraderFault, Limits, Outcome
from grader.sandbox.policy import LAYER_NAMES, LAYERS, REQUIRED, Policy
from grader.sandbox.remove import remove_tree
from grader.sandbox.worker import Budget, CallRaised, Nursery, NurserySpec, Unfit, Worker, WorkerEnded

REFEREE_REQUIRES = ("numpy", "onnx", "onnxruntime")
REFEREE_MODULE = "grader.artifacts.inspect"
# What a known wrong solution may take while it is recorded: one that hangs shall not hold up the class.
RECORD_SECONDS = 2.0


class Desk:
    """Nurseries by what they are for, started when first needed; closing it leaves nothing behind.

    `strength`: "strong" refuses to work without the required layers, "weak" takes what there is.
    """

    def __init__(self, root: Path, work: Path, strength: str) -> None:
        self.root = root
        self.work = work
        self.strength = strength
        self._nurseries: dict[NurserySpec, Nursery] = {}

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends every nursery and removes the work folder's content."""
        while self._nurseries:
            self._nurseries.popitem()[1].close()
        remove_tree(self.work)

    def reset(self) -> None:
        """Ends every nursery; the next use starts new ones."""
        while self._nurseries:
            self._nurseries.popitem()[1].close()

    def nursery(self, requires: tuple[str, ...], limits: Limits, preload: tuple[str, ...] = ()) -> Nursery:
        """The nursery for this; GraderFault where its isolation is too weak for `strength`."""
        datasets = self.root / "datasets"
        readable = (str(datasets),) if datasets.is_dir() else ()
        spec = NurserySpec(requires, Policy(frozenset(LAYER_NAMES), limits, readable), preload)
        if spec not in self._nurseries:
            nursery = Nursery(spec, self.work)
            self._nurseries[spec] = nursery
            self._refuse_weakness(nursery)
        return self._nurseries[spec]

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that every nursery started so far applies, in the policy's order."""
        return tuple(name for name in LAYER_NAMES if all(name in nursery.layers for nursery in self._nurseries.values()))

    def _refuse_weakness(self, nursery: Nursery) -> None:
        missing = REQUIRED - set(nursery.layers)
        if self.strength == "strong" and missing:
            cures = "; ".join(f"{layer.name} ({layer.guards}): {layer.cure}" for layer in LAYERS if layer.name in missing)
            raise GraderFault(
                f"sandbox: this machine lacks {', '.join(sorted(missing))}, so others' code is not graded here; "
                f"{cures}; or accept the risk with --sandbox weak"
            )

    def subject(self, exercise: Exercise, files: dict[str, bytes], limits: Limits | None = None) -> Subject:
        """`files` (path -> content) as something to run checks on."""
        nursery = self.nursery(exercise.requires, exercise.limits)
        return Subject(nursery, exercise.slug, files, limits or exercise.limits, tensors="torch" in exercise.requires)

    @cached_property
    def referee(self) -> Referee:
        """Judges models, each in a child of its own."""
        return Referee(self)


class Referee:
    """The fixture `referee` of checks."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def judge(self, data: bytes, spec: ArtefactSpec, cases: Sequence[Case], name: str = "model.onnx") -> ArtefactResult:
        """The verdict on `data`: parsed, checked and run in a fresh sandbox child, compared with `cases` here."""
        limits = Limits()
        budget = Budget(limits.seconds, limits.cpu_seconds)
        nursery = self._desk.nursery(REFEREE_REQUIRES, limits, (REFEREE_MODULE,))
        try:
            worker = nursery.spawn(REFEREE_MODULE, {}, budget, trusted=True)
        except (WorkerEnded, CallRaised, Unfit) as error:  # the model has not been seen yet
            raise GraderFault(f"referee: {error}") from error
        try:
            return judging.judge(_Caller(worker, budget), name, data, spec, cases)
        finally:
            worker.close()


class _Caller:
    """The referee's child as `judge` calls it. What it raised is not quoted: it may carry hidden inputs."""

    def __init__(self, worker: Worker, budget: Budget) -> None:
        self._worker = worker
        self._budget = budget

    def call(self, name: str, *arguments: object) -> object:
        try:
            return self._worker.request(("call", name, arguments, {}, False), self._budget, "the model")
        except WorkerEnded as ended:
            raise judging.WorkerEnded(ended.outcome, str(ended)) from ended
        except CallRaised as error:
            outcome = Outcome.OUT_OF_MEMORY if error.raised.builtin == "MemoryError" else Outcome.CRASHED
            raise judging.WorkerEnded(outcome, "the model broke its run") from error
        except Unfit as error:
            raise judging.WorkerEnded(Outcome.CRASHED, "the model's answer does not fit the wire") from error


class Keys:
    """Our own solutions of one exercise: the reference for control runs, the wrong ones for the diagnosis."""

    def __init__(self, desk: Desk, runner: Runner, collected: Collected, seed: int) -> None:
        self._desk = desk
        self._runner = runner
        self._collected = collected
        self._seed = seed
        self._controls: dict[str, bool] = {}
        exercise = collected.exercise
        self.diagnosis = Diagnosis(wrong_solutions(exercise), self._record)

    def reference_passes(self, check: str) -> bool:
        """Whether the reference passes the check with this seed: then a puzzled check is the submission's fault, not ours.

        In a student's copy there is no reference, and the check has the benefit of the doubt.
        """
        exercise = self._collected.exercise
        if exercise.solution is None:
            return True
        if check not in self._controls:
            source = (exercise.solution / f"{exercise.slug}.py").read_bytes()
            subject = self._desk.subject(exercise, {f"{exercise.slug}.py": source})
            try:
                run = self._runner.run(self._collected, check, subject, self._seed, self._desk.referee)
                self._controls[check] = run.verdict.outcome == "passed"
            finally:
                subject.close()
        return self._controls[check]

    def _record(self, wrong: WrongSolution, check: str) -> list[Exchange]:
        exercise = self._collected.exercise
        limits = replace(exercise.limits, seconds=min(RECORD_SECONDS, exercise.limits.seconds))
        subject = self._desk.subject(exercise, dict(wrong.files), limits)
        try:
            self._runner.run(self._collected, check, subject, self._seed, self._desk.referee)
            return list(subject.exchanges)
        finally:
            subject.close()


def wrong_solutions(exercise: Exercise) -> list[WrongSolution]:
    """The known wrong solutions of `exercise`; AuthoringError where one does not say what it is."""
    if exercise.solution is None:
        return []
    found = []
    for path in sorted((exercise.solution / "wrong").glob("*.py")):
        where = f"{exercise.slug}/wrong/{path.name}"
        try:
            docstring, constants = catalog.read_constants(path)
        except SyntaxError as error:
            raise AuthoringError(f"{where}: {error}; a wrong solution is still a module") from error
        fails, hint = constants.get("FAILS"), constants.get("HINT")
        if not isinstance(fails, set) or not fails:
            raise AuthoringError(f"{where}: no FAILS = {{...}} line; name the checks that this solution must fail")
        if not docstring or not isinstance(hint, str):
            raise AuthoringError(
                f"{where}: no docstring or no HINT; the first names the misconception, the second says what to tell"
            )
        found.append(
            WrongSolution(path.stem, docstring.split("\n")[0], hint, frozenset(fails), {f"{exercise.slug}.py": path.read_bytes()})
        )
    return found
