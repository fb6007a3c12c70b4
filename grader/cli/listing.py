"""`grader list`: lessons and exercises in order, and how far this checkout is."""

from __future__ import annotations

from typing import Annotated

import typer

from grader.cli.output import console, course, emit_json


def list_exercises(as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False) -> None:
    """List lessons and exercises with points, minutes and their state in this checkout.

    Example: grader list
    """
    from grader import student

    tree = course()
    progress = student.load_progress(tree.root)
    following = student.next_exercise(tree, progress)
    if as_json:
        emit_json([
            {"exercise": one.slug, "lesson": one.lesson, "title": one.title, "points": one.points, "minutes": one.minutes,
             "difficulty": one.difficulty, "needs": list(one.needs), "state": student.state(one, progress),
             "next": one == following}
            for one in tree.exercises
        ])  # fmt: skip
        return
    out = console()
    width = max((len(one.slug) for one in tree.exercises), default=0)
    for lesson in tree.lessons:
        out.print(lesson.title)
        for one in lesson.exercises:
            needs = f", after {', '.join(one.needs)}" if one.needs else ""
            facts = f"{one.points:>3g} points  {one.minutes:>3} min  {one.difficulty}{needs}"
            out.print(f"  {one.slug:<{width}}  {facts}: {student.state(one, progress)}")
    out.print(f"\nNext: grader check {following.slug}" if following is not None else "\nEvery exercise here is passed.")
