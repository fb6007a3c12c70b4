"""A checker process: takes works over a pipe, grades them in one pytest session, sends results back.

Started by `batch.local`, never with anything of a submission in its own memory but bytes and plain values.
"""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing.connection import Connection
from types import FrameType

from grader.batch.orders import Answer, Assignment
from grader.model import GraderError
from grader.sandbox.policy import THREAD_VARIABLES


def serve(connection: Connection, assignment: Assignment) -> None:
    """Answers orders until the other side closes or says None."""
    from grader.checks.session import Runner, session
    from grader.desk import Desk
    from grader.grade import Grader

    def body(runner: Runner) -> None:
        with Desk(assignment.root, assignment.work, assignment.strength) as desk:
            grader = Grader(runner, desk, assignment.seed)
            while (order := connection.recv()) is not None:
                try:
                    result = grader.grade(order.exercise, order.work)
                    answer = Answer(order.number, result, desk.layers)
                except GraderError as error:
                    answer = Answer(order.number, None, desk.layers, error)
                connection.send(answer)

    try:
        session(assignment.root, body)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # nobody is left to grade for


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Serves the pipe whose descriptor is the only argument."""
    signal.signal(signal.SIGTERM, _stop)
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    connection = Connection(int(sys.argv[1]))
    try:
        serve(connection, connection.recv())
    except (KeyboardInterrupt, EOFError):
        sys.exit(130)


if __name__ == "__main__":
    main()
