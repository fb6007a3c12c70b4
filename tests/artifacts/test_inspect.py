"""Which models are refused before they run, with which words, and which odd ones are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

from grader.artifacts.inspect import MAX_INITIALIZERS, MAX_NODES, MAX_VALUE_INFOS, examine, run
from grader.artifacts.judge import spec_as_plain
from grader.model import ArtefactSpec, TensorSpec

SPEC = ArtefactSpec((TensorSpec(None, "float32", (None, 3)),), (TensorSpec(None, "float32", (None, 2)),))
WEIGHTS = np.array([[1.0, -2.0], [0.5, 3.0], [4.0, 0.25]], np.float32)
Change = Callable[[onnx.ModelProto], Any]


def value(name: str, shape: list[Any] | None, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def linear(ir_version: int = 10, opset: int = 17) -> onnx.ModelProto:
    """y (n, 2) = relu(x (n, 3) @ w)"""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
    graph = helper.make_graph(nodes, "g", [value("x", ["n", 3])], [value("y", ["n", 2])], [numpy_helper.from_array(WEIGHTS, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)


def changed(change: Change, **keywords: int) -> bytes:
    model = linear(**keywords)
    change(model)
    return model.SerializeToString()


def look(data: bytes, spec: ArtefactSpec = SPEC) -> dict[str, Any]:
    return examine(data, spec_as_plain(spec))


def batch(side: str, size: int) -> Change:
    def change(model: onnx.ModelProto) -> None:
        getattr(model.graph, side)[0].type.tensor_type.shape.dim[0].dim_value = size

    return change


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def hidden_external(model: onnx.ModelProto) -> None:
    """The tensor of a Constant, with a path although its data lies here."""
    tensor = numpy_helper.from_array(WEIGHTS, "c")
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=tensor))


def branches(model: onnx.ModelProto) -> None:
    body = helper.make_graph([helper.make_node("Identity", ["z"], ["b"])], "b", [], [value("b", None)])
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node[1].CopyFrom(helper.make_node("If", ["yes"], ["y"], then_branch=body, else_branch=body))


def loops(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["unused"]))


def function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Relu", ["a"], ["b"])
    model.functions.append(helper.make_function("", "F", ["a"], ["b"], [node], [helper.make_opsetid("", 17)]))


def domain(model: onnx.ModelProto) -> None:
    model.graph.node[1].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def many_nodes(model: onnx.ModelProto) -> None:
    model.graph.node.extend(helper.make_node("Identity", ["x"], [f"i{number}"]) for number in range(MAX_NODES))


def many_initializers(model: onnx.ModelProto) -> None:
    one = np.zeros(1, np.float32)
    model.graph.initializer.extend(numpy_helper.from_array(one, f"i{number}") for number in range(MAX_INITIALIZERS))


def short_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]


def both_kinds_of_data(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].float_data.extend([1.0] * 6)


def huge_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [1 << 40, 1 << 40]


def negative_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [-3, -2]


def dangling(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[1] = "nowhere"


def unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[1].op_type = "Relax"


def contradiction(model: onnx.ModelProto) -> None:
    """Declares 5 columns where there are 2."""
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 5


def second_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(value("z", ["n", 2]))


def second_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(value("more", ["n", 3]))


def double_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    model.graph.node[0].input[0] = "cast"
    model.graph.node.insert(0, helper.make_node("Cast", ["x"], ["cast"], to=TensorProto.FLOAT))


def any_width(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "width"


def no_input_shape(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.ClearField("shape")


def squeezed(model: onnx.ModelProto) -> None:
    model.graph.output[0].CopyFrom(value("y", ["n"]))
    model.graph.node[1].CopyFrom(helper.make_node("ReduceMax", ["z"], ["y"], axes=[1], keepdims=0))


def sequence(model: onnx.ModelProto) -> None:
    model.graph.node[1].CopyFrom(helper.make_node("SequenceConstruct", ["z"], ["y"]))
    model.graph.output[0].CopyFrom(helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, ["n", 2]))


def long_name(model: onnx.ModelProto) -> None:
    model.graph.node[0].name = "n" * 1000


def long_notes(model: onnx.ModelProto) -> None:
    model.doc_string = "n" * (2 << 20)


def twice_imported(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("ai.onnx", 18))


def sparse(model: onnx.ModelProto) -> None:
    values = helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0])
    places = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [3]))


def located_elsewhere(model: onnx.ModelProto) -> None:
    """Without any path."""
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL


def external_in_a_list(model: onnx.ModelProto) -> None:
    tensor = numpy_helper.from_array(WEIGHTS, "c")
    tensor.external_data.add().key = "location"
    model.graph.node[1].attribute.append(helper.make_attribute("more", [tensor]))


def segment(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].segment.begin = 0


def graph_in_an_attribute(model: onnx.ModelProto) -> None:
    body = helper.make_graph([helper.make_node("Identity", ["z"], ["b"])], "b", [], [value("b", None)])
    model.graph.node[1].attribute.append(helper.make_attribute("body", body))


def sparse_constant(model: onnx.ModelProto) -> None:
    values = helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0])
    places = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    stored = helper.make_sparse_tensor(values, places, [3])
    model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], sparse_value=stored))


def many_descriptions(model: onnx.ModelProto) -> None:
    model.graph.value_info.extend(onnx.ValueInfoProto(name=f"v{number}") for number in range(MAX_VALUE_INFOS))


def not_imported(model: onnx.ModelProto) -> None:
    model.graph.node[1].domain = "ai.onnx.ml"


def no_kernel(model: onnx.ModelProto) -> None:
    """Sound, but onnxruntime computes no Sinh of float64."""
    model.graph.node.pop()
    model.graph.node.append(helper.make_node("Cast", ["z"], ["wide"], to=TensorProto.DOUBLE))
    model.graph.node.append(helper.make_node("Sinh", ["wide"], ["sinh"]))
    model.graph.node.append(helper.make_node("Cast", ["sinh"], ["y"], to=TensorProto.FLOAT))


def training(model: onnx.ModelProto) -> None:
    model.training_info.add()


REFUSED: list[tuple[str, Callable[[], bytes], str, str]] = [
    ("empty", lambda: b"", "parse", "no graph"),
    ("a pickle", lambda: b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01.", "parse", "no ONNX file"),
    ("cut", lambda: linear().SerializeToString()[:-3], "parse", "cut or added to"),
    ("trailing bytes", lambda: linear().SerializeToString() + b"\0\0\0", "parse", "cut or added to"),
    ("too large", lambda: bytes(SPEC.max_bytes + 1), "size", "at most 8388608"),
    ("no nodes", lambda: changed(lambda model: model.graph.ClearField("node")), "parse", "no graph with nodes"),
    ("old IR", lambda: changed(lambda model: None, ir_version=3), "ir_version", "IR version 3; 4 to 14"),
    ("IR of the future", lambda: changed(lambda model: None, ir_version=99), "ir_version", "IR version 99"),
    ("old opset", lambda: changed(lambda model: None, opset=8), "opset", "opset 8 of 'ai.onnx'; 9 to 28"),
    ("opset of the future", lambda: changed(lambda model: None, opset=99), "opset", "opset 99"),
    ("no opset", lambda: changed(lambda model: model.ClearField("opset_import")), "opset", "no operator set"),
    ("opset twice", lambda: changed(twice_imported), "opset", "imports two versions of 'ai.onnx'"),
    ("foreign domain", lambda: changed(domain), "domain", "node 1 (Relu) is of the domain 'com.example'"),
    (
        "external data",
        lambda: changed(external),
        "external_data",
        "initializer 'w' lies in another file; export the model as one",
    ),
    ("path in a Constant", lambda: changed(hidden_external), "external_data", "attribute 'value' lies in another file"),
    ("If", lambda: changed(branches), "control_flow", "node 1 (If)"),
    ("Loop without a body", lambda: changed(loops), "control_flow", "node 2 (Loop)"),
    ("function", lambda: changed(function), "functions", "functions of its own"),
    ("training graph", lambda: changed(training), "training", "for inference"),
    ("sparse tensor", lambda: changed(sparse), "sparse", "store them dense"),
    ("too many nodes", lambda: changed(many_nodes), "nodes", "has 2002 nodes; at most 2000"),
    ("too many initializers", lambda: changed(many_initializers), "initializers", "has 2001 initializers; at most 2000"),
    ("short weights", lambda: changed(short_weights), "tensor", "initializer 'w' declares 6 elements"),
    ("two kinds of data", lambda: changed(both_kinds_of_data), "tensor", "initializer 'w' declares 6 elements"),
    ("huge shape", lambda: changed(huge_weights), "tensor", "initializer 'w' declares an impossible shape"),
    ("negative shape", lambda: changed(negative_weights), "tensor", "impossible shape"),
    ("no UTF-8", lambda: linear().SerializeToString().replace(b"MatMul", b"MatM\xffl"), "strings", "no UTF-8 text"),
    ("long name", lambda: changed(long_name), "strings", "more than 512 characters"),
    ("long description", lambda: changed(long_notes), "strings", "descriptions and metadata"),
    ("dangling input", lambda: changed(dangling), "checker", "nowhere"),
    ("unknown operator", lambda: changed(unknown_operator), "checker", "Relax"),
    ("contradicting shapes", lambda: changed(contradiction), "checker", "onnx.checker refuses it"),
    ("external data without a path", lambda: changed(located_elsewhere), "external_data", "initializer 'w' lies in another"),
    ("path in a list of tensors", lambda: changed(external_in_a_list), "external_data", "attribute 'more' lies in another file"),
    ("segment", lambda: changed(segment), "tensor", "store it whole"),
    ("graph in an attribute", lambda: changed(graph_in_an_attribute), "control_flow", "node 1 (Relu) holds a graph of its own"),
    ("sparse Constant", lambda: changed(sparse_constant), "sparse", "node 0 (Constant) holds a sparse tensor"),
    ("too many descriptions", lambda: changed(many_descriptions), "values", "has 20002 value descriptions"),
    ("domain not imported", lambda: changed(not_imported), "domain", "of the domain 'ai.onnx.ml', which it does not import"),
    ("no kernel", lambda: changed(no_kernel), "load", "onnxruntime cannot load it"),
    ("two outputs", lambda: changed(second_output), "signature", "has 2 outputs (y, z); expected 1"),
    ("two inputs", lambda: changed(second_input), "signature", "has 2 inputs (x, more); expected 1"),
    ("float64 input", lambda: changed(double_input), "signature", "input 1 'x': has dtype float64; expected float32"),
    ("any width", lambda: changed(any_width), "signature", "has shape [dynamic, dynamic]; expected [dynamic, 3]"),
    ("input without shape", lambda: changed(no_input_shape), "signature", "'x' declares no shape"),
    ("other rank", lambda: changed(squeezed), "signature", "output 1 'y': has shape [dynamic]; expected [dynamic, 2]"),
    ("sequence", lambda: changed(sequence), "signature", "of the kind sequence"),
    ("frozen input", lambda: changed(batch("input", 1)), "frozen", "batch is frozen at 1; export with a dynamic first dimension"),
    ("frozen output", lambda: changed(batch("output", 7)), "frozen", "output 1 'y': batch is frozen at 7"),
]


@pytest.mark.parametrize(("make", "code", "words"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_is_refused_with_its_reason(make: Callable[[], bytes], code: str, words: str) -> None:
    found = look(make())
    assert (found["ok"], found["code"]) == (False, code), found["reason"]
    assert words in found["reason"]


def test_zipmap_is_named_with_its_cure() -> None:
    x = np.random.default_rng(3).normal(size=(40, 3)).astype(np.float32)
    data = to_onnx(LogisticRegression().fit(x, x[:, 0] > 0), x[:1]).SerializeToString()
    spec = ArtefactSpec(SPEC.inputs, (TensorSpec(None, "int64", (None,)), TensorSpec(None, "float32", (None, 2))))
    found = look(data, spec)
    assert found["code"] == "zipmap"
    assert "options={'zipmap': False}" in found["reason"]


def test_another_name_than_the_spec_says_is_refused() -> None:
    spec = ArtefactSpec((TensorSpec("features", "float32", (None, 3)),), SPEC.outputs)
    assert "expected the name 'features'" in look(linear().SerializeToString(), spec)["reason"]


def test_the_facts_of_a_refused_model_are_told_as_far_as_they_are_known() -> None:
    found = look(changed(batch("input", 1)))
    assert found["facts"]["operators"] == {"MatMul": 1, "Relu": 1}
    assert found["facts"]["inputs"] == [{"name": "x", "dtype": "float32", "shape": [1, 3]}]


def typed_data(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].CopyFrom(helper.make_tensor("w", TensorProto.FLOAT, [3, 2], WEIGHTS.ravel().tolist()))


def initializer_as_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(value("w", [3, 2]))


def unnamed_axis(model: onnx.ModelProto) -> None:
    model.graph.input[0].CopyFrom(value("x", [None, 3]))
    model.graph.output[0].CopyFrom(value("y", [None, 2]))


def open_width(model: onnx.ModelProto) -> None:
    model.graph.output[0].CopyFrom(value("y", ["n", None]))


def minus_one(model: onnx.ModelProto) -> None:
    """How some exporters spell a dynamic axis."""
    for one in (model.graph.input[0], model.graph.output[0]):
        one.type.tensor_type.shape.dim[0].dim_value = -1


def notes(model: onnx.ModelProto) -> None:
    helper.set_model_props(model, {"author": "ada", "classes": "[0, 1]"})
    model.graph.node[0].doc_string = "the only layer"


def unused_import(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def odd_names(model: onnx.ModelProto) -> None:
    for place in (model.graph.input[0], model.graph.node[0]):
        if isinstance(place, onnx.NodeProto):
            place.input[0] = "größe / 入力"
        else:
            place.name = "größe / 入力"


def weights_as_constant(model: onnx.ModelProto) -> None:
    tensor = numpy_helper.from_array(WEIGHTS, "w")
    model.graph.ClearField("initializer")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["w"], value=tensor))


def unused_empty_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((0, 4), np.int64), "none"))


def nothing(model: onnx.ModelProto) -> None:
    pass


ODD = [
    nothing, typed_data, initializer_as_input, unnamed_axis, minus_one, open_width, notes, unused_import, odd_names,
    weights_as_constant, unused_empty_weights,
]  # fmt: skip


@pytest.mark.parametrize("change", ODD)
def test_odd_but_sound_is_accepted_and_runs(change: Change) -> None:
    data = changed(change)
    found = look(data)
    assert found["ok"], found["reason"]
    x = np.random.default_rng(5).normal(size=(4, 3)).astype(np.float32)
    answer = run(data, [{found["facts"]["inputs"][0]["name"]: x}])
    np.testing.assert_allclose(answer["outputs"][0][0], np.maximum(x @ WEIGHTS, 0), rtol=1e-6, atol=1e-6)
    assert answer["milliseconds"] > 0


@pytest.mark.parametrize(
    ("ir_version", "opset"), [(4, 9), (10, 9), (6, 11), (7, 13), (8, 18), (10, 22), (10, 24), (13, 26), (14, 28)]
)
def test_every_version_that_the_exporters_write_and_the_runtime_knows_is_accepted(ir_version: int, opset: int) -> None:
    found = look(linear(ir_version, opset).SerializeToString())
    assert found["ok"], found["reason"]
    assert (found["facts"]["ir_version"], found["facts"]["opset"]) == (ir_version, {"ai.onnx": opset})


def test_what_went_wrong_while_running_is_told_by_code_and_call_alone() -> None:
    data = linear().SerializeToString()
    fine, narrow = np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)
    assert run(data, [{"x": fine}, {"x": narrow}]) == {"ok": False, "code": "run", "call": 1}
