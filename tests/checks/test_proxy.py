"""What a check sees of a submission: values, exceptions, handles, many calls at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from grader.checks.proxy import Handle, SubmissionCrash, SubmissionProxy, SubmissionUnfit
from grader.checks.subject import Subject
from grader.checks.verdict import Verdict
from grader.model import Limits, Outcome
from grader.sandbox.policy import LAYER_NAMES, Policy
from grader.sandbox.values import Opaque
from grader.sandbox.worker import Nursery, NurserySpec

LIMITS = Limits(seconds=1.0, value_items=1000)
Start = Callable[[str], tuple[Subject, SubmissionProxy]]


@pytest.fixture
def start(work: Path) -> Iterator[Start]:
    """Makes a submission of a source text."""
    subjects: list[Subject] = []
    with Nursery(NurserySpec(("numpy",), Policy(frozenset(LAYER_NAMES), LIMITS)), work) as nursery:

        def begin(source: str) -> tuple[Subject, SubmissionProxy]:
            subject = Subject(nursery, "work", {"work.py": source.encode()}, LIMITS, tensors=False)
            subjects.append(subject)
            subject.begin()
            return subject, SubmissionProxy(subject)

        yield begin
        for subject in subjects:
            subject.close()


def test_a_call_reads_like_the_module(start: Start) -> None:
    _, submission = start("def add(a, *, b=1):\n    return a + b\n")
    assert submission.add(1, b=2) == 3


def test_an_exception_arrives_as_the_same_built_in_type(start: Start) -> None:
    _, submission = start(
        "import numpy\nclass Mine(ValueError): pass\ndef act(n):\n    raise [Mine, KeyError, numpy.linalg.LinAlgError][n]('why')\n"
    )
    for number, expected in enumerate((ValueError, KeyError, ValueError)):
        with pytest.raises(expected, match="why"):
            submission.act(number)


@pytest.mark.parametrize("name", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException"])
def test_what_is_no_ordinary_exception_is_never_raised_here(start: Start, name: str) -> None:
    _, submission = start(f"def act():\n    raise {name}('x')\n")
    with pytest.raises(SubmissionCrash, match=name):
        submission.act()


def test_an_import_that_fails_satisfies_no_raises(start: Start) -> None:
    subject, submission = start("raise ValueError('convenient')\n")
    with pytest.raises(SubmissionCrash, match=r"import: ValueError: convenient \(work.py:1\)"):
        submission.act()
    assert Verdict.of(None, subject).outcome is Outcome.CRASHED


def test_a_caught_time_out_is_a_time_out_still(start: Start) -> None:
    subject, submission = start("def act():\n    while True: pass\n")
    with pytest.raises(SubmissionCrash):
        submission.act()
    assert Verdict.of(None, subject).outcome is Outcome.TIMED_OUT
    with pytest.raises(SubmissionCrash):
        submission.act()  # at once: the check's time is used up


def test_after_a_hang_the_next_check_has_a_fresh_child(start: Start) -> None:
    subject, submission = start("def hang():\n    while True: pass\ndef fine():\n    return 1\n")
    with pytest.raises(SubmissionCrash):
        submission.hang()
    subject.finish()
    subject.begin()
    assert submission.fine() == 1


def test_too_much_is_the_students_failure_told_clearly(start: Start) -> None:
    _, submission = start("def act():\n    return list(range(5000))\n")
    with pytest.raises(SubmissionUnfit, match="1,000 items"):
        submission.act()


def test_an_instance_is_a_handle_whose_methods_and_attributes_work(start: Start) -> None:
    source = (
        "class Counter:\n"
        "    def __init__(self, start): self.total = start; self.child = None\n"
        "    def add(self, n): self.total += n; return self.total\n"
        "    def make(self): self.child = Counter(self.total); return self.child\n"
        "def peek(counter): return counter.total\n"
    )
    subject, submission = start(source)
    counter = submission.Counter(3)
    assert isinstance(counter, Handle)
    assert counter.total == 3
    assert counter.add(4) == 7
    assert counter.make().add(1) == 8
    assert counter.child.total == 8
    assert submission.peek(counter) == 7
    with pytest.raises(AttributeError):
        counter.no_such  # noqa: B018 - the access is what is tried
    subject.finish()
    subject.begin()
    with pytest.raises(IndexError):
        submission.peek(counter)  # a handle lives as long as its check


def test_a_numpy_scalar_is_no_float(start: Start) -> None:
    _, submission = start("import numpy\ndef act():\n    return numpy.float64(1.5)\n")
    answer = submission.act()
    assert isinstance(answer, Opaque)
    assert answer.type_name == "numpy.float64"


def test_call_tells_arguments_afterwards_sharing_and_output(start: Start) -> None:
    source = "def act(a, b):\n    print('hello')\n    a += 1\n    return b[:1]\n"
    _, submission = start(source)
    given = np.zeros(2)
    done = submission.call("act", given, np.ones(2))
    np.testing.assert_array_equal(done.args[0], [1.0, 1.0])
    np.testing.assert_array_equal(given, [0.0, 0.0])
    assert done.shares_memory
    assert done.stdout == "hello\n"


def test_arrays_keep_layout_and_the_read_only_flag(start: Start) -> None:
    _, submission = start("def act(a):\n    return a.flags.writeable, a.flags.f_contiguous, a.strides\n")
    array = np.asfortranarray(np.zeros((3, 4)))[::2]
    array.flags.writeable = False
    assert submission.act(array) == (False, False, array.strides)


def test_each_makes_many_calls_and_raises_where_one_does(start: Start) -> None:
    subject, submission = start("def act(n):\n    if n == 2: raise ValueError('two')\n    return n * 10\n")
    results = submission.each("act", [(0,), (1,), (2,), (3,)])
    assert [next(results), next(results)] == [0, 10]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert subject.last_call == ("act", (2,), {})


def test_calls_made_at_once_do_not_see_each_others_changes(start: Start) -> None:
    _, submission = start("def act(a):\n    a += 1\n    return float(a[0])\n")
    shared = np.zeros(1)
    assert list(submission.each("act", [(shared,), (shared,)])) == [1.0, 1.0]


def test_refuses_wants_every_case_refused(start: Start) -> None:
    _, submission = start("def act(n):\n    if n < 2: raise ValueError(n)\n    if n == 3: raise KeyError\n    return n\n")
    assert submission.refuses(ValueError, "act", [(0,), (1,)], valid=(2,)) == 2
    with pytest.raises(AssertionError, match="expected ValueError, but nothing was raised"):
        submission.refuses(ValueError, "act", [(0,), (2,)])
    with pytest.raises(KeyError):
        submission.refuses(ValueError, "act", [(0,), (3,)])
    with pytest.raises(KeyError):
        submission.refuses(ValueError, "act", [(0,)], valid=(3,))


def test_a_stub_refuses_nothing(start: Start) -> None:
    _, submission = start("def act(n):\n    raise NotImplementedError('write it')\n")
    with pytest.raises(NotImplementedError):
        submission.refuses((TypeError, ValueError), "act", [(0,)])


def test_helper_modules_beside_it_are_imported(start: Start, work: Path) -> None:
    subject, submission = start("import helper\ndef act():\n    return helper.value\n")
    subject.files["helper.py"] = b"value = 5\n"
    assert submission.act() == 5
