"""Folds the clients one after another into a running model of shares already seen, in a small class of its own."""

import functools
import numbers

import numpy as np


class Round:
    def __init__(self, clients, counts):
        if not isinstance(clients, (list, tuple)):
            raise TypeError("clients: a list or tuple")
        if not isinstance(counts, (list, tuple, np.ndarray)) or np.ndim(counts) != 1:
            raise TypeError("counts: a list, tuple or 1-d array")
        if any(isinstance(n, bool) or not isinstance(n, numbers.Integral) for n in counts):
            raise TypeError("counts: integers")
        if len(clients) != len(counts) or len(clients) < 1:
            raise ValueError("a count for every client")
        self.total = functools.reduce(lambda total, n: total + int(n), counts, 0)
        if any(n < 0 for n in counts) or self.total < 1:
            raise ValueError("counts: not negative, one positive")
        self.shares = [int(n) / self.total for n in counts]
        self.clients = [self.checked(client) for client in clients]
        if len({tuple(layer.shape for layer in client) for client in self.clients}) != 1:
            raise ValueError("clients: the same shapes")

    @staticmethod
    def checked(client):
        if not isinstance(client, list):
            raise TypeError("client: a list of arrays")
        for layer in client:
            if not isinstance(layer, np.ndarray) or not np.can_cast(layer.dtype, np.longdouble) or layer.dtype == bool:
                raise TypeError("layer: an array of real numbers")
            if layer.dtype.kind not in "uif":
                raise TypeError("layer: an array of real numbers")
            if not np.isfinite(layer.astype(np.longdouble)).all():
                raise ValueError("layer: finite")
        return client

    def dtypes(self):
        for layers in zip(*self.clients, strict=True):
            common = functools.reduce(np.promote_types, (layer.dtype for layer in layers))
            yield common if common.kind == "f" else np.dtype(np.float64)

    def mean(self):
        totals = [np.zeros_like(layer, dtype=np.float64, order="C", subok=False) for layer in self.clients[0]]
        for share, client in zip(self.shares, self.clients, strict=True):
            for total, layer in zip(totals, client, strict=True):
                np.add(total, np.multiply(layer, share, dtype=np.float64), out=total)
        return [np.array(total, dtype=dtype) for total, dtype in zip(totals, self.dtypes(), strict=True)]


def fed_avg(client_params, num_examples):
    return Round(client_params, num_examples).mean()
