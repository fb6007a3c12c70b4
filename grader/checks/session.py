"""One pytest session that collects the checks of an exercise once and runs them for every submission.

pytest's own protocol runs each item, so fixtures, parametrize, `pytest.raises` and assertion rewriting are pytest's.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _pytest.main import Session

from grader.checks.proxy import SubmissionProxy
from grader.checks.spec import checks_of
from grader.checks.subject import Subject
from grader.checks.verdict import Verdict, worst
from grader.model import AuthoringError, Check, Exercise, GraderFault

CURRENT: pytest.StashKey[Running] = pytest.StashKey()
OPTIONS = (
    "--import-mode=importlib", "--noconftest", "--capture=no", "--strict-markers",
    *(part for name in ("terminal", "cacheprovider", "junitxml", "faulthandler", "unraisableexception",
      "threadexception", "logging", "stepwise", "doctest", "unittest", "pastebin", "debugging")
      for part in ("-p", f"no:{name}")),
)  # fmt: skip


@dataclass(slots=True)
class Running:
    """What the fixtures of the running check hand out."""

    subject: Subject
    seed: int
    exercise: Exercise
    referee: Any
    excinfo: pytest.ExceptionInfo[BaseException] | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """The checks of one exercise, with the items that pytest made of each."""

    exercise: Exercise
    checks: tuple[Check, ...]
    items: dict[str, tuple[pytest.Function, ...]]


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One check run once: the verdict, the wall-clock seconds, what was printed meanwhile."""

    verdict: Verdict
    seconds: float
    stdout: str


class Runner:
    """What the body of `session` works with."""

    def __init__(self, session: Session, plugin: _Plugin) -> None:
        self._session = session
        self._plugin = plugin

    def collect(self, exercise: Exercise) -> Collected:
        """The checks of `exercise`; AuthoringError says what is wrong with them."""
        paths = exercise.check_paths
        if not paths:
            raise AuthoringError(f"{exercise.slug}: there is no check; write {exercise.folder.name}/test_{exercise.slug}.py")
        self._plugin.problems.clear()
        found = self._session.perform_collect([str(path) for path in paths])
        if self._plugin.problems:
            raise AuthoringError(f"{exercise.slug}: {self._plugin.problems[0]}")
        functions = [item for item in found if isinstance(item, pytest.Function)]
        checks, items = checks_of(exercise, functions)
        return Collected(exercise, checks, items)

    def run(self, collected: Collected, name: str, subject: Subject, seed: int, referee: Any = None) -> CheckRun:
        """Runs one check for `subject`. GraderFault where the sandbox itself failed."""
        running = Running(subject, seed, collected.exercise, referee)
        self._session.config.stash[CURRENT] = running
        subject.begin()
        started = time.perf_counter()
        verdicts = [self._item(item, running) for item in collected.items[name]]
        seconds = time.perf_counter() - started
        return CheckRun(worst(verdicts), seconds, subject.finish())

    def _item(self, item: pytest.Function, running: Running) -> Verdict:
        running.excinfo = None
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        error = running.excinfo.value if running.excinfo is not None else None
        if isinstance(error, GraderFault):
            raise error
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error
        return Verdict.of(error, running.subject)


class _Plugin:
    """The hooks and fixtures of a session; everything that a check sees of the grader comes through here."""

    def __init__(self, body: Callable[[Runner], None]) -> None:
        self.body = body
        self.problems: list[str] = []
        self.error: BaseException | None = None
        self.ran = False

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "check(points, needs, hint): what a check is worth and which ones it needs")

    def pytest_collection(self, session: Session) -> bool:
        return True  # collected on demand, an exercise at a time

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.problems.append(str(report.longrepr).strip())

    def pytest_runtestloop(self, session: Session) -> bool:
        self.ran = True
        try:
            self.body(Runner(session, self))
        except BaseException as error:
            self.error = error
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Keeps the first exception; a report of pytest's own would format tracebacks that nobody reads."""
        running = item.config.stash[CURRENT]
        if call.excinfo is not None and running.excinfo is None:
            running.excinfo = call.excinfo
        outcome = "passed" if call.excinfo is None else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]

    @pytest.fixture
    def submission(self, request: pytest.FixtureRequest) -> SubmissionProxy:
        """The submission's module; its functions run in the sandbox."""
        return SubmissionProxy(request.config.stash[CURRENT].subject)

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        """Seeded from the run's seed and the check's name: fresh every run, the same for everyone in it."""
        running = request.config.stash[CURRENT]
        return generator(running.seed, f"{running.exercise.slug}::{request.node.name}")

    @pytest.fixture
    def referee(self, request: pytest.FixtureRequest) -> Any:
        """Judges exported models, each in a sandbox child of its own."""
        return request.config.stash[CURRENT].referee


def generator(seed: int, name: str) -> np.random.Generator:
    """The random numbers of the check called `name` in a run with `seed`."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def session(root: Path, body: Callable[[Runner], None]) -> None:
    """Runs `body` inside a pytest session rooted at `root`; what it raises is raised here."""
    plugin = _Plugin(body)
    arguments: Sequence[str] = (*OPTIONS, f"--rootdir={root}", "-c", str(Path(__file__).parent / "pytest.ini"))
    with _quiet_environment():
        status = pytest.main([*arguments], plugins=[plugin])
    if plugin.error is not None:
        raise plugin.error
    if not plugin.ran:  # the status itself says only whether some check failed for some submission
        raise GraderFault(f"checks: pytest ended with {status!r} before any check ran")


@contextmanager
def _quiet_environment() -> Iterator[None]:
    """No options from PYTEST_ADDOPTS, no foreign plugin, no byte code beside the checks."""
    saved = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        os.environ.update({name: value for name, value in saved.items() if value is not None})
