"""Raw system calls through libc, by name, with errors as OSError."""

from __future__ import annotations

import ctypes
import os
import platform
from typing import Any

from grader.sandbox.kernel import numbers

MACHINE = platform.machine()
NUMBERS: dict[str, int] = {"x86_64": numbers.X86_64, "aarch64": numbers.AARCH64}.get(MACHINE, {})
AUDIT_ARCH: int | None = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}.get(MACHINE)

_libc = ctypes.CDLL(None, use_errno=True)


def syscall(name: str, *arguments: Any) -> int:
    """Makes the call and returns its result; OSError carries errno and the call's name (ENOSYS on an unknown machine)."""
    if name not in NUMBERS:
        raise OSError(38, f"{name}: no system call of this name on {MACHINE}")
    wide = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    result = int(_libc.syscall(ctypes.c_long(NUMBERS[name]), *wide))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def prctl(option: int, *arguments: int) -> int:
    """prctl(2) with its unused arguments zero."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return syscall("prctl", option, *padded)
