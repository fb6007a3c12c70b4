"""Federated averaging: one model from the models of many clients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Params = list[np.ndarray]


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
    raise NotImplementedError("write the weighted mean, layer by layer")
