"""Helpers of fed_avg.py."""

import numpy as np


def check_containers(clients, counts):
    if not isinstance(clients, (list, tuple)):
        raise TypeError("clients come as a list or tuple")
    if isinstance(counts, np.ndarray):
        if counts.ndim != 1:
            raise ValueError("counts come in one row")
    elif not isinstance(counts, (list, tuple)):
        raise TypeError("counts come as a list, a tuple or an array")


def checked_counts(counts):
    for count in counts:
        if isinstance(count, (bool, np.bool_)) or not isinstance(count, (int, np.integer)):
            raise TypeError("counts are integers")
    counts = [int(count) for count in counts]
    if not counts or min(counts) < 0 or sum(counts) == 0:
        raise ValueError("counts must not be negative, and not all zero")
    return counts


def checked_layers(params, like):
    if len(params) != len(like):
        raise ValueError("another number of layers")
    for layer, other in zip(params, like):
        if not isinstance(layer, np.ndarray) or layer.dtype.kind not in "iuf":
            raise TypeError("layers are arrays of real numbers")
        if layer.shape != other.shape:
            raise ValueError("another shape")
        if not np.isfinite(layer).all():
            raise ValueError("NaN or infinity")
    return params
