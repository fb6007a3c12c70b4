"""Uses each package a little, so that what it imports lazily is there before the nursery forks."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

import numpy as np


def warm(packages: Sequence[str]) -> None:
    """Imports `packages` in order and exercises those that have lazy parts. ImportError where one is missing."""
    for package in packages:
        importlib.import_module(package)
        RECIPES.get(package, _nothing)()


def _nothing() -> None:
    return None


def _numpy() -> None:
    rng = np.random.default_rng(0)
    np.linalg.norm(rng.normal(size=(4, 4)) @ rng.normal(size=(4, 2)))
    rng.dirichlet([1.0, 1.0])
    rng.permutation(4)
    np.testing.assert_allclose([1.0], [1.0])


def _torch() -> None:
    import torch

    torch.set_num_threads(1)
    weight = torch.ones(2, 2, requires_grad=True)
    (torch.nn.functional.relu(weight @ weight)).sum().backward()


def _sklearn() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    make_pipeline(StandardScaler(), LogisticRegression()).fit(np.eye(4), [0, 1, 0, 1]).predict_proba(np.eye(4))
    for module in ("sklearn.ensemble", "sklearn.neural_network", "sklearn.svm", "sklearn.tree", "sklearn.naive_bayes"):
        importlib.import_module(module)


def _skl2onnx() -> None:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    to_onnx(LogisticRegression().fit(np.eye(4), [0, 1, 0, 1]), np.eye(4, dtype=np.float32), options={"zipmap": False})


def _onnx() -> None:
    for module in ("onnx.checker", "onnx.helper", "onnx.numpy_helper", "onnx.shape_inference"):
        importlib.import_module(module)


def _onnxruntime() -> None:
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)


RECIPES: dict[str, Callable[[], None]] = {
    "numpy": _numpy,
    "torch": _torch,
    "sklearn": _sklearn,
    "skl2onnx": _skl2onnx,
    "onnx": _onnx,
    "onnxruntime": _onnxruntime,
}
