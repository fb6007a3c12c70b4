"""The stub, made from the reference: one source, so the two cannot drift apart unseen."""

from __future__ import annotations

import re

from grader.model import AuthoringError, Exercise

BEGIN, END, TODO = "### BEGIN SOLUTION", "### END SOLUTION", "# TODO:"


def stub_of(source: str, where: str) -> str:
    """The stub of a reference module.

    A region between the markers inside a function becomes `raise NotImplementedError(...)` with the text of the
    `# TODO:` line before it; a region at module level disappears. AuthoringError names the line that is wrong.
    """
    kept: list[str] = []
    opened: int | None = None
    for number, line in enumerate(source.splitlines(), 1):
        text = line.strip()
        if text == BEGIN:
            if opened is not None:
                raise AuthoringError(f"{where}:{number}: a region begins inside another; end the one of line {opened} first")
            opened = number
            kept += _replacement(line[: len(line) - len(line.lstrip())], kept, f"{where}:{number}")
        elif text == END:
            if opened is None:
                raise AuthoringError(f"{where}:{number}: a region ends that never began; write {BEGIN!r} before it")
            opened = None
        elif opened is None:
            kept.append(line)
    if opened is not None:
        raise AuthoringError(f"{where}:{opened}: this region never ends; write {END!r} after it")
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(kept)).rstrip() + "\n"


def _replacement(indent: str, before: list[str], where: str) -> list[str]:
    if not indent:
        return []
    last = before[-1].strip() if before else ""
    if not last.startswith(TODO):
        raise AuthoringError(f"{where}: no {TODO} line before the region; it tells the student what to write")
    task = last.removeprefix(TODO).strip().replace("\\", "\\\\").replace('"', '\\"')
    return [f'{indent}raise NotImplementedError("{task}")']


def solution_lines(source: str) -> list[str]:
    """The stripped lines inside the solution regions: what no student may read."""
    inside = False
    lines = []
    for line in source.splitlines():
        text = line.strip()
        if text in (BEGIN, END):
            inside = text == BEGIN
        elif inside and text:
            lines.append(text)
    return lines


def expected_stub(exercise: Exercise) -> str:
    """What `exercise`'s stub must be. AuthoringError where there is no reference."""
    if exercise.solution is None or not (exercise.solution / f"{exercise.slug}.py").is_file():
        raise AuthoringError(
            f"{exercise.slug}: no reference; write solutions/{exercise.lesson}/{exercise.slug}/{exercise.slug}.py"
        )
    where = f"solutions/{exercise.lesson}/{exercise.slug}/{exercise.slug}.py"
    return stub_of((exercise.solution / f"{exercise.slug}.py").read_text("utf-8"), where)
