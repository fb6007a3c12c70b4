"""`grader report`: renders every format again from the stored reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.output import console


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an earlier run.", show_default=False)],
) -> None:
    """Render every page and table again from the stored reports.

    Example: grader report reports/
    """
    from grader.reports.folder import read_run, write_report, write_run
    from grader.reports.terminal import render_run

    info, entries = read_run(directory)
    for folder, stored in entries:
        write_report(directory, folder, stored)
    write_run(directory, entries, info)
    render_run(entries, info, directory, console())
