"""What every verb shares: where text goes, colour only on terminals, the course around the current folder."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from grader import catalog
from grader.model import Course
from grader.sandbox.policy import THREAD_VARIABLES


def console(*, stderr: bool = False) -> Console:
    """A console that colours only a terminal and honours NO_COLOR; elsewhere its lines are never folded."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=None if stream.isatty() else 10_000)


def error(text: str) -> None:
    """One error on stderr."""
    sys.stderr.write(f"grader: {text}\n")


def emit_json(value: Any) -> None:
    """Machine output: one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False) + "\n")


def course() -> Course:
    """The course of the current folder."""
    return catalog.load(catalog.find_root(Path.cwd()))


def one_thread() -> None:
    """Pins the numeric libraries before they are imported; forking and small arrays want one thread."""
    for name in (*THREAD_VARIABLES, "ORT_DISABLE_TELEMETRY"):
        os.environ.setdefault(name, "1")


def end_on_terminate() -> None:
    """SIGTERM ends the command as Ctrl-C does, so that it cleans up behind itself."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
