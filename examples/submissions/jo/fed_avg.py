"""Federated averaging with its checks in a module of their own."""

import averaging
import numpy as np


def fed_avg(client_params, num_examples):
    averaging.check_containers(client_params, num_examples)
    counts = averaging.checked_counts(list(num_examples))
    if len(counts) != len(client_params):
        raise ValueError("one count for each client")
    models = []
    for params in client_params:
        if isinstance(params, (list, tuple)) and all(isinstance(layer, np.ndarray) for layer in client_params[0]):
            models.append(averaging.checked_layers(params, client_params[0]))
        else:
            raise TypeError("a model is a list of arrays")
    weights = np.array([count / sum(counts) for count in counts])
    result = []
    for layers in zip(*models):
        dtype = np.result_type(*layers)
        wide = np.stack([layer.astype(np.float64) for layer in layers], axis=-1)
        mean = np.asarray((wide * weights).sum(axis=-1))
        result.append(mean.astype(dtype if dtype.kind == "f" else np.float64))
    return result
