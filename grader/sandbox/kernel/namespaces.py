"""Namespaces: a nursery and its children leave the machine's users, mounts, network, IPC and process numbers.

Source: Linux man-pages user_namespaces(7), pid_namespaces(7), mount_setattr(2).
"""

from __future__ import annotations

import ctypes
import os

from grader.sandbox.kernel.limits import die_with_parent
from grader.sandbox.kernel.syscalls import syscall

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 16384, 1 << 18
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = 1, 2
SCRATCH_INODES = 16_384


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns", ctypes.c_uint64),
    )


def enter() -> None:
    """Moves this single-threaded process into namespaces of its own, with every mount read-only; OSError where refused.

    On return the process is a fork: number 1 of its own process numbers. The original waits for it and ends as it did,
    so the kernel ends everything inside as soon as either of the two ends.
    """
    user, group = os.geteuid(), os.getegid()
    syscall("unshare", NEWUSER | NEWNS | NEWNET | NEWIPC | NEWUTS | NEWPID)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
    syscall("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    attributes = _MountAttributes(set=MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID)
    syscall("mount_setattr", AT_FDCWD, b"/", AT_RECURSIVE, ctypes.byref(attributes), ctypes.sizeof(attributes))
    inner = os.fork()
    if inner:
        os.closerange(3, 1024)  # the order socket is the inner one's: its end must be seen when that ends
        os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]) & 0xFF)
    die_with_parent()


def mount_scratch(path: str, size_bytes: int) -> None:
    """A file system in memory of at most `size_bytes` over `path`, for this process alone; it ends with the process."""
    syscall("unshare", NEWNS)
    options = f"size={size_bytes},nr_inodes={SCRATCH_INODES},mode=0700"
    syscall("mount", b"scratch", os.fsencode(path), b"tmpfs", MS_NOSUID | MS_NODEV, options.encode())
