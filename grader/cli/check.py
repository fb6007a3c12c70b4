"""`grader check`: the visible checks on a student's own files."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from grader.cli.output import console, course, emit_json, end_on_terminate, one_thread

OWN_SEED = 1


def check(
    slugs: Annotated[
        list[str] | None, typer.Argument(metavar="[SLUG]...", help="Default: what changed last.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the checks' inputs.")] = OWN_SEED,
    as_json: Annotated[bool, typer.Option("--json", help="The results as JSON on stdout.")] = False,
) -> None:
    """Run the visible checks on your own files and say what is wrong and why. Exit 1 where one did not pass.

    Example: grader check fed_avg
    """
    one_thread()
    end_on_terminate()
    from grader import student
    from grader.checks.session import Runner, session
    from grader.desk import Desk
    from grader.grade import Grader
    from grader.model import ExerciseResult, GraderFault, Outcome, Status, combine
    from grader.sandbox.worker import work_folder

    tree = course()
    chosen = [tree.exercise(slug) for slug in dict.fromkeys(slugs)] if slugs else [student.changed_last(tree)]
    results: list[ExerciseResult] = []

    def body(runner: Runner) -> None:
        with Desk(tree.root, work_folder(), "weak") as desk:  # a student's own code may do what the student may
            grader = Grader(runner, desk, seed)
            for exercise in chosen:
                visible = replace(exercise, solution=None)
                result = grader.grade(visible, student.own_work(tree, visible))
                if result.status is Status.GRADER_ERROR:
                    raise GraderFault(result.reason or f"{exercise.slug}: not graded")
                results.append(result)
                passed = sum(one.outcome is Outcome.PASSED for one in result.checks)
                record = student.Progress(student.source_sha256(visible), passed, len(result.checks))
                student.save_progress(tree.root, exercise.slug, record)
                if not as_json:
                    from grader.reports.terminal import render_check

                    render_check(result, exercise, console())

    session(tree.root, body)
    if as_json:
        from grader.reports.schema import tidy
        from grader.reports.student import check_json

        emit_json([check_json(result) for result in tidy(combine("you", seed, tuple(results))).exercises])
    if any(one.outcome is not Outcome.PASSED for result in results for one in result.checks):
        raise typer.Exit(1)
