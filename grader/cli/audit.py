"""`grader audit`: the checks are checked."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from grader.cli.output import console, course, emit_json, end_on_terminate, one_thread


def audit(
    slugs: Annotated[list[str] | None, typer.Argument(metavar="[SLUG]...", help="Default: all.", show_default=False)] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="How many seeds must agree.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON on stdout.")] = False,
) -> None:
    """Run reference, stub, wrong and right solutions through the real sandbox; exit 1 where one gets the wrong verdict.

    Example: grader audit fed_avg
    """
    one_thread()
    end_on_terminate()
    from grader.authoring.audit import Audit
    from grader.authoring.audit import audit as audit_one
    from grader.checks.session import Runner, session
    from grader.desk import Desk
    from grader.model import AuthoringError
    from grader.sandbox.worker import work_folder

    tree = course()
    exercises = [tree.exercise(slug) for slug in slugs] if slugs else list(tree.exercises)
    found: list[Audit] = []
    out, progress = console(), console(stderr=True)

    def body(runner: Runner) -> None:
        with Desk(tree.root, work_folder(), "strong") as desk, progress.status("") as status:
            for exercise in exercises:
                try:
                    one = audit_one(exercise, runner, desk, status.update, range(1, seeds + 1))
                except AuthoringError as error:
                    one = Audit(exercise.slug, problems=[str(error)])
                found.append(one)
                if not as_json:
                    out.print(one.line())
                    for problem in one.problems:
                        out.print(f"  {problem}")
                    sys.stdout.flush()

    session(tree.root, body)
    if as_json:
        emit_json([{"exercise": one.slug, "checks": one.checks, "wrong": one.wrong, "right": one.right, "seeds": one.seeds,
                    "problems": one.problems} for one in found])  # fmt: skip
    if any(one.problems for one in found):
        raise typer.Exit(1)
