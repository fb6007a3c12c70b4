"""Rule 6, the checks are checked: every solution that we know of gets exactly the verdict that it must get."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from grader.authoring.leaks import leaks_in_folder, leaks_in_report
from grader.authoring.stub import expected_stub
from grader.checks.session import Runner
from grader.desk import Desk, wrong_solutions
from grader.grade import Grader
from grader.model import Check, Exercise, ExerciseResult, GraderFault, Outcome, Report, Status, Work, combine

LEAST_WRONG, LEAST_RIGHT = 6, 3
SEEDS = (1, 2, 3)
KNOWN_IN_FOLDER = {"README.md", "exercise.toml", "support.py"}
KNOWN_IN_SOLUTION = {"test_hidden.py", "artefact.py", "wrong", "right"}


@dataclass(slots=True)
class Audit:
    """What was found out about one exercise. `problems` is empty where all is well; each says what to mend."""

    slug: str
    checks: int = 0
    wrong: int = 0
    right: int = 0
    seeds: int = 0
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        """One line for the author's terminal."""
        verdict = "all as they must be" if not self.problems else f"{len(self.problems)} problem{'s' * (len(self.problems) > 1)}"
        return (
            f"{self.slug}  {self.checks} checks · reference, stub, {self.wrong} wrong, {self.right} right"
            f" · {self.seeds} seeds · {verdict}"
        )


def audit(exercise: Exercise, runner: Runner, desk: Desk, tell: Callable[[str], None], seeds: Iterable[int] = SEEDS) -> Audit:
    """Runs everything that rule 6 asks for through the real sandbox. `tell` hears what is being run."""
    found = Audit(exercise.slug)
    found.problems += _files(exercise) + leaks_in_folder(exercise)
    if found.problems:
        return found
    first: dict[str, dict[str, Outcome]] = {}
    for seed in seeds:
        grader = Grader(runner, desk, seed)
        checks = grader.collected(exercise).checks
        found.checks = len(checks)
        _once(exercise, grader, checks, found, tell, first, seed)
        found.seeds += 1
        if found.problems:
            break  # the other seeds would mostly say the same again
    return found


def _once(
    exercise: Exercise,
    grader: Grader,
    checks: tuple[Check, ...],
    found: Audit,
    tell: Callable[[str], None],
    first: dict[str, dict[str, Outcome]],
    seed: int,
) -> None:
    def outcomes(name: str, source: bytes) -> dict[str, Outcome]:
        tell(f"{exercise.slug}  seed {seed}  {name}")
        result = grader.grade(exercise, as_work(exercise.slug, source))
        if result.status is Status.GRADER_ERROR and all(check.outcome is Outcome.GRADER_ERROR for check in result.checks):
            raise GraderFault(result.reason or f"{exercise.slug}: {name} could not be graded")
        if result.status is Status.GRADER_ERROR:
            found.problems.append(f"{exercise.slug}: {name}: {result.reason}")
        found.problems.extend(f"{problem} (graded: {name})" for problem in leaks_in_report(_report(result, seed)))
        ended = {check.name: check.outcome for check in result.checks}
        if first.setdefault(name, ended) != ended:
            changed = sorted(check for check in ended if ended[check] != first[name][check])
            found.problems.append(
                f"{exercise.slug}: {name}: {', '.join(changed)} depends on the seed ({seed}); draw safer inputs"
            )
        return ended

    solution = exercise.solution
    if solution is None:
        return
    messages = found.problems
    reference = (solution / f"{exercise.slug}.py").read_bytes()
    messages += _must_pass(exercise, "the reference", outcomes("the reference", reference))
    messages += _must_not_pass(exercise, "the stub", outcomes("the stub", exercise.stub_path.read_bytes()))
    for name, source in shrugs(reference.decode()).items():
        messages += _must_not_pass(exercise, name, outcomes(name, source))
    failed: set[str] = set()
    known = {check.name for check in checks}
    for wrong in wrong_solutions(exercise):
        name = f"wrong/{wrong.name}.py"
        ended = outcomes(name, wrong.files[f"{exercise.slug}.py"])
        fails = {check for check, outcome in ended.items() if outcome not in (Outcome.PASSED, Outcome.SKIPPED)}
        failed |= fails
        messages += [f"{exercise.slug}: {name}: FAILS names {check}, which is no check" for check in sorted(wrong.fails - known)]
        messages += [
            f"{exercise.slug}: {name}: passes {check}, which FAILS names" for check in sorted((wrong.fails & known) - fails)
        ]
        messages += [
            f"{exercise.slug}: {name}: fails {check}, which FAILS does not name" for check in sorted(fails - wrong.fails)
        ]
    for path in sorted((solution / "right").glob("*.py")):
        messages += _must_pass(exercise, f"right/{path.name}", outcomes(f"right/{path.name}", path.read_bytes()))
    messages += [
        f"{exercise.slug}: no wrong solution fails {check.name}; add one, or the check may be unable to fail"
        for check in checks
        if check.name not in failed
    ]
    found.wrong, found.right = len(wrong_solutions(exercise)), len(list((solution / "right").glob("*.py")))


def _must_pass(exercise: Exercise, name: str, outcomes: Mapping[str, Outcome]) -> list[str]:
    return [
        f"{exercise.slug}: {name}: {check} is {outcome}, but it must pass every check"
        for check, outcome in outcomes.items()
        if outcome is not Outcome.PASSED
    ]


def _must_not_pass(exercise: Exercise, name: str, outcomes: Mapping[str, Outcome]) -> list[str]:
    return [
        f"{exercise.slug}: {name}: passes {check}, but it must pass none; let the check need one that only work can pass"
        for check, outcome in outcomes.items()
        if outcome is Outcome.PASSED
    ]


def shrugs(reference: str) -> dict[str, bytes]:
    """Modules that define what the reference defines but only ever answer one thing; none may earn a point."""
    names = [
        node.name for node in ast.parse(reference).body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    bodies = {
        "a module that returns None": "return None",
        "a module that raises ValueError": "raise ValueError('no')",
        "a module that raises TypeError": "raise TypeError('no')",
    }
    return {
        title: "\n".join(f"def {name}(*arguments, **keywords):\n    {body}\n" for name in names).encode()
        for title, body in bodies.items()
    }


def _files(exercise: Exercise) -> list[str]:
    """What is missing, stray or out of date among the files."""
    slug, solution = exercise.slug, exercise.solution
    if solution is None:
        return [f"{slug}: no solutions/{exercise.lesson}/{slug}; write the reference and the hidden checks there"]
    needed = (
        exercise.folder / "README.md",
        exercise.stub_path,
        exercise.folder / f"test_{slug}.py",
        solution / f"{slug}.py",
        solution / "test_hidden.py",
    )
    problems = [f"{slug}: no {path.parent.name}/{path.name}; write it" for path in needed if not path.is_file()]
    if problems:
        return problems
    if exercise.stub_path.read_text("utf-8") != expected_stub(exercise):
        problems.append(f"{slug}/{slug}.py: not what the reference makes of it; run `grader build {slug}`")
    for verdict, least in (("wrong", LEAST_WRONG), ("right", LEAST_RIGHT)):
        count = len(list((solution / verdict).glob("*.py")))
        if count < least:
            problems.append(f"{slug}: {count} {verdict} solutions; write at least {least}")
    for folder, known in (
        (exercise.folder, {*KNOWN_IN_FOLDER, f"{slug}.py", f"test_{slug}.py"}),
        (solution, {*KNOWN_IN_SOLUTION, f"{slug}.py"}),
    ):
        stray = [path.name for path in folder.iterdir() if path.name not in known and path.name != "__pycache__"]
        problems += [f"{slug}: {folder.name}/{name} is no file of an exercise; remove it" for name in sorted(stray)]
    return problems


def as_work(slug: str, source: bytes) -> Work:
    """One module as if a student had handed it in."""
    return Work(slug, {PurePosixPath(f"{slug}.py"): source}, None, hashlib.sha256(source).hexdigest())


def _report(result: ExerciseResult, seed: int) -> Report:
    return combine("audit", seed, (result,))
