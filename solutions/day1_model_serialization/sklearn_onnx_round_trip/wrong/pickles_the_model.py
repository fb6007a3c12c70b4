"""pickles the model: the bytes are no ONNX file"""

import numpy as np
import pickle

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

FAILS = {
    "test_exports_binary_classifiers",
    "test_exports_neural_networks",
    "test_exports_pipelines",
    "test_exports_tree_ensembles",
    "test_exports_what_the_referee_accepts",
    "test_keeps_bool_labels",
    "test_keeps_text_labels",
    "test_refuses_bytes_that_are_no_model",
    "test_serves_any_number_of_rows_and_features",
}
HINT = "A pickle needs Python, scikit-learn and trust; the referee has neither."


def check_model(model):
    if not isinstance(model, BaseEstimator):
        raise TypeError("model must be an estimator")
    if not hasattr(model, "predict_proba"):
        raise ValueError("model has no predict_proba")
    check_is_fitted(model)


def to_float32(X):
    if not isinstance(X, np.ndarray) or X.dtype.kind not in "fiu":
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
    return pickle.dumps(model)


def predict_onnx(model_bytes, X):
    if not isinstance(model_bytes, bytes):
        raise TypeError("model_bytes must be bytes")
    X = to_float32(X)
    try:
        model = pickle.loads(model_bytes)
        labels, probabilities = model.predict(X), model.predict_proba(X).astype(np.float32)
    except Exception as error:
        raise ValueError(str(error))
    return labels, probabilities


def max_difference(model, model_bytes, X):
    check_model(model)
    _, probabilities = predict_onnx(model_bytes, X)
    expected = model.predict_proba(X.astype(np.float32))
    if probabilities.shape != expected.shape:
        raise ValueError("the classes differ in number")
    return float(np.abs(probabilities - expected).max())
