"""Adds each number in exact rational arithmetic, one by one, instead of arrays in float64."""

import operator
from fractions import Fraction

import numpy as np


def fed_avg(client_params, num_examples):
    if not isinstance(client_params, (tuple, list)):
        raise TypeError("client_params")
    if not isinstance(num_examples, (tuple, list)) and not (isinstance(num_examples, np.ndarray) and num_examples.ndim == 1):
        raise TypeError("num_examples")
    for n in num_examples:
        if isinstance(n, (bool, np.bool_)):
            raise TypeError("a bool is no count")
    counts = [operator.index(n) for n in num_examples]
    for model in client_params:
        if not isinstance(model, list):
            raise TypeError("a client's model is a list")
        for layer in model:
            if not isinstance(layer, np.ndarray) or layer.dtype.kind not in ("i", "u", "f"):
                raise TypeError("a layer is an array of real numbers")
            if not np.isfinite(layer).all():
                raise ValueError("a layer is finite")
    if len(counts) != len(client_params) or any(n < 0 for n in counts) or sum(counts) == 0:
        raise ValueError("one count for each client, none negative, one positive")
    first, *others = client_params
    if any([layer.shape for layer in model] != [layer.shape for layer in first] for model in others):
        raise ValueError("models differ in form")
    return [_layer([model[i] for model in client_params], counts) for i in range(len(first))]


def _layer(layers, counts):
    dtype = np.result_type(*layers)
    result = np.empty(layers[0].shape, dtype if dtype.kind == "f" else np.float64)
    for index in np.ndindex(result.shape):
        weighted = (n * _fraction(layer[index]) for n, layer in zip(counts, layers, strict=True))
        result[index] = float(sum(weighted) / sum(counts))
    return result


def _fraction(x):
    return Fraction(int(x)) if isinstance(x, np.integer) else Fraction(*x.as_integer_ratio())
