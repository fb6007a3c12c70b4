"""Progress of long work: a bar on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from grader.batch.run import Progress
from grader.cli.output import console

LINE_SECONDS = 60.0


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """Yields what `run` tells its progress to. It goes to stderr, so stdout stays the result's."""
    if quiet:
        yield lambda step: None
    elif sys.stderr.isatty():
        columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Bar(*columns, console=console(stderr=True), transient=True) as bar:
            task = bar.add_task("grading", total=None)
            yield lambda step: bar.update(task, completed=step.done, total=step.total)
    else:
        yield _lines()


def _lines() -> Callable[[Progress], None]:
    last = time.monotonic()

    def tell(step: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_SECONDS:
            last = time.monotonic()
            sys.stderr.write(f"graded {step.done} of {step.total}\n")

    return tell
