"""What looks at a model inside the sandbox child: parses it, checks it, runs it.

Imported by the nursery that the referee's children come from, and the only place that touches onnx and onnxruntime.
Plain values in, plain values out. `examine` sees no reference input, so its words may be shown; what `run` says was
computed from hidden inputs, so it answers arrays and a code, never a text.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import onnx.checker
import onnx.shape_inference
import onnxruntime
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto

MAX_NODES = 2_000
MAX_INITIALIZERS = 2_000
MAX_ATTRIBUTES = 20_000
MAX_VALUE_INFOS = 20_000
MAX_ELEMENTS = 1 << 31
MAX_NAME = 512
MAX_NOTES = 1 << 20
TEXT = 400

SUBGRAPHS = frozenset({"If", "Loop", "Scan", "SequenceMap"})
EXPORT_DYNAMIC = "export with a dynamic first dimension"

# element type -> (field of the typed data, values in that field per element, bits in raw_data)
STORAGE: dict[int, tuple[str, int, int]] = {
    TensorProto.FLOAT: ("float_data", 1, 32), TensorProto.DOUBLE: ("double_data", 1, 64),
    TensorProto.COMPLEX64: ("float_data", 2, 64), TensorProto.COMPLEX128: ("double_data", 2, 128),
    TensorProto.INT64: ("int64_data", 1, 64), TensorProto.UINT64: ("uint64_data", 1, 64),
    TensorProto.UINT32: ("uint64_data", 1, 32), TensorProto.STRING: ("string_data", 1, 0),
    TensorProto.INT32: ("int32_data", 1, 32), TensorProto.INT16: ("int32_data", 1, 16),
    TensorProto.UINT16: ("int32_data", 1, 16), TensorProto.FLOAT16: ("int32_data", 1, 16),
    TensorProto.BFLOAT16: ("int32_data", 1, 16), TensorProto.INT8: ("int32_data", 1, 8),
    TensorProto.UINT8: ("int32_data", 1, 8), TensorProto.BOOL: ("int32_data", 1, 8),
    TensorProto.INT4: ("int32_data", 1, 4), TensorProto.UINT4: ("int32_data", 1, 4),
}  # fmt: skip
DATA_FIELDS = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


class Refused(Exception):
    """The model is not accepted: a short code and a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def examine(data: bytes, spec: dict[str, Any]) -> dict[str, Any]:
    """Whether the model in `data` is sound and has the signature that `spec` (see `judge.spec_as_plain`) asks for.

    {"ok", "code", "reason", "facts"}; code and reason are "" where ok; facts hold what could be read until then.
    """
    facts: dict[str, Any] = {
        "bytes": len(data), "ir_version": None, "opset": {}, "operators": {}, "inputs": [], "outputs": [],
    }  # fmt: skip
    try:
        _examine(data, spec, facts)
    except Refused as refused:
        return {"ok": False, "code": refused.code, "reason": str(refused), "facts": facts}
    except MemoryError:
        return {"ok": False, "code": "memory", "reason": "needs too much memory; make the model smaller", "facts": facts}
    except (ValueError, TypeError, OverflowError, RecursionError) as error:  # what the bindings say to malformed content
        reason = f"cannot be read ({_short(error)}); export the model again"
        return {"ok": False, "code": "unreadable", "reason": reason, "facts": facts}
    return {"ok": True, "code": "", "reason": "", "facts": facts}


def run(data: bytes, inputs: list[dict[str, np.ndarray]]) -> dict[str, Any]:
    """The outputs of the model for each of `inputs` (name -> array), and the median milliseconds of a call.

    {"ok": True, "outputs": [[array, ...], ...], "milliseconds": float}, or {"ok": False, "code", "call": index}.
    """
    outputs: list[list[Any]] = []
    seconds: list[float] = []
    try:
        session = _session(data)
        for feed in inputs:
            started = time.perf_counter()
            outputs.append(session.run(None, feed))
            seconds.append(time.perf_counter() - started)
    except Exception as error:  # onnxruntime's own derive from Exception alone
        return {"ok": False, "code": "memory" if _is_memory(error) else "run", "call": len(outputs)}
    return {"ok": True, "outputs": outputs, "milliseconds": 1000 * statistics.median(seconds) if seconds else 0.0}


def _examine(data: bytes, spec: dict[str, Any], facts: dict[str, Any]) -> None:
    if len(data) > spec["max_bytes"]:
        raise Refused("size", f"has {len(data)} bytes; at most {spec['max_bytes']} are allowed")
    model = _parse(data)
    facts["ir_version"] = model.ir_version
    facts["opset"] = _opsets(model)
    facts["operators"] = dict(Counter(_short(node.op_type) for node in model.graph.node).most_common(100))
    _check_versions(model, facts["opset"], spec)
    _check_counts(model)
    _check_nodes(model, facts["opset"], spec)
    for where, tensor in _tensors(model):
        _check_tensor(where, tensor)
    inputs, outputs = _signature(model)
    facts["inputs"], facts["outputs"] = inputs[:100], outputs[:100]
    _check_kinds(inputs + outputs)
    _check_model(model)
    _check_side("input", inputs, spec["inputs"])
    _check_side("output", outputs, spec["outputs"])
    _load(data)


def _parse(data: bytes) -> onnx.ModelProto:
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError:
        raise Refused("parse", "is no ONNX file, or was cut or added to; hand in the bytes that the exporter wrote") from None
    if not model.HasField("graph") or not model.graph.node:
        raise Refused("parse", "holds no graph with nodes; hand in the bytes that the exporter wrote")
    return model


def _opsets(model: onnx.ModelProto) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in list(model.opset_import)[:100]:
        domain = _short(entry.domain or "ai.onnx")
        # skl2onnx writes one import twice where a model needs none of the default domain's operators.
        if found.setdefault(domain, entry.version) != entry.version:
            raise Refused("opset", f"imports two versions of {domain!r}; keep one")
    return found


def _check_versions(model: onnx.ModelProto, opsets: dict[str, int], spec: dict[str, Any]) -> None:
    low, high = spec["ir_versions"]
    if not low <= model.ir_version <= high:
        raise Refused("ir_version", f"has IR version {model.ir_version}; {low} to {high} are allowed: export with another opset")
    if not opsets:
        raise Refused("opset", "imports no operator set; name the opset when you export")
    for domain, version in opsets.items():
        low, high = spec["opsets"].get(domain, (version, version))
        if not low <= version <= high:
            raise Refused(
                "opset", f"uses opset {version} of {domain!r}; {low} to {high} are allowed: name another one when you export"
            )


def _check_counts(model: onnx.ModelProto) -> None:
    graph = model.graph
    attributes = sum(len(node.attribute) for node in graph.node)
    for code, what, count, most in (
        ("nodes", "nodes", len(graph.node), MAX_NODES),
        ("initializers", "initializers", len(graph.initializer), MAX_INITIALIZERS),
        ("attributes", "attributes", attributes, MAX_ATTRIBUTES),
        ("values", "value descriptions", len(graph.value_info) + len(graph.input) + len(graph.output), MAX_VALUE_INFOS),
    ):
        if count > most:
            raise Refused(code, f"has {count} {what}; at most {most} are allowed: export a simpler model")
    notes = sum(len(text) for text in _notes(model))
    if notes > MAX_NOTES:
        raise Refused("strings", f"has {notes} characters of descriptions and metadata; at most {MAX_NOTES} are allowed")
    # Text that is no UTF-8 is refused by the bindings in some places and handed out as bytes in others.
    if any(isinstance(name, bytes) for name in _names(model)):
        raise Refused("strings", "has a name that is no UTF-8 text; export the model again")
    if any(len(name) > MAX_NAME for name in _names(model)):
        raise Refused("strings", f"has a name of more than {MAX_NAME} characters; give shorter names")


def _notes(model: onnx.ModelProto) -> Iterator[str]:
    for owner in (model, model.graph, *model.graph.node, *model.graph.initializer):
        yield owner.doc_string
        for entry in owner.metadata_props:
            yield entry.key
            yield entry.value


def _names(model: onnx.ModelProto) -> Iterator[str | bytes]:
    graph = model.graph
    for named in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        yield named.name
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _check_nodes(model: onnx.ModelProto, opsets: dict[str, int], spec: dict[str, Any]) -> None:
    if model.functions:
        raise Refused("functions", "defines functions of its own; export with standard operators only (inline the functions)")
    if model.training_info:
        raise Refused("training", "holds training graphs; export the model for inference")
    if model.graph.sparse_initializer:
        raise Refused("sparse", "holds sparse tensors; store them dense")
    for index, node in enumerate(model.graph.node):
        domain = node.domain or "ai.onnx"
        where = f"node {index} ({_short(node.op_type)})"
        if domain in spec["opsets"] and domain not in opsets:
            raise Refused("domain", f"{where} is of the domain {domain!r}, which it does not import; mend the export")
        if domain not in spec["opsets"]:
            allowed = ", ".join(spec["opsets"])
            raise Refused("domain", f"{where} is of the domain {_short(domain)!r}; only operators of {allowed} are allowed")
        graphs = any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)
        if node.op_type in SUBGRAPHS or graphs:
            raise Refused("control_flow", f"{where} holds a graph of its own; export a model without If, Loop, Scan, SequenceMap")
        if any(attribute.HasField("sparse_tensor") or attribute.sparse_tensors for attribute in node.attribute):
            raise Refused("sparse", f"{where} holds a sparse tensor; store it dense")
        if any(attribute.ref_attr_name for attribute in node.attribute):
            raise Refused("functions", f"{where} refers to the attribute of a function; export with standard operators only")


def _tensors(model: onnx.ModelProto) -> Iterator[tuple[str, TensorProto]]:
    for tensor in model.graph.initializer:
        yield f"initializer {_short(tensor.name)!r}", tensor
    for index, node in enumerate(model.graph.node):
        for attribute in node.attribute:
            where = f"node {index} ({_short(node.op_type)}), attribute {_short(attribute.name)!r}"
            if attribute.HasField("t"):
                yield where, attribute.t
            for tensor in attribute.tensors:
                yield where, tensor


def _check_tensor(where: str, tensor: TensorProto) -> None:
    if tensor.data_location != TensorProto.DEFAULT or tensor.external_data:
        raise Refused("external_data", f"{where} lies in another file; export the model as one file, weights included")
    if tensor.HasField("segment"):
        raise Refused("tensor", f"{where} is a segment of a tensor; store it whole")
    if any(size < 0 for size in tensor.dims) or math.prod(tensor.dims) > MAX_ELEMENTS:
        raise Refused("tensor", f"{where} declares an impossible shape; export the model again")
    if tensor.data_type not in STORAGE:
        raise Refused("tensor", f"{where} has the element type {_dtype(tensor.data_type)}, which is not allowed here")
    field, per_element, bits = STORAGE[tensor.data_type]
    elements = math.prod(tensor.dims)
    typed = {name: len(getattr(tensor, name)) for name in DATA_FIELDS if len(getattr(tensor, name))}
    if tensor.HasField("raw_data") and (tensor.raw_data or not typed):
        fits = not typed and bits > 0 and len(tensor.raw_data) == (elements * bits + 7) // 8
    else:
        fits = set(typed) <= {field} and typed.get(field, 0) == (
            (elements * bits + 7) // 8 if 0 < bits < 8 else elements * per_element
        )
    if not fits:
        raise Refused("tensor", f"{where} declares {elements} elements, but its data has another size; export the model again")


def _signature(model: onnx.ModelProto) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [_described(value) for value in model.graph.input if value.name not in stored]
    return inputs, [_described(value) for value in model.graph.output]


def _described(value: onnx.ValueInfoProto) -> dict[str, Any]:
    """name, dtype and shape of a tensor; shape None where none is declared; what is no tensor has its kind as dtype."""
    kind = value.type.WhichOneof("value")
    if kind == "tensor_type":
        tensor = value.type.tensor_type
        return {"name": value.name, "dtype": _dtype(tensor.elem_type), "shape": _shape(tensor)}
    is_map = kind == "map_type" or (
        kind == "sequence_type" and value.type.sequence_type.elem_type.WhichOneof("value") == "map_type"
    )
    return {"name": value.name, "dtype": "map" if is_map else (kind or "none").removesuffix("_type"), "shape": None}


def _shape(tensor: Any) -> list[int | None] | None:
    if not tensor.HasField("shape"):
        return None
    # Some exporters write -1 for a dynamic axis.
    return [axis.dim_value if axis.HasField("dim_value") and axis.dim_value >= 0 else None for axis in tensor.shape.dim]


def _dtype(element: int) -> str:
    if element == TensorProto.STRING:
        return "str"
    try:
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(element)).name
    except (KeyError, TypeError, ValueError):
        return f"unknown ({element})"


def _check_kinds(values: list[dict[str, Any]]) -> None:
    for value in values:
        name, dtype = _short(value["name"]), value["dtype"]
        if dtype == "map":
            raise Refused(
                "zipmap",
                f"output {name!r} is a list of dicts (ZipMap), no array; convert with options={{'zipmap': False}}",
            )
        if dtype in ("sequence", "optional", "sparse_tensor", "none", "opaque"):
            raise Refused("signature", f"{name!r} is of the kind {dtype}, no tensor; export arrays only")
        if value["shape"] is None:
            raise Refused("signature", f"{name!r} declares no shape; export it with its axes, the first of them dynamic")


def _check_model(model: onnx.ModelProto) -> None:
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise Refused("checker", f"onnx.checker refuses it: {_short(error)}; mend the export") from None


def _check_side(side: str, found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    if len(found) != len(wanted):
        names = ", ".join(_short(value["name"]) for value in found[:10]) or "none"
        raise Refused("signature", f"has {len(found)} {side}s ({names}); expected {len(wanted)}")
    for number, (value, want) in enumerate(zip(found, wanted, strict=True), 1):
        where = f"{side} {number} {_short(value['name'])!r}"
        if want["name"] is not None and value["name"] != want["name"]:
            raise Refused("signature", f"{where}: expected the name {want['name']!r}; name it so when you export")
        if value["dtype"] != want["dtype"]:
            raise Refused("signature", f"{where}: has dtype {value['dtype']}; expected {want['dtype']}: cast before you export")
        _check_axes(side, where, value["shape"], want["shape"])


def _check_axes(side: str, where: str, shape: list[int | None], want: list[int | None]) -> None:
    if len(shape) != len(want):
        raise Refused("signature", f"{where}: has shape {_spelled(shape)}; expected {_spelled(want)}")
    for axis, (size, wanted) in enumerate(zip(shape, want, strict=True)):
        if wanted is None and size is not None:
            if axis == 0:
                raise Refused("frozen", f"{where}: batch is frozen at {size}; {EXPORT_DYNAMIC}")
            raise Refused("frozen", f"{where}: axis {axis} is frozen at {size}; export it as a dynamic axis")
        # An output may leave a size open: the arrays that it answers are judged. An input must say what it takes.
        if wanted is not None and size != wanted and (size is not None or side == "input"):
            raise Refused("signature", f"{where}: has shape {_spelled(shape)}; expected {_spelled(want)}")


def _spelled(shape: list[int | None]) -> str:
    return "[" + ", ".join("dynamic" if size is None else str(size) for size in shape) + "]"


def _load(data: bytes) -> None:
    try:
        _session(data)
    except Exception as error:  # onnxruntime's own derive from Exception alone
        if _is_memory(error):
            raise Refused("memory", "needs too much memory; make the model smaller") from None
        raise Refused("load", f"onnxruntime cannot load it: {_short(error)}; export with another opset") from None


def _session(data: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _is_memory(error: Exception) -> bool:
    text = str(error)
    return isinstance(error, MemoryError) or "bad_alloc" in text or "Failed to allocate" in text or "bad allocation" in text


def _short(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= TEXT else line[: TEXT - 1] + "…"
