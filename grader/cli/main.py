"""The command `grader`: its verbs, its errors, its exit codes."""

from __future__ import annotations

import sys

import typer

from grader import __version__
from grader.cli import audit, build, check, doctor, grade, listing, report
from grader.cli.output import error
from grader.model import GraderError, GraderFault

USAGE, FAULT, INTERRUPTED = 2, 3, 130

app = typer.Typer(
    name="grader",
    help="Exercises that grade themselves without trusting a line of what is handed in.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(listing.list_exercises)
app.command("check")(check.check)
app.command("grade")(grade.grade)
app.command("report")(report.report)
app.command("audit")(audit.audit)
app.command("build")(build.build)
app.command("doctor")(doctor.doctor)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"grader {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and stop."),
) -> None:
    """Exercises that grade themselves without trusting a line of what is handed in."""


def main() -> None:
    """Runs the command line; every error of ours becomes one line on stderr and its exit code."""
    try:
        app()
    except GraderError as problem:
        error(str(problem))
        sys.exit(FAULT if isinstance(problem, GraderFault) else USAGE)
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        error(f"{where}{problem.strerror or problem}; mend this (disk space? rights?) and run again, what was written is kept")
        sys.exit(FAULT)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # the command line library's own answer to Ctrl-C
            error("interrupted; nothing is left running")
        raise


if __name__ == "__main__":
    main()
