"""Federated averaging, one layer at a time."""

import numpy as np


def fed_avg(client_params, num_examples):
    if not isinstance(client_params, (list, tuple)) or not isinstance(num_examples, (list, tuple, np.ndarray)):
        raise TypeError("clients come as a list or tuple, counts as one or as an array")
    if isinstance(num_examples, np.ndarray) and num_examples.ndim != 1:
        raise ValueError("counts come in one row")
    counts = list(num_examples)
    if len(client_params) == 0 or len(counts) != len(client_params):
        raise ValueError("one count for each client, and at least one client")
    for count in counts:
        if isinstance(count, (bool, np.bool_)) or not isinstance(count, (int, np.integer)):
            raise TypeError(f"a count is an integer, not {count!r}")
    counts = [int(count) for count in counts]
    if min(counts) < 0 or sum(counts) == 0:
        raise ValueError("counts are not negative and not all zero")
    first = client_params[0]
    for params in client_params:
        if not isinstance(params, (list, tuple)):
            raise TypeError("a model is a list of layers")
        for layer in params:
            if not isinstance(layer, np.ndarray) or layer.dtype.kind not in "iuf":
                raise TypeError("a layer is an array of real numbers")
            if not np.isfinite(layer).all():
                raise ValueError("a layer holds NaN or infinity")
        if [layer.shape for layer in params] != [layer.shape for layer in first]:
            raise ValueError("clients differ in their layers")
    total = sum(counts)
    result = []
    for layers in zip(*client_params):
        dtype = np.result_type(*layers)
        if dtype.kind != "f":
            dtype = np.dtype(np.float64)
        mean = np.zeros(layers[0].shape, np.float64)
        for layer, count in zip(layers, counts):
            mean = mean + layer.astype(np.float64) * (count / total)
        result.append(np.asarray(mean).astype(dtype))
    return result
