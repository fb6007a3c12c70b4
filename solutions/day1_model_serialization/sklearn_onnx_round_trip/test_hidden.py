"""Hidden checks of sklearn_onnx_round_trip: the whole contract.

Sentence of the contract                                   Check (v = visible)
input "x" float32, outputs labels and probabilities        v test_exports_what_the_referee_accepts, and every check with a referee
no ZipMap                                                  the same: a list of dicts is no tensor
batch dynamic, any d; sample of any dtype and length       test_serves_any_number_of_rows_and_features
LogisticRegression, binary too                             test_exports_binary_classifiers and v test_exports_what_the_referee...
Pipeline(StandardScaler, linear or MLP)                    test_exports_pipelines
MLP                                                        test_exports_neural_networks
RandomForest, GradientBoosting                             test_exports_tree_ensembles
labels equal model.predict(X)                              v test_predicts_as_the_model_does, and every check with a referee
labels have the kind of model.classes_: str, bool, int     test_keeps_text_labels, test_keeps_bool_labels,
                                                           v test_predicts_as_the_model_does
predict_onnx(model_bytes, X): of these bytes               test_predicts_from_the_bytes_alone
X real, any layout, cast to float32; inputs unchanged      test_takes_any_layout_and_dtype
overflow, NaN, infinity, n >= 1, (n, d)                    test_refuses_rows_that_float32_cannot_hold
another width (of X_sample too)                            v test_refuses_another_width, test_refuses_another_width_everywhere
unfitted model, no predict_proba                           test_refuses_models_without_probabilities
bytes that are no model                                    test_refuses_bytes_that_are_no_model
TypeError: no estimator, no bytes, no array                test_refuses_wrong_types
max_difference = max |p - P|, a Python float               v test_measures_the_difference, test_difference_is_absolute
... on the float32 cast of X                               test_difference_on_the_float32_cast
different numbers of classes                               test_difference_refuses_other_classes
the model is not changed                                   test_leaves_model_and_data_unchanged
Left free: names of the outputs, opset, the classes' integer type, whether bool labels are bool or integers in the file,
values of X_sample, bool arrays as X, how a file of one class looks.
"""

from __future__ import annotations

import copy
import functools
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from grader.checks.compare import assert_array, assert_close, assert_equal, assert_length, assert_type
from grader.model import ArtefactSpec, TensorSpec

ATOL = 1e-5
MARGIN = 1e-3
WORDS = ("adelie", "gentoo", "chinstrap", "Émile", "no", "yes", "", "two words")
# What a file may hold for classes of a kind; the rest is predict_onnx's to restore.
TENSORS = {"i": ("int64", "int32", "int16", "int8"), "U": ("str",), "O": ("str",), "b": ("bool", "int64", "int32", "uint8")}


def unfitted(family: str, seed: int) -> Any:
    """One of the families that are to be exported, small and quick to fit."""
    network = MLPClassifier((6,), max_iter=40, learning_rate_init=0.02, random_state=seed)
    return {
        "linear": LogisticRegression(),
        "scaled linear": make_pipeline(StandardScaler(), LogisticRegression()),
        "scaled network": make_pipeline(StandardScaler(), network),
        "network": network,
        "forest": RandomForestClassifier(7, max_depth=5, random_state=seed),
        "boosting": GradientBoostingClassifier(n_estimators=8, max_depth=2, random_state=seed),
    }[family]


@functools.lru_cache(maxsize=256)
def fitted(family: str, kind: str, classes: int, width: int, seed: int) -> Any:
    """A model on features of order 1. The same arguments give the same model: one run fits it once for all submissions."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(90, width)) * rng.uniform(0.5, 2.0, width) + rng.uniform(-1.0, 1.0, width)
    ranks = np.argsort(np.argsort(X @ rng.normal(size=width)))
    y = draw_classes(rng, kind, classes)[ranks * classes // len(X)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return unfitted(family, seed % 1000).fit(X, y)


def draw_classes(rng: np.random.Generator, kind: str, classes: int) -> np.ndarray:
    """Distinct labels in an order of their own; integers are never 0, 1, 2."""
    if kind == "bool":
        return rng.permutation([False, True])
    if kind in ("text", "object"):
        return rng.choice(np.array(WORDS, dtype=object if kind == "object" else str), size=classes, replace=False)
    return rng.choice([*range(-40, -4), *range(5, 40)], size=classes, replace=False)


def draw(rng: np.random.Generator, family: str, kind: str = "int", classes: int = 3, width: int | None = None) -> tuple[Any, int]:
    """A model and its width."""
    width = int(rng.integers(5, 10)) if width is None else width
    return fitted(family, kind, classes, width, int(rng.integers(2**32))), width


def clear_rows(rng: np.random.Generator, model: Any, width: int, rows: int) -> np.ndarray:
    """Rows that float32 holds exactly, each with one class that is clearly the most probable."""
    X = rng.normal(size=(20 * rows + 60, width)).astype(np.float32)
    best = np.sort(model.predict_proba(X), axis=1)[:, -2:]
    return X[best[:, 1] - best[:, 0] > MARGIN][:rows]


def assert_accepted(
    referee: Any, data: Any, rng: np.random.Generator, model: Any, width: int, sizes: tuple[int, ...] = (9, 1)
) -> None:
    """The referee accepts `data` as the export of `model`."""
    assert_type(data, bytes, "the exported model")
    rows = [clear_rows(rng, model, width, size) for size in sizes]
    results = []
    for dtype in TENSORS[model.classes_.dtype.kind]:
        spec = ArtefactSpec(
            inputs=(TensorSpec("x", "float32", (None, width)),),
            outputs=(TensorSpec(None, dtype, (None,)), TensorSpec(None, "float32", (None, len(model.classes_)))),
            ir_versions=(3, 99),
            opsets={"ai.onnx": (7, 99), "ai.onnx.ml": (1, 99)},
            batch_sizes=sizes,
            atol=ATOL,
        )
        plain = object if dtype == "str" else dtype
        cases = [([X], [model.predict(X).astype(plain), model.predict_proba(X).astype(np.float32)]) for X in rows]
        results.append(referee.judge(data, spec, cases))
        declared = [fact.dtype for fact in results[-1].outputs[:1]]
        if results[-1].accepted or declared == [dtype]:
            break
    if not any(result.accepted for result in results):
        raise AssertionError(f"the exported model: {(results[-1] if declared == [dtype] else results[0]).reason}")


def assert_predicts(got: Any, model: Any, X: np.ndarray) -> None:
    """`got` is what predict_onnx must return for `model` on the float32 cast of X."""
    cast = X.astype(np.float32)
    assert_type(got, tuple)
    assert_length(got, 2)
    labels, probabilities = got
    assert_array(labels, shape=(len(X),), what="labels")
    allowed = {"i": "iu", "u": "iu", "b": "b", "U": "OU", "O": "OU"}[model.classes_.dtype.kind]
    assert labels.dtype.kind in allowed, (
        f"labels: expected the kind of model.classes_ ({model.classes_.dtype}), got {labels.dtype}"
    )
    assert_equal(labels.tolist(), model.predict(cast).tolist(), "labels")
    assert_close(probabilities, model.predict_proba(cast).astype(np.float32), rtol=0.0, atol=ATOL, what="probabilities")


def exported(submission: Any, rng: np.random.Generator, model: Any, width: int) -> bytes:
    """The export of `model`, certainly bytes."""
    data = submission.export_sklearn(model, rng.normal(size=(3, width)))
    assert_type(data, bytes, "the exported model")
    return data


@pytest.mark.check(points=0.25, hint="Whoever has the bytes has no model, and perhaps the bytes of several models.")
def test_predicts_from_the_bytes_alone(submission, rng):
    """predicts from the bytes that it is given, not from what was exported or run before"""
    width = int(rng.integers(5, 10))
    models = [draw(rng, "linear", kind, classes, width)[0] for kind, classes in (("int", 3), ("text", 3), ("int", 3))]
    files = [exported(submission, rng, model, width) for model in models]
    for index in (1, 0, 2, 0):
        X = clear_rows(rng, models[index], width, 6)
        assert_predicts(submission.predict_onnx(files[index], X), models[index], X)


@pytest.mark.check(points=0.5, hint="Where do the number of rows and the number of columns come from in your file's input?")
def test_serves_any_number_of_rows_and_features(submission, referee, rng):
    """serves any number of rows, whatever the length and the dtype of the sample, and models of any width"""
    for width, dtype, rows in ((int(rng.integers(1, 4)), np.int64, 1), (int(rng.integers(11, 30)), np.float32, 6)):
        model, _ = draw(rng, "linear", classes=int(rng.integers(3, 6)), width=width)
        sample = np.asfortranarray(rng.integers(-3, 4, (rows, width)).astype(dtype))
        assert_accepted(referee, submission.export_sklearn(model, sample), rng, model, width, (1, 7, 64))


@pytest.mark.check(
    points=0.5, hint="Probabilities lie in [0, 1] and each row adds up to 1; scores of a decision function do not."
)
def test_exports_binary_classifiers(submission, referee, rng):
    """gives two columns of probabilities for two classes"""
    for family in ("linear", "boosting"):
        model, width = draw(rng, family, classes=2)
        data = exported(submission, rng, model, width)
        if family == "linear":
            assert_accepted(referee, data, rng, model, width)
        X = clear_rows(rng, model, width, 9)
        assert_predicts(submission.predict_onnx(data, X), model, X)


@pytest.mark.check(
    points=0.5, hint="A pipeline is one model: does your file hold the scaler, and do your options reach the last step?"
)
def test_exports_pipelines(submission, referee, rng):
    """exports a pipeline of a scaler and a linear model or a neural network"""
    for family, classes in (("scaled linear", 2), ("scaled network", 3)):
        model, width = draw(rng, family, classes=classes)
        data = exported(submission, rng, model, width)
        assert_accepted(referee, data, rng, model, width)
        X = clear_rows(rng, model, width, 9)
        assert_predicts(submission.predict_onnx(data, X), model, X)


@pytest.mark.check(points=0.5, hint="Does your code read attributes that only a linear model has?")
def test_exports_neural_networks(submission, referee, rng):
    """exports a neural network, with two classes and with more"""
    for classes in (2, 4):
        model, width = draw(rng, "network", classes=classes)
        data = exported(submission, rng, model, width)
        if classes > 2:
            assert_accepted(referee, data, rng, model, width)
        assert_close(submission.max_difference(model, data, rng.normal(size=(20, width))), 0.0, rtol=0.0, atol=ATOL)


@pytest.mark.check(points=0.5, hint="Does your code read attributes that only a linear model has?")
def test_exports_tree_ensembles(submission, referee, rng):
    """exports a random forest and gradient boosting"""
    for family in ("forest", "boosting"):
        model, width = draw(rng, family)
        data = exported(submission, rng, model, width)
        assert_accepted(referee, data, rng, model, width)
        assert_close(submission.max_difference(model, data, rng.normal(size=(20, width))), 0.0, rtol=0.0, atol=ATOL)


@pytest.mark.check(points=0.5, hint="Does your file know the names of the classes, or only their positions?")
def test_keeps_text_labels(submission, referee, rng):
    """keeps labels that are text"""
    for family, kind, classes in (("linear", "text", 3), ("forest", "object", 2)):
        model, width = draw(rng, family, kind, classes)
        data = exported(submission, rng, model, width)
        if family == "linear":
            assert_accepted(referee, data, rng, model, width)
        X = clear_rows(rng, model, width, 15)
        assert_predicts(submission.predict_onnx(data, X), model, X)


@pytest.mark.check(
    points=0.5,
    hint="Which dtype do the labels of your file have where the classes are False and True? What could a file still tell?",
)
def test_keeps_bool_labels(submission, referee, rng):
    """keeps labels that are bools, and does not make bools of the integers 0 and 1"""
    for family in ("linear", "network"):
        model, width = draw(rng, family, "bool", 2)
        data = exported(submission, rng, model, width)
        if family == "linear":
            assert_accepted(referee, data, rng, model, width)
        X = clear_rows(rng, model, width, 9)
        assert_predicts(submission.predict_onnx(data, X), model, X)
    X = rng.normal(size=(40, 5))
    counts = LogisticRegression().fit(X, (X[:, 0] > X[:, 1]).astype(np.int64))
    X = clear_rows(rng, counts, 5, 9)
    assert_predicts(submission.predict_onnx(exported(submission, rng, counts, 5), X), counts, X)


@pytest.mark.check(
    points=0.5, hint="onnxruntime reads the bytes of an array as float32 in the machine's own order: make them so."
)
def test_takes_any_layout_and_dtype(submission, rng):
    """takes rows of any real dtype, memory layout and byte order"""
    model, width = draw(rng, "linear")
    data = exported(submission, rng, model, width)
    wide = rng.normal(size=(12, 2 * width))
    given = [
        np.asfortranarray(wide[:, :width]),
        wide[::-2, ::2],
        wide[::-1, width - 1 :: -1],
        np.ascontiguousarray(wide[:, :width].T).T,
    ]
    given += [
        wide[:1, :width],
        wide[:, :width].astype(">f8"),
        wide[:, :width].astype(">f4"),
        wide[:, :width].astype(np.longdouble),
    ]
    given += [np.round(wide[:, :width], 1).astype(np.float16), np.asfortranarray(wide[:, :width].astype(np.float32))]
    given += [rng.integers(0, 3, (9, width)).astype(dtype) for dtype in (np.int64, np.int8, np.uint8, np.uint64, ">i4")]
    for X in given:
        cast = X.astype(np.float32)
        best = np.sort(model.predict_proba(cast), axis=1)[:, -2:]
        X = X if (best[:, 1] - best[:, 0] > MARGIN).all() else X[best[:, 1] - best[:, 0] > MARGIN]
        X.flags.writeable = False
        if len(X):
            assert_predicts(submission.predict_onnx(data, X), model, X)


@pytest.mark.check(points=0.5, hint="What becomes of 1e39 as float32? Does onnxruntime mind NaN, or a batch without rows?")
def test_refuses_rows_that_float32_cannot_hold(submission, rng):
    """raises ValueError for NaN, infinity, numbers beyond float32, no rows, and arrays that are no matrix"""
    model, width = draw(rng, "forest")
    data = exported(submission, rng, model, width)
    good = rng.normal(size=(3, width))
    assert_type(submission.predict_onnx(data, good), tuple)
    assert_type(submission.max_difference(model, data, good), float)
    bad: list[np.ndarray] = [good[:0], good[0], good[None], np.array(1.0), good[:, :0]]
    for dtype, value in (
        (np.float64, np.nan), (np.float64, np.inf), (np.float64, 1e39), (np.float64, -3.5e38), (np.float64, -np.inf),
        (np.float32, np.nan), (np.float32, -np.inf), (np.float16, np.nan), (np.float16, np.inf), (np.longdouble, -1e300),
    ):  # fmt: skip
        X = good.astype(dtype)
        X[int(rng.integers(3)), int(rng.integers(width))] = value
        bad.append(X)
    for X in bad:
        with pytest.raises(ValueError):
            submission.predict_onnx(data, X)
        with pytest.raises(ValueError):
            submission.max_difference(model, data, X)


@pytest.mark.check(
    points=0.25, hint="Every family of models, and every function: is the width checked before anything else is done with it?"
)
def test_refuses_another_width_everywhere(submission, rng):
    """raises ValueError for another width with pipelines and trees too, and for a sample that is no matrix"""
    for family in ("scaled linear", "forest"):
        model, width = draw(rng, family)
        other, _ = draw(rng, family, width=width + 1)
        data = exported(submission, rng, model, width)
        for sample in (
            rng.normal(size=(4, width + 1)),
            rng.normal(size=(4, width - 1)),
            rng.normal(size=width),
            rng.normal(size=(1, 1, width)),
        ):
            with pytest.raises(ValueError):
                submission.export_sklearn(model, sample)
        for X in (rng.normal(size=(4, width)), rng.normal(size=(4, width + 1))):
            with pytest.raises(ValueError):
                submission.max_difference(other, data, X)


@pytest.mark.check(
    points=0.25, hint="hasattr(model, 'predict_proba'), and sklearn.utils.validation knows whether a model is fitted."
)
def test_refuses_models_without_probabilities(submission, rng):
    """raises ValueError for a model that is not fitted, or that has no predict_proba"""
    model, width = draw(rng, "linear", classes=2)
    data = exported(submission, rng, model, width)
    X = rng.normal(size=(30, width))
    assert_type(submission.max_difference(model, data, X), float)
    y = np.arange(30) % 2
    bad = [unfitted(family, 0) for family in ("linear", "scaled linear", "network", "forest", "boosting")]
    bad += [
        SVC(kernel="linear").fit(X, y),
        LinearRegression().fit(X, y),
        StandardScaler().fit(X),
        make_pipeline(StandardScaler(), SVC()).fit(X, y),
    ]
    for one in bad:
        with pytest.raises(ValueError):
            submission.export_sklearn(one, X)
        with pytest.raises(ValueError):
            submission.max_difference(one, data, X)


@pytest.mark.check(points=0.25, hint="From which class do onnxruntime's own exceptions derive?")
def test_refuses_bytes_that_are_no_model(submission, rng):
    """raises ValueError for bytes that are no model: empty, cut short, a pickle, noise"""
    model, width = draw(rng, "linear")
    data = exported(submission, rng, model, width)
    X = rng.normal(size=(3, width))
    assert_type(submission.predict_onnx(data, X), tuple)
    assert_type(submission.max_difference(model, data, X), float)
    for bad in (b"", b"no model", data[: len(data) // 2], data[:-1], pickle.dumps(model), b"\xff" + rng.bytes(300), bytes(50)):
        with pytest.raises(ValueError):
            submission.predict_onnx(bad, X)
        with pytest.raises(ValueError):
            submission.max_difference(model, bad, X)


@pytest.mark.check(
    points=0.25, hint="An estimator derives from BaseEstimator; a list of lists is no array; a path is not the file's bytes."
)
def test_refuses_wrong_types(submission, rng):
    """raises TypeError for what is no estimator, no bytes, no array, and refuses arrays without real numbers"""
    model, width = draw(rng, "linear")
    X = rng.normal(size=(3, width))
    data = exported(submission, rng, model, width)
    assert_type(submission.max_difference(model, data, X), float)
    for bad in (None, "model", 3, {"coef_": X}, [model], X, data):
        with pytest.raises(TypeError):
            submission.export_sklearn(bad, X)
        with pytest.raises(TypeError):
            submission.max_difference(bad, data, X)
    for bad in (None, "model.onnx", 3, [data], model):
        with pytest.raises(TypeError):
            submission.predict_onnx(bad, X)
        with pytest.raises(TypeError):
            submission.max_difference(model, bad, X)
    for bad in (None, X.tolist(), "X", 1.0):
        with pytest.raises(TypeError):
            submission.export_sklearn(model, bad)
        with pytest.raises(TypeError):
            submission.predict_onnx(data, bad)
        with pytest.raises(TypeError):
            submission.max_difference(model, data, bad)
    for bad in (X + 1j, X.astype(complex), X.round(2).astype(str), np.array([[None] * width])):
        with pytest.raises((TypeError, ValueError)):
            submission.predict_onnx(data, bad)


@pytest.mark.check(points=0.25, hint="The file may promise too much as well as too little.")
def test_difference_is_absolute(submission, rng):
    """measures the largest absolute difference, whichever side is larger"""
    one, width = draw(rng, "linear")
    other = fitted("linear", "int", 3, width, int(rng.integers(2**32)))
    X = rng.normal(size=(300, width)).astype(np.float32)
    gap = one.predict_proba(X) - other.predict_proba(X)
    low, high = -gap.min(axis=1), gap.max(axis=1)
    # In these rows the largest difference is negative for one order of the two models and positive for the other.
    below, above = X[low > high + 0.02][:8], X[high > low + 0.02][:8]
    X, model, inside = (below, other, one) if len(below) >= len(above) else (above, one, other)
    expected = float(np.abs(one.predict_proba(X) - other.predict_proba(X)).max())
    data = exported(submission, rng, inside, width)
    assert_close(submission.max_difference(model, data, X), expected, rtol=0.0, atol=ATOL)


@pytest.mark.check(points=0.25, hint="The file never saw the digits that float32 dropped; is it fair to show them to the model?")
def test_difference_on_the_float32_cast(submission, rng):
    """gives the model the same float32 numbers as the file"""
    model, width = draw(rng, "linear", classes=2)
    model = copy.deepcopy(model)  # the original belongs to the cache
    plus, minus = rng.choice(width, size=2, replace=False)
    model.coef_ = np.zeros((1, width))
    model.coef_[0, plus], model.coef_[0, minus], model.intercept_ = 1.0, -1.0, np.zeros(1)
    # Float32 numbers lie 2^-5 apart at 2^18. The difference of two of them is exact, so the file computes the chance of the
    # cast to 1e-7; the steps of 0.4 * 2^-5, which the cast drops, move it by p (1 - p) * 0.025 > 0.002 where |score| < 2.
    X = 2.0**18 + rng.integers(-30, 31, (8, width)) / 32.0
    step = 0.4 * 2.0**-5 * np.sign(model.coef_) * rng.choice([-1.0, 1.0], size=(8, 1))
    data = exported(submission, rng, model, width)
    assert_close(submission.max_difference(model, data, X + step), 0.0, rtol=0.0, atol=ATOL)


@pytest.mark.check(points=0.25, hint="numpy stretches one column over three without a word.")
def test_difference_refuses_other_classes(submission, rng):
    """raises ValueError if model and file have different numbers of classes"""
    two, width = draw(rng, "linear", classes=2)
    three = fitted("linear", "int", 3, width, int(rng.integers(2**32)))
    X = rng.normal(size=(20, width))
    one = RandomForestClassifier(2, random_state=0).fit(X, np.full(20, 7))
    files = {model: exported(submission, rng, model, width) for model in (two, three)}
    assert_type(submission.max_difference(two, files[two], X), float)
    for model, inside in ((two, three), (three, two), (one, two), (one, three)):
        with pytest.raises(ValueError):
            submission.max_difference(model, files[inside], X)


def facts(model: Any) -> dict[str, Any]:
    """What fitting gave a model (or a handle of one), step by step; for a linear model, a scaler, a network."""
    found = {}
    for name in ("coef_", "intercept_", "classes_", "C") if not hasattr(model, "steps") else ():
        found[name] = getattr(model, name)
    for place, (_, step) in enumerate(getattr(model, "steps", ())):
        for name in (("mean_", "scale_"), ("coefs_", "intercepts_", "classes_", "n_layers_"))[place]:
            found[f"{place}.{name}"] = getattr(step, name)
    found["n_features_in_"] = model.n_features_in_
    return found


@pytest.mark.check(points=0.5, hint="Do you fit, cast or relabel the caller's own model, or write to the caller's array?")
def test_leaves_model_and_data_unchanged(submission, rng):
    """leaves the model, the sample and the rows unchanged"""
    for family, kind in (("linear", "bool"), ("scaled network", "text")):
        model, width = draw(rng, family, kind, 2)
        X = rng.normal(size=(6, width))
        done = submission.call("export_sklearn", model, X)
        assert_type(done.value, bytes, "the exported model")
        assert_equal(done.args[1], X, "X_sample after export_sklearn")
        assert_equal(facts(done.args[0]), facts(model), "the model after export_sklearn")
        data = done.value
        done = submission.call("max_difference", model, data, X)
        assert_type(done.value, float)
        assert_equal(done.args[2], X, "X after max_difference")
        assert_equal(facts(done.args[0]), facts(model), "the model after max_difference")
        done = submission.call("predict_onnx", data, X)
        assert_type(done.value, tuple)
        assert_equal(done.args[1], X, "X after predict_onnx")
