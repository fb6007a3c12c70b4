import json
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from grader.model import Course, Limits, Submission
from grader.submissions import Candidate, find, read


def hand_in(course: Course, root: Path, **files: object) -> Submission:
    """One submission in `root / "ada"` of paths (as in `{"a/b.py": "text"}`) read."""
    folder = root / "ada"
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    folder.mkdir(exist_ok=True)
    return read(Candidate(folder, "ada", "ada"), course, Limits())


def notebook(*cells: tuple[str, str]) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "metadata": {"tags": [tag]}, "source": text} for text, tag in cells]})


def files(submission: Submission, slug: str = "fed_avg") -> dict[str, bytes]:
    return {str(path): content for path, content in submission.works[slug].files.items()}


@pytest.mark.parametrize(
    "place", ["", "fed_avg/", "day1/fed_avg/", "exercises/day1/fed_avg/", "ada-main/", "ada-main/exercises/day1/fed_avg/"]
)
def test_a_module_is_found_where_it_belongs(course: Course, tmp_path: Path, place: str) -> None:
    submission = hand_in(course, tmp_path, **{f"{place}fed_avg.py": "x = 1"})
    assert submission.reason is None
    assert files(submission) == {"fed_avg.py": b"x = 1"}
    assert set(submission.missing) == {"partition", "onnx_trip"}


def test_the_hash_is_the_works_not_the_places(course: Course, tmp_path: Path) -> None:
    here = hand_in(course, tmp_path / "1", **{"fed_avg.py": "x = 1"})
    there = hand_in(course, tmp_path / "2", **{"exercises/day1/fed_avg/fed_avg.py": "x = 1", "notes.txt": "other"})
    other = hand_in(course, tmp_path / "3", **{"fed_avg.py": "x = 2"})
    assert here.sha256 == there.sha256 != other.sha256
    assert here.works["fed_avg"].sha256 == there.works["fed_avg"].sha256 != other.works["fed_avg"].sha256


def test_names_and_contents_are_hashed_apart(course: Course, tmp_path: Path) -> None:
    one = hand_in(course, tmp_path / "1", **{"fed_avg.py": "", "a.py": "b.py", "c.py": ""})
    two = hand_in(course, tmp_path / "2", **{"fed_avg.py": "", "a.py": "", "c.py": "b.py"})
    assert one.works["fed_avg"].sha256 != two.works["fed_avg"].sha256


@pytest.mark.parametrize("place", ["day2/fed_avg/", "src/deep/", "exercises/fed_avg/", "fed_avg/fed_avg/fed_avg/"])
def test_a_module_elsewhere_is_not_found_but_named(course: Course, tmp_path: Path, place: str) -> None:
    submission = hand_in(course, tmp_path, **{f"{place}fed_avg.py": "", "README.md": ""})
    assert submission.works == {}
    assert submission.missing["fed_avg"].startswith(
        f"no fed_avg.py in the submission ({place}fed_avg.py is not where it belongs); hand it in as"
    )


def test_the_first_place_wins(course: Course, tmp_path: Path) -> None:
    submission = hand_in(
        course, tmp_path, **{"exercises/day1/fed_avg/fed_avg.py": "3", "fed_avg/fed_avg.py": "2", "fed_avg.py": "1"}
    )
    assert files(submission)["fed_avg.py"] == b"1"


def test_helpers_beside_the_module_come_with_it_and_nothing_else(course: Course, tmp_path: Path) -> None:
    taken = ["more.py", "pack/__init__.py", "pack/inner.py", "pack/sub/__init__.py", "partition.py"]
    ignored = [
        "conftest.py", "test_fed_avg.py", "fed_avg_test.py", "sitecustomize.py", "usercustomize.py", "pytest.ini",
        "x.pth", "data.json", "my-module.py", "loose/code.py", "tests/__init__.py", "tests/a.py", "pack/conftest.py",
        "pack/test_x.py", "pack/open/x.py", "fed_avg.pyc",
    ]  # fmt: skip
    submission = hand_in(
        course, tmp_path, **{f"fed_avg/{name}": name for name in [*taken, *ignored, "fed_avg.py"]}, **{"above.py": ""}
    )
    assert set(files(submission)) == {"fed_avg.py", *taken}


def test_the_public_helper_of_an_exercise_is_the_courses_own(course: Course, tmp_path: Path) -> None:
    (course.exercise("fed_avg").folder / "support.py").write_text("ours")
    submission = hand_in(course, tmp_path, **{"fed_avg.py": "", "partition.py": "", "support.py": "theirs"})
    assert "support.py" not in files(submission)
    assert files(submission, "partition")["support.py"] == b"theirs"


def test_a_module_wins_over_a_notebook(course: Course, tmp_path: Path) -> None:
    submission = hand_in(
        course, tmp_path, **{"exercises/day1/fed_avg/fed_avg.py": "module", "fed_avg.ipynb": notebook(("cell", ""))}
    )
    assert files(submission)["fed_avg.py"] == b"module"


def test_a_notebook_of_the_exercise_gives_all_its_code_and_helpers_beside_it(course: Course, tmp_path: Path) -> None:
    content = {"day1/fed_avg/fed_avg.ipynb": notebook(("%time a", "x"), ("b", "partition")), "day1/fed_avg/more.py": "m"}
    assert files(hand_in(course, tmp_path, **content)) == {"fed_avg.py": b"# %time a\n\nb\n", "more.py": b"m"}


def test_any_notebook_gives_the_cells_with_the_tag(course: Course, tmp_path: Path) -> None:
    content = notebook(("a", "fed_avg"), ("b", "partition"), ("c", "fed_avg"), ("d", "other"))
    submission = hand_in(course, tmp_path, **{"week.ipynb": content})
    assert files(submission) == {"fed_avg.py": b"a\n\nc\n"}
    assert files(submission, "partition") == {"partition.py": b"b\n"}


def test_a_broken_notebook_is_told_and_the_rest_is_read(course: Course, tmp_path: Path) -> None:
    submission = hand_in(course, tmp_path, **{"fed_avg.ipynb": '{"cells": [', "partition.py": "x"})
    assert submission.reason is None
    assert list(submission.works) == ["partition"]
    assert (
        submission.missing["fed_avg"] == "fed_avg.ipynb cannot be read: it is no JSON; save it again in Jupyter and hand that in"
    )


def test_a_notebook_without_code_is_told(course: Course, tmp_path: Path) -> None:
    assert "fed_avg.ipynb has no code cell" in hand_in(course, tmp_path, **{"fed_avg.ipynb": '{"cells": []}'}).missing["fed_avg"]


def test_the_code_of_all_notebooks_together_is_bounded(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.submissions.works._MOST_NOTEBOOK_CODE", 10)
    submission = hand_in(
        course, tmp_path, **{"fed_avg.ipynb": notebook(("x = 100", "")), "partition.ipynb": notebook(("y = 200", ""))}
    )
    assert list(submission.works) == ["fed_avg"]
    assert "partition.ipynb cannot be read: too much code in it" in submission.missing["partition"]


def test_an_artefact_is_taken_beside_its_module(course: Course, tmp_path: Path) -> None:
    alone = hand_in(course, tmp_path / "1", **{"onnx_trip/onnx_trip.py": "x", "onnx_trip.onnx": b"far"})
    beside = hand_in(course, tmp_path / "2", **{"onnx_trip/onnx_trip.py": "x", "onnx_trip/onnx_trip.onnx": b"near"})
    assert alone.works["onnx_trip"].artefact is None
    assert beside.works["onnx_trip"].artefact == b"near"
    assert alone.works["onnx_trip"].sha256 != beside.works["onnx_trip"].sha256


def test_an_artefact_alone_is_a_work_without_files(course: Course, tmp_path: Path) -> None:
    submission = hand_in(course, tmp_path, **{"day2/onnx_trip/onnx_trip.onnx": b"", "fed_avg.onnx": b"no artefact is asked for"})
    assert list(submission.works) == ["onnx_trip"]
    assert submission.works["onnx_trip"].files == {}
    assert submission.works["onnx_trip"].artefact == b""


def test_a_zip_is_read_like_a_folder(course: Course, tmp_path: Path) -> None:
    folder = hand_in(course, tmp_path, **{"fed_avg.py": "x", "more.py": "y"})
    with zipfile.ZipFile(tmp_path / "ada.zip", "w") as archive:
        archive.writestr("ada-main/", "")
        archive.writestr("ada-main/fed_avg.py", "x")
        archive.writestr("ada-main/more.py", "y")
        archive.writestr("__MACOSX/ada-main/._more.py", "z")
    zipped = read(Candidate(tmp_path / "ada.zip", "ada", "ada"), course, Limits())
    assert zipped == folder


def test_a_refused_submission_says_why_for_every_exercise_and_the_batch_goes_on(course: Course, inbox: Path) -> None:
    for name in ("ada", "eve", "pat"):
        (inbox / name).mkdir()
        (inbox / name / "fed_avg.py").write_text("")
    (inbox / "eve" / "data").symlink_to("/")
    (inbox / "sam.zip").write_text("no zip")
    submissions = {one.student: one for one in (read(candidate, course, Limits()) for candidate in find([inbox], course))}
    assert [student for student, one in submissions.items() if one.reason is None] == ["ada", "pat"]
    eve = submissions["eve"]
    assert eve.works == {}
    assert eve.reason == "data: a symbolic link; hand in the file or folder itself"
    assert set(eve.missing) == {"fed_avg", "partition", "onnx_trip"}
    assert len(eve.sha256) == 64
    assert str(inbox) not in f"{submissions}"


def test_a_submission_that_vanished_is_refused(course: Course, inbox: Path) -> None:
    assert "vanished" in (read(Candidate(inbox / "gone", "gone", "gone"), course, Limits()).reason or "")


def test_an_empty_submission_is_told_so(course: Course, inbox: Path) -> None:
    submission = read(Candidate(inbox, "eve", "eve"), course, Limits())
    assert submission.reason is None
    assert submission.missing["fed_avg"].startswith("no fed_avg.py in the submission, which is empty; hand it in as fed_avg.py")


def test_a_zip_inside_is_named_but_not_opened(course: Course, tmp_path: Path) -> None:
    assert "(inner.zip inside it is not opened)" in hand_in(course, tmp_path, **{"inner.zip": b"PK"}).missing["fed_avg"]


def test_the_limits_are_those_given(course: Course, tmp_path: Path) -> None:
    hand_in(course, tmp_path, **{"fed_avg.py": "x" * 100})
    submission = read(Candidate(tmp_path / "ada", "ada", "ada"), course, replace(Limits(), submission_bytes=99))
    assert submission.reason == "more than 99 bytes unpacked; hand in your own modules only, without data and environments"


def test_inputs_are_never_written_to(course: Course, tmp_path: Path) -> None:
    hand_in(course, tmp_path, **{"fed_avg.py": "x", "week.ipynb": notebook(("a", "partition"))})
    paths = [tmp_path / "ada", *sorted((tmp_path / "ada").iterdir())]
    before = [(path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in paths]
    read(find([tmp_path / "ada"], course)[0], course, Limits())
    assert [tmp_path / "ada", *sorted((tmp_path / "ada").iterdir())] == paths
    assert [(path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in paths] == before


def test_paths_of_files_are_relative_to_the_module(course: Course, tmp_path: Path) -> None:
    submission = hand_in(
        course, tmp_path, **{"exercises/day1/fed_avg/fed_avg.py": "", "exercises/day1/fed_avg/pack/__init__.py": ""}
    )
    assert set(submission.works["fed_avg"].files) == {PurePosixPath("fed_avg.py"), PurePosixPath("pack/__init__.py")}
