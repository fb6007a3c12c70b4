"""builds the graph of linear models, scalers and networks by hand from plain operators; only trees are left to skl2onnx"""

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted


class Graph:
    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, values):
        self.count += 1
        name = f"constant{self.count}"
        values = np.asarray(values)
        if values.dtype.kind in "UO":
            self.constants.append(helper.make_tensor(name, TensorProto.STRING, values.shape, [str(v).encode() for v in values]))
        else:
            self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add(self, operator, *inputs, output=None, **attributes):
        self.count += 1
        output = output or f"{operator}{self.count}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def dense(self, value, weights, bias):
        value = self.add("MatMul", value, self.constant(weights.astype(np.float32)))
        return self.add("Add", value, self.constant(bias.astype(np.float32)))


def write(graph, model, value):
    if isinstance(model, Pipeline):
        for _, step in model.steps:
            value = write(graph, step, value)
        return value
    if isinstance(model, StandardScaler):
        value = graph.add("Sub", value, graph.constant(model.mean_.astype(np.float32)))
        return graph.add("Div", value, graph.constant(model.scale_.astype(np.float32)))
    if isinstance(model, LogisticRegression):
        value = graph.dense(value, model.coef_.T, model.intercept_)
        return normalised(graph, value, model.coef_.shape[0] == 1)
    for index, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        value = graph.dense(value, weights, bias)
        if index < len(model.coefs_) - 1:
            value = graph.add(
                {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid", "identity": "Identity"}[model.activation], value
            )
    return normalised(graph, value, model.out_activation_ == "logistic")


def normalised(graph, value, binary):
    if not binary:
        return graph.add("Softmax", value, axis=1)
    return graph.add("Concat", graph.add("Sigmoid", graph.add("Neg", value)), graph.add("Sigmoid", value), axis=1)


def by_hand(model):
    width, classes = model.n_features_in_, model.classes_
    graph = Graph()
    graph.add("Identity", write(graph, model, "x"), output="probabilities")
    best = graph.add("ArgMax", "probabilities", axis=1, keepdims=0)
    names = classes.astype(np.int64) if classes.dtype.kind in "iu" else classes
    graph.add("Gather", graph.constant(names), best, output="labels")
    kind = {"b": TensorProto.BOOL, "i": TensorProto.INT64, "u": TensorProto.INT64}.get(classes.dtype.kind, TensorProto.STRING)
    made = helper.make_graph(
        graph.nodes,
        "by_hand",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", width])],
        [
            helper.make_tensor_value_info("labels", kind, ["n"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(classes)]),
        ],
        graph.constants,
    )
    proto = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(proto)
    return proto.SerializeToString()


def plain(model):
    if isinstance(model, Pipeline):
        return all(plain(step) for _, step in model.steps)
    return isinstance(model, StandardScaler | LogisticRegression | MLPClassifier)


def by_converter(model):
    types = [("x", FloatTensorType([None, model.n_features_in_]))]
    proto = convert_sklearn(model, initial_types=types, options={id(model): {"zipmap": False}}, target_opset=13)
    if model.classes_.dtype == bool:
        label = proto.graph.output[0]
        proto.graph.node.append(helper.make_node("Cast", [label.name], ["truth"], to=TensorProto.BOOL))
        label.name, label.type.tensor_type.elem_type = "truth", TensorProto.BOOL
    return proto.SerializeToString()


def ready(model):
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"{model!r} is no estimator")
    check_is_fitted(model)
    if not hasattr(model, "predict_proba"):
        raise ValueError(f"{model!r} has no predict_proba")


def export_sklearn(model, X_sample):
    ready(model)
    if not isinstance(X_sample, np.ndarray):
        raise TypeError("X_sample is no array")
    if X_sample.shape[1:] != (model.n_features_in_,):
        raise ValueError(f"X_sample has shape {X_sample.shape}, the model takes {model.n_features_in_} features")
    return by_hand(model) if plain(model) else by_converter(model)


def predict_onnx(model_bytes, X):
    if not isinstance(model_bytes, bytes):
        raise TypeError("model_bytes is not bytes")
    if not isinstance(X, np.ndarray) or X.dtype.kind not in "fiu":
        raise TypeError("X is no array of real numbers")
    if X.ndim != 2 or not len(X):
        raise ValueError("X is no matrix with rows")
    with np.errstate(over="ignore"):
        rows = X.astype(np.float32, order="C")
    if not np.isfinite(rows).all():
        raise ValueError("X leaves float32")
    try:
        session = onnxruntime.InferenceSession(model_bytes, providers=["CPUExecutionProvider"])
        return tuple(session.run(None, {session.get_inputs()[0].name: rows}))
    except Exception as error:
        raise ValueError(f"no model for these rows: {error}") from error


def max_difference(model, model_bytes, X):
    ready(model)
    found, wanted = predict_onnx(model_bytes, X)[1], model.predict_proba(X.astype(np.float32))
    if found.shape != wanted.shape:
        raise ValueError("the classes differ in number")
    return float(np.amax(np.abs(np.subtract(found, wanted, dtype=np.float64))))
