"""Fixtures that several parts share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ORT_DISABLE_TELEMETRY"):
    os.environ[_name] = "1"

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder as a checker process has it; removed whatever a test left there."""
    from grader.sandbox.remove import remove_tree
    from grader.sandbox.worker import work_folder

    folder = work_folder()
    yield folder
    remove_tree(folder)
