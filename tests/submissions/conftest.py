from pathlib import Path

import pytest

from grader.model import ArtefactSpec, Course, Exercise, Lesson, Limits


def _exercise(root: Path, lesson: str, slug: str, artefact: ArtefactSpec | None = None) -> Exercise:
    folder = root / "exercises" / lesson / slug
    folder.mkdir(parents=True)
    return Exercise(slug, lesson, slug, folder, None, 20, "easy", 10.0, (), (), "source", ("hint",), Limits(), artefact)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    root = tmp_path / "course"
    first = Lesson("day1", "One", (_exercise(root, "day1", "fed_avg"), _exercise(root, "day1", "partition")))
    second = Lesson("day2", "Two", (_exercise(root, "day2", "onnx_trip", ArtefactSpec((), ())),))
    return Course(root, (first, second))


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder
