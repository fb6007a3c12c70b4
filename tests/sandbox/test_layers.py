"""Each layer of the sandbox denies something, and a test would notice its absence: without it the same act succeeds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from grader.model import GraderFault, Limits
from grader.sandbox import worker as worker_module
from grader.sandbox.policy import LAYER_NAMES, LAYERS, REQUIRED, Policy
from grader.sandbox.worker import Budget, CallRaised, Nursery, NurserySpec

ALL = frozenset(LAYER_NAMES)
NOTHING_READ = Limits()


def attempt(work: Path, layers: frozenset[str], source: str, limits: Limits = NOTHING_READ) -> Any:
    """What `act()` of `source` returns in a child with these layers, or the exception that it raised there."""
    with Nursery(NurserySpec(("numpy",), Policy(layers, limits)), work) as nursery:
        assert set(nursery.layers) == layers, f"this machine lacks {layers - set(nursery.layers)}: {nursery.missing}"
        budget = Budget(20.0, 20.0)
        child = nursery.spawn("probe", {"probe.py": source.encode()}, budget)
        try:
            return child.request(("call", "act", (), {}, False), budget, "act")
        except CallRaised as error:
            return error.raised.type_name
        finally:
            child.close()
            # What a child wrote goes with the child, not only with its nursery.
            assert [path.name for path in nursery.folder.iterdir()] == ["log"]


ACTS: dict[str, tuple[str, Any]] = {
    # layer: (what to try, what happens without the layer when the others are in place)
    "landlock": ("import os\ndef act():\n    return len(os.listdir('/etc')) > 0", True),
    "seccomp": ("import os\ndef act():\n    return os.memfd_create('x') > 0", True),
    "rlimits": ("def act():\n    return len(bytearray(3 << 30)) > 0", True),
    "namespaces": ("import os\ndef act():\n    return os.getpid() > 100", True),
    "privileges": (
        "def act():\n    import ctypes\n    return ctypes.CDLL(None).prctl(23, 21, 0, 0, 0) == 1",  # CAP_SYS_ADMIN in the bounding set
        True,
    ),
}
DENIED: dict[str, Any] = {
    "landlock": "PermissionError",
    "seccomp": "PermissionError",
    "rlimits": "MemoryError",
    "namespaces": False,
    "privileges": False,
}


def test_every_layer_has_an_act_here() -> None:
    assert set(ACTS) == set(DENIED) == ALL


@pytest.mark.parametrize("layer", LAYER_NAMES)
def test_layer_denies(layer: str, work: Path) -> None:
    assert attempt(work, ALL, ACTS[layer][0]) == DENIED[layer]


# no_new_privs is what Landlock and seccomp stand on for an unprivileged process, so its absence is tried with neither.
WITHOUT = {"privileges": ALL - {"privileges", "landlock", "seccomp"}}


@pytest.mark.parametrize("layer", LAYER_NAMES)
def test_without_the_layer_the_act_succeeds(layer: str, work: Path) -> None:
    source, expected = ACTS[layer]
    limits = Limits(memory_bytes=8 << 30) if layer == "rlimits" else NOTHING_READ
    assert attempt(work, WITHOUT.get(layer, ALL - {layer}), source, limits) == expected


def test_a_child_that_applied_less_than_the_policy_is_a_fault(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Nursery(NurserySpec((), Policy(ALL, Limits())), work) as nursery:
        nursery.layers = (*nursery.layers, "moat")
        with pytest.raises(GraderFault, match="moat"):
            nursery.spawn("probe", {"probe.py": b""}, Budget(10.0, 10.0))


def test_required_layers_guard_files_network_and_processes() -> None:
    assert {layer.name for layer in LAYERS if layer.required} == REQUIRED == {"rlimits", "privileges", "landlock", "seccomp"}
    assert all(layer.cure and layer.guards for layer in LAYERS)


def test_grading_others_code_without_a_required_layer_is_refused_with_the_cure(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grader import desk as desk_module

    monkeypatch.setattr(desk_module, "LAYER_NAMES", tuple(name for name in LAYER_NAMES if name != "landlock"))
    with desk_module.Desk(work, work / "desk", "strong") as strict:
        (work / "desk").mkdir()
        with pytest.raises(GraderFault, match=r"lacks landlock.*lsm=.*--sandbox weak"):
            strict.nursery((), Limits())
    with desk_module.Desk(work, work / "desk", "weak") as lenient:
        (work / "desk").mkdir()
        assert "landlock" not in lenient.nursery((), Limits()).layers


SYSTEM_CALLS: dict[str, str] = {
    "socket": "__import__('socket').socket()",
    "unix socket": "__import__('socket').socket(1)",
    "datagram": "__import__('socket').socket(2, 2)",
    "fork": "os.fork()",
    "exec": "os.execv('/bin/true', ['true'])",
    "kill parent": "os.kill(os.getppid(), 0)",
    "kill group": "os.killpg(0, 0)",
    "chmod": "(open('a', 'w'), os.chmod('a', 0o777))",
    "utime": "(open('a', 'w'), os.utime('a', (1, 1)))",
    "chown": "(open('a', 'w'), os.chown('a', 0, 0))",
    "setxattr": "(open('a', 'w'), os.setxattr('a', 'user.x', b'1'))",
    "nice": "os.nice(1)",
    "affinity": "os.sched_setaffinity(0, {0})",
    "setrlimit": "__import__('resource').setrlimit(7, (10, 10))",
    "owner of signals": "__import__('fcntl').fcntl(0, 8, 1)",
    "fifo": "os.mkfifo('f')",
    "truncate by path": "os.truncate(os.__file__, 0)",
    "pidfd": "os.pidfd_open(1)",
}


@pytest.mark.parametrize("name", SYSTEM_CALLS)
def test_call_is_refused(name: str, work: Path) -> None:
    source = f"import os\ndef act():\n    {SYSTEM_CALLS[name]}\n    return 'it worked'"
    # resource.setrlimit reports EPERM as ValueError
    assert attempt(work, ALL, source) in ("PermissionError", "OSError", *(["ValueError"] if name == "setrlimit" else []))


RAW = {
    # x86_64 and aarch64 numbers of calls that Python has no name for
    "ptrace": (101, 117), "mount": (165, 40), "unshare": (272, 97), "bpf": (321, 280), "userfaultfd": (323, 282),
    "perf_event_open": (298, 241), "io_uring_setup": (425, 425), "keyctl": (250, 219), "add_key": (248, 217),
    "process_vm_readv": (310, 270), "open_by_handle_at": (304, 265), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "memfd_secret": (447, 447), "execveat": (322, 281), "setns": (308, 268),
    "kexec_load": (246, 104), "swapon": (167, 224), "init_module": (175, 105), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "sched_setattr": (314, 274), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "vfork": (58, 220), "fanotify_init": (300, 262), "inotify_init1": (294, 26), "personality": (135, 92),
}  # fmt: skip


def test_every_rare_kernel_call_is_refused(work: Path) -> None:
    machine = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
    numbers = {name: pair[machine] for name, pair in RAW.items()}
    source = (
        f"import ctypes\nNUMBERS = {numbers!r}\n"
        "def act():\n"
        "    libc = ctypes.CDLL(None, use_errno=True)\n"
        "    libc.syscall.restype = ctypes.c_long\n"
        "    def errno(number):\n"
        "        result = libc.syscall(number, 0, 0, 0, 0, 0, 0)\n"
        "        return ctypes.get_errno() if result == -1 else 0\n"
        "    return {name: errno(number) for name, number in NUMBERS.items()}\n"
    )
    answers = attempt(work, ALL, source)
    assert answers == dict.fromkeys(RAW, 1), "every one must end with EPERM"


def test_clone3_answers_enosys_so_that_threads_still_start(work: Path) -> None:
    source = (
        "import ctypes, threading\n"
        "def act():\n"
        "    libc = ctypes.CDLL(None, use_errno=True)\n"
        "    libc.syscall(435, 0, 0)\n"
        "    seen = []\n"
        "    thread = threading.Thread(target=seen.append, args=(ctypes.get_errno(),))\n"
        "    thread.start(); thread.join()\n"
        "    return seen\n"
    )
    assert attempt(work, ALL, source) == [38]


def test_only_its_own_files_are_there(work: Path) -> None:
    (work / "secret").write_text("hidden")
    source = (
        "import os\n"
        f"PLACES = ['/', '/proc', '/proc/self/environ', '/home', '/root', '/tmp', {str(work)!r}, {str(work / 'secret')!r}, {str(Path(__file__))!r}]\n"
        "def act():\n"
        "    seen = []\n"
        "    for place in PLACES:\n"
        "        for look in (os.listdir, lambda path: open(path).read(1)):\n"
        "            try:\n"
        "                look(place); seen.append(place)\n"
        "            except OSError:\n"
        "                pass\n"
        "    return seen\n"
    )
    assert attempt(work, ALL, source) == []


def test_environment_and_descriptors_hold_nothing(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "1")
    source = (
        "import os\n"
        "def act():\n"
        "    def is_open(number):\n"
        "        try:\n            os.fstat(number); return True\n"
        "        except OSError:\n            return False\n"
        "    return sorted(os.environ), [number for number in range(1024) if is_open(number)]\n"
    )
    names, descriptors = attempt(work, ALL, source)
    assert set(names) <= {
        "HOME",
        "LANG",
        "TMPDIR",
        "PYTHONDONTWRITEBYTECODE",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
    }
    assert descriptors == [0, 1, 2, 3]


def test_scratch_is_bounded_as_a_total(work: Path) -> None:
    source = (
        "def act():\n    for number in range(64):\n        open(str(number), 'wb').write(bytes(1 << 20))\n    return 'it worked'"
    )
    assert attempt(work, ALL, source, Limits(scratch_bytes=8 << 20)) == "OSError"


def test_without_namespaces_the_parent_bounds_the_scratch_files(work: Path) -> None:
    source = (
        "import time\n"
        "def act():\n    for number in range(64):\n        open(str(number), 'wb').write(bytes(1 << 20)); time.sleep(0.02)\n    return 'it worked'"
    )
    with pytest.raises(worker_module.WorkerEnded, match="scratch"):
        attempt(work, ALL - {"namespaces"}, source, Limits(scratch_bytes=8 << 20))


def test_nothing_remains_on_the_disk(work: Path) -> None:
    source = (
        "import os\n"
        "def act():\n"
        "    for _ in range(1200):\n        os.mkdir('d' * 200, 0o700); os.chdir('d' * 200)\n"
        "    os.mkdir('locked', 0)\n"
        "    os.symlink('/etc/passwd', 'link')\n"
        "    return 'deep'\n"
    )
    for layers in (ALL, ALL - {"namespaces"}):
        assert attempt(work, layers, source) == "deep"
        assert [path.name for path in work.iterdir()] == []
