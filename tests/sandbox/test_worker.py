"""What only a parent can enforce: limits of time, memory and output, and that nothing survives any ending."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from grader.model import GraderFault, Limits, Outcome
from grader.sandbox.policy import LAYER_NAMES, Policy
from grader.sandbox.worker import Budget, CallRaised, Nursery, NurserySpec, Unfit, Worker, WorkerEnded

LIMITS = Limits(seconds=2.0, memory_bytes=256 << 20, output_bytes=4096, value_bytes=1 << 20, value_items=1000, value_depth=16)


@pytest.fixture
def nursery(work: Path) -> Iterator[Nursery]:
    with Nursery(NurserySpec(("numpy",), Policy(frozenset(LAYER_NAMES), LIMITS)), work) as running:
        yield running


def start(nursery: Nursery, source: str, seconds: float = 2.0) -> Worker:
    return nursery.spawn("probe", {"probe.py": source.encode()}, Budget(seconds, seconds))


def call(worker: Worker, name: str, *arguments: object, seconds: float = 2.0) -> object:
    return worker.request(("call", name, arguments, {}, False), Budget(seconds, seconds), name)


def ending(nursery: Nursery, body: str, head: str = "") -> WorkerEnded:
    worker = start(nursery, f"import os, sys, time\n{head}\ndef act():\n    {body}\n")
    with pytest.raises(WorkerEnded) as caught:
        call(worker, "act")
    assert not worker.alive
    return caught.value


def test_values_and_output_come_back(nursery: Nursery) -> None:
    worker = start(nursery, "def double(x):\n    print('doubling')\n    return 2 * x\n")
    np.testing.assert_array_equal(call(worker, "double", np.arange(3.0)), [0.0, 2.0, 4.0])
    assert worker.take_output() == "doubling\n"
    assert worker.take_output() == ""
    worker.close()


def test_an_exception_names_its_class_message_and_line(nursery: Nursery) -> None:
    worker = start(nursery, "class Odd(ValueError):\n    pass\ndef act():\n    raise Odd('no')\n")
    with pytest.raises(CallRaised) as caught:
        call(worker, "act")
    raised = caught.value.raised
    assert (raised.builtin, raised.type_name, raised.message, raised.where) == ("ValueError", "Odd", "no", "probe.py:4")
    worker.close()


@pytest.mark.parametrize("body", ["while True: pass", "time.sleep(60)", "return __import__('threading').Event().wait()"])
def test_a_call_that_hangs_is_timed_out_and_killed(nursery: Nursery, body: str) -> None:
    started = time.monotonic()
    ended = ending(nursery, body)
    assert ended.outcome is Outcome.TIMED_OUT
    assert time.monotonic() - started < 10.0


def test_an_import_that_hangs_is_timed_out(nursery: Nursery) -> None:
    with pytest.raises(WorkerEnded) as caught:
        start(nursery, "while True:\n    pass\n", seconds=0.5)
    assert caught.value.outcome is Outcome.TIMED_OUT


def test_reading_the_message_of_an_exception_cannot_hang_longer(nursery: Nursery) -> None:
    head = "class Slow(ValueError):\n    def __str__(self):\n        while True: pass\n"
    assert ending(nursery, "raise Slow", head).outcome is Outcome.TIMED_OUT


def test_cpu_time_of_all_threads_counts(nursery: Nursery) -> None:
    source = (
        "import threading, time, hashlib\n"
        "def burn():\n    while True: hashlib.sha256(bytes(1 << 20))\n"
        "def act():\n    [threading.Thread(target=burn, daemon=True).start() for _ in range(2)]; time.sleep(60)\n"
    )
    worker = start(nursery, source)
    with pytest.raises(WorkerEnded, match="CPU time") as caught:
        worker.request(("call", "act", (), {}, False), Budget(20.0, 0.3), "act")
    assert caught.value.outcome is Outcome.TIMED_OUT


def test_private_memory_ends_in_memory_error(nursery: Nursery) -> None:
    worker = start(nursery, "def act():\n    return len([bytearray(1 << 20) for _ in range(4096)])\n")
    with pytest.raises(CallRaised) as caught:
        call(worker, "act")
    assert caught.value.raised.builtin == "MemoryError"
    worker.close()


def test_shared_memory_counts_too(nursery: Nursery) -> None:
    body = "m = __import__('mmap').mmap(-1, 900 << 20); [m.write(bytes(1 << 20)) for _ in range(900)]; time.sleep(60)"
    assert ending(nursery, body).outcome is Outcome.OUT_OF_MEMORY


def test_endless_output_is_cut_and_blocks_nobody(nursery: Nursery) -> None:
    worker = start(nursery, "def act():\n    for _ in range(5000):\n        print('x' * 1000)\n    return 7\n")
    assert call(worker, "act", seconds=10.0) == 7
    text = worker.take_output()
    assert len(text) < 5000
    assert text.endswith("[more output was cut]")
    worker.close()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("os._exit(0)", "exit code 0"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("__import__('ctypes').string_at(0)", "SIGSEGV"),
        ("os.closerange(0, 100)", ""),
        ("os.close(3)", ""),
    ],
)
def test_a_process_that_ends_itself_has_crashed(nursery: Nursery, body: str, text: str) -> None:
    ended = ending(nursery, body)
    assert ended.outcome is Outcome.CRASHED
    assert text in str(ended)


def test_system_exit_arrives_as_what_it_is_and_ends_nothing(nursery: Nursery) -> None:
    worker = start(nursery, "def act():\n    raise SystemExit(0)\ndef fine():\n    return 1\n")
    with pytest.raises(CallRaised) as caught:
        call(worker, "act")
    assert caught.value.raised.builtin == "SystemExit"
    assert call(worker, "fine") == 1
    worker.close()


def test_closing_the_output_is_survived(nursery: Nursery) -> None:
    worker = start(nursery, "import os\ndef act():\n    os.close(1); os.close(2)\n    return 3\ndef more():\n    return 4\n")
    assert call(worker, "act") == 3
    assert call(worker, "more") == 4
    worker.close()


FORGERIES = {
    "random bytes": "os.write(3, b'x' * 64)",
    "a huge length": "os.write(3, __import__('struct').pack('!16sBQ', frame(), 1, 1 << 60))",
    "another nonce": "os.write(3, __import__('struct').pack('!16sBQ', b'y' * 16, 1, 1) + b'N')",
    "an unknown kind": "os.write(3, __import__('struct').pack('!16sBQ', frame(), 9, 1) + b'N')",
    "a pickle": "p = b'cposix\\nsystem\\n(S\"true\"\\ntR.'; os.write(3, __import__('struct').pack('!16sBQ', frame(), 1, len(p)) + p)",
}
FRAME = (
    "def frame():\n"
    "    f = sys._getframe()\n"
    "    while f and 'nonce' not in f.f_locals: f = f.f_back\n"
    "    return f.f_locals['nonce']\n"
)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_message_ends_the_child(nursery: Nursery, name: str) -> None:
    assert ending(nursery, f"{FORGERIES[name]}; time.sleep(60)", FRAME).outcome is Outcome.CRASHED


def test_answering_twice_is_noticed_before_the_next_question(nursery: Nursery) -> None:
    source = f"import os, sys, struct\n{FRAME}\ndef act():\n    os.write(3, struct.pack('!16sBQ', frame(), 1, 1) + b'N')\n    return 5\n"
    worker = start(nursery, source)
    call(worker, "act")
    time.sleep(0.1)
    assert not worker.settled()
    with pytest.raises(WorkerEnded, match="before its question"):
        call(worker, "act")


def test_a_thread_left_behind_is_noticed(nursery: Nursery) -> None:
    source = "import threading, time\ndef act():\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    worker = start(nursery, source)
    assert worker.settled()
    call(worker, "act")
    assert not worker.settled()
    worker.close()


HOSTILE_VALUES = {
    "a billion entries": "return [0] * 10_000_000",
    "too many bytes": "return b'x' * (2 << 20)",
    "a deep nest": "x = []\n    for _ in range(50_000): x = [x]\n    return x",
    "a cycle": "x = []; x.append(x); return x",
    "a long number": "return 1 << 1_000_000",
}


@pytest.mark.parametrize("name", HOSTILE_VALUES)
def test_a_value_beyond_the_limits_does_not_fit(nursery: Nursery, name: str) -> None:
    worker = start(nursery, f"def act():\n    {HOSTILE_VALUES[name]}\ndef fine():\n    return 1\n")
    with pytest.raises(Unfit):
        call(worker, "act")
    assert call(worker, "fine") == 1
    worker.close()


def children() -> set[int]:
    """All processes below this one."""
    found, waiting = set(), [os.getpid()]
    while waiting:
        parent = waiting.pop()
        for task in Path(f"/proc/{parent}/task").iterdir():
            try:
                new = {int(pid) for pid in (task / "children").read_text().split()}
            except OSError:
                continue
            found |= new
            waiting += new
    return found


def test_closing_a_nursery_leaves_no_process(work: Path) -> None:
    before = children()
    with Nursery(NurserySpec((), Policy(frozenset(LAYER_NAMES), LIMITS)), work) as running:
        start(running, "")
        assert children() - before
    assert children() <= before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_however_the_trusted_side_ends_no_process_remains(work: Path, number: int) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from tests_start import *\n"
        "n = Nursery(NurserySpec((), Policy(frozenset(LAYER_NAMES), Limits())), Path(sys.argv[1]))\n"
        "w = n.spawn('probe', {'probe.py': b'import time, threading\\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()'}, Budget(5, 5))\n"
        "print(n.process.pid, w.proc.name, flush=True)\ntime.sleep(60)\n"
    )
    (work / "tests_start.py").write_text(
        "from grader.model import Limits\nfrom grader.sandbox.policy import LAYER_NAMES, Policy\n"
        "from grader.sandbox.worker import Budget, Nursery, NurserySpec\n"
    )
    (work / "program.py").write_text(program)
    process = subprocess.Popen([sys.executable, str(work / "program.py"), str(work)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    process.send_signal(number)
    process.wait()
    deadline = time.monotonic() + 5.0
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_missing_package_is_our_fault_with_the_cure(work: Path) -> None:
    with pytest.raises(GraderFault, match=r"no_such_package.*make setup"):
        Nursery(NurserySpec(("no_such_package",), Policy(frozenset(LAYER_NAMES), LIMITS)), work)
