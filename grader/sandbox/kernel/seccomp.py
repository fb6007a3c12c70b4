"""The system-call filter: a closed list of what a computation needs; everything else fails with EPERM.

A closed list, because a new kernel brings new calls and none of them shall be allowed for lack of a line here.
Source: Linux, Documentation/userspace-api/seccomp_filter.rst; the classic BPF of linux/filter.h.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from functools import cache

from grader.sandbox.kernel.syscalls import AUDIT_ARCH, NUMBERS, syscall

ALLOWED = """
read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 close close_range dup dup2 dup3 lseek fsync
fdatasync sync_file_range open openat openat2 creat stat fstat lstat newfstatat statx statfs fstatfs access faccessat
faccessat2 readlink readlinkat getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename
renameat renameat2 link linkat symlink symlinkat ftruncate fallocate fadvise64 readahead umask flock sendfile
copy_file_range splice tee pipe pipe2 getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr mmap munmap mprotect
mremap madvise msync mincore brk mlock munlock mbind get_mempolicy set_mempolicy membarrier futex futex_waitv
set_tid_address set_robust_list rseq gettid getpid getppid getuid geteuid getgid getegid getresuid getresgid getgroups
getpgrp   sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max
sched_get_priority_min getcpu clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times
alarm setitimer getitimer timer_create timer_settime timer_gettime timer_delete timer_getoverrun timerfd_create
timerfd_settime timerfd_gettime eventfd eventfd2 poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl
epoll_wait epoll_pwait epoll_pwait2 rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait
sigaltstack restart_syscall pause exit exit_group wait4 waitid getrandom getrusage getrlimit sysinfo uname arch_prctl
capget set_thread_area get_thread_area
""".split()  # noqa: SIM905 - a hundred and sixty quoted names would hide the list

CLONE_THREAD = 0x00010000
# Descriptor flags, non-blocking mode, bytes waiting, and what isatty and terminal sizes ask: none reaches beyond the process.
IOCTLS = (0x5450, 0x5451, 0x5421, 0x541B, 0x5401, 0x5413)
# DUPFD, GETFD, SETFD, GETFL, SETFL, GETLK, SETLK, SETLKW, DUPFD_CLOEXEC, OFD locks, GETPIPE_SZ, ADD_SEALS, GET_SEALS.
# Not SETOWN, SETSIG, SETLEASE, NOTIFY (signals to others), SETPIPE_SZ (memory that no limit counts).
FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 1030, 36, 37, 38, 1032, 1033, 1034)
# Names of threads and memory, the dumpable flag, bounding set and seccomp mode as questions, timer slack.
PRCTLS = (15, 16, 0x53564D41, 3, 23, 21, 29, 30)

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NR, _ARCH = 0, 4
SET_MODE_FILTER = 1
GET_ACTION_AVAIL = 2


def _low(argument: int) -> int:
    return 16 + 8 * argument


def _high(argument: int) -> int:
    return _low(argument) + 4


_Instruction = tuple[int, int, int, int]


def _statement(code: int, value: int) -> _Instruction:
    return (code, 0, 0, value)


def _refuse(error: int) -> _Instruction:
    return _statement(_RETURN, _ERRNO | error)


def _one_of(argument: int, values: tuple[int, ...]) -> list[_Instruction]:
    """Allows the call where the low half of the argument is one of `values`."""
    program = [_statement(_LOAD, _low(argument))]
    for value in values:
        program += [(_EQUAL, 0, 1, value), _statement(_RETURN, _ALLOW)]
    return [*program, _refuse(errno.EPERM)]


def _questions_only() -> list[_Instruction]:
    """prlimit64: this process only, and no new limit (the pointer to it is null in both halves)."""
    program: list[_Instruction] = []
    for offset in (_low(0), _low(2), _high(2)):
        program += [_statement(_LOAD, offset), (_EQUAL, 1, 0, 0), _refuse(errno.EPERM)]
    return [*program, _statement(_RETURN, _ALLOW)]


def _encoded(program: list[_Instruction]) -> bytes:
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _sections(bodies: dict[str, list[_Instruction]]) -> list[_Instruction]:
    """What each of these calls is asked; the bodies end with a return."""
    return [part for name, body in bodies.items() for part in ((_EQUAL, 0, len(body), NUMBERS[name]), *body)]


@cache
def _same_for_all() -> bytes:
    program = [
        _statement(_LOAD, _ARCH),
        (_EQUAL, 1, 0, AUDIT_ARCH or 0),
        _statement(_RETURN, _KILL_PROCESS),
        _statement(_LOAD, _NR),
    ]
    for name in ALLOWED:
        if name in NUMBERS:
            program += [(_EQUAL, 0, 1, NUMBERS[name]), _statement(_RETURN, _ALLOW)]
    program += _sections(
        {
            "clone": [
                _statement(_LOAD, _low(0)),
                (_ANY_BIT, 1, 0, CLONE_THREAD),
                _refuse(errno.EPERM),
                _statement(_RETURN, _ALLOW),
            ],
            "clone3": [_refuse(errno.ENOSYS)],  # its flags lie behind a pointer; libc then falls back to clone
            "fcntl": _one_of(1, FCNTLS),
            "ioctl": _one_of(1, IOCTLS),
            "prctl": _one_of(0, PRCTLS),
            "prlimit64": _questions_only(),
        }
    )
    return _encoded(program)


def build(pid: int) -> bytes:
    """The filter for the process that calls itself `pid`, as an array of struct sock_filter."""
    itself = {"kill": _one_of(0, (pid,)), "tgkill": _one_of(0, (pid,))}
    return _same_for_all() + _encoded([*_sections(itself), _refuse(errno.EPERM)])


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def available() -> bool:
    """Whether this kernel and machine have what `restrict` needs."""
    if AUDIT_ARCH is None:
        return False
    try:
        action = ctypes.c_uint32(_ERRNO)
        return syscall("seccomp", GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0
    except OSError:
        return False


def restrict(pid: int) -> None:
    """Puts this process under the filter for good. `pid` is what getpid answers here. Needs no_new_privs."""
    code = build(pid)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    syscall("seccomp", SET_MODE_FILTER, 0, ctypes.byref(program))
