"""What a check calls `submission`: attribute access that reads like the module and runs in the sandbox."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from grader.checks.subject import Subject, builtin_error
from grader.sandbox.parcel import pack
from grader.sandbox.values import Opaque, Raised
from grader.sandbox.worker import CallRaised, Unfit, WorkerEnded


class SubmissionCrash(Exception):
    """The submission ended in a way that is no ordinary exception: its process died, or it raised SystemExit."""


class SubmissionUnfit(AssertionError):
    """The submission returned what is no plain value."""


@dataclass(frozen=True, slots=True)
class Done:
    """A finished call. `arguments` and `keywords` are as they were in the worker after it.

    `shares_memory`: some array of the value lies in the memory of an argument. `seconds` is wall-clock time.
    """

    value: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shares_memory: bool
    seconds: float
    stdout: str


class SubmissionProxy:
    """The submission's module, as a check sees it."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def function(*arguments: Any, **keywords: Any) -> Any:
            return self._handles(_translated(lambda: self._subject.call(name, arguments, keywords, details=False)))

        function.__name__ = name
        return function

    def call(self, name: str, /, *arguments: Any, **keywords: Any) -> Done:
        """Calls `name` and returns what is known of the call beside its value."""
        started = time.perf_counter()
        answer = _translated(lambda: self._subject.call(name, arguments, keywords, details=True))
        seconds = time.perf_counter() - started
        if not (type(answer) is tuple and len(answer) == 4 and type(answer[1]) is tuple and type(answer[2]) is dict):
            raise SubmissionCrash(f"{name}: the answer is no message of the grader's")
        value, after, keywords_after, shares = answer
        worker = self._subject.worker
        printed = worker.take_output() if worker is not None else ""
        return Done(self._handles(value), self._handles(after), self._handles(keywords_after), shares is True, seconds, printed)

    def each(self, name: str, cases: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """What `name` returns for the arguments of each case, in order: many calls at the cost of one.

        The calls are made when the first result is asked for. An exception is raised where its result would come.
        """
        answers = _translated(lambda: self._subject.request(name, ("each", name, _packed(cases))))
        broken = not isinstance(answers, list) or not 0 < len(answers) <= len(cases)
        if broken or (len(answers) < len(cases) and not isinstance(answers[-1], Raised)):
            raise SubmissionCrash(f"{name}: the answer is no message of the grader's")
        for arguments, answer in zip(cases, answers, strict=False):
            self._subject.last_call = (name, arguments, {})
            if isinstance(answer, Raised):
                _raise(answer)
            yield self._handles(answer)

    def refuses(
        self,
        errors: type[Exception] | tuple[type[Exception], ...],
        name: str,
        cases: Sequence[tuple[Any, ...]],
        valid: tuple[Any, ...] | None = None,
    ) -> Any:
        """Every call of `name` with the arguments of a case raises one of `errors`: `pytest.raises` for many calls at once.

        `valid`: arguments of a call that must return, made first; its value is returned. AssertionError for the first case that
        returns; what else it raises is raised here, as a call's own exception is.
        """
        self._subject.last_call = (name, valid or (), {})
        answers = _translated(lambda: self._subject.request(name, ("refusals", name, _packed(cases), valid)))
        if not isinstance(answers, list) or len(answers) != len(cases) + 1:
            raise SubmissionCrash(f"{name}: the answer is no message of the grader's")
        for arguments, answer in zip(cases, answers[1:], strict=True):
            self._subject.last_call = (name, arguments, {})
            if not isinstance(answer, Raised):
                wanted = " or ".join(error.__name__ for error in (errors if isinstance(errors, tuple) else (errors,)))
                raise AssertionError(f"expected {wanted}, but nothing was raised")
            if not isinstance(builtin_error(answer), errors):
                _raise(answer)
        self._subject.last_call = (name, valid or (), {})
        return self._handles(answers[0])

    def _handles(self, value: Any) -> Any:
        if isinstance(value, Opaque):
            self._subject.keeps_objects()
            return Handle(self._subject, value)
        if isinstance(value, list | tuple):
            return type(value)(self._handles(item) for item in value) if any(map(_may_hold, value)) else value
        if isinstance(value, dict):
            return {key: self._handles(item) for key, item in value.items()} if any(map(_may_hold, value.values())) else value
        return value


def _packed(cases: Sequence[tuple[Any, ...]]) -> list[bytes]:
    """Each case for itself: what one call does to its arguments must not reach those of the next."""
    return [pack(arguments) for arguments in cases]


def _may_hold(value: Any) -> bool:
    return isinstance(value, Opaque | list | tuple | dict)


class Handle(Opaque):
    """An object that stayed in the worker: its attributes can be read and it can be called, until the check ends."""

    __slots__ = ("_subject",)

    def __init__(self, subject: Subject, opaque: Opaque) -> None:
        super().__init__(opaque.ident, opaque.type_name)
        object.__setattr__(self, "_subject", subject)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._wrap(f"{self.type_name}.{name}", ("get", Opaque(self.ident, self.type_name), name))

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Calls the object in the worker."""
        return self._wrap(self.type_name, ("call", Opaque(self.ident, self.type_name), arguments, keywords, False))

    def _wrap(self, what: str, message: tuple[Any, ...]) -> Any:
        subject: Subject = self._subject
        return SubmissionProxy(subject)._handles(_translated(lambda: subject.request(what, message)))


def _translated(work: Callable[[], Any]) -> Any:
    """Runs `work` and turns what the sandbox reports into what a check may catch."""
    try:
        return work()
    except CallRaised as error:
        _raise(error.raised)
    except Unfit as error:
        raise SubmissionUnfit(str(error)) from None
    except WorkerEnded as error:
        raise SubmissionCrash(str(error)) from None


def _raise(raised: Raised) -> NoReturn:
    error = builtin_error(raised)
    if error is None:
        error = SubmissionCrash(f"{raised.type_name}: {raised.message}")
    error.raised_by_submission = raised  # type: ignore[attr-defined]
    raise error from None
