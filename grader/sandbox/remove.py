"""Removing and measuring folders that a submission filled: any depth, any modes, links never followed."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _open_folder(name: str, parent: int | None) -> int:
    try:
        return os.open(name, _OPEN, dir_fd=parent)
    except PermissionError:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
        return os.open(name, _OPEN, dir_fd=parent)


def remove_tree(folder: Path) -> None:
    """Removes `folder` and all below it. Nothing happens where it is gone already.

    Works without recursion and without long paths: what lies deep is moved up beside the top folder first, so neither
    the depth of calls nor PATH_MAX nor the number of open descriptors bounds what can be removed.
    """
    try:
        top = _open_folder(str(folder), None)
    except FileNotFoundError:
        return
    try:
        serial = 0
        prefix = f".moved-{secrets.token_hex(8)}"
        while names := os.listdir(top):
            for name in names:
                if not stat.S_ISDIR(os.lstat(name, dir_fd=top).st_mode):
                    os.unlink(name, dir_fd=top)
                    continue
                child = _open_folder(name, top)
                try:
                    serial = _empty(child, top, prefix, serial)
                finally:
                    os.close(child)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    folder.rmdir()


def _empty(child: int, top: int, prefix: str, serial: int) -> int:
    """Unlinks the files of `child` and moves its folders into `top` under fresh names."""
    os.fchmod(child, stat.S_IRWXU)
    for name in os.listdir(child):
        mode = os.lstat(name, dir_fd=child).st_mode
        if not stat.S_ISDIR(mode):
            os.unlink(name, dir_fd=child)
            continue
        if stat.S_IMODE(mode) & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(name, stat.S_IRWXU, dir_fd=child)  # moving a folder needs the right to write it
        serial += 1
        os.rename(name, f"{prefix}-{serial}", src_dir_fd=child, dst_dir_fd=top)
    return serial


def tree_bytes(folder: Path) -> int:
    """The bytes that the files below `folder` occupy on the disk; what vanishes meanwhile counts nothing."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
    return total
