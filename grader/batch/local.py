"""The local engine: checker processes on this machine, each with its own nurseries."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from pathlib import Path

from grader.batch.orders import Answer, Assignment, Order
from grader.model import ExerciseResult, GraderFault, Status
from grader.sandbox.policy import THREAD_VARIABLES
from grader.sandbox.remove import remove_tree

# No work takes this long: every check is bounded. Beyond it the checker itself hangs, which is a fault of ours.
ORDER_SECONDS = 1800.0
STOP_SECONDS = 10.0
TRIES = 2


class Checker:
    """One checker process and the order that it works on."""

    def __init__(self, assignment: Assignment, log: Path) -> None:
        assignment.work.mkdir()
        ours, theirs = socket.socketpair()
        with theirs, log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "grader.batch.checker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), "PYTHONHASHSEED": "0"},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self.assignment = assignment
        self.connection = Connection(ours.detach())
        self.connection.send(assignment)
        self.order: Order | None = None
        self.deadline = float("inf")

    def give(self, order: Order) -> None:
        """Sends an order; its answer is to be awaited."""
        self.order = order
        self.deadline = time.monotonic() + ORDER_SECONDS
        with suppress(BrokenPipeError):  # a checker that died is noticed when its answer is awaited
            self.connection.send(order)

    def stop(self) -> None:
        """Ends the process and all below it, and waits until it is gone."""
        self.connection.close()
        if self.order is not None:
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.assignment.work.exists():
            remove_tree(self.assignment.work)


def run(
    orders: Iterable[Order], assignment: Assignment, jobs: int, log: Path, layers: Callable[[tuple[str, ...]], None]
) -> Iterator[tuple[Order, ExerciseResult]]:
    """Grades `orders` on `jobs` checkers and yields results as they come, in no order.

    A checker that dies is replaced and its order tried once more; then the result is grader_error.
    `layers` is told which layers of isolation each answer had. A GraderError that concerns the whole run is raised.
    """
    waiting = iter(orders)
    checkers: list[Checker] = []
    tries: dict[int, int] = {}
    count = 0

    def start(order: Order) -> None:
        nonlocal count
        count += 1
        tries[order.number] = tries.get(order.number, 0) + 1
        checker = Checker(replace(assignment, work=assignment.work / f"checker-{count}"), log)
        checkers.append(checker)
        checker.give(order)

    try:
        for order in waiting:
            start(order)
            if len(checkers) == jobs:
                break
        while checkers:
            for checker, answer in _answers(checkers):
                done = checker.order
                if done is None:
                    raise GraderFault("checker: an answer without an order; this is a defect of the grader, please report it")
                if answer is None:
                    checkers.remove(checker)
                    checker.stop()
                    if tries.get(done.number, 1) < TRIES:
                        tries[done.number] = 1
                        start(done)
                        continue
                    yield done, _unknown(done, checker)
                    if (following := next(waiting, None)) is not None:
                        start(following)
                    continue
                if answer.error is not None:
                    raise answer.error
                if answer.result is None:
                    raise GraderFault("checker: an answer without a result; this is a defect of the grader, please report it")
                layers(answer.layers)
                checker.order = None
                if (following := next(waiting, None)) is not None:
                    checker.give(following)
                else:
                    checkers.remove(checker)
                    checker.stop()
                yield done, answer.result
    finally:
        for checker in checkers:
            checker.stop()


def _answers(checkers: list[Checker]) -> Iterator[tuple[Checker, Answer | None]]:
    """The checkers that answered, with None for one that died or hangs."""
    by_connection = {checker.connection: checker for checker in checkers}
    ready = wait(list(by_connection), timeout=5.0)
    for connection in ready:
        checker = by_connection[connection]  # type: ignore[index]
        try:
            yield checker, checker.connection.recv()
        except (EOFError, OSError):
            yield checker, None
    now = time.monotonic()
    for checker in checkers[:]:
        if checker.connection not in ready and now > checker.deadline:
            checker.process.kill()
            yield checker, None


def _unknown(order: Order, checker: Checker) -> ExerciseResult:
    status = checker.process.returncode
    reason = f"the checker died (exit status {status}) while grading this, twice; see grader.log"
    return ExerciseResult(
        order.exercise.slug,
        order.exercise.lesson,
        Status.GRADER_ERROR,
        reason,
        None,
        order.exercise.points,
        order.work.sha256,
        "",
        0.0,
    )
