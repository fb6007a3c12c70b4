"""Exports and runs; checks little. Hands in the optional model too."""

import numpy as np
import onnxruntime
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType


def export_sklearn(model, X_sample):
    inputs = [("x", FloatTensorType([None, X_sample.shape[1]]))]
    return convert_sklearn(model, initial_types=inputs, options={id(model): {"zipmap": False}}, target_opset=18).SerializeToString()


def predict_onnx(model_bytes, X):
    session = onnxruntime.InferenceSession(model_bytes, providers=["CPUExecutionProvider"])
    labels, probabilities = session.run(None, {"x": np.asarray(X, dtype=np.float32)})
    return labels, probabilities


def max_difference(model, model_bytes, X):
    _, probabilities = predict_onnx(model_bytes, X)
    return float(np.abs(probabilities - model.predict_proba(X)).max())
