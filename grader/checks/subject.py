"""One piece of work under judgement: its current child, replaced whenever a check ended it.

A `Subject` stands between the proxy that checks use and the sandbox. It spawns the child when the first call
needs it, remembers an import that failed, and keeps what the calls of the running check answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grader.model import Limits, Outcome
from grader.sandbox.values import Raised
from grader.sandbox.worker import Budget, CallRaised, Nursery, Unfit, Worker, WorkerEnded

IMPORT_TRIES = 2
IMPORT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call of a check and how it was answered: a value, a `Raised`, or None for a value that did not fit."""

    name: str
    answer: Any


class Subject:
    """The work of one student, or one of our own solutions, for one exercise."""

    def __init__(self, nursery: Nursery, slug: str, files: dict[str, bytes], limits: Limits, *, tensors: bool) -> None:
        self.nursery = nursery
        self.slug = slug
        self.files = files
        self.limits = limits
        self.tensors = tensors
        self.worker: Worker | None = None
        self.budget = Budget(limits.seconds, limits.cpu_seconds)
        self.ended: WorkerEnded | None = None
        self.exchanges: list[Exchange] = []
        self.last_call: tuple[str, tuple[Any, ...], dict[str, Any]] | None = None
        self._printed = ""
        self._used = False
        self._import_failures: list[WorkerEnded] = []

    def begin(self) -> None:
        """A new check: a new budget, nothing remembered of the last one."""
        self.budget = Budget(self.limits.seconds, self.limits.cpu_seconds)
        self.ended = None
        self.exchanges = []
        self.last_call = None
        self._used = False

    def finish(self) -> str:
        """The check is over: objects kept for it are let go, a child that is not as it was is ended. Returns the output."""
        worker = self.worker
        if worker is not None and worker.alive:
            self._printed += worker.take_output()
            if not worker.settled():
                self._drop()
            elif self._used:
                self._forget(worker)
        printed, self._printed = self._printed, ""
        return printed

    def close(self) -> None:
        """Ends the child, if there is one."""
        self._drop()

    def call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], *, details: bool) -> Any:
        """Calls a function of the module."""
        self.last_call = (name, arguments, keywords)
        return self.request(name, ("call", name, arguments, keywords, details))

    def request(self, what: str, message: tuple[Any, ...]) -> Any:
        """One request to the child, which is started first where there is none. Everything it may raise is the subject's."""
        if self.ended is not None:
            raise self.ended
        try:
            worker = self._running()
            answer = worker.request(message, self.budget, what)
        except WorkerEnded as error:
            self.ended = self.ended or error
            self._collect_output()
            raise
        except CallRaised as error:
            self.exchanges.append(Exchange(what, error.raised))
            raise
        except Unfit:
            self.exchanges.append(Exchange(what, None))
            raise
        self.exchanges.append(Exchange(what, answer))
        return answer

    def keeps_objects(self) -> None:
        """Something of this check stays in the child until the check is over."""
        self._used = True

    def _running(self) -> Worker:
        if self.worker is not None and self.worker.alive:
            return self.worker
        if f"{self.slug}.py" not in self.files:
            raise WorkerEnded(Outcome.CRASHED, f"no {self.slug}.py was handed in")
        if len(self._import_failures) >= IMPORT_TRIES:
            raise self._import_failures[-1]
        try:
            # Not the check's budget: a module may import what the nursery did not, and pay for it once.
            budget = Budget(IMPORT_SECONDS, IMPORT_SECONDS)
            self.worker = self.nursery.spawn(self.slug, self.files, budget, tensors=self.tensors)
        except CallRaised as error:
            # Not the exception itself: a module that cannot be imported satisfies no `pytest.raises`.
            outcome = Outcome.OUT_OF_MEMORY if error.raised.builtin == "MemoryError" else Outcome.CRASHED
            self._import_failures = [WorkerEnded(outcome, f"import: {explain(error.raised)}")] * IMPORT_TRIES
            raise self._import_failures[-1] from None
        except WorkerEnded as error:
            # What ends an import once may have been the machine; twice, it is the submission. A hang is not tried again.
            self._import_failures += [error] * (IMPORT_TRIES if error.outcome is Outcome.TIMED_OUT else 1)
            raise
        return self.worker

    def _forget(self, worker: Worker) -> None:
        try:
            worker.forget(Budget(self.limits.seconds, self.limits.cpu_seconds))
        except (WorkerEnded, CallRaised, Unfit):
            self._drop()

    def _collect_output(self) -> None:
        if self.worker is not None:
            self._printed += self.worker.take_output()

    def _drop(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.close()


def builtin_error(raised: Raised) -> BaseException | None:
    """An instance of the built-in class that `raised` names, or None where that is no ordinary exception.

    SystemExit, KeyboardInterrupt and their like are None: they must never be raised in the checker.
    """
    import builtins

    cls = getattr(builtins, raised.builtin, None)
    if not isinstance(cls, type) or not issubclass(cls, Exception):
        return None
    try:
        return cls(raised.message)
    except TypeError:  # UnicodeError and groups take other arguments
        return ValueError(raised.message) if issubclass(cls, ValueError) else RuntimeError(raised.message)


def explain(raised: Raised) -> str:
    """ "ValueError: no client (fed_avg.py:27)"."""
    place = f" ({raised.where})" if raised.where else ""
    return f"{raised.type_name}: {raised.message}{place}" if raised.message else f"{raised.type_name}{place}"
