"""A fitted scikit-learn classifier as an ONNX file, and its predictions without scikit-learn."""

from __future__ import annotations

import numpy as np
import sklearn.base

### BEGIN SOLUTION
from onnx import ModelProto, TensorProto, helper
from onnxruntime import InferenceSession, SessionOptions
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.utils.validation import check_is_fitted

# An explicit opset: the default moves with every release of skl2onnx, and an older runtime refuses the file.
OPSET = 17


def _check_matrix(X: np.ndarray, where: str) -> None:
    if not isinstance(X, np.ndarray) or X.dtype.kind not in "biuf":
        raise TypeError(f"{where}: expected a numpy array of real numbers, got {getattr(X, 'dtype', type(X).__name__)}")
    if X.ndim != 2 or X.shape[0] < 1:
        raise ValueError(f"{where}: expected at least one row and two dimensions, got shape {X.shape}")


def _float32(X: np.ndarray) -> np.ndarray:
    _check_matrix(X, "X")
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(X, dtype=np.float32)
    if not np.isfinite(cast).all():
        raise ValueError("X: NaN, infinity, or a number too large for float32")
    return cast


def _check_classifier(model: sklearn.base.BaseEstimator) -> None:
    if not isinstance(model, sklearn.base.BaseEstimator):
        raise TypeError(f"model: expected a scikit-learn estimator, got {type(model).__name__}")
    if not hasattr(model, "predict_proba"):
        raise ValueError(f"model: {type(model).__name__} has no predict_proba")
    check_is_fitted(model)


def _restore_bool(graph: ModelProto) -> None:
    """Casts the labels to bool inside the graph: skl2onnx writes the classes False and True as the integers 0 and 1."""
    label = graph.graph.output[0]
    raw = f"{label.name}_int64"
    for node in graph.graph.node:
        node.output[:] = [raw if name == label.name else name for name in node.output]
        node.input[:] = [raw if name == label.name else name for name in node.input]
    graph.graph.node.append(helper.make_node("Cast", [raw], [label.name], to=TensorProto.BOOL))
    label.type.tensor_type.elem_type = TensorProto.BOOL


### END SOLUTION


def export_sklearn(model: sklearn.base.BaseEstimator, X_sample: np.ndarray) -> bytes:
    """The fitted classifier `model` as the bytes of an ONNX file.

    The graph has one input named "x": float32, shape (batch, d), the batch dynamic. It has two outputs, in this order:
    the labels, shape (n,), and the probabilities, float32, shape (n, C), columns in the order of model.classes_. Both are
    tensors (no ZipMap, which makes a list of dicts of the probabilities). The opset is chosen explicitly.
    The bytes of two exports of one model may differ: skl2onnx names graphs at random.

    Args:
        model: a fitted scikit-learn classifier with d features and C classes: LogisticRegression, a Pipeline of
            StandardScaler and a LogisticRegression or MLPClassifier, RandomForestClassifier, MLPClassifier,
            GradientBoostingClassifier. Its classes are text, bools or integers. It is not changed.
        X_sample: real numbers, shape (m, d), m >= 1, of any dtype. It shows how wide the model's input is; the input
            is float32 whatever the dtype of the sample.

    Returns:
        The serialized model.

    Raises:
        ValueError: the model is not fitted or has no predict_proba; X_sample is not of the model's width d or not 2-d.
        TypeError: model is no scikit-learn estimator; X_sample is no np.ndarray.
    """
    # TODO: convert the model and return the file's bytes
    ### BEGIN SOLUTION
    _check_classifier(model)
    _check_matrix(X_sample, "X_sample")
    width = X_sample.shape[1]
    if width != model.n_features_in_:
        raise ValueError(f"X_sample: expected {model.n_features_in_} columns, got {width}")
    graph = convert_sklearn(
        model,
        initial_types=[("x", FloatTensorType([None, width]))],
        options={"zipmap": False},
        target_opset=OPSET,
    )
    if model.classes_.dtype.kind == "b":
        _restore_bool(graph)
    return graph.SerializeToString()
    ### END SOLUTION


def predict_onnx(model_bytes: bytes, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the exported model predicts for the rows of X, computed by onnxruntime from the bytes alone.

    Args:
        model_bytes: what export_sklearn returned.
        X: real numbers (floats or integers of any width), shape (n, d), n >= 1, in any memory layout and byte order;
            cast to float32 before it is fed. It is not changed.

    Returns:
        (labels, probabilities). labels, shape (n,), equal model.predict(X) and are of the kind of model.classes_:
        text (as an object or str array), bool, or integers of any width. probabilities: float32, shape (n, C).

    Raises:
        ValueError: model_bytes are no model; X is not of the model's width, not 2-d or has no row; X holds NaN, infinity
            or a number that overflows float32.
        TypeError: model_bytes is not bytes; X is no np.ndarray. (For an array of complex numbers, text or objects either
            error will do.)
    """
    # TODO: run the model on the float32 cast of X
    ### BEGIN SOLUTION
    if not isinstance(model_bytes, bytes):
        raise TypeError(f"model_bytes: expected bytes, got {type(model_bytes).__name__}")
    feed = _float32(X)
    options = SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        # onnxruntime's own errors derive from Exception alone, so nothing narrower catches them.
        session = InferenceSession(model_bytes, options, providers=["CPUExecutionProvider"])
        labels, probabilities = session.run(None, {"x": feed})
    except Exception as error:
        raise ValueError(f"model_bytes and X: {error}") from error
    return labels, probabilities
    ### END SOLUTION


def max_difference(model: sklearn.base.BaseEstimator, model_bytes: bytes, X: np.ndarray) -> float:
    """The largest absolute difference between the probabilities of the file and of the model.

    max |p - P| over all rows and classes, p the probabilities of predict_onnx(model_bytes, X) and P those of
    model.predict_proba, fed the same float32 cast of X.

    Args:
        model: a fitted classifier as for export_sklearn. It is not changed.
        model_bytes: an exported model with as many classes, not necessarily the export of `model`.
        X: as for predict_onnx.

    Returns:
        The difference, a Python float.

    Raises:
        ValueError: as predict_onnx; the model is not fitted or has no predict_proba; X is not of its width; model and
            model_bytes have different numbers of classes.
        TypeError: as predict_onnx; model is no scikit-learn estimator.
    """
    # TODO: compare the probabilities of both on the same numbers
    ### BEGIN SOLUTION
    _check_classifier(model)
    _, probabilities = predict_onnx(model_bytes, X)
    expected = model.predict_proba(_float32(X))
    if probabilities.shape != expected.shape:
        raise ValueError(f"model_bytes: {probabilities.shape[1]} classes, but the model has {expected.shape[1]}")
    return float(np.abs(probabilities - expected).max())
    ### END SOLUTION
