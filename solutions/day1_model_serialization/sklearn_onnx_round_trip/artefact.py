"""What the optional artefact must answer: support.artefact_model() on rows drawn afresh."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
from sklearn.datasets import load_digits

ROWS = (1, 7, 64)
# The file computes in float32: rows that near to a tie are not judged by their label.
MARGIN = 1e-3


def _support() -> ModuleType:
    here = Path(__file__).resolve().parent
    path = here.parents[2] / "exercises" / here.parent.name / here.name / "support.py"
    spec = importlib.util.spec_from_file_location("sklearn_onnx_round_trip_support", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path}: cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cases(rng: np.random.Generator) -> list[tuple[list[np.ndarray], list[np.ndarray]]]:
    """One case a batch size: ([x float32 (n, 64)], [labels int64 (n,), probabilities float32 (n, 10)]).

    Rows are mixtures of two digits with a little noise: none of them stands in the data set.
    """
    model = _support().artefact_model()
    pixels = load_digits().data / 16.0
    found = []
    for rows in ROWS:
        one, other = (pixels[rng.integers(len(pixels), size=4 * rows + 40)] for _ in range(2))
        share = rng.uniform(0.5, 1.0, (len(one), 1))
        x = (share * one + (1.0 - share) * other + 0.02 * rng.normal(size=one.shape)).astype(np.float32)
        best = np.sort(model.predict_proba(x), axis=1)[:, -2:]
        x = x[best[:, 1] - best[:, 0] > MARGIN][:rows]
        found.append(([x], [model.predict(x).astype(np.int64), model.predict_proba(x).astype(np.float32)]))
    return found
