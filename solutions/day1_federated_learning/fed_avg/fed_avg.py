"""Federated averaging: one model from the models of many clients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Params = list[np.ndarray]

### BEGIN SOLUTION


def _shares(num_examples: Sequence[int]) -> list[float]:
    """Each client's share of all examples, from counts of any size."""
    if isinstance(num_examples, np.ndarray):
        if num_examples.ndim != 1:
            raise ValueError(f"num_examples: expected a list or a 1-d array, got shape {num_examples.shape}")
    elif not isinstance(num_examples, list | tuple):
        raise TypeError(f"num_examples: expected a list, tuple or 1-d array, got {type(num_examples).__name__}")
    for count in num_examples:
        if isinstance(count, bool) or not isinstance(count, int | np.integer):
            raise TypeError(f"num_examples: {count!r} is no integer")
        if count < 0:
            raise ValueError(f"num_examples: {count!r} is negative")
    counts = [int(count) for count in num_examples]
    total = sum(counts)
    if total == 0:
        raise ValueError("num_examples: there is no example, so there is nothing to average")
    return [count / total for count in counts]


def _check_layer(layer: np.ndarray, shape: tuple[int, ...], where: str) -> None:
    if layer.shape != shape:
        raise ValueError(f"{where}: expected shape {shape}, got {layer.shape}")
    if not np.isfinite(layer).all():
        raise ValueError(f"{where}: NaN or infinity")


def _check_types(client_params: Sequence[Params]) -> None:
    if not isinstance(client_params, list | tuple):
        raise TypeError(f"client_params: expected a list or tuple of clients, got {type(client_params).__name__}")
    for k, params in enumerate(client_params):
        if not isinstance(params, list | tuple):
            raise TypeError(f"client {k}: expected a list of arrays, got {type(params).__name__}")
        for i, layer in enumerate(params):
            if not isinstance(layer, np.ndarray) or layer.dtype.kind not in "biuf":
                raise TypeError(f"client {k}, layer {i}: expected an array of real numbers")


def _mean(layers: Sequence[np.ndarray], shares: Sequence[float]) -> np.ndarray:
    dtype = np.result_type(*layers)
    if dtype.kind != "f":
        dtype = np.dtype(np.float64)
    wide = np.stack([layer.astype(np.result_type(dtype, np.float64)) for layer in layers])
    mean = np.zeros(wide.shape[1:], wide.dtype)
    with np.errstate(over="ignore"):
        for layer, share in zip(wide, shares, strict=True):
            mean += share * layer
    # Rounding may carry the sum a hair beyond what the clients span, at the largest float to infinity.
    return np.asarray(np.clip(mean, wide.min(axis=0), wide.max(axis=0))).astype(dtype)


### END SOLUTION


def fed_avg(client_params: Sequence[Params], num_examples: Sequence[int]) -> Params:
    """The clients' models averaged layer by layer, each weighted by its number of examples.

    w = sum_k n_k w_k / sum_k n_k (McMahan et al. 2017, arXiv:1602.05629, Algorithm 1).

    Args:
        client_params: list or tuple of K >= 1 clients; each is a list of L layers. Layer i is an np.ndarray of real
            numbers, of the same shape for every client: any shape, 0-d and empty ones too, in any memory layout.
        num_examples: n_k, the number of examples of each client: a list, a tuple or a 1-d integer array of K integers
            >= 0 of any size and any integer type. A client with 0 examples has no weight but is checked like the others.

    Returns:
        A list of L new arrays with the clients' shapes. They share no memory with the inputs, which are left unchanged.
        The dtype of layer i is np.result_type of the clients' layers i, or float64 if that is no float; the mean itself
        is taken in float64 whatever the dtype, and does not overflow where the counts or the layers are large.

    Raises:
        ValueError: there is no client; client_params and num_examples differ in length; a count is negative; the counts
            add up to 0; clients differ in the number of layers or in the shape of a layer (nothing is broadcast);
            a layer holds NaN or infinity.
        TypeError: a count is no integer (a bool or a float is none); a layer is no np.ndarray or its numbers are not
            real; client_params or num_examples is none of the types above.
    """
    # TODO: write the weighted mean, layer by layer
    ### BEGIN SOLUTION
    _check_types(client_params)
    shares = _shares(num_examples)
    if len(shares) != len(client_params):
        raise ValueError(f"{len(client_params)} clients, but {len(shares)} counts")
    first = client_params[0]
    for k, params in enumerate(client_params):
        if len(params) != len(first):
            raise ValueError(f"client {k}: expected {len(first)} layers as client 0 has, got {len(params)}")
        for i, layer in enumerate(params):
            _check_layer(layer, first[i].shape, f"client {k}, layer {i}")
    return [_mean(layers, shares) for layers in zip(*client_params, strict=True)]
    ### END SOLUTION
