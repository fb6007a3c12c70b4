"""What a submission may do: every layer and every limit of its isolation, declared once.

`Policy` is the one object that says what is applied; `kernel.isolate` is the one place that applies it.
"""

from __future__ import annotations

import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader.model import Limits


@dataclass(frozen=True, slots=True)
class Layer:
    """One mechanism of the kernel: what it keeps a submission from, and how to get it where it is missing."""

    name: str
    guards: str
    required: bool
    cure: str


LAYERS: tuple[Layer, ...] = (
    Layer(
        "namespaces",
        "own users, mounts (all read-only but a tmpfs scratch of fixed size), network, IPC and process numbers",
        required=False,
        cure="allow unprivileged user namespaces: "
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0 user.max_user_namespaces=15000",
    ),
    Layer(
        "rlimits",
        "memory, file size, open files, CPU time, no core dumps",
        required=True,
        cure="run on Linux, macOS or another system with setrlimit",
    ),
    Layer(
        "privileges",
        "no capability and none to be gained (no_new_privs)",
        required=True,
        cure="run on Linux 3.5 or newer",
    ),
    Layer(
        "landlock",
        "the file system: only the Python installation, public data, the submission and its scratch",
        required=True,
        cure='run on Linux 5.13 or newer with "landlock" in the lsm= boot parameter (see /sys/kernel/security/lsm)',
    ),
    Layer(
        "seccomp",
        "the network and other processes: no socket, no exec, no fork, no signal, none of the kernel's rarer calls",
        required=True,
        cure="run on Linux for x86_64 or aarch64 with CONFIG_SECCOMP_FILTER",
    ),
)
# The numeric libraries' own threads: a process that forks must have none.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
LAYER_NAMES: tuple[str, ...] = tuple(layer.name for layer in LAYERS)
REQUIRED: frozenset[str] = frozenset(layer.name for layer in LAYERS if layer.required)


@dataclass(frozen=True, slots=True)
class Policy:
    """The layers to apply, the limits they enforce, and what may be read beside the submission itself."""

    layers: frozenset[str]
    limits: Limits
    readable: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """The policy as JSON carries it to the nursery."""
        return {"layers": sorted(self.layers), "limits": asdict(self.limits), "readable": list(self.readable)}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Policy:
        """The inverse of `to_plain`."""
        return cls(frozenset(plain["layers"]), Limits(**plain["limits"]), tuple(plain["readable"]))


def system_paths() -> tuple[str, ...]:
    """What Python and the libraries need to read: the installation, shared libraries, a few harmless devices and facts."""
    prefixes = {Path(base) / "lib" for base in (sys.prefix, sys.base_prefix)}
    prefixes |= {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    fixed = (
        "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/etc/ld.so.cache",
        "/etc/localtime", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/dev/urandom", "/dev/random",
        "/dev/zero", "/dev/null",
    )  # fmt: skip
    wanted = [*sorted(str(path) for path in prefixes), *fixed]
    return tuple(dict.fromkeys(path for path in wanted if Path(path).exists()))
