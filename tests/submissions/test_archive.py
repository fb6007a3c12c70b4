import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.model import Limits
from grader.submissions.archive import read_zip
from grader.submissions.content import Refused


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    def write(*entries: tuple[zipfile.ZipInfo | str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "ada.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in entries:
                archive.writestr(name, content, compress_type=method)
        return path

    return write


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def patched(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert old in data
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    return path


def refused(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(Refused) as refusal:
        read_zip(path, limits or Limits())
    return str(refusal.value)


def test_modules_are_unpacked_and_other_files_only_counted(zipped) -> None:
    path = zipped(("a/m.py", b"x = 1"), ("a/", b""), ("./data.csv", b"1,2"), ("__MACOSX/._m.py", b"?"), (".git/x.py", b"?"))
    assert read_zip(path, Limits()) == {PurePosixPath("a/m.py"): b"x = 1", PurePosixPath("data.csv"): None}


@pytest.mark.parametrize("name", ["/etc/passwd.py", "../m.py", "a/../../m.py", "a/..", "C:m.py", "c:/m.py", "__MACOSX/../m.py"])
def test_a_path_that_leads_out_is_refused(zipped, name: str) -> None:
    assert "a path that leads out of the zip" in refused(zipped((name, b"")))


def test_a_backslash_is_refused(zipped) -> None:
    assert "no name for a file" in refused(zipped((r"a\m.py", b"")))


@pytest.mark.parametrize("new", [b"m.py\0x", b"\0.pyxx"])
def test_a_null_character_in_a_name_is_refused(zipped, new: bytes) -> None:
    assert "no name for a file" in refused(patched(zipped(("m.pyxx", b"")), b"m.pyxx", new))


@pytest.mark.parametrize(
    "names",
    [
        ("m.py", "m.py"),
        ("m.py", "M.py"),
        ("\u00e9.py", "e\u0301.py"),
        ("a/m.py", "A/M.PY"),
        ("m.py", "./m.py"),
        ("ﬁ.py", "fi.py"),
    ],
)
def test_a_file_twice_is_refused(zipped, names: tuple[str, str]) -> None:
    with pytest.warns() if names[0] == names[1] else pytest.MonkeyPatch.context():
        path = zipped(*((name, b"") for name in names))
    assert "twice in the zip" in refused(path)


@pytest.mark.parametrize("names", [("m.py", "m.py/x.py"), ("M.py/x.py", "m.py"), ("m.py/", "m.py")])
def test_a_file_that_is_a_folder_as_well_is_refused(zipped, names: tuple[str, str]) -> None:
    assert "twice in the zip" in refused(zipped(*((name, b"") for name in names)))


def test_a_symbolic_link_is_refused(zipped) -> None:
    assert "m.py: a symbolic link" in refused(zipped((entry("m.py", stat.S_IFLNK | 0o777), b"/etc/passwd")))


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFDIR])
def test_a_special_file_is_refused(zipped, kind: int) -> None:
    assert "m.py: neither a plain file nor a folder" in refused(zipped((entry("m.py", kind | 0o644), b"")))


def test_an_encrypted_file_is_refused(zipped) -> None:
    path = zipped(("m.py", b"x"))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert refused(path) == "m.py: encrypted; hand in a zip without a password"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_needs_much_memory_is_refused(zipped, method: int) -> None:
    assert "packed by a method other than deflate" in refused(zipped(("m.py", b"x"), method=method))


def test_one_file_too_many_is_refused(zipped) -> None:
    path = zipped(("a.txt", b""), ("b/", b""), ("b/c.txt", b""))
    assert len(read_zip(path, Limits(submission_files=2))) == 2
    assert "more than 1 files" in refused(path, Limits(submission_files=1))


@pytest.mark.parametrize("name", ["zeros.py", "zeros.bin"])
def test_one_byte_too_many_unpacked_is_refused(zipped, name: str) -> None:
    path = zipped((name, bytes(1000)), ("m.py", bytes(24)))
    assert read_zip(path, Limits(submission_bytes=1024))
    assert "more than 1023 bytes unpacked" in refused(path, Limits(submission_bytes=1023))


def test_a_bomb_is_refused(zipped) -> None:
    path = zipped(("bomb.bin", bytes(200 << 20)))
    assert path.stat().st_size < 1 << 20
    assert "more than 16 MiB unpacked" in refused(path)


def test_a_bomb_that_declares_to_be_small_is_refused(zipped) -> None:
    size = struct.pack("<L", 64 << 20)
    path = patched(zipped(("bomb.py", bytes(64 << 20))), size, struct.pack("<L", 10))
    assert "cannot be unpacked" in refused(path)


def test_a_huge_zip_is_refused_before_it_is_unpacked(zipped) -> None:
    path = zipped((".git/pack", os.urandom(5000)))
    assert "the zip: over 4 KiB" in refused(path, Limits(submission_bytes=1024))


def test_too_many_entries_are_refused_before_they_are_listed(zipped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.submissions.archive.MOST_ENTRIES", 3)
    assert "more than 3 entries" in refused(zipped(*((f"{number}/", b"") for number in range(4))))


def test_entries_that_share_their_bytes_are_refused(zipped) -> None:
    path = zipped(("a.py", b"x"), ("b.py", b"x"))
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<L", 0)
    path.write_bytes(data)
    assert "shares its bytes" in refused(path)


def test_a_name_too_long_or_too_deep_is_refused(zipped) -> None:
    assert "too long or lies too deep" in refused(zipped((f"{'x' * 253}.py", b"")))
    assert "too long or lies too deep" in refused(zipped(("d/" * 32 + "m.py", b"")))
    assert "too long or lies too deep" in refused(zipped((f"{'x' * 200}/" * 6 + "m.py", b"")))


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)[:10]])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ada.zip").write_bytes(content)
    assert "it is damaged or no zip" in refused(tmp_path / "ada.zip")


def test_an_empty_zip_holds_nothing(zipped) -> None:
    assert read_zip(zipped(), Limits()) == {}


def test_a_linked_zip_and_a_pipe_are_refused(zipped, tmp_path: Path) -> None:
    path = zipped(("m.py", b""))
    (tmp_path / "link.zip").symlink_to(path)
    assert "a symbolic link" in refused(tmp_path / "link.zip")
    os.mkfifo(tmp_path / "pipe.zip")
    assert "neither a plain file" in refused(tmp_path / "pipe.zip")
    os.link(path, tmp_path / "hard.zip")
    assert "a hard link" in refused(tmp_path / "hard.zip")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_zip_is_read_or_refused_and_nothing_else(tmp_path: Path, damage: list[tuple[int, int]]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fed_avg.py", "x = 1\n" * 30)
        archive.writestr("b/ü.py", "y")
    data = bytearray(buffer.getvalue())
    for position, value in damage:
        data[position % len(data)] = value
    (tmp_path / "ada.zip").write_bytes(data)
    try:
        content = read_zip(tmp_path / "ada.zip", Limits())
    except Refused:
        return
    assert all(not path.is_absolute() and ".." not in path.parts for path in content)
