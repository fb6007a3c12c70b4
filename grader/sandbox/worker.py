"""The trusted side of the boundary: starts nurseries, calls into children, enforces what only a parent can.

Nothing that arrives from a child is believed: frames are checked against the request's nonce, lengths against limits,
values by the wire. A child that breaks the protocol is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.model import GraderFault, Limits, Outcome
from grader.sandbox import frames, parcel, wire
from grader.sandbox.policy import LAYER_NAMES, THREAD_VARIABLES, Policy
from grader.sandbox.remove import remove_tree, tree_bytes
from grader.sandbox.values import Raised, WireError

START_SECONDS = 120.0
ISOLATE_SECONDS = 20.0
WATCH_SECONDS = 0.1
ENDING_SECONDS = 0.5
PACKET_BYTES = 1 << 16
CLOCK_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class WorkerEnded(Exception):
    """The child is gone, or was killed for what it did. `outcome` is what that makes of the check."""

    def __init__(self, outcome: Outcome, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome


class Unfit(Exception):
    """What the call returned does not fit the wire; the text tells the student why."""


class CallRaised(Exception):
    """The call ended with an exception in the child."""

    def __init__(self, raised: Raised) -> None:
        super().__init__(raised.message)
        self.raised = raised


@dataclass(slots=True)
class Budget:
    """The wall-clock and CPU time that one check still may spend in the worker; `whole` is what it had at first."""

    seconds: float
    cpu_seconds: float
    whole: float = field(init=False)

    def __post_init__(self) -> None:
        self.whole = self.seconds


@dataclass(frozen=True, slots=True)
class NurserySpec:
    """What one nursery is for: the packages to warm, trusted modules to have at hand, the policy of its children."""

    requires: tuple[str, ...]
    policy: Policy
    preload: tuple[str, ...] = ()


class Nursery:
    """A running fork server. Use as a context manager; `work` is a folder of this process alone."""

    def __init__(self, spec: NurserySpec, work: Path) -> None:
        self.spec = spec
        self.folder = Path(tempfile.mkdtemp(prefix="nursery-", dir=work))
        self.count = 0
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.orders = ours
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-B", "-m", "grader.sandbox.nursery", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=(self.folder / "log").open("ab"),
                env={
                    "LANG": "C.UTF-8",
                    "PYTHONHASHSEED": "0",
                    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime's own thread, and who forks must have one only
                    **dict.fromkeys(THREAD_VARIABLES, "1"),
                },
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # the terminal's Ctrl-C reaches the trusted side only
            )
        try:
            answer = self._start(spec)
        except BaseException:
            self.close()
            raise
        self.layers: tuple[str, ...] = tuple(name for name in LAYER_NAMES if name in answer["layers"])
        self.missing: dict[str, str | None] = answer["missing"]

    def _start(self, spec: NurserySpec) -> dict[str, Any]:
        return self.order(
            {
                "requires": spec.requires,
                "preload": spec.preload,
                "policy": spec.policy.to_plain(),
                "wanted": sorted(spec.policy.layers),
            },
            START_SECONDS,
        )

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server and every child; waits until they are gone."""
        self.orders.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        remove_tree(self.folder)

    def order(self, message: dict[str, Any], seconds: float = 30.0, descriptors: Sequence[int] = ()) -> dict[str, Any]:
        """One order and its answer. GraderFault where the server died or cannot do it."""
        self.orders.settimeout(seconds)
        try:
            socket.send_fds(self.orders, [json.dumps(message).encode()], list(descriptors))
            data, handles, _, _ = socket.recv_fds(self.orders, PACKET_BYTES, 1)
        except OSError as error:
            raise GraderFault(f"nursery: no answer ({error}); {self._log()}") from error
        if not data:
            raise GraderFault(f"nursery: it ended; {self._log()}")
        answer: dict[str, Any] = json.loads(data)
        for handle in handles:
            answer["seen_as"] = _number_here(handle)
            os.close(handle)
        if "error" in answer:
            raise GraderFault(f"nursery: {answer['error']}; install what the exercise requires (make setup) and run again")
        return answer

    def _log(self) -> str:
        text = (self.folder / "log").read_text("utf-8", "replace").strip()
        return f"its last words: {text[-500:]}" if text else "it left no message"

    def spawn(
        self, module: str, files: dict[str, bytes], budget: Budget, *, trusted: bool = False, tensors: bool = False
    ) -> Worker:
        """A child with `module` loaded from `files` (path -> content), or a preloaded `trusted` module.

        WorkerEnded or CallRaised where loading it fails; the time that it takes comes off `budget`.
        """
        self.count += 1
        home = self.folder / str(self.count)
        code, scratch = home / "code", home / "scratch"
        code.mkdir(parents=True)
        scratch.mkdir()
        for name, content in files.items():
            target = code / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        ours, theirs = socket.socketpair()
        read_end, write_end = os.pipe()
        order = {
            "verb": "spawn", "module": module, "code": str(code), "scratch": str(scratch), "trusted": trusted, "tensors": tensors,
        }  # fmt: skip
        try:
            answer = self.order(order, descriptors=(theirs.fileno(), write_end))
        except BaseException:
            ours.close()
            os.close(read_end)
            remove_tree(home)
            raise
        finally:
            theirs.close()
            os.close(write_end)
        worker = Worker(self, answer["pid"], answer.get("seen_as", answer["pid"]), home, ours, read_end, tensors)
        try:
            worker.start(budget)
        except BaseException:
            worker.close()
            raise
        return worker


def _number_here(handle: int) -> int:
    """The process number, as this process sees it, of the process that a pidfd means."""
    for line in Path(f"/proc/self/fdinfo/{handle}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise GraderFault("nursery: the descriptor of a child names no process; is /proc mounted?")


@dataclass(slots=True)
class Captured:
    """What the child printed, up to a limit; the rest is read and dropped so that it never blocks."""

    limit: int
    data: bytearray = field(default_factory=bytearray)
    dropped: bool = False

    def add(self, part: bytes) -> None:
        """Keeps what still fits."""
        room = self.limit - len(self.data)
        self.data += part[:room]
        self.dropped |= len(part) > room

    def take(self) -> str:
        """What came since the last call."""
        text = self.data.decode("utf-8", "replace") + ("\n[more output was cut]" if self.dropped else "")
        self.data.clear()
        self.dropped = False
        return text


class Worker:
    """One child. Every method may raise WorkerEnded, after which the child is gone."""

    def __init__(
        self, nursery: Nursery, pid: int, seen_as: int, home: Path, call: socket.socket, output: int, tensors: bool
    ) -> None:
        self.nursery = nursery
        self.proc = Path(f"/proc/{seen_as}")
        self.limits: Limits = nursery.spec.policy.limits
        self.wire_limits = wire.WireLimits(self.limits.value_bytes, self.limits.value_depth, self.limits.value_items)
        self.pid = pid
        self.home = home
        self.socket = call
        self.socket.setblocking(False)
        self.output_fd = output
        os.set_blocking(output, False)
        self.tensors = tensors
        self.output = Captured(self.limits.output_bytes)
        self.output_closed = False
        self._early = b""  # what came behind an answer: the next one where the child is just starting, else a breach
        self.alive = True
        self.own_memory = 0
        self.own_tasks = 0
        self.poll = select.poll()
        self.poll.register(call, select.POLLIN)
        self.poll.register(output, select.POLLIN)

    def start(self, budget: Budget) -> None:
        """Waits for the isolation, then for the module."""
        try:
            kind, payload = self._receive(frames.NO_NONCE, Budget(ISOLATE_SECONDS, ISOLATE_SECONDS), PACKET_BYTES, "isolation")
        except WorkerEnded as error:
            raise GraderFault(
                f"sandbox: {error} before the submission was touched; {self.output.take().strip()[-500:]}"
            ) from error
        applied = json.loads(payload) if kind is frames.Kind.READY else []
        if set(applied) != set(self.nursery.layers):
            raise GraderFault(f"sandbox: applied {applied}, but the policy says {list(self.nursery.layers)}; see `grader doctor`")
        self.own_memory = self._memory()
        self.own_tasks = self._tasks()
        self._result(*self._receive(frames.NO_NONCE, budget, self._largest, "import"))

    @property
    def _largest(self) -> int:
        return self.limits.value_bytes + self.limits.value_items * 16 + (1 << 16)

    def request(self, message: tuple[Any, ...], budget: Budget, what: str) -> Any:
        """Sends one request and returns its decoded value; raises WorkerEnded, CallRaised or Unfit."""
        if self._pending():
            self._fail(Outcome.CRASHED, f"{what}: an answer came before its question")
        nonce = secrets.token_bytes(16)
        data = parcel.pack(message)
        self._send(frames.REQUEST.pack(nonce, len(data)) + data, budget, what)
        return self._result(*self._receive(nonce, budget, self._largest, what))

    def _result(self, kind: frames.Kind, payload: bytes) -> Any:
        try:
            if kind is frames.Kind.UNFIT:
                raise Unfit(payload[:4096].decode("utf-8", "replace"))
            value = wire.decode(payload, self.wire_limits, tensors=self.tensors)
            if kind is frames.Kind.RAISED and isinstance(value, Raised):
                raise CallRaised(value)
            if kind is frames.Kind.VALUE:
                return value
        except WireError as error:
            self._fail(Outcome.CRASHED, f"the answer is no message of the grader's ({error})")
        return self._fail(Outcome.CRASHED, "the answer is no message of the grader's")

    def forget(self, budget: Budget) -> None:
        """Lets go of every object that was kept for the check that ended."""
        self.request(("forget",), budget, "end of the check")

    def settled(self) -> bool:
        """Whether the child is as it was after loading: no thread more, nothing unasked on the socket."""
        return self.alive and self._tasks() <= self.own_tasks and not self._pending()

    def take_output(self) -> str:
        """What was printed since the last time."""
        if self.alive:
            self._drain()
        return self.output.take()

    def close(self, patience: float = 0.0) -> tuple[int, bool]:
        """Kills the child, reaps it, removes its files. Returns its wait status and whether it was us who killed it.

        `patience`: seconds that a child which is ending by itself may take.
        """
        if not self.alive:
            return 0, True
        self.alive = False
        try:
            answer = self.nursery.order({"verb": "end", "pid": self.pid, "patience": patience})
        finally:
            with contextlib.suppress(BlockingIOError):
                self._drain()
            self.socket.close()
            os.close(self.output_fd)
            remove_tree(self.home)
        return answer["status"], answer["killed"]

    def _pending(self) -> bool:
        return bool(self._early) or any(descriptor == self.socket.fileno() for descriptor, _ in self.poll.poll(0))

    def _drain(self) -> None:
        # Bounded: a child that prints without end must not keep its parent reading.
        for _ in range(64):
            try:
                part = os.read(self.output_fd, 1 << 16)
            except BlockingIOError:
                return
            if not part:  # they closed it: it would be ready for ever
                if not self.output_closed:
                    self.poll.unregister(self.output_fd)
                self.output_closed = True
                return
            self.output.add(part)

    def _send(self, data: bytes, budget: Budget, what: str) -> None:
        view = memoryview(data)
        deadline = time.monotonic() + budget.seconds
        while view:
            try:
                view = view[self.socket.send(view) :]
            except BlockingIOError:
                ready = select.select(
                    [self.output_fd], [self.socket], [], max(0.0, min(WATCH_SECONDS, deadline - time.monotonic()))
                )
                if ready[0]:
                    self._drain()
                if time.monotonic() > deadline:
                    self._fail(Outcome.TIMED_OUT, f"{what}: ran longer than {budget.whole:g} s")
            except OSError:
                self._ended(what)

    def _receive(self, nonce: bytes, budget: Budget, largest: int, what: str) -> tuple[frames.Kind, bytes]:
        """One whole answer to `nonce`, while watching the clock, the memory, the CPU time and the scratch files."""
        started = time.monotonic()
        watch = _Watch(self, budget, started)
        data = bytearray()
        try:
            while len(data) < frames.ANSWER.size:
                self._read_more(data, frames.ANSWER.size, watch, what)
            theirs, number, length = frames.ANSWER.unpack_from(data)
            if theirs != nonce or number not in frames.Kind._value2member_map_:
                self._fail(Outcome.CRASHED, f"{what}: an answer to another question")
            if length > largest:
                self._fail(Outcome.CRASHED, f"{what}: an answer of {length} bytes; at most {largest} are allowed")
            whole = frames.ANSWER.size + length
            while len(data) < whole:
                self._read_more(data, whole, watch, what)
            if len(data) > whole:  # only the two answers of the start may come together
                self._early = bytes(memoryview(data)[whole:])
            return frames.Kind(number), bytes(memoryview(data)[frames.ANSWER.size : whole])
        finally:
            budget.seconds -= time.monotonic() - started
            budget.cpu_seconds -= watch.cpu_used

    def _read_more(self, data: bytearray, wanted: int, watch: _Watch, what: str) -> None:
        """Waits for the child and adds what it wrote, watching meanwhile. Small answers cost one wait and one read."""
        if self._early:
            data += self._early
            self._early = b""
            return
        events = dict(self.poll.poll(max(1.0, 1000 * min(WATCH_SECONDS, watch.left()))))
        if self.output_fd in events:
            self._drain()
        if self.socket.fileno() in events:
            try:
                part = self.socket.recv(max(1 << 16, min(wanted - len(data), 1 << 20)))
            except ConnectionResetError:
                part = b""
            if not part:
                self._ended(what)
            data += part
        watch.look(what)

    def _ended(self, what: str) -> None:
        status, killed = self.close(ENDING_SECONDS)
        if killed:
            text = "the process closed its connection"
        elif os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            text = f"the process was ended by signal {number} ({signal.Signals(number).name})"
        else:
            text = f"the process ended itself (exit code {os.waitstatus_to_exitcode(status)})"
        raise WorkerEnded(Outcome.CRASHED, f"{what}: {text}")

    def _fail(self, outcome: Outcome, text: str) -> Any:
        self.close()
        raise WorkerEnded(outcome, text)

    def _statistics(self, name: str) -> list[str]:
        try:
            return (self.proc / name).read_text().rpartition(")")[2].split()
        except OSError:
            return []

    def _memory(self) -> int:
        """Resident bytes, shared memory included."""
        fields = self._statistics("statm")
        return int(fields[1]) * PAGE if fields else 0

    def _cpu_seconds(self) -> float:
        fields = self._statistics("stat")
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS if fields else 0.0

    def _tasks(self) -> int:
        try:
            return len(os.listdir(self.proc / "task"))
        except OSError:
            return 0


class _Watch:
    """What a parent sees of a running call every tenth of a second."""

    def __init__(self, worker: Worker, budget: Budget, started: float) -> None:
        self.worker = worker
        self.budget = budget
        self.deadline = started + budget.seconds
        self.next_look = started + WATCH_SECONDS
        self.cpu_start: float | None = None
        self.cpu_used = 0.0

    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()

    def look(self, what: str) -> None:
        """Kills the child that used up what it may use."""
        now = time.monotonic()
        limits = self.worker.limits
        if now > self.deadline:
            self.worker._fail(Outcome.TIMED_OUT, f"{what}: ran longer than {self.budget.whole:g} s")
        if now < self.next_look:
            return
        self.next_look = now + WATCH_SECONDS
        cpu = self.worker._cpu_seconds()
        self.cpu_start = cpu if self.cpu_start is None else self.cpu_start
        self.cpu_used = cpu - self.cpu_start
        if self.cpu_used > self.budget.cpu_seconds:
            self.worker._fail(Outcome.TIMED_OUT, f"{what}: used more than {limits.cpu_seconds:g} s of CPU time")
        if self.worker._memory() - self.worker.own_memory > limits.memory_bytes:
            self.worker._fail(Outcome.OUT_OF_MEMORY, f"{what}: used more than {limits.memory_bytes >> 20} MiB of memory")
        if "namespaces" not in self.worker.nursery.layers and tree_bytes(self.worker.home / "scratch") > limits.scratch_bytes:
            self.worker._fail(Outcome.CRASHED, f"{what}: wrote more than {limits.scratch_bytes >> 20} MiB of scratch files")


def work_folder() -> Path:
    """A new folder for one process's nurseries, readable by this user alone; `remove_tree` it at the end."""
    return Path(tempfile.mkdtemp(prefix="fedlings-"))
