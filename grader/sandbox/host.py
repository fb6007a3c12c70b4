"""What runs inside the child: loads one module, answers calls to it.

Everything here shares a process with the submission, which may change any of it; nothing here is relied upon
after the submission was loaded. The trusted side judges what arrives, whoever wrote it.
"""

from __future__ import annotations

import importlib.util
import io
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

from grader.sandbox import frames, parcel, wire
from grader.sandbox.values import Raised, WireError

CALL_FD = 3
MESSAGE_CHARACTERS = 4096
SHARED_MEMORY_EFFORT = 10_000


def load_submission(code: str, slug: str) -> ModuleType:
    """Executes `<code>/<slug>.py` as the module `slug`; its neighbours can be imported."""
    sys.path.insert(0, code)
    spec = importlib.util.spec_from_file_location(slug, f"{code}/{slug}.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{slug}.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[slug] = module
    spec.loader.exec_module(module)
    return module


class Host:
    """The objects of one child: its module and what it keeps for the trusted side."""

    def __init__(self, limits: wire.WireLimits, tensors: bool, code: str) -> None:
        self.limits = limits
        self.code = code
        self.tensors = tensors
        self.module: ModuleType | None = None
        self.kept: list[object] = []

    def keep(self, value: object) -> int:
        """The number under which `value` is found again until the end of the check."""
        self.kept.append(value)
        return len(self.kept) - 1

    def lookup(self, ident: int) -> object:
        """The inverse of `keep`."""
        return self.kept[ident]

    def answer(self, work: Callable[[], object]) -> tuple[frames.Kind, bytes]:
        """The encoded outcome of `work`, whatever that does."""
        try:
            return frames.Kind.VALUE, wire.encode(work(), self.limits, keep=self.keep, tensors=self.tensors)
        except WireError as error:
            return frames.Kind.UNFIT, str(error).encode("utf-8", "replace")
        except BaseException as error:
            return frames.Kind.RAISED, wire.encode(describe(error, self.code), self.limits)

    def perform(self, request: tuple[Any, ...]) -> object:
        """One request.

        ("call", name, arguments, keywords, details), ("each", name, cases), ("refusals", name, cases, valid),
        ("get", object, name) or ("forget",).
        """
        verb, *rest = request
        if verb == "each":
            return self.each(*rest)
        if verb == "refusals":
            return self.refusals(*rest)
        if verb == "get":
            target, name = rest
            return getattr(target, name)
        if verb == "forget":
            self.kept.clear()
            return None
        target, arguments, keywords, details = rest
        function = self.function(target) if isinstance(target, str) else target
        result = function(*arguments, **keywords)
        if not details:
            return result
        return (result, arguments, keywords, shares_memory(result, (arguments, keywords)))

    def each(self, name: str, cases: list[bytes]) -> list[object]:
        """What each call returned; the first that raises is the last one, as a `Raised`."""
        function = self.function(name)
        found: list[object] = []
        for case in cases:
            arguments = parcel.unpack(case, self.lookup)
            try:
                found.append(function(*arguments))
            except BaseException as error:
                found.append(describe(error, self.code))
                break
        return found

    def refusals(self, name: str, cases: list[bytes], valid: tuple[Any, ...] | None) -> list[object]:
        """What the valid call returned, then how each other call ended: the exception, or None where it returned."""
        function = self.function(name)
        found: list[object] = [function(*valid) if valid is not None else None]
        for case in cases:
            arguments = parcel.unpack(case, self.lookup)
            try:
                function(*arguments)
            except BaseException as error:
                found.append(describe(error, self.code))
            else:
                found.append(None)
        return found

    def function(self, name: str) -> Any:
        """What the module calls `name`."""
        try:
            return getattr(self.module, name)
        except AttributeError:
            raise AttributeError(f"{getattr(self.module, '__name__', '?')}.py defines no {name}") from None


def arrays_in(value: object, depth: int = 0) -> Iterator[np.ndarray]:
    """The arrays of nested lists, tuples and dicts."""
    if isinstance(value, np.ndarray):
        yield value
    elif depth < 8 and isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from arrays_in(item, depth + 1)


def shares_memory(result: object, arguments: object) -> bool:
    """Whether some array of the result lies in the memory of an argument's array."""
    given = list(arrays_in(arguments))
    return any(_overlap(one, other) for one in arrays_in(result) for other in given)


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    try:
        return bool(np.shares_memory(one, other, max_work=SHARED_MEMORY_EFFORT))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def describe(error: BaseException, code: str) -> Raised:
    """The exception as plain text: nearest built-in class, own name, message, innermost line of the submission."""
    names = [cls.__name__ for cls in type(error).__mro__ if cls.__module__ == "builtins"]
    try:
        message = str(error)[:MESSAGE_CHARACTERS]
    except BaseException:
        message = "(its message cannot be read)"
    if not isinstance(message, str):
        message = ""
    return Raised(names[0], type(error).__name__[:200], str.__str__(message), _where(error, error.__traceback__, code))


def _where(error: BaseException, trace: TracebackType | None, code: str) -> str:
    place = ""
    if isinstance(error, SyntaxError) and isinstance(error.filename, str) and error.filename.startswith(code):
        return f"{os.path.relpath(error.filename, code)}:{error.lineno}"
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if filename.startswith(code):
            place = f"{os.path.relpath(filename, code)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # theirs to break: what was not flushed is not shown
            continue


def fresh_streams() -> None:
    """Text streams on the captured output: whatever is printed, nothing raises for its characters."""
    sys.stdin = io.TextIOWrapper(io.FileIO(0, "r", closefd=False), "utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8", "backslashreplace")
    sys.stderr = io.TextIOWrapper(io.BufferedWriter(io.FileIO(2, "w", closefd=False)), "utf-8", "backslashreplace")


def serve(host: Host, load: Callable[[], ModuleType]) -> None:
    """Loads the module, says how that went, then answers requests until the trusted side closes the socket."""

    def first() -> None:
        host.module = load()

    kind, payload = host.answer(first)
    nonce = frames.NO_NONCE
    while True:
        _flush()
        frames.write_all(CALL_FD, frames.ANSWER.pack(nonce, kind, len(payload)) + payload)
        try:
            nonce, data = frames.read_request(CALL_FD)
        except EOFError:
            return
        kind, payload = host.answer(lambda data=data: host.perform(parcel.unpack(data, host.lookup)))  # type: ignore[misc]
