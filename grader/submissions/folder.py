"""Reads a folder through descriptors: no link is followed, nothing special is opened, nothing can be swapped meanwhile."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from grader.model import GraderFault, Limits
from grader.submissions.content import WANTED, Content, Meter, Refused, check_path, is_ignored
from grader.submissions.names import show

# O_NONBLOCK: neither a FIFO nor a lease (fcntl F_SETLEASE) of theirs can hold up the grader.
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE})
MOST_ENTRIES = 20_000
_CHUNK = 1 << 20


@contextmanager
def opened(name: str | Path, what: object, parent: int | None = None, *, folder: bool) -> Iterator[int]:
    """A descriptor of a folder, or of a plain file with one name. Refused for anything else; `what` stands in the reason."""
    try:
        before = os.stat(name, dir_fd=parent, follow_symlinks=False)
        _check_kind(before, what, folder=folder)
        descriptor = os.open(name, _OPEN | (os.O_DIRECTORY if folder else 0), dir_fd=parent)
    except OSError as error:
        raise _refusal(error, what) from error
    try:
        after = os.fstat(descriptor)
        _check_kind(after, what, folder=folder)
        if (before.st_dev, before.st_ino) != (after.st_dev, after.st_ino):
            raise Refused(f"{show(what)}: it changed while it was read; hand it in again")
        yield descriptor
    finally:
        os.close(descriptor)


def _check_kind(found: os.stat_result, what: object, *, folder: bool) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise Refused(f"{show(what)}: a symbolic link; hand in the file or folder itself")
    if folder and stat.S_ISDIR(found.st_mode):
        return
    if not stat.S_ISREG(found.st_mode) or folder:
        raise Refused(f"{show(what)}: neither a plain file nor a folder; hand in plain files only")
    if found.st_nlink > 1:
        raise Refused(f"{show(what)}: a hard link, the file has another name elsewhere; hand in a copy")


def _refusal(error: OSError, what: object) -> Exception:
    if error.errno in _OURS:
        return GraderFault(f"{show(what)}: {error.strerror}; mend the machine and grade again")
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        return Refused(f"{show(what)}: it vanished or changed while it was read; hand it in again")
    if error.errno == errno.EAGAIN:
        return Refused(f"{show(what)}: another program keeps it locked; close that program and hand it in again")
    return Refused(f"{show(what)}: it cannot be read ({error.strerror}); make it readable and hand it in again")


def read_file(descriptor: int, most: int, what: object) -> bytes:
    """The content of an open file, at most `most` + 1 bytes of it however long it says or grows to be."""
    pieces: list[bytes] = []
    left = most + 1
    try:
        while left > 0 and (piece := os.read(descriptor, min(left, _CHUNK))):
            pieces.append(piece)
            left -= len(piece)
    except OSError as error:
        raise _refusal(error, what) from error
    return b"".join(pieces)


def read_folder(folder: Path, limits: Limits) -> Content:
    """All files of the submission `folder`. Refused with the reason for anything but plain files and folders in moderation."""
    content: dict[PurePosixPath, bytes | None] = {}
    meter = Meter(limits)
    entries = 0

    def visit(descriptor: int, here: PurePosixPath) -> None:
        nonlocal entries
        for name in _names(descriptor, here, MOST_ENTRIES - entries):
            entries += 1
            if is_ignored(name):
                continue
            path = here / name
            check_path(path)
            if _is_folder(name, descriptor, path):
                with opened(name, path, descriptor, folder=True) as child:
                    visit(child, path)
                continue
            meter.add_file()
            with opened(name, path, descriptor, folder=False) as file:
                wanted = path.suffix in WANTED
                content[path] = data = read_file(file, meter.left, path) if wanted else None
                meter.add_bytes(os.fstat(file).st_size if data is None else len(data))

    with opened(folder, "the submission", folder=True) as top:
        visit(top, PurePosixPath())
    return content


def _names(descriptor: int, here: PurePosixPath, most: int) -> list[str]:
    names: list[str] = []
    try:
        with os.scandir(descriptor) as found:
            for entry in found:
                names.append(entry.name)
                if len(names) > most:
                    raise Refused(f"more than {MOST_ENTRIES} files and folders; hand in your own modules only")
    except OSError as error:
        raise _refusal(error, here if here.parts else "the submission") from error
    return sorted(names)


def _is_folder(name: str, parent: int, path: PurePosixPath) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except OSError as error:
        raise _refusal(error, path) from error
