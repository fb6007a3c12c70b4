"""moves a running mean by differences, which overflow and cancel"""

import numpy as np

FAILS = {"test_is_exact_at_any_scale"}
HINT = "The difference of two large numbers may be too large for a float even if both fit, and so may their sum: which formula needs neither?"


def fed_avg(client_params, num_examples):
    if not isinstance(client_params, (list, tuple)):
        raise TypeError("client_params must be a list or a tuple")
    if isinstance(num_examples, np.ndarray):
        if num_examples.ndim != 1:
            raise ValueError("num_examples must be 1-d")
    elif not isinstance(num_examples, (list, tuple)):
        raise TypeError("num_examples must be a list, a tuple or an array")
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
        if not isinstance(params, list):
            raise TypeError("a client is a list of arrays")
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
        seen = 0
        for n, layer in zip(counts, layers):
            seen += n
            if n > 0:
                mean = np.asarray(mean + n / seen * (layer.astype(np.float64) - mean))
        result.append(mean.astype(dtype))
    return result
