"""takes lists for arrays"""

import numpy as np
import onnxruntime as ort
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

FAILS = {
    "test_refuses_rows_that_float32_cannot_hold",
    "test_refuses_wrong_types",
}
HINT = "The contract asks for arrays: np.asarray is too helpful here."


def check_model(model):
    if not isinstance(model, BaseEstimator):
        raise TypeError("model must be an estimator")
    if not hasattr(model, "predict_proba"):
        raise ValueError("model has no predict_proba")
    check_is_fitted(model)


def to_float32(X):
    if isinstance(X, str) or np.ndim(X) == 0:
        raise TypeError("X must be an array")
    X = np.asarray(X)
    if X.dtype.kind not in "fiu":
        raise TypeError("X must be an array of real numbers")
    if X.ndim != 2 or len(X) == 0:
        raise ValueError("X must be a matrix with at least one row")
    with np.errstate(over="ignore"):
        X = X.astype(np.float32)
    if not np.isfinite(X).all():
        raise ValueError("X does not fit float32")
    return X


def export_sklearn(model, X_sample):
    check_model(model)
    if not isinstance(X_sample, np.ndarray):
        raise TypeError("X_sample must be an array")
    if X_sample.ndim != 2 or X_sample.shape[1] != model.n_features_in_:
        raise ValueError("X_sample is not as wide as the model")
    onx = convert_sklearn(
        model,
        initial_types=[("x", FloatTensorType([None, X_sample.shape[1]]))],
        options={"zipmap": False},
        target_opset=18,
    )
    if model.classes_.dtype == bool:
        entry = onx.metadata_props.add()
        entry.key, entry.value = "labels", "bool"
    return onx.SerializeToString()


def predict_onnx(model_bytes, X):
    if not isinstance(model_bytes, bytes):
        raise TypeError("model_bytes must be bytes")
    X = to_float32(X)
    try:
        session = ort.InferenceSession(model_bytes, providers=["CPUExecutionProvider"])
        labels, probabilities = session.run(None, {"x": X})
    except Exception as error:
        raise ValueError(str(error))
    if session.get_modelmeta().custom_metadata_map.get("labels") == "bool":
        labels = labels.astype(bool)
    return labels, probabilities


def max_difference(model, model_bytes, X):
    check_model(model)
    _, probabilities = predict_onnx(model_bytes, X)
    expected = model.predict_proba(to_float32(X))
    if probabilities.shape != expected.shape:
        raise ValueError("the classes differ in number")
    return float(np.abs(probabilities - expected).max())
