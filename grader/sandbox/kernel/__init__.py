"""The kernel's isolation mechanisms and the one place that applies them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from grader.sandbox.policy import Policy, system_paths


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a nursery works out once so that its children need not: descriptors of readable paths, its own memory."""

    landlock_abi: int
    readable: tuple[int, ...]
    devices: tuple[int, ...]
    own_data: int
    own_address_space: int


def available() -> dict[str, str | None]:
    """Layer name -> None where this machine has it, else what is missing. Namespaces are tried by a nursery (`enter`)."""
    if sys.platform != "linux":
        missing = f"{sys.platform} has none of Linux's mechanisms"
        return dict.fromkeys(("namespaces", "rlimits", "privileges", "landlock", "seccomp"), missing)
    from grader.sandbox.kernel import landlock, seccomp

    return {
        "namespaces": None,
        "rlimits": None,
        "privileges": None,
        "landlock": None if landlock.abi() >= 1 else "this kernel has no Landlock",
        "seccomp": None if seccomp.available() else "this kernel or machine has no usable seccomp filter",
    }


def prepare(policy: Policy) -> Prepared | None:
    """What `isolate` needs of the process that will fork, None off Linux. Call it last before forking."""
    if sys.platform != "linux":
        return None
    from grader.sandbox.kernel import landlock, limits

    readable = landlock.open_paths(path for path in (*system_paths(), *policy.readable) if path != "/dev/null")
    devices = landlock.open_paths(["/dev/null"])
    return Prepared(landlock.abi(), tuple(readable), tuple(devices), *limits.own_memory())


def isolate(policy: Policy, prepared: Prepared | None, code: str, scratch: str) -> list[str]:
    """Takes from this process all that `policy` says, in the order that lets each step still do its work.

    Returns the names of the layers applied. OSError where a layer that the policy names cannot be had.
    """
    if prepared is None:
        os.chdir(scratch)
        return []
    from grader.sandbox.kernel import landlock, limits, namespaces, seccomp

    applied = []
    limits.die_with_parent()
    if "namespaces" in policy.layers:
        namespaces.mount_scratch(scratch, policy.limits.scratch_bytes)
        applied.append("namespaces")
    os.chdir(scratch)
    if "rlimits" in policy.layers:
        limits.set_limits(policy.limits, prepared.own_data, prepared.own_address_space)
        applied.append("rlimits")
    if "privileges" in policy.layers:
        limits.drop_privileges()
        limits.die_with_parent()  # a change of credentials clears it
        applied.append("privileges")
    if "landlock" in policy.layers:
        own = landlock.open_paths([code])
        landlock.restrict(prepared.landlock_abi, (*prepared.readable, *own), landlock.open_paths([scratch]), prepared.devices)
        applied.append("landlock")
    if "seccomp" in policy.layers:
        seccomp.restrict(os.getpid())
        applied.append("seccomp")
    return applied
