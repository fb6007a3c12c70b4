"""Resource limits and privileges of the child."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

from grader.model import Limits
from grader.sandbox.kernel.syscalls import prctl, syscall

OPEN_FILES = 256
# Address space beyond the memory limit for what costs no memory: libraries mapped late, such as a first `import torch`.
ADDRESS_SLACK_BYTES = 1 << 30
# No child lives this long in CPU time; a backstop for the case that nobody is left to watch it.
CPU_BACKSTOP_SECONDS = 600

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
SIGKILL = 9
LAST_CAPABILITY = 63
CAPABILITY_VERSION_3 = 0x20080522


def own_memory() -> tuple[int, int]:
    """(private data, address space) of this process in bytes, as RLIMIT_DATA and RLIMIT_AS count them."""
    fields = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("VmData", "VmStk", "VmSize"):
            fields[name] = int(rest.split()[0]) * 1024
    return fields["VmData"], fields["VmSize"]


def set_limits(limits: Limits, own_data: int, own_address_space: int) -> None:
    """setrlimit for everything that a check may use up; what the nursery itself holds comes on top."""
    values = {
        resource.RLIMIT_FSIZE: limits.scratch_bytes,
        resource.RLIMIT_CPU: CPU_BACKSTOP_SECONDS,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_DATA: own_data + limits.memory_bytes,
        resource.RLIMIT_AS: own_address_space + limits.memory_bytes + ADDRESS_SLACK_BYTES,
    }
    for name, value in values.items():
        hard = resource.getrlimit(name)[1]
        wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (wanted, wanted))


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def drop_privileges() -> None:
    """No capability, none in the bounding set, and no way to gain any by exec."""
    for capability in range(LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            break  # beyond the kernel's last one (EINVAL), or an unprivileged process that holds none (EPERM)
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    syscall("capset", ctypes.byref(header), ctypes.byref(nothing))
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def die_with_parent() -> None:
    """The kernel kills this process when the process that forked it ends, however that ends."""
    prctl(PR_SET_PDEATHSIG, SIGKILL)
