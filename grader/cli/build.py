"""`grader build`: the stubs from the references."""

from __future__ import annotations

from typing import Annotated

import typer

from grader.cli.output import console, course


def build(
    slugs: Annotated[list[str] | None, typer.Argument(metavar="[SLUG]...", help="Default: all.", show_default=False)] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 where a stub is not what its reference makes of it.")
    ] = False,
) -> None:
    """Write each exercise's stub from its reference.

    Example: grader build --check
    """
    from grader.authoring.stub import expected_stub

    tree = course()
    out = console()
    drifted = 0
    for exercise in [tree.exercise(slug) for slug in slugs] if slugs else tree.exercises:
        wanted = expected_stub(exercise)
        current = exercise.stub_path.read_text("utf-8") if exercise.stub_path.is_file() else None
        if current == wanted:
            continue
        drifted += 1
        if check:
            path = exercise.stub_path.relative_to(tree.root)
            out.print(f"{path}: not what its reference makes of it; run `grader build {exercise.slug}`")
        else:
            exercise.stub_path.write_text(wanted, "utf-8")
            out.print(f"wrote {exercise.stub_path.relative_to(tree.root)}")
    if not drifted:
        out.print("every stub is what its reference makes of it")
    if check and drifted:
        raise typer.Exit(1)
