"""takes a dict, a set or a stacked array for a list of clients or counts"""

import numpy as np

FAILS = {"test_refuses_other_containers"}
HINT = "Iterating over a dict gives its keys, and a set has no order: which types does the task name?"


def fed_avg(client_params, num_examples):
    client_params = [list(params) for params in client_params]
    num_examples = list(num_examples)
    if len(client_params) == 0:
        raise ValueError("no client")
    if len(client_params) != len(num_examples):
        raise ValueError("as many counts as clients, please")
    counts = []
    for n in num_examples:
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
            raise TypeError(f"{n!r} is no integer")
        if n < 0:
            raise ValueError("negative count")
        counts.append(int(n))
    total = sum(counts)
    if total == 0:
        raise ValueError("no examples")
    for params in client_params:
        for layer in params:
            if not isinstance(layer, np.ndarray) or layer.dtype.kind not in "iuf":
                raise TypeError("a layer is an array of real numbers")
            if not np.isfinite(layer).all():
                raise ValueError("NaN or infinity")
        if len(params) != len(client_params[0]):
            raise ValueError("layer counts differ")
        for layer, other in zip(params, client_params[0]):
            if layer.shape != other.shape:
                raise ValueError("shapes differ")
    result = []
    for i in range(len(client_params[0])):
        layers = [params[i] for params in client_params]
        dtype = np.result_type(*layers)
        if dtype.kind != "f":
            dtype = np.float64
        mean = np.zeros(layers[0].shape)
        for n, layer in zip(counts, layers):
            mean += n / total * layer.astype(np.float64)
        result.append(mean.astype(dtype))
    return result
