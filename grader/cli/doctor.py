"""`grader doctor`: what this machine offers, what is missing, and the command that mends it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from grader.cli.output import console, emit_json, one_thread

PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "skl2onnx", "onnx", "onnxruntime", "pytest", "nbgrader")


def doctor(as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False) -> None:
    """Say which layers of isolation and which packages this machine has. Exit 3 where others' code cannot be graded.

    Example: grader doctor
    """
    one_thread()
    from grader.model import Limits
    from grader.sandbox.policy import LAYER_NAMES, LAYERS, Policy
    from grader.sandbox.remove import remove_tree
    from grader.sandbox.worker import Budget, Nursery, NurserySpec, work_folder

    work = work_folder()
    try:
        with Nursery(NurserySpec((), Policy(frozenset(LAYER_NAMES), Limits())), work) as nursery:
            # A child that loads nothing shows that the layers can be applied, not only that they are there.
            nursery.spawn("probe", {"probe.py": b""}, Budget(10.0, 10.0)).close()
            layers, missing = nursery.layers, nursery.missing
    finally:
        remove_tree(work)
    packages = {name: _version(name) for name in PACKAGES}
    lacking = [layer for layer in LAYERS if layer.required and layer.name not in layers]
    absent = [name for name, installed in packages.items() if installed is None]
    if as_json:
        emit_json({"layers": {layer.name: layer.name in layers for layer in LAYERS}, "packages": packages, "strong": not lacking})
    else:
        out = console()
        for layer in LAYERS:
            state = "yes" if layer.name in layers else "NO" if layer.required else "no (optional)"
            out.print(f"{layer.name:<12} {state:<14} {layer.guards}")
            if layer.name not in layers:
                out.print(f"{'':<27} {missing[layer.name] or 'not applied'}; {layer.cure}")
        for name, installed in packages.items():
            out.print(f"{name:<12} {installed or 'MISSING'}")
        if absent:
            out.print("\nSome packages are missing: run `make setup`.")
        out.print(
            "\nOthers' code is not graded here without --sandbox weak." if lacking else "\nOthers' code can be graded here."
        )
    if lacking or absent:
        raise typer.Exit(3)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
