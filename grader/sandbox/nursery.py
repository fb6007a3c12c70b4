"""The warm fork server: imports once what the exercises need, then forks an isolated child per submission.

A process of its own that never sees a solution, a hidden check or a result. It takes orders from the trusted side
over one socket (JSON in single packets, descriptors beside them) and ends, with all its children, when that closes.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import json
import os
import random
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.sandbox import frames, host, warm, wire
from grader.sandbox.kernel import Prepared, available, isolate, prepare
from grader.sandbox.policy import THREAD_VARIABLES, Policy

PACKET_BYTES = 1 << 16
ENVIRONMENT = ("LANG", *THREAD_VARIABLES)


class Nursery:
    """The server's state: the order socket, what it prepared, and which children live."""

    def __init__(self, orders: socket.socket) -> None:
        self.orders = orders
        self.children: set[int] = set()
        self.policy: Policy
        self.prepared: Prepared | None = None

    def run(self) -> None:
        """Starts as the first order says, then serves until the trusted side closes the socket."""
        first, _ = self.receive()
        if first is None:
            return
        try:
            self.send(self.start(first))
        except ImportError as error:
            self.send({"error": f"import {error.name or '?'}: {error}"})
            return
        handlers = {"spawn": self.spawn, "end": self.end}
        while True:
            order, descriptors = self.receive()
            if order is None:
                break
            answer = handlers[order["verb"]](order, descriptors)
            self.send(answer, answer["pid"] if order["verb"] == "spawn" else None)
        for pid in list(self.children):
            self.end({"pid": pid}, [])

    def receive(self) -> tuple[dict[str, Any] | None, list[int]]:
        """The next order and its descriptors; None at the end."""
        data, descriptors, _, _ = socket.recv_fds(self.orders, PACKET_BYTES, 2)
        return (json.loads(data) if data else None), descriptors

    def send(self, answer: dict[str, Any], pid: int | None = None) -> None:
        """One answer to the last order; where it concerns a child, with a descriptor of that process.

        A number means another process outside the namespace; a descriptor means the same one everywhere.
        """
        handles = [os.pidfd_open(pid)] if pid is not None and "namespaces" in self.policy.layers else []
        socket.send_fds(self.orders, [json.dumps(answer).encode()], handles)
        for handle in handles:
            os.close(handle)

    def start(self, order: dict[str, Any]) -> dict[str, Any]:
        """Enters the namespaces while this is one bare thread, imports and warms, and prepares for forking."""
        missing = available()
        if missing["namespaces"] is None and "namespaces" in order["wanted"]:
            missing["namespaces"] = _enter_namespaces()
        layers = [name for name, reason in missing.items() if reason is None and name in order["wanted"]]
        self.policy = Policy.from_plain({**order["policy"], "layers": layers})
        warm.warm(order["requires"])
        for module in order["preload"]:
            importlib.import_module(module)
        sys.path[:] = [path for path in sys.path if path in _library_paths()]
        gc.collect()
        gc.freeze()
        self.prepared = prepare(self.policy)
        if self.prepared is not None:
            threads = len(os.listdir("/proc/self/task"))
            if threads != 1:
                return {"error": f"{threads} threads after importing {order['requires']}: forking would lose all but one"}
        return {"layers": layers, "missing": missing, "pid": os.getpid()}

    def spawn(self, order: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """Forks the child that `order` describes; its call socket and its output pipe came along."""
        pid = os.fork()
        if pid == 0:
            self.become_child(order, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self.children.add(pid)
        return {"pid": pid}

    def end(self, order: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """Kills the child if it still lives, and reaps it. `status` is what waitpid says.

        `patience`: seconds to wait for a child that is already ending by itself, whose own status is wanted.
        """
        pid = order["pid"]
        status, finished = 0, 0
        deadline = time.monotonic() + order.get("patience", 0.0)
        with contextlib.suppress(ChildProcessError):
            finished, status = os.waitpid(pid, os.WNOHANG)
            while not finished and time.monotonic() < deadline:
                time.sleep(0.001)
                finished, status = os.waitpid(pid, os.WNOHANG)
            if not finished:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        self.children.discard(pid)
        return {"status": status, "killed": not finished}

    def become_child(self, order: dict[str, Any], descriptors: list[int]) -> None:
        """Never returns: isolates, serves, and leaves without a word to anything that runs at exit."""
        code = 70
        try:
            self.orders.close()
            self.serve_child(order, descriptors)
            code = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def serve_child(self, order: dict[str, Any], descriptors: list[int]) -> None:
        """The child's life. Nothing of the submission is touched before `isolate` is done."""
        call, output = (fcntl.fcntl(descriptor, fcntl.F_DUPFD, 64) for descriptor in descriptors)  # clear of the targets
        os.setsid()
        for source, target in ((call, host.CALL_FD), (output, 1), (output, 2)):
            os.dup2(source, target, inheritable=False)
        _own_environment(order["scratch"])
        host.fresh_streams()
        random.seed(0)  # the fork reseeded it from the clock; a verdict depends on the run's seed alone
        limits = self.policy.limits
        wired = wire.WireLimits(limits.value_bytes, limits.value_depth, limits.value_items)
        served = host.Host(wired, order["tensors"], order["code"])
        applied = isolate(self.policy, self.prepared, order["code"], order["scratch"])
        os.closerange(host.CALL_FD + 1, 1024)
        payload = json.dumps(applied).encode()
        frames.write_all(host.CALL_FD, frames.ANSWER.pack(frames.NO_NONCE, frames.Kind.READY, len(payload)) + payload)

        def load() -> ModuleType:
            if order["trusted"]:
                return sys.modules[order["module"]]
            return host.load_submission(order["code"], order["module"])

        host.serve(served, load)


def _enter_namespaces() -> str | None:
    from grader.sandbox.kernel import namespaces

    try:
        namespaces.enter()
    except OSError as error:
        return f"this kernel refuses them ({error.strerror or error})"
    return None


def _library_paths() -> set[str]:
    """Where Python's own and installed modules lie; not the project that the grader itself was imported from."""
    roots = tuple({sys.prefix, sys.base_prefix})
    project = str(Path(__file__).resolve().parents[2])
    return {path for path in sys.path if path.startswith(roots) and path != project}


def _own_environment(scratch: str) -> None:
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, HOME=scratch, TMPDIR=scratch, PYTHONDONTWRITEBYTECODE="1")
    sys.dont_write_bytecode = True


def main() -> None:
    """Serves the socket that the trusted side passed as the only argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the trusted side's to handle; it then closes the socket
    Nursery(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
