import fcntl
import os
import signal
import socket
from pathlib import Path, PurePosixPath

import pytest

from grader.model import GraderFault, Limits
from grader.submissions.content import Refused
from grader.submissions.folder import read_folder


def test_modules_are_read_and_other_files_only_counted(inbox: Path) -> None:
    (inbox / "a").mkdir()
    (inbox / "a" / "m.py").write_bytes(b"x = 1\r\n")
    (inbox / "data.csv").write_bytes(b"1,2")
    assert read_folder(inbox, Limits()) == {PurePosixPath("a/m.py"): b"x = 1\r\n", PurePosixPath("data.csv"): None}


def test_what_tools_leave_behind_is_passed_over_unread_and_uncounted(inbox: Path) -> None:
    for name in (".git", ".venv", "__pycache__", ".ipynb_checkpoints", "__MACOSX"):
        (inbox / name).mkdir()
        (inbox / name / "link").symlink_to("/etc/passwd")
        (inbox / name / "big.py").write_bytes(b"x" * 100)
    (inbox / ".DS_Store").symlink_to("/etc/passwd")
    (inbox / "m.py").write_bytes(b"")
    assert list(read_folder(inbox, Limits(submission_files=1, submission_bytes=10))) == [PurePosixPath("m.py")]


@pytest.mark.parametrize("name", ["fed_avg.py", "data.csv", "folder", "deep/link.txt"])
def test_a_symbolic_link_anywhere_is_refused(inbox: Path, name: str) -> None:
    (inbox / "deep").mkdir()
    (inbox / name).symlink_to("/etc" if name == "folder" else "/etc/hostname")
    with pytest.raises(Refused, match=f"{name}: a symbolic link; hand in the file"):
        read_folder(inbox, Limits())


def test_a_submission_that_is_itself_a_link_is_refused(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(inbox)
    with pytest.raises(Refused, match="the submission: a symbolic link"):
        read_folder(tmp_path / "link", Limits())


def test_a_hard_link_is_refused(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("secret")
    os.link(tmp_path / "other.py", inbox / "fed_avg.py")
    with pytest.raises(Refused, match=r"fed_avg\.py: a hard link"):
        read_folder(inbox, Limits())


def test_a_pipe_is_refused_without_waiting_for_its_other_end(inbox: Path) -> None:
    os.mkfifo(inbox / "fed_avg.py")
    signal.alarm(10)
    try:
        with pytest.raises(Refused, match=r"fed_avg\.py: neither a plain file nor a folder"):
            read_folder(inbox, Limits())
    finally:
        signal.alarm(0)


def test_a_pipe_put_in_a_files_place_is_refused_without_waiting(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (inbox / "fed_avg.py").write_text("")
    real = os.open

    def swap(path, flags, *rest, **keywords):
        if path == "fed_avg.py":
            (inbox / path).unlink()
            os.mkfifo(inbox / path)
        return real(path, flags, *rest, **keywords)

    monkeypatch.setattr(os, "open", swap)
    signal.alarm(10)
    try:
        with pytest.raises(Refused, match=r"fed_avg\.py: neither a plain file"):
            read_folder(inbox, Limits())
    finally:
        signal.alarm(0)


def test_a_link_put_in_a_files_place_is_not_followed(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (inbox / "fed_avg.py").write_text("")
    real = os.open

    def swap(path, flags, *rest, **keywords):
        if path == "fed_avg.py":
            (inbox / path).unlink()
            (inbox / path).symlink_to("/etc/hostname")
        return real(path, flags, *rest, **keywords)

    monkeypatch.setattr(os, "open", swap)
    with pytest.raises(Refused, match="vanished or changed"):
        read_folder(inbox, Limits())


def test_another_file_put_in_a_files_place_is_refused(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (inbox / "fed_avg.py").write_text("")
    (inbox.parent / "other").write_text("other")
    real = os.open

    def swap(path, flags, *rest, **keywords):
        if path == "fed_avg.py":
            (inbox.parent / "other").rename(inbox / path)
        return real(path, flags, *rest, **keywords)

    monkeypatch.setattr(os, "open", swap)
    with pytest.raises(Refused, match="changed while it was read"):
        read_folder(inbox, Limits())


def test_a_lease_of_somebody_else_does_not_hold_us_up(inbox: Path) -> None:
    (inbox / "fed_avg.py").write_text("")
    holder = os.open(inbox / "fed_avg.py", os.O_RDWR)
    previous = signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        fcntl.fcntl(holder, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        with pytest.raises(Refused, match=r"fed_avg\.py: another program keeps it locked"):
            read_folder(inbox, Limits())
    finally:
        os.close(holder)
        signal.signal(signal.SIGIO, previous)


def test_a_socket_is_refused(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inbox)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.py")
        with pytest.raises(Refused, match=r"s\.py: neither a plain file"):
            read_folder(inbox, Limits())


def test_one_file_too_many_is_refused(inbox: Path) -> None:
    for number in range(3):
        (inbox / f"{number}.txt").write_text("")
    assert len(read_folder(inbox, Limits(submission_files=3))) == 3
    with pytest.raises(Refused, match="more than 2 files"):
        read_folder(inbox, Limits(submission_files=2))


@pytest.mark.parametrize("name", ["m.py", "data.bin"])
def test_one_byte_too_many_is_refused(inbox: Path, name: str) -> None:
    (inbox / "a.py").write_bytes(b"x" * 1000)
    (inbox / name).write_bytes(b"x" * 48)
    assert read_folder(inbox, Limits(submission_bytes=1048))
    with pytest.raises(Refused, match="more than 1047 bytes unpacked"):
        read_folder(inbox, Limits(submission_bytes=1047))


@pytest.mark.parametrize("name", ["huge.py", "huge.bin"])
def test_a_sparse_terabyte_is_refused_without_being_read(inbox: Path, name: str) -> None:
    with open(inbox / name, "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(Refused, match="more than 16 MiB unpacked"):
        read_folder(inbox, Limits())


def test_folders_too_deep_are_refused(inbox: Path) -> None:
    inbox.joinpath(*["d"] * 32).mkdir(parents=True)
    read_folder(inbox, Limits())
    inbox.joinpath(*["d"] * 33).mkdir()
    with pytest.raises(Refused, match="lies too deep"):
        read_folder(inbox, Limits())


def test_too_many_folders_are_refused(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.submissions.folder.MOST_ENTRIES", 5)
    for number in range(6):
        (inbox / f"{number}").mkdir()
    with pytest.raises(Refused, match="more than 5 files and folders"):
        read_folder(inbox, Limits())


def failing(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    real = os.open

    def fail(path, flags, *rest, **keywords):
        if path == "fed_avg.py":
            raise error
        return real(path, flags, *rest, **keywords)

    monkeypatch.setattr(os, "open", fail)


def test_an_unreadable_file_is_refused(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (inbox / "fed_avg.py").write_text("")
    failing(monkeypatch, PermissionError(13, "Permission denied"))
    with pytest.raises(Refused, match=r"fed_avg\.py: it cannot be read \(Permission denied\); make it readable"):
        read_folder(inbox, Limits())


def test_a_machine_out_of_descriptors_is_a_fault_of_ours(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (inbox / "fed_avg.py").write_text("")
    failing(monkeypatch, OSError(24, "Too many open files"))
    with pytest.raises(GraderFault, match="mend the machine"):
        read_folder(inbox, Limits())


def test_a_name_that_is_no_text_is_shown_cleanly(inbox: Path) -> None:
    (inbox / os.fsdecode(b"\xff\x1b[31m")).symlink_to("/")
    with pytest.raises(Refused) as refusal:
        read_folder(inbox, Limits())
    assert str(refusal.value).startswith("\ufffd[31m: a symbolic link")


def test_no_descriptor_stays_open(inbox: Path) -> None:
    (inbox / "a" / "b").mkdir(parents=True)
    (inbox / "a" / "b" / "link").symlink_to("/")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(Refused):
            read_folder(inbox, Limits())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
