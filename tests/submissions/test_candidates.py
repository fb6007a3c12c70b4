import os
import zipfile
from pathlib import Path

import pytest

from grader.model import Course, UsageError
from grader.submissions import find


def put(root: Path, *files: str) -> None:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.endswith("/"):
            path.mkdir()
        elif file.endswith(".zip"):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("fed_avg.py", "")
        else:
            path.write_text("")


def students(course: Course, *paths: Path) -> list[str]:
    return [candidate.student for candidate in find(paths, course)]


@pytest.mark.parametrize(
    "files",
    [
        ["fed_avg.py"],
        ["fed_avg.ipynb"],
        ["onnx_trip.onnx"],
        ["fed_avg/fed_avg.py", "partition/partition.py"],
        ["day1/fed_avg/fed_avg.py", "day2/notes.txt"],
        ["exercises/day1/fed_avg/fed_avg.py", "docs/page.md", "datasets/a.csv"],
        ["fed_avg.py", "helpers/__init__.py", "helpers/more.py"],
        ["fed_avg.py", "old/fed_avg.py"],
        ["fed_avg.py", "handed_in.zip"],
        ["Fed_avg_misnamed.py", "notes.txt"],
    ],
)
def test_one_submission_stays_one(course: Course, inbox: Path, files: list[str]) -> None:
    put(inbox, *files)
    assert students(course, inbox) == ["inbox"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["ada/fed_avg.py", "bob/fed_avg.py"], ["ada", "bob"]),
        (["ada/fed_avg.py"], ["ada"]),
        (["ada.zip"], ["ada"]),
        (["ada.zip", "bob/exercises/day1/fed_avg/fed_avg.py", "eve.ZIP.txt"], ["ada", "bob"]),
        (["ada/fed_avg.py", "fed_avg/fed_avg.py"], ["ada", "fed_avg"]),
        (["fed_avg/fed_avg.py", "partition/fed_avg.py"], ["fed_avg", "partition"]),
        (["exercises/fed_avg.py", "day1/fed_avg.py", "day2/day1/fed_avg/fed_avg.py"], ["day1", "day2", "exercises"]),
        (["exercises/fed_avg.py"], ["exercises"]),
        (["exercises/day1/fed_avg/fed_avg.py", "ada.zip"], ["ada", "exercises"]),
        (["ada/fed_avg.py", "bob/fed_avg.ipynb", "fed_avg.py", "notes.txt", "__MACOSX/ada/._fed_avg.py"], ["ada", "bob"]),
        (["ada/ada-main/fed_avg.py", "bob/bob-main/exercises/day1/fed_avg/fed_avg.py"], ["ada", "bob"]),
        (["ada/", "bob/notes.txt"], ["ada", "bob"]),
        (["ada/fed_avg.py", "venv/", "solo/", ".git/config"], ["ada", "solo", "venv"]),
    ],
)
def test_a_class_stays_a_class(course: Course, inbox: Path, files: list[str], expected: list[str]) -> None:
    put(inbox, *files)
    assert students(course, inbox) == expected


def test_a_loose_zip_named_file_that_is_no_zip_is_still_somebodys_submission(course: Course, inbox: Path) -> None:
    put(inbox, "ada/fed_avg.py", "bob/fed_avg.py")
    (inbox / "eve.zip").write_text("no zip")
    assert students(course, inbox) == ["ada", "bob", "eve"]


def test_links_and_pipes_in_a_class_are_found_without_being_followed_or_opened(course: Course, inbox: Path) -> None:
    put(inbox, "ada/fed_avg.py")
    (inbox / "eve").symlink_to(inbox / "ada")
    (inbox / "gone").symlink_to(inbox / "nowhere")
    (inbox / "roster.csv").symlink_to("/etc/hostname")
    os.mkfifo(inbox / "pipe")
    os.mkfifo(inbox / "pipe.zip")
    assert students(course, inbox) == ["ada", "eve", "gone", "pipe"]


def test_a_link_inside_one_submission_makes_no_class_of_it(course: Course, inbox: Path) -> None:
    put(inbox, "fed_avg/fed_avg.py")
    (inbox / "data").symlink_to("/tmp")
    assert students(course, inbox) == ["inbox"]


def test_a_link_given_as_path_is_one_submission(course: Course, inbox: Path, tmp_path: Path) -> None:
    put(inbox, "ada/fed_avg.py", "bob/fed_avg.py")
    (tmp_path / "link").symlink_to(inbox)
    assert students(course, tmp_path / "link") == ["link"]


def test_the_same_submission_given_twice_is_found_once(course: Course, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(inbox, "ada/fed_avg.py", "bob/fed_avg.py")
    monkeypatch.chdir(inbox)
    assert students(course, inbox, inbox / "ada", Path(), Path("ada/../bob"), Path("bob/..")) == ["ada", "bob"]


def test_one_name_in_two_classes_is_two_submissions(course: Course, tmp_path: Path) -> None:
    put(tmp_path, "morning/ada/fed_avg.py", "evening/ada/fed_avg.py")
    found = find([tmp_path / "morning", tmp_path / "evening"], course)
    assert len({candidate.student for candidate in found}) == len({candidate.folder for candidate in found}) == 2


def test_the_order_of_the_paths_does_not_matter(course: Course, inbox: Path) -> None:
    put(inbox, "ada/fed_avg.py", "Ada/fed_avg.py", "ada.zip", "é/fed_avg.py", "e\u0301/fed_avg.py", "ada /fed_avg.py")
    paths = sorted(inbox.iterdir())
    found = find(paths, course)
    assert found == find(paths[::-1], course) == find([inbox], course)
    assert len({candidate.folder.lower() for candidate in found}) == 6


def test_an_empty_class_has_no_submission(course: Course, inbox: Path) -> None:
    assert find([inbox], course) == []


def test_an_empty_folder_beside_others_is_a_submission(course: Course, tmp_path: Path) -> None:
    put(tmp_path, "in/ada/fed_avg.py", "in/eve/")
    assert students(course, tmp_path / "in" / "ada", tmp_path / "in" / "eve") == ["ada", "eve"]


@pytest.mark.parametrize("name", ["nowhere", "notes.txt", "pipe", "pipe.zip"])
def test_a_path_that_is_no_submission_is_wrong_usage(course: Course, inbox: Path, name: str) -> None:
    put(inbox, "notes.txt")
    os.mkfifo(inbox / "pipe")
    os.mkfifo(inbox / "pipe.zip")
    with pytest.raises(UsageError, match=rf"{name}: .*; give a folder"):
        find([inbox / name], course)


def test_a_big_class_is_told_from_its_first_members(course: Course, inbox: Path) -> None:
    put(inbox, *(f"student{number:03}/fed_avg.py" for number in range(300)))
    assert len(find([inbox], course)) == 300
