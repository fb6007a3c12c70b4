"""uses the newest opset that the runtime reads, other names for the outputs, and text as a str array"""

import numpy as np
import onnx
import onnxruntime
import skl2onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted


def _probabilities(model, X):
    if not isinstance(model, BaseEstimator):
        raise TypeError("model")
    check_is_fitted(model)
    if not hasattr(model, "predict_proba"):
        raise ValueError("no probabilities")
    return model.predict_proba(X)


def export_sklearn(model, X_sample):
    if not isinstance(X_sample, np.ndarray):
        raise TypeError("X_sample")
    # The model itself knows best whether it is fitted, has probabilities and this many features.
    _probabilities(model, np.zeros((1, X_sample.shape[1]) if X_sample.ndim == 2 else X_sample.shape))
    proto = skl2onnx.convert_sklearn(
        model,
        "a model",
        initial_types=[("x", FloatTensorType([None, X_sample.shape[1]]))],
        options={id(model): {"zipmap": False}},
        target_opset=min(22, onnx.defs.onnx_opset_version()),
    )
    kind = "bool" if model.classes_.dtype.kind == "b" else "plain"
    for old, new in ((proto.graph.output[0].name, f"{kind}_y"), (proto.graph.output[1].name, "p")):
        proto.graph.node.append(onnx.helper.make_node("Identity", [old], [new]))
    for output, new in zip(proto.graph.output, (f"{kind}_y", "p"), strict=True):
        output.name = new
    onnx.checker.check_model(proto)
    return proto.SerializeToString()


def predict_onnx(model_bytes, X):
    if not isinstance(model_bytes, bytes):
        raise TypeError("model_bytes")
    if not isinstance(X, np.ndarray) or X.dtype.kind in "cSUOmMV":
        raise TypeError("X")
    with np.errstate(all="ignore"):
        rows = np.array(X, dtype="=f4", order="C")
    if not (np.isfinite(rows).all() and rows.ndim == 2 and len(rows)):
        raise ValueError("X")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(model_bytes, sess_options=options, providers=onnxruntime.get_available_providers())
        name = session.get_outputs()[0].name
        labels = session.run([name], {"x": rows})[0]
        probabilities = session.run(["p"], {"x": rows})[0]
    except Exception as error:
        raise ValueError(str(error)) from None
    if labels.dtype == object:
        labels = labels.astype(str)
    return labels.astype(bool) if name == "bool_y" else labels, probabilities


def max_difference(model, model_bytes, X):
    probabilities = predict_onnx(model_bytes, X)[1].astype(np.float64)
    expected = _probabilities(model, X.astype(np.float32).astype(np.float64))
    if probabilities.shape != expected.shape:
        raise ValueError("classes")
    return float(np.linalg.norm((probabilities - expected).ravel(), ord=np.inf))
