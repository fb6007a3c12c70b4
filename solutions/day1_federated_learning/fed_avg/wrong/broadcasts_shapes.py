"""lets numpy stretch a layer of another shape"""

import numpy as np

FAILS = {"test_checks_clients_without_examples", "test_refuses_unequal_shapes"}
HINT = "numpy adds (1,) to (3,) without a word. Compare the shapes before you add."


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
            if np.broadcast_shapes(layer.shape, other.shape) != np.broadcast_shapes(other.shape):
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
