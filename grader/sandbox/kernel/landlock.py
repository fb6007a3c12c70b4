"""Landlock: which part of the file system is there at all, no TCP, no signals or abstract sockets out of the domain.

Source: Linux, Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import stat
from collections.abc import Iterable

from grader.sandbox.kernel.syscalls import syscall

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
ABI_1 = (1 << 13) - 1

READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SYM | REFER | TRUNCATE
FILE_ONLY = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

FIRST_DESCRIPTOR = 64
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1
NET_TCP = 0b11
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """The version of Landlock in this kernel; 0 where there is none."""
    try:
        return syscall("landlock_create_ruleset", None, 0, CREATE_RULESET_VERSION)
    except OSError:
        return 0


def handled(version: int) -> int:
    """Every file-system right that this version can take away."""
    return ABI_1 | (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0) | (IOCTL_DEV if version >= 5 else 0)


def open_paths(paths: Iterable[str]) -> list[int]:
    """O_PATH descriptors for `restrict`, opened once for many children; none is a number that a child gives a new meaning."""
    descriptors = []
    for path in paths:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        descriptors.append(fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR))
        os.close(opened)
    return descriptors


def restrict(version: int, readable: Iterable[int], writable: Iterable[int], devices: Iterable[int] = ()) -> None:
    """Leaves this process the named files and nothing else, for good. Needs no_new_privs.

    `readable`, `writable`: O_PATH descriptors of files or folders. `devices`: files that may be read and written
    (/dev/null), which grants nothing but that.
    """
    rights = handled(version)
    ruleset = _Ruleset(rights, NET_TCP if version >= 4 else 0, SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    descriptor = syscall("landlock_create_ruleset", ctypes.byref(ruleset), size, 0)
    try:
        for allowed, parents in ((READ, readable), (WRITE, writable), (READ_FILE | WRITE_FILE, devices)):
            for parent in parents:
                kinds = allowed if stat.S_ISDIR(os.fstat(parent).st_mode) else allowed & FILE_ONLY
                rule = _PathBeneath(kinds & rights, parent)
                syscall("landlock_add_rule", descriptor, RULE_PATH_BENEATH, ctypes.byref(rule), 0)
        syscall("landlock_restrict_self", descriptor, 0)
    finally:
        os.close(descriptor)
