"""`grader grade`: visible and hidden checks of every submission found."""

from __future__ import annotations

import os
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.output import console, course, emit_json, end_on_terminate
from grader.model import Status


class Strength(StrEnum):
    """How much isolation is asked for."""

    STRONG = "strong"
    WEAK = "weak"


class Engine(StrEnum):
    """Where checkers run."""

    LOCAL = "local"


def grade(
    paths: Annotated[list[Path], typer.Argument(help="Folders of submissions, single submissions, zips.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for the reports.", show_default=False)],
    exercise: Annotated[
        list[str] | None, typer.Option(help="Only this exercise; may be repeated. Default: all that were handed in.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Checker processes.")] = os.cpu_count() or 1,
    seed: Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Seed of the hidden inputs. Default: a new one.")] = None,
    engine: Annotated[Engine, typer.Option(help="Where checkers run.")] = Engine.LOCAL,
    sandbox: Annotated[
        Strength, typer.Option(help="weak: grade although this machine lacks layers of isolation.")
    ] = Strength.STRONG,
    fresh: Annotated[bool, typer.Option("--fresh", help="Grade everything anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The run as JSON on stdout.")] = False,
) -> None:
    """Grade submissions with visible and hidden checks; write reports.

    Example: grader grade inbox/ --out reports/ --exercise fed_avg --jobs 2
    """
    from grader.batch.run import Request, run
    from grader.cli.progress import progress
    from grader.reports.terminal import render_run

    end_on_terminate()
    chosen = secrets.randbelow(2**31) if seed is None else seed
    request = Request(tuple(paths), out, tuple(dict.fromkeys(exercise or ())), jobs, chosen, sandbox.value)
    with progress(quiet=as_json) as tell:
        info, entries = run(request, course(), tell)
    reports = [report for _, report in entries]
    if as_json:
        emit_json({"out": str(out), "seed": info.seed, "counts": info.counts, "submissions": len(reports)})
    else:
        render_run(entries, info, out, console())
    if any(report.status is Status.GRADER_ERROR for report in reports):
        raise typer.Exit(3)
