"""Documents that run: transcripts, worked examples, links."""

from __future__ import annotations

import doctest
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader import catalog

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "README.md"]
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def transcripts() -> list[tuple[str, str, str]]:
    """(document, command, expected output) of every console block."""
    found = []
    for document in DOCUMENTS:
        for block in CONSOLE.findall(document.read_text("utf-8")):
            for part in re.split(r"(?m)^\$ ", block)[1:]:
                command, _, output = part.partition("\n")
                found.append((document.name, command.strip(), output))
    return found


@pytest.mark.parametrize(("document", "command", "expected"), transcripts())
def test_transcript_is_what_the_command_prints(document: str, command: str, expected: str, tmp_path: Path) -> None:
    """`…` stands for any text. The commands run on an untouched copy of the course."""
    for side in ("exercises", "solutions"):
        shutil.copytree(ROOT / side, tmp_path / side, ignore=shutil.ignore_patterns("__pycache__"))
    words = shlex.split(command)
    assert words[0] == "grader", f"{document}: only grader's own commands are run"
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli.main", *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert doctest.OutputChecker().check_output(
        expected.replace("…", "..."), done.stdout, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    ), done.stdout + done.stderr


def test_there_are_transcripts() -> None:
    assert len(transcripts()) >= 2


EXERCISES = catalog.load(ROOT).exercises


@pytest.mark.parametrize("slug", [exercise.slug for exercise in EXERCISES])
def test_the_example_worked_by_hand_is_right(slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's example, run against the reference."""
    exercise = catalog.load(ROOT).exercise(slug)
    assert exercise.solution is not None
    path = exercise.solution / f"{slug}.py"
    spec = importlib.util.spec_from_file_location(slug, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, slug, module)
    spec.loader.exec_module(module)
    result = doctest.testfile(str(exercise.folder / "README.md"), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted >= 2
    assert result.failed == 0


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text("utf-8")):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target
