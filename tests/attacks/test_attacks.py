"""Escape attempts, each through `grader grade` on a real submission, in one class with an innocent neighbour."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("attacks", HERE / "attacks.py")
assert _spec is not None
assert _spec.loader is not None
attacks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(attacks)

NAMES = [*attacks.ATTACKS, *attacks.RESULTS]
STUDENT_FILES = ("student.json", "feedback.html", "feedback.md")


@dataclass(frozen=True)
class Graded:
    """A finished run over all attacks, and what the world looked like before and after."""

    out: Path
    exit_code: int
    log: str
    canary: Path
    heard: dict[str, bytes]
    before: dict[str, str]
    after: dict[str, str]
    leftovers: set[str]
    temporary: Path

    def report(self, name: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.out / name / "report.json").read_text("utf-8"))
        return loaded


def fingerprint(*folders: Path) -> dict[str, str]:
    """Content, mode and change time of every file: what a submission must not alter."""
    found = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not {"__pycache__", ".venv", ".git", "reports"} & set(path.parts):
                status = path.stat()
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path)] = f"{digest} {status.st_mode:o} {status.st_uid} {status.st_mtime_ns} {status.st_nlink}"
    return found


@pytest.fixture(scope="module")
def graded(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    base = tmp_path_factory.mktemp("attacks")
    inbox, out = base / "inbox", base / "reports"
    slug = "day1_federated_learning/fed_avg"
    stub = (root / f"exercises/{slug}/fed_avg.py").read_text("utf-8")
    reference = (root / f"solutions/{slug}/fed_avg.py").read_text("utf-8")
    listening, abstract = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port = listening.getsockname()[1]
    datagrams.bind(("127.0.0.1", port))
    name = f"canary-{secrets.token_hex(4)}"
    abstract.bind(f"\0{name}")
    abstract.listen()
    canary = Path("/tmp") / name
    values = {"COURSE": str(root), "INBOX": str(inbox), "CANARY": str(canary), "PORT": str(port), "SOCKET": name, "NAME": name}
    sources = {"aaa_right": reference, "zzz_right": reference, "stub": stub}
    sources |= {attack: attacks.armed(stub, attack, values) for attack in attacks.ATTACKS}
    sources |= {result: attacks.returning(stub, result, values) for result in attacks.RESULTS}
    for student, source in sources.items():
        (inbox / student).mkdir(parents=True)
        (inbox / student / "fed_avg.py").write_text(source, "utf-8")
    watched = (inbox, root / "exercises", root / "solutions", root / "grader", root / "tests")
    before = fingerprint(*watched)
    temporary = base / "tmp"
    temporary.mkdir()
    command = [
        sys.executable,
        "-m",
        "grader.cli.main",
        "grade",
        str(inbox),
        "--out",
        str(out),
        "--exercise",
        "fed_avg",
        "--seed",
        "7",
        "--jobs",
        "2",
    ]
    process = subprocess.run(
        command, cwd=root, env={**os.environ, "TMPDIR": str(temporary)}, capture_output=True, text=True, timeout=900, check=False
    )
    heard = {}
    for label, receiver in (("tcp", listening), ("udp", datagrams), ("abstract", abstract)):
        receiver.settimeout(0.2)
        try:
            heard[label] = receiver.recv(10) if label == "udp" else receiver.accept()[0].recv(10)
        except TimeoutError:
            heard[label] = b""
        receiver.close()
    leftovers = {path.name for path in temporary.iterdir()} | {path.name for path in Path("/dev/shm").glob(f"{name}*")}
    log = process.stdout + process.stderr + (out / "grader.log").read_text("utf-8", "replace")
    yield Graded(out, process.returncode, log, canary, heard, before, fingerprint(*watched), leftovers, temporary)
    canary.unlink(missing_ok=True)


def test_the_run_ends_well(graded: Graded) -> None:
    assert graded.exit_code == 0, graded.log[-2000:]


@pytest.mark.parametrize("name", NAMES)
def test_attack_earns_nothing_beyond_the_stub(graded: Graded, name: str) -> None:
    report = graded.report(name)
    assert report["status"] == "graded"
    assert report["score"] == graded.report("stub")["score"] == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_attack_learns_nothing(graded: Graded, name: str) -> None:
    written = "".join(path.read_text("utf-8") for path in (graded.out / name).iterdir())
    assert "STOLEN" not in written


@pytest.mark.parametrize("name", ["aaa_right", "zzz_right"])
def test_neighbours_are_undisturbed(graded: Graded, name: str) -> None:
    report = graded.report(name)
    assert report["score"] == report["max_score"] == 10.0


def test_nobody_was_reached(graded: Graded) -> None:
    assert graded.heard == {"tcp": b"", "udp": b"", "abstract": b""}


def test_nothing_was_written_or_changed(graded: Graded) -> None:
    assert not graded.canary.exists()
    assert graded.after == graded.before


def test_nothing_is_left_behind(graded: Graded) -> None:
    assert graded.leftovers == set()
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and str(graded.temporary) in _working_folder(pid)]


def _working_folder(pid: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


def test_no_output_is_alive(graded: Graded) -> None:
    for path in graded.out.rglob("*"):
        if path.is_file() and path.suffix != ".sqlite":
            text = path.read_text("utf-8")
            dead = not [
                c
                for c in text
                if (ord(c) < 32 and c not in "\n\t\r")
                or 0x7F <= ord(c) < 0xA0
                or c in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"
            ]
            assert dead, path
            for line in text.splitlines():
                assert not line.startswith("::"), path
                assert "##[" not in line, path
                assert "##vso[" not in line, path


def test_what_hidden_checks_asked_never_reaches_the_student(root: Path, tmp_path: Path) -> None:
    """A submission numbers its calls and prints all it has seen; hidden calls come later and must not show."""
    reference = (root / "solutions/day1_federated_learning/fed_avg/fed_avg.py").read_text("utf-8")
    spy = reference + (
        "\n_asked = fed_avg\n_seen = []\n"
        "def fed_avg(*arguments, **keywords):\n"
        "    _seen.append(f'call-{len(_seen)}-')\n"
        "    print(*_seen)\n"
        "    open('kept', 'a').write(repr(arguments))\n"
        "    result = _asked(*arguments, **keywords)\n"
        "    if len(_seen) % 3 == 0: raise ArithmeticError(' '.join(_seen))\n"
        "    return result\n"
    )
    (tmp_path / "in" / "spy").mkdir(parents=True)
    (tmp_path / "in" / "spy" / "fed_avg.py").write_text(spy, "utf-8")
    command = [
        sys.executable,
        "-m",
        "grader.cli.main",
        "grade",
        str(tmp_path / "in"),
        "--out",
        str(tmp_path / "out"),
        "--seed",
        "3",
    ]
    assert subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0
    report = json.loads((tmp_path / "out" / "spy" / "report.json").read_text("utf-8"))
    checks = report["exercises"][0]["checks"]
    visible = " ".join(check["stdout"] + (check["message"] or "") for check in checks if check["visibility"] == "visible")
    hidden = " ".join(check["stdout"] + (check["message"] or "") for check in checks if check["visibility"] == "hidden")
    secret = {word for word in hidden.split() if word.startswith("call-")} - set(visible.split())
    assert secret, "the spy saw nothing: this test would pass for nothing"
    for name in STUDENT_FILES:
        text = (tmp_path / "out" / "spy" / name).read_text("utf-8")
        assert not [word for word in secret if word in text]
