"""leaves bool labels as int64 in the file, with a note in its metadata that predict_onnx reads; default session options"""

import numpy as np
import onnxruntime as ort
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted


def require_classifier(model):
    if not isinstance(model, BaseEstimator):
        raise TypeError("model is no estimator")
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise ValueError("model is not fitted") from error
    if not callable(getattr(model, "predict_proba", None)):
        raise ValueError("model gives no probabilities")


def export_sklearn(model, X_sample):
    if not isinstance(X_sample, np.ndarray):
        raise TypeError("X_sample is no array")
    require_classifier(model)
    if X_sample.ndim != 2 or X_sample.shape[1] != model.n_features_in_:
        raise ValueError("X_sample has another width than the model")
    onx = to_onnx(
        model,
        initial_types=[("x", FloatTensorType([None, model.n_features_in_]))],
        options={id(model): {"zipmap": False}},
        target_opset={"": 15, "ai.onnx.ml": 3},
    )
    onx.metadata_props.add(key="labels", value=model.classes_.dtype.kind)
    return onx.SerializeToString()


def predict_onnx(model_bytes, X):
    if type(model_bytes) is not bytes:
        raise TypeError("model_bytes is not bytes")
    if not isinstance(X, np.ndarray):
        raise TypeError("X is no array")
    if not np.issubdtype(X.dtype, np.floating) and not np.issubdtype(X.dtype, np.integer):
        raise ValueError("X holds no real numbers")
    if X.ndim != 2 or X.shape[0] == 0:
        raise ValueError("X is no matrix with rows")
    if np.isnan(X).any() or (np.abs(X.astype(np.longdouble)) > np.finfo(np.float32).max).any():
        raise ValueError("X holds numbers that float32 cannot")
    try:
        session = ort.InferenceSession(model_bytes)
    except Exception as error:
        raise ValueError("model_bytes are no model") from error
    if session.get_inputs()[0].shape[1] != X.shape[1]:
        raise ValueError("X has another width than the model")
    labels, probabilities = session.run(None, {"x": np.require(X, np.float32, "C")})
    if session.get_modelmeta().custom_metadata_map["labels"] == "b":
        labels = labels == 1
    return labels, probabilities


def max_difference(model, model_bytes, X):
    require_classifier(model)
    found = predict_onnx(model_bytes, X)[1]
    wanted = model.predict_proba(X.astype(np.float32))
    if found.shape[1] != wanted.shape[1]:
        raise ValueError("other classes")
    return max(abs(float(one) - float(other)) for one, other in zip(found.ravel(), wanted.ravel(), strict=True))
