"""A fitted scikit-learn classifier as an ONNX file, and its predictions without scikit-learn."""

from __future__ import annotations

import numpy as np
import sklearn.base


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
    raise NotImplementedError("convert the model and return the file's bytes")


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
    raise NotImplementedError("run the model on the float32 cast of X")


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
    raise NotImplementedError("compare the probabilities of both on the same numbers")
