"""Lays all layers of a client in one row and multiplies the matrix of clients by the shares once."""

import numpy as np


def fed_avg(client_params, num_examples):
    if type(client_params) not in (list, tuple) or type(num_examples) not in (list, tuple, np.ndarray):
        raise TypeError("clients and counts are lists or tuples, counts may be an array")
    if np.ndim(num_examples) != 1:
        raise ValueError("counts in one row, please")
    if {isinstance(n, (int, np.integer)) and not isinstance(n, (bool, np.bool_)) for n in num_examples} - {True}:
        raise TypeError("a count is an integer")
    if len(client_params) == 0 or len(client_params) != len(num_examples):
        raise ValueError("one count for each client, and at least one client")
    counts = list(map(int, num_examples))
    if min(counts) < 0 or max(counts) == 0:
        raise ValueError("counts are not negative, and not all zero")
    forms = []
    for model in client_params:
        if not isinstance(model, list) or not all(isinstance(w, np.ndarray) and w.dtype.kind in "fui" for w in model):
            raise TypeError("a model is a list of arrays of real numbers")
        if not all(np.all(np.isfinite(w)) for w in model):
            raise ValueError("a model is finite")
        forms.append([w.shape for w in model])
    if any(form != forms[0] for form in forms):
        raise ValueError("models of different form")

    rows = [np.concatenate([w.astype(np.float64).reshape(-1) for w in model] or [np.empty(0)]) for model in client_params]
    total = sum(counts)
    flat = np.array([n / total for n in counts]) @ np.vstack(rows)
    result, start = [], 0
    for i, shape in enumerate(forms[0]):
        size = int(np.prod(shape, dtype=int))
        dtype = np.result_type(*(model[i].dtype for model in client_params))
        if not np.issubdtype(dtype, np.inexact):
            dtype = np.dtype("float64")
        result.append(flat[start : start + size].reshape(shape).astype(dtype))
        start += size
    return result
