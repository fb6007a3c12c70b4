"""What agrees with the reference is accepted, all else refused with a reason, whatever the child answers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

from grader.artifacts import inspect
from grader.artifacts.judge import Case, WorkerEnded, case_batches, judge
from grader.model import ArtefactResult, ArtefactSpec, AuthoringError, GraderFault, Limits, Outcome, TensorSpec
from grader.sandbox import worker as sandbox
from grader.sandbox.policy import LAYER_NAMES, Policy

SPEC = ArtefactSpec((TensorSpec(None, "float32", (None, 3)),), (TensorSpec(None, "float32", (None, 2)),))
WEIGHTS = np.array([[1.0, -2.0], [0.5, 3.0], [4.0, 0.25]], np.float32)
Answer = Callable[..., Any]


class InProcess:
    """A caller without a sandbox; `answers` stand in for functions, as a hostile child's would."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.called: list[str] = []

    def call(self, name: str, *args: object) -> object:
        self.called.append(name)
        return self.answers.get(name, getattr(inspect, name))(*args)


def model(nodes: list[onnx.NodeProto], tensors: dict[str, np.ndarray] | None = None, opset: int = 17) -> bytes:
    """x (n, 3) float32 -> y (n, 2) float32"""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width]) for name, width in (("x", 3), ("y", 2)))
    stored = [numpy_helper.from_array(array, name) for name, array in ({"w": WEIGHTS} | (tensors or {})).items()]
    made = helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], stored), opset_imports=[helper.make_opsetid("", opset)], ir_version=10
    )
    return made.SerializeToString()


def linear(*after: onnx.NodeProto, tensors: dict[str, np.ndarray] | None = None) -> bytes:
    """y = x w, or what the nodes `after` make of z = x w."""
    return model([helper.make_node("MatMul", ["x", "w"], ["z" if after else "y"]), *after], tensors)


def case(rows: int, seed: int = 11) -> Case:
    x = np.random.default_rng(seed + rows).normal(size=(rows, 3)).astype(np.float32)
    return [x], [(x.astype(np.float64) @ WEIGHTS).astype(np.float32)]


CASES = [case(7), case(64), case(1)]


def verdict(data: bytes, cases: list[Case] | None = None, spec: ArtefactSpec = SPEC, **answers: Answer) -> ArtefactResult:
    return judge(InProcess(**answers), "m.onnx", data, spec, CASES if cases is None else cases)


def test_a_right_model_is_accepted_with_its_facts() -> None:
    found = verdict(linear())
    assert (found.accepted, found.reason, found.batch_sizes) == (True, None, (1, 7, 64))
    assert (found.bytes, found.ir_version, found.opset, found.operators) == (len(linear()), 10, {"ai.onnx": 17}, {"MatMul": 1})
    assert [(one.name, one.dtype, one.shape) for one in found.outputs] == [("y", "float32", (None, 2))]
    assert found.max_abs_difference is not None
    assert found.max_abs_difference < 1e-5
    assert found.label_agreement is None
    assert found.milliseconds is not None


def classifier(kind: type, shift: int = 0) -> tuple[bytes, ArtefactSpec, list[Case]]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(90, 3)).astype(np.float32)
    labels = np.array([kind(label) for label in (2 * x[:, 0] + x[:, 1] > 0).astype(int)])
    fitted = LogisticRegression().fit(x, labels)
    data = to_onnx(fitted, x[:1], options={"zipmap": False}, target_opset=21).SerializeToString()
    dtype = "str" if kind is str else "int64"
    spec = ArtefactSpec(SPEC.inputs, (TensorSpec(None, dtype, (None,)), TensorSpec(None, "float32", (None, 2))))
    fresh = x[np.abs(fitted.decision_function(x)) > 0.1][shift:]
    return data, spec, [([fresh], [fitted.predict(fresh), fitted.predict_proba(fresh).astype(np.float32)])]


@pytest.mark.parametrize("kind", [int, str])
def test_a_classifier_of_scikit_learn_is_accepted_with_its_labels(kind: type) -> None:
    data, spec, cases = classifier(kind)
    found = verdict(data, cases, spec)
    assert found.accepted, found.reason
    assert found.label_agreement == 1.0


@pytest.mark.parametrize("kind", [int, str])
def test_one_wrong_label_is_refused_and_counted(kind: type) -> None:
    data, spec, [(inputs, [labels, probabilities])] = classifier(kind)
    other = labels.copy()
    other[0] = labels[labels != labels[0]][0]
    found = verdict(data, [(inputs, [other, probabilities])], spec)
    assert not found.accepted
    assert found.reason is not None
    assert f"1 of {len(labels)} values differ from the reference, first at [0]" in found.reason
    assert 0.9 < (found.label_agreement or 0) < 1


def test_a_difference_just_beyond_the_tolerance_is_refused_with_its_place() -> None:
    inputs, [expected] = case(7)
    expected = expected.copy()
    expected[4, 1] += 4e-3
    found = verdict(linear(), [(inputs, [expected])], replace(SPEC, atol=3e-3))
    assert found.reason is not None
    assert found.reason.startswith(
        "m.onnx: output 1 'y' on case 1 (7 rows): 1 of 14 values differ from the reference, first at [4, 1]"
    )
    assert found.max_abs_difference == pytest.approx(4e-3, rel=0.05)
    assert verdict(linear(), [(inputs, [expected])], replace(SPEC, atol=5e-3)).accepted


def test_the_relative_tolerance_grows_with_the_expected_value() -> None:
    inputs, [expected] = case(7)
    close = [(inputs, [(expected * np.float32(1.01)).astype(np.float32)])]
    assert verdict(linear(), close, replace(SPEC, rtol=0.02)).accepted
    assert not verdict(linear(), close, replace(SPEC, rtol=0.005)).accepted


def test_one_wrong_case_of_several_is_refused() -> None:
    inputs, [expected] = case(5)
    assert not verdict(linear(), [case(7), case(64), (inputs, [expected + 1])]).accepted


def test_neither_inputs_nor_expected_values_stand_in_a_reason() -> None:
    x = np.full((3, 3), 123.456, np.float32)
    found = verdict(linear(), [([x], [np.full((3, 2), 654.321, np.float32)])])
    assert found.reason is not None
    assert "123.4" not in found.reason
    assert "654.3" not in found.reason


def test_a_difference_has_two_digits_so_that_no_input_can_be_written_into_it() -> None:
    inputs, [expected] = case(7)
    found = verdict(linear(), [(inputs, [expected + np.float32(0.123456)])])
    assert found.max_abs_difference == 0.12
    assert "by up to 0.12 (" in (found.reason or "")


def node(kind: str, inputs: list[str], **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, ["y"], **attributes)


def batch_mean() -> bytes:
    """Subtracts the batch's mean."""
    return linear(helper.make_node("ReduceMean", ["z"], ["m"], axes=[0], keepdims=1), node("Sub", ["z", "m"]))


def neighbours() -> bytes:
    """Adds a little of the batch's first row."""
    tensors = {"zero": np.array([0]), "c": np.array(1e-3, np.float32)}
    first = helper.make_node("Gather", ["z", "zero"], ["f"], axis=0)
    return linear(first, helper.make_node("Mul", ["f", "c"], ["s"]), node("Add", ["z", "s"]), tensors=tensors)


@pytest.mark.parametrize("make", [batch_mean, neighbours])
def test_rows_that_depend_on_their_batch_are_named_as_such(make: Callable[[], bytes]) -> None:
    found = verdict(make())
    assert found.reason is not None
    assert "the same row gets another answer" in found.reason


def shuffled_alike() -> bytes:
    """Adds a little of the row above: right for one row alone, and for no batch."""
    tensors = {"zero": np.array([0]), "one": np.array([1]), "end": np.array([2**31]), "c": np.array(1e-3, np.float32)}
    head = helper.make_node("Slice", ["z", "zero", "one", "zero"], ["h"])
    tail = helper.make_node("Slice", ["z", "one", "end", "zero"], ["t"])
    rolled = helper.make_node("Concat", ["t", "h"], ["r"], axis=0)
    difference = helper.make_node("Sub", ["r", "z"], ["d"])
    return linear(
        head, tail, rolled, difference, helper.make_node("Mul", ["d", "c"], ["s"]), node("Add", ["z", "s"]), tensors=tensors
    )


def test_a_case_of_one_row_does_not_hide_a_batch_dependence() -> None:
    """Repeated in every batch, one row has itself for a neighbour; a second row shows it."""
    assert verdict(shuffled_alike(), [case(1)]).accepted
    assert "the same row gets another answer" in (verdict(shuffled_alike(), [case(1), case(2)]).reason or "")


def test_a_batch_frozen_inside_the_graph_is_refused() -> None:
    found = verdict(linear(node("Reshape", ["z", "s"]), tensors={"s": np.array([7, 2])}))
    assert not found.accepted
    assert found.reason is not None


def test_a_failure_at_some_batch_size_names_the_size() -> None:
    failing = verdict(linear(), run=lambda data, feeds: {"ok": False, "code": "run", "call": 3})
    assert failing.reason is not None
    assert "cannot run it in batches of 1" in failing.reason


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_their_place(bad: float) -> None:
    found = verdict(linear(node("Add", ["z", "o"]), tensors={"o": np.array([[0.0, bad]], np.float32)}))
    assert found.reason is not None
    assert "holds NaN or infinity at [0, 1]" in found.reason
    assert found.max_abs_difference is None or np.isfinite(found.max_abs_difference)


def test_a_random_model_is_refused() -> None:
    noise = helper.make_node("RandomNormalLike", ["z"], ["r"], scale=0.01)
    assert not verdict(linear(noise, node("Add", ["z", "r"]))).accepted


def test_too_many_bytes_and_none_at_all_never_reach_the_child() -> None:
    caller = InProcess()
    for data in (b"", bytes(SPEC.max_bytes + 1)):
        found = judge(caller, "m.onnx", data, SPEC, CASES)
        assert not found.accepted
        assert "1 to 8388608 are allowed" in (found.reason or "")
    assert caller.called == []


def test_a_refused_model_never_sees_the_reference_inputs() -> None:
    caller = InProcess()
    found = judge(caller, "m.onnx", linear()[:-2], SPEC, CASES)
    assert not found.accepted
    assert caller.called == ["examine"]


def test_the_longest_case_is_cut_to_full_batches_of_every_size_and_shuffled() -> None:
    batches = case_batches([case(3), case(10)], SPEC)
    assert [len(one.inputs[0]) for one in batches] == [1] * 10 + [7] * 2 + [64, 10]
    assert len({tuple(row) for one in batches[10:12] for row in one.inputs[0].tolist()}) == 10
    [x], [expected] = case(10)
    shuffled = batches[-1]
    assert shuffled.rows is not None
    assert shuffled.rows.tolist() != list(range(10))
    np.testing.assert_array_equal(shuffled.inputs[0], x[shuffled.rows])
    np.testing.assert_array_equal(shuffled.expected[0], expected[shuffled.rows])


def test_a_spec_without_dynamic_rows_is_judged_on_its_cases_alone() -> None:
    fixed = ArtefactSpec((TensorSpec(None, "float32", (4, 3)),), (TensorSpec(None, "float32", (4, 2)),))
    proto = onnx.ModelProto.FromString(linear())
    for one in (proto.graph.input[0], proto.graph.output[0]):
        one.type.tensor_type.shape.dim[0].dim_value = 4
    found = verdict(proto.SerializeToString(), [case(4)], fixed)
    assert found.accepted, found.reason
    assert found.batch_sizes == ()


SOUND = inspect.examine(linear(), {"inputs": [{"name": None, "dtype": "float32", "shape": [None, 3]}],
                                   "outputs": [{"name": None, "dtype": "float32", "shape": [None, 2]}],
                                   "max_bytes": 1 << 20, "ir_versions": [1, 14], "opsets": {"ai.onnx": [1, 28]}})  # fmt: skip


def with_facts(**facts: Any) -> dict[str, Any]:
    answer = copy.deepcopy(SOUND)
    answer["facts"].update(facts)
    return answer


def huge_shape() -> list[dict[str, Any]]:
    return [{"name": "x", "dtype": "float32", "shape": [None] * 1000}]


HOSTILE_EXAMINE = [
    None, 7, [], {}, {"ok": True}, SOUND | {"more": 1}, SOUND | {"facts": None}, SOUND | {"ok": 1},
    SOUND | {"ok": False, "reason": 5}, with_facts(ir_version="10"), with_facts(ir_version=True), with_facts(opset=[]),
    with_facts(opset={1: 1}), with_facts(opset={"ai.onnx": 1 << 200}), with_facts(operators={str(i): 1 for i in range(10_000)}),
    with_facts(inputs={}), with_facts(inputs=[]), with_facts(inputs=huge_shape()), with_facts(outputs=[{"name": "y"}]),
    with_facts(inputs=[{"name": b"x", "dtype": "float32", "shape": []}]),
    with_facts(inputs=[{"name": "x" * 100_000, "dtype": "float32", "shape": []}]),
    with_facts(inputs=[{"name": "x", "dtype": "float32", "shape": [1.5]}]),
]  # fmt: skip


@pytest.mark.parametrize("answer", HOSTILE_EXAMINE)
def test_a_malformed_examination_is_a_refusal(answer: Any) -> None:
    found = verdict(linear(), examine=lambda data, spec: answer)
    assert not found.accepted
    assert found.reason is not None
    assert "the model broke its run" in found.reason


def outputs(change: Callable[[np.ndarray], Any]) -> Answer:
    """A run whose arrays went through `change`."""

    def run(data: bytes, feeds: list[dict[str, np.ndarray]]) -> dict[str, Any]:
        answer = inspect.run(data, feeds)
        answer["outputs"] = [[change(array) for array in arrays] for arrays in answer["outputs"]]
        return answer

    return run


def whole(answer: Any) -> Answer:
    return lambda data, feeds: answer(inspect.run(data, feeds)) if callable(answer) else answer


HOSTILE_RUN: list[Answer] = [
    whole(None), whole([]), whole({"ok": True}), whole({"ok": False, "code": "run", "call": 10**9}),
    whole({"ok": False, "code": [], "call": "x"}), whole({"ok": False}),
    whole(lambda right: right | {"milliseconds": float("nan")}), whole(lambda right: right | {"milliseconds": "1"}),
    whole(lambda right: right | {"outputs": right["outputs"][:-1]}), whole(lambda right: right | {"outputs": {}}),
    whole(lambda right: right | {"outputs": [[] for _ in right["outputs"]]}),
    whole(lambda right: right | {"outputs": [tuple(one) for one in right["outputs"]]}),
    outputs(lambda array: array.tolist()), outputs(lambda array: array.astype(object)),
    outputs(lambda array: array.astype(np.float64)), outputs(lambda array: array.astype(">f4")),
    outputs(lambda array: array[:, :1]), outputs(lambda array: array.T), outputs(lambda array: array[0]),
    outputs(lambda array: array.astype(np.complex64)), outputs(lambda array: array.astype(str)),
    outputs(lambda array: np.full_like(array, np.nan)), outputs(lambda array: np.full_like(array, 3e38)),
]  # fmt: skip


@pytest.mark.parametrize("run", HOSTILE_RUN)
def test_a_malformed_run_is_a_refusal(run: Answer) -> None:
    found = verdict(linear(), run=run)
    assert not found.accepted
    assert found.reason
    for figure in (found.max_abs_difference, found.max_rel_difference, found.milliseconds):
        assert figure is None or np.isfinite(figure)


def test_text_of_the_child_is_cleaned_and_cut() -> None:
    evil = "\x1b[2Jfine\n::error::x\u202e" + "y" * 10_000
    found = verdict(linear(), examine=lambda data, spec: SOUND | {"ok": False, "reason": evil})
    assert found.reason is not None
    assert found.reason.startswith("m.onnx: [2Jfine ::error::x yyy")
    assert found.reason.isprintable()
    assert len(found.reason) < 700


@pytest.mark.parametrize("function", ["examine", "run"])
@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome.TIMED_OUT, "ran longer than 10 s"),
        (Outcome.OUT_OF_MEMORY, "needed more memory than 1024 MiB"),
        (Outcome.CRASHED, "ended by signal 11"),
    ],
)
def test_a_child_that_ended_is_a_refusal_that_says_how(function: str, outcome: Outcome, text: str) -> None:
    def end(*args: object) -> None:
        raise WorkerEnded(outcome, text)

    found = verdict(linear(), **{function: end})
    assert not found.accepted
    assert f"m.onnx: {text}; " in (found.reason or "")


def test_an_ending_that_is_a_fault_of_ours_is_no_verdict() -> None:
    def end(*args: object) -> None:
        raise WorkerEnded(Outcome.GRADER_ERROR, "the answer was lost")

    with pytest.raises(GraderFault, match="the answer was lost"):
        verdict(linear(), examine=end)


def test_a_fault_of_the_machine_is_no_verdict() -> None:
    def fail(*args: object) -> None:
        raise GraderFault("nursery: it ended")

    with pytest.raises(GraderFault, match="it ended"):
        verdict(linear(), run=fail)


@pytest.mark.parametrize(
    "cases",
    [
        [], [([], [])], [([case(3)[0][0][:, None]], case(3)[1])], [([case(3)[0][0]], [case(4)[1][0]])], [([case(3)[0][0].astype(np.float64)], case(3)[1])],
        [([case(3)[0][0]], [np.full((3, 2), np.nan, np.float32)])], [([np.zeros((0, 3), np.float32)], [np.zeros((0, 2), np.float32)])],
    ],
)  # fmt: skip
def test_cases_that_judge_nothing_are_the_authors_error(cases: list[Case]) -> None:
    with pytest.raises(AuthoringError, match="artefact: "):
        verdict(linear(), cases)


class Sandboxed:
    """A real child: everything that it does instead of answering is a WorkerEnded."""

    def __init__(self, child: sandbox.Worker) -> None:
        self.child = child

    def call(self, name: str, *args: object) -> object:
        try:
            return self.child.request(("call", name, args, {}, False), sandbox.Budget(5.0, 5.0), name)
        except sandbox.WorkerEnded as ended:
            raise WorkerEnded(ended.outcome, str(ended)) from ended
        except (sandbox.Unfit, sandbox.CallRaised) as error:
            raise WorkerEnded(Outcome.CRASHED, str(error)) from error


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sandbox.Nursery]:
    limits = Limits(seconds=5.0, cpu_seconds=5.0, memory_bytes=300 << 20)
    spec = sandbox.NurserySpec(
        ("numpy", "onnx", "onnxruntime"), Policy(frozenset(LAYER_NAMES), limits), ("grader.artifacts.inspect",)
    )
    work: Path = tmp_path_factory.mktemp("nursery")
    with sandbox.Nursery(spec, work) as running:
        yield running


def sandboxed(nursery: sandbox.Nursery, data: bytes) -> ArtefactResult:
    child = nursery.spawn("grader.artifacts.inspect", {}, sandbox.Budget(5.0, 5.0), trusted=True)
    try:
        return judge(Sandboxed(child), "m.onnx", data, SPEC, CASES)
    finally:
        child.close()


def bomb(size: int) -> bytes:
    """Adds the mean of a constant array of `size` squared elements: some bytes that ask for gigabytes."""
    tensors = {"s": np.array([size, size])}
    filled = helper.make_node("ConstantOfShape", ["s"], ["b"])
    mean = helper.make_node("ReduceMean", ["b"], ["m"], axes=[0, 1], keepdims=0)
    return linear(filled, mean, node("Add", ["z", "m"]), tensors=tensors)


def slow() -> bytes:
    """Multiplies a 2000 x 2000 matrix that is made of the input's size 100 times with itself."""
    tensors = {"s": np.array([2000, 2000]), "zero": np.array(0.0, np.float32), "axes": np.array([0, 1])}
    nodes = [
        helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["none"]),
        helper.make_node("Expand", ["none", "s"], ["b0"]),
        *(helper.make_node("MatMul", [f"b{number}", f"b{number}"], [f"b{number + 1}"]) for number in range(100)),
        helper.make_node("ReduceMax", ["b100"], ["m"], axes=[0, 1], keepdims=0),
    ]
    return linear(*nodes, node("Add", ["z", "m"]), tensors=tensors)


def test_in_the_sandbox_a_right_model_is_accepted(nursery: sandbox.Nursery) -> None:
    found = sandboxed(nursery, linear())
    assert found.accepted, found.reason


def test_in_the_sandbox_a_memory_bomb_is_refused(nursery: sandbox.Nursery) -> None:
    found = sandboxed(nursery, bomb(60_000))
    assert "memory" in (found.reason or "")
    assert sandboxed(nursery, bomb(10)).accepted


def test_in_the_sandbox_a_slow_model_is_refused(nursery: sandbox.Nursery) -> None:
    found = sandboxed(nursery, slow())
    assert "ran longer than 5 s" in (found.reason or "") or "5 s of CPU time" in (found.reason or "")
