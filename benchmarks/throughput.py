"""How fast a class is graded, as ratios against a fresh pytest process a submission and against no isolation at all."""

from __future__ import annotations

import argparse
import cProfile
import importlib.util
import os
import pstats
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

ROOT = Path(__file__).resolve().parents[1]
SLUG, LESSON = "fed_avg", "day1_federated_learning"
REFERENCE = ROOT / "solutions" / LESSON / SLUG / f"{SLUG}.py"
FRESH_SAMPLE = 6
SEED = 7
JOBS = 2
FRESH_CONFTEST = """
import hashlib, types
import numpy as np, onnxruntime, pytest, skl2onnx, sklearn.linear_model, torch
import fed_avg

def pytest_configure(config):
    config.addinivalue_line("markers", "check(points, needs, hint): a check")

class Direct:
    def call(self, name, *arguments, **keywords):
        value = getattr(fed_avg, name)(*arguments, **keywords)
        return types.SimpleNamespace(value=value, args=arguments, kwargs=keywords, shares_memory=False, seconds=0.0, stdout="")

    def __getattr__(self, name):
        return getattr(fed_avg, name)

@pytest.fixture
def submission():
    return Direct()

@pytest.fixture
def rng(request):
    return np.random.default_rng(int(hashlib.sha256(request.node.name.encode()).hexdigest()[:8], 16))
"""


def make_class(folder: Path, size: int) -> None:
    """`size` submissions; each differs by a comment, so nothing can be remembered from one to the next."""
    source = REFERENCE.read_text("utf-8")
    for number in range(size):
        home = folder / f"student{number:04d}"
        home.mkdir(parents=True)
        (home / f"{SLUG}.py").write_text(f"{source}\n# {number}\n", "utf-8")


@contextmanager
def peak_pss(pid: int) -> Iterator[list[int]]:
    """Samples the proportional set size of the tree below `pid` (bytes) until the block ends; the list holds the peak."""
    peak, stop = [0], threading.Event()

    def sample() -> None:
        while not stop.wait(0.1):
            peak[0] = max(peak[0], sum(map(pss, tree(pid))))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def tree(pid: int) -> list[int]:
    """`pid` and all processes below it."""
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def pss(pid: int) -> int:
    """Bytes; 0 for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def ours(size: int) -> tuple[float, int]:
    """Seconds of one `grader grade` of `size` submissions, and the tree's peak memory in bytes."""
    base = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        make_class(base / "in", size)
        command = [sys.executable, "-m", "grader.cli.main", "grade", str(base / "in"), "--out", str(base / "out"),
                   "--exercise", SLUG, "--jobs", str(JOBS), "--seed", str(SEED)]  # fmt: skip
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with peak_pss(process.pid) as peak:
            code = process.wait()
        seconds = time.perf_counter() - started
        if code != 0:
            raise SystemExit(f"grader grade ended with exit code {code}")
        scores = (base / "out" / "scores.csv").read_text("utf-8").splitlines()[1:]
        if len(scores) != size or not all(",graded,10," in row for row in scores):
            raise SystemExit("not every submission got full marks: nothing to compare")
        return seconds, peak[0]
    finally:
        shutil.rmtree(base)


def fresh() -> float:
    """Seconds a submission with a new pytest process each."""
    base = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        make_class(base, FRESH_SAMPLE + 1)
        seconds = []
        for number in range(FRESH_SAMPLE + 1):
            home = base / f"student{number:04d}"
            (home / "conftest.py").write_text(FRESH_CONFTEST, "utf-8")
            shutil.copy(ROOT / "exercises" / LESSON / SLUG / f"test_{SLUG}.py", home)
            shutil.copy(ROOT / "solutions" / LESSON / SLUG / "test_hidden.py", home)
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."], cwd=home, capture_output=True, check=False
            )
            seconds.append(time.perf_counter() - started)
        return sum(seconds[1:]) / FRESH_SAMPLE  # the first one warmed the disk
    finally:
        shutil.rmtree(base)


class Unguarded:
    """What a `Subject` is to the checks, without a process: the floor."""

    ended = None

    def __init__(self, path: Path) -> None:
        spec = importlib.util.spec_from_file_location(SLUG, path)
        assert spec is not None
        assert spec.loader is not None
        self.module = importlib.util.module_from_spec(spec)
        sys.modules[SLUG] = self.module
        spec.loader.exec_module(self.module)
        self.worker = None
        self.last_call = None

    def begin(self) -> None:
        """Nothing to prepare."""

    def finish(self) -> str:
        """Nothing was captured."""
        return ""

    def keeps_objects(self) -> None:
        """Nothing is kept."""

    def request(self, what: str, message: tuple[Any, ...]) -> Any:
        """The only other requests that fed_avg's checks make: many calls at once."""
        from grader.sandbox.parcel import unpack

        verb, name, cases, *valid = message
        answers: list[Any] = [self.call(name, valid[0], {}, details=False) if valid and valid[0] is not None else None]
        for case in cases:
            try:
                value = self.call(name, unpack(case, lambda ident: None), {}, details=False)
                answers.append(value if verb == "each" else None)
            except Exception as error:
                answers.append(error.raised)  # type: ignore[attr-defined]
        return answers[1:] if verb == "each" else answers

    def call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], *, details: bool) -> Any:
        """Calls the function here, in this process; an exception is marked as a sandboxed one would be."""
        from grader.sandbox.values import Raised
        from grader.sandbox.worker import CallRaised

        try:
            value = getattr(self.module, name)(*arguments, **keywords)
        except Exception as error:
            names = [cls.__name__ for cls in type(error).__mro__ if cls.__module__ == "builtins"]
            raise CallRaised(Raised(names[0], type(error).__name__, str(error), "")) from None
        return (value, arguments, keywords, False) if details else value


def in_session(body: Callable[[Any], None]) -> None:
    """Runs `body` in the checkers' own kind of pytest session."""
    from grader.checks.session import session

    session(ROOT, body)


def floor(size: int) -> float:
    """Seconds a submission for the checks alone."""
    from grader import catalog

    base = Path(tempfile.mkdtemp(prefix="bench-"))
    seconds = [0.0]

    def body(runner: Any) -> None:
        collected = runner.collect(catalog.load(ROOT).exercise(SLUG))
        for number in range(size + 5):
            if number == 5:
                seconds[0] = time.perf_counter()
            subject = Unguarded(base / f"student{number:04d}" / f"{SLUG}.py")
            for check in collected.checks:
                runner.run(collected, check.name, subject, SEED)
        seconds[0] = time.perf_counter() - seconds[0]

    try:
        make_class(base, size + 5)
        in_session(body)
        return seconds[0] / size
    finally:
        shutil.rmtree(base)


def profile(size: int) -> None:
    """Prints where the checker's own time goes; what the child does shows as waiting in `poll`."""
    from grader import catalog
    from grader.authoring.audit import as_work
    from grader.desk import Desk
    from grader.grade import Grader
    from grader.sandbox.worker import work_folder

    def body(runner: Any) -> None:
        with Desk(ROOT, work_folder(), "strong") as desk:
            grader = Grader(runner, desk, SEED)
            exercise, work = catalog.load(ROOT).exercise(SLUG), as_work(SLUG, REFERENCE.read_bytes())
            grader.grade(exercise, work)
            profiler = cProfile.Profile()
            started = time.perf_counter()
            for _ in range(size):
                grader.grade(exercise, work)
            print(f"{(time.perf_counter() - started) / size * 1e3:.1f} ms a submission, unprofiled")
            profiler.enable()
            for _ in range(size):
                grader.grade(exercise, work)
            profiler.disable()
            pstats.Stats(profiler).sort_stats("tottime").print_stats(30)

    in_session(body)


def main() -> None:
    """Measures and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 300])
    parser.add_argument("--profile", action="store_true", help="profile one checker instead")
    options = parser.parse_args()
    if options.profile:
        profile(100)
        return
    one_fresh, one_floor = fresh(), floor(100)
    print(f"fresh pytest process     {one_fresh * 1e3:8.0f} ms a submission")
    print(f"checks without isolation {one_floor * 1e3:8.1f} ms a submission (floor)")
    totals: dict[int, float] = {}
    for size in options.sizes:
        seconds, peak = ours(size)
        totals[size] = seconds
        print(
            f"grader grade --jobs {JOBS}, {size:4d} submissions: {seconds:6.2f} s, {one_fresh * size / seconds:5.0f} times fresh, peak {peak / 2**30:.2f} GiB"
        )
    if len(totals) > 1:
        small, large = min(totals), max(totals)
        steady = (totals[large] - totals[small]) / (large - small) * JOBS
        print(f"steady state: {steady * 1e3:.1f} ms a submission and core, {(steady - one_floor) * 1e3:.1f} ms beyond the floor")


if __name__ == "__main__":
    main()
