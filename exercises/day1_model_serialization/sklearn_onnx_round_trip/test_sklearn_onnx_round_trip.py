"""Visible checks of sklearn_onnx_round_trip: a logistic regression there and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from grader.checks.compare import assert_array, assert_close, assert_equal, assert_length, assert_type
from grader.model import ArtefactSpec, TensorSpec

# The contract's tolerance on probabilities. In float32 a sum of d products and a softmax err by about 1e-7 where features
# are of order 1; 1e-5 leaves room for every way to write the graph.
ATOL = 1e-5
# Rows whose two best classes are nearly equal may tip over in float32; they are not judged.
MARGIN = 1e-3


def draw_model(rng: np.random.Generator, width: int, labels: list[int]) -> LogisticRegression:
    """A logistic regression on `width` features of order 1 that knows every one of `labels`."""
    X = rng.normal(size=(90, width))
    ranks = np.argsort(np.argsort(X @ rng.normal(size=width)))
    return LogisticRegression().fit(X, np.array(labels)[ranks * len(labels) // len(X)])


def draw_labels(rng: np.random.Generator, classes: int) -> list[int]:
    """Distinct integers of both signs, never 0, 1, 2."""
    return [int(label) for label in rng.choice([*range(-40, -4), *range(5, 40)], size=classes, replace=False)]


def clear_rows(rng: np.random.Generator, model: Any, width: int, rows: int) -> np.ndarray:
    """Rows that float32 holds exactly, each with one class that is clearly the most probable."""
    X = rng.normal(size=(20 * rows + 60, width)).astype(np.float32)
    best = np.sort(model.predict_proba(X), axis=1)[:, -2:]
    return X[best[:, 1] - best[:, 0] > MARGIN][:rows]


@pytest.mark.check(points=1, hint="Which name, dtype and first dimension has the input? What are the outputs, in which order?")
def test_exports_what_the_referee_accepts(submission, referee, rng):
    """exports a model with input x, labels and probabilities, which the referee accepts"""
    width, classes = int(rng.integers(5, 10)), 3
    model = draw_model(rng, width, draw_labels(rng, classes))
    data = submission.export_sklearn(model, rng.normal(size=(5, width)))
    assert_type(data, bytes, "the exported model")
    spec = ArtefactSpec(
        inputs=(TensorSpec("x", "float32", (None, width)),),
        outputs=(TensorSpec(None, "int64", (None,)), TensorSpec(None, "float32", (None, classes))),
        ir_versions=(3, 99),
        opsets={"ai.onnx": (7, 99), "ai.onnx.ml": (1, 99)},
        batch_sizes=(5, 3),
        atol=ATOL,
    )
    cases = []
    for rows in spec.batch_sizes:
        X = clear_rows(rng, model, width, rows)
        cases.append(([X], [model.predict(X), model.predict_proba(X).astype(np.float32)]))
    result = referee.judge(data, spec, cases)
    assert result.accepted, f"the exported model: {result.reason}"


@pytest.mark.check(points=1, hint="onnxruntime refuses float64 where the file says float32. What does session.run return?")
def test_predicts_as_the_model_does(submission, rng):
    """predicts the model's labels and probabilities from the bytes alone"""
    width, classes = int(rng.integers(5, 10)), 3
    model = draw_model(rng, width, draw_labels(rng, classes))
    X = clear_rows(rng, model, width, 12)
    data = submission.export_sklearn(model, X[:1].astype(np.float64))
    assert_type(data, bytes, "the exported model")
    for given in (X, X.astype(np.float64)):
        got = submission.predict_onnx(data, given)
        assert_type(got, tuple)
        assert_length(got, 2)
        labels, probabilities = got
        assert_array(labels, shape=(12,), what="labels")
        assert labels.dtype.kind in "iu", f"labels: expected integers as in model.classes_, got {labels.dtype}"
        assert_equal(labels.astype(np.int64), model.predict(X), "labels")
        assert_close(probabilities, model.predict_proba(X).astype(np.float32), rtol=0.0, atol=ATOL, what="probabilities")


@pytest.mark.check(points=0.5, hint="np.float64 is no float of Python's, and the file may hold another model than `model`.")
def test_measures_the_difference(submission, rng):
    """measures how far file and model are apart: hardly, unless they are two different models"""
    width = int(rng.integers(5, 10))
    labels = draw_labels(rng, 3)
    model, other = draw_model(rng, width, labels), draw_model(rng, width, labels)
    X = rng.normal(size=(200, width)).astype(np.float32)
    gap = model.predict_proba(X) - other.predict_proba(X)
    X = X[gap.max(axis=1) > -gap.min(axis=1)][:20]
    data = submission.export_sklearn(model, X[:1])
    assert_type(data, bytes, "the exported model")
    assert_close(submission.max_difference(model, data, X), 0.0, rtol=0.0, atol=ATOL, what="difference to the model itself")
    apart = float(np.abs(model.predict_proba(X) - other.predict_proba(X)).max())
    assert_close(submission.max_difference(other, data, X), apart, rtol=0.0, atol=ATOL, what="difference to another model")


@pytest.mark.check(points=0.5, hint="How many features does the model know (n_features_in_), and does the sample have as many?")
def test_refuses_another_width(submission, rng):
    """raises ValueError for a sample or for rows that are not as wide as the model"""
    width = int(rng.integers(5, 10))
    model = draw_model(rng, width, draw_labels(rng, 2))
    data = submission.export_sklearn(model, rng.normal(size=(2, width)))
    assert_type(data, bytes, "the exported model")
    assert_type(submission.predict_onnx(data, rng.normal(size=(2, width))), tuple)
    for columns in (width - 1, width + 1, 1):
        X = rng.normal(size=(width, columns))
        with pytest.raises(ValueError):
            submission.export_sklearn(model, X)
        with pytest.raises(ValueError):
            submission.predict_onnx(data, X)
        with pytest.raises(ValueError):
            submission.max_difference(model, data, X)
