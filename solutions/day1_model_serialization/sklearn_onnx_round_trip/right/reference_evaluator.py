"""runs the file with onnx's own reference evaluator instead of onnxruntime"""

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted


def export_sklearn(model, X_sample):
    classes = _probabilities(model, None)
    if not isinstance(X_sample, np.ndarray):
        raise TypeError("X_sample: an array, please")
    if X_sample.ndim != 2 or X_sample.shape[1] != model.n_features_in_:
        raise ValueError("X_sample: other features than the model's")
    proto = to_onnx(
        model,
        initial_types=[("x", FloatTensorType([None, X_sample.shape[1]]))],
        options={"zipmap": False},
        target_opset={"": 18, "ai.onnx.ml": 3},
    )
    proto.doc_string = classes.dtype.kind
    return proto.SerializeToString()


def _probabilities(model, X):
    """The probabilities of X, or the classes without X."""
    if not isinstance(model, BaseEstimator):
        raise TypeError("model: an estimator, please")
    if not hasattr(model, "predict_proba"):
        raise ValueError("model: no predict_proba")
    check_is_fitted(model)
    return model.classes_ if X is None else model.predict_proba(X)


def predict_onnx(model_bytes, X):
    if not isinstance(model_bytes, bytes):
        raise TypeError("model_bytes: bytes, please")
    if not isinstance(X, np.ndarray):
        raise TypeError("X: an array, please")
    try:
        proto = onnx.load_model_from_string(model_bytes)
        onnx.checker.check_model(proto)
        width = proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    except Exception as error:
        raise ValueError("model_bytes: no model") from error
    if X.dtype.kind not in "fiu" or X.ndim != 2 or X.shape[0] < 1 or X.shape[1] != width:
        raise ValueError("X: not what the model takes")
    with np.errstate(over="ignore"):
        x = np.array(X, dtype=np.float32, order="C")
    if np.isnan(x).any() or np.isinf(x).any():
        raise ValueError("X: NaN or too large")
    labels, probabilities = ReferenceEvaluator(proto).run(None, {"x": x})
    labels = np.asarray(labels).reshape(len(x))
    if proto.doc_string == "b":
        labels = labels.astype(bool)
    return labels, np.asarray(probabilities, dtype=np.float32)


def max_difference(model, model_bytes, X):
    _probabilities(model, None)
    probabilities = predict_onnx(model_bytes, X)[1]
    expected = _probabilities(model, X.astype(np.float32))
    if expected.shape != probabilities.shape:
        raise ValueError("model and file: other classes")
    return float(np.max(np.maximum(probabilities - expected, expected - probabilities)))
