"""Imports point down: a part of the grader knows only the parts below it."""

from __future__ import annotations

import ast
from pathlib import Path

# From the bottom up; parts of one row do not know each other.
ROWS = [
    {"model"},
    {"catalog"},
    {"submissions"},
    {"sandbox"},
    {"artifacts"},
    {"checks"},
    {"desk"},
    {"grade", "student"},
    {"reports"},
    {"authoring", "batch"},
    {"cli"},
]
HEIGHT = {part: height for height, row in enumerate(ROWS) for part in row}


def imported_parts(path: Path) -> set[str]:
    parts = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "grader" else [f"grader.{alias.name}" for alias in node.names]
        parts |= {name.split(".")[1] for name in names if name.startswith("grader.") and name != "grader.__version__"}
    return parts


def test_every_part_has_its_height(root: Path) -> None:
    found = {path.stem for path in (root / "grader").iterdir() if path.name not in ("__init__.py", "__pycache__")}
    assert found == set(HEIGHT)


def test_imports_point_down(root: Path) -> None:
    upward = []
    for path in (root / "grader").rglob("*.py"):
        part = path.relative_to(root / "grader").parts[0].removesuffix(".py")
        if part == "__init__":
            continue
        for other in imported_parts(path) - {part}:
            if HEIGHT[other] >= HEIGHT[part]:
                upward.append(f"{path.relative_to(root)} imports grader.{other}")
    assert upward == []


def test_the_child_knows_only_the_sandbox_and_the_model(root: Path) -> None:
    """What runs beside a submission must not know of checks, reports or the catalog."""
    for path in (root / "grader" / "sandbox").rglob("*.py"):
        assert imported_parts(path) <= {"sandbox", "model"}, path


def test_nothing_of_ours_unpickles_or_executes_outside_the_worker(root: Path) -> None:
    allowed = {"grader/sandbox/parcel.py"}  # trusted -> worker, unpacked in the worker
    for path in (root / "grader").rglob("*.py"):
        text = path.read_text("utf-8")
        if str(path.relative_to(root)) not in allowed:
            for word in ("pickle.loads", "pickle.load(", "Unpickler", "allow_pickle=True", "weights_only=False", "shell=True"):
                assert word not in text, f"{path}: {word}"
