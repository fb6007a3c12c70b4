"""Draws the Dirichlet shares as normalised gamma variables, all classes at once, and deals by one sort per class."""

import numbers
from itertools import pairwise

import numpy as np


def _count(value, name):
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is no integer")
    return int(value)


def _examine(labels, num_clients, rng):
    if type(labels) is not np.ndarray:
        raise TypeError("labels is no array")
    if not isinstance(rng, np.random.Generator):
        raise TypeError("rng is no Generator")
    clients = _count(num_clients, "num_clients")
    if labels.ndim != 1:
        raise ValueError("labels is not 1-d")
    if not 1 <= clients <= labels.size:
        raise ValueError("num_clients is out of range")
    return clients


def partition_iid(num_examples, num_clients, rng):
    examples = _count(num_examples, "num_examples")
    clients = _examine(np.zeros(max(examples, 0), np.int8), num_clients, rng)
    # The ranks of uniform numbers are a random permutation; the bounds of equal cuts are rounded down.
    order = np.argsort(rng.random(examples))
    bounds = [examples * k // clients for k in range(clients + 1)]
    return [order[a:b].astype(np.int64) for a, b in pairwise(bounds)]


def partition_shards(labels, num_clients, shards_per_client, rng):
    clients = _examine(labels, num_clients, rng)
    each = _count(shards_per_client, "shards_per_client")
    if each < 1 or clients * each > labels.size:
        raise ValueError("shards_per_client is out of range")
    shards = clients * each
    # Ties inside a label broken at random; every shard's owner drawn by shuffling a list of owners.
    order = np.lexsort((rng.random(labels.size), labels))
    owner_of_shard = rng.permutation(np.repeat(np.arange(clients), each))
    owner = np.empty(labels.size, np.int64)
    owner[order] = owner_of_shard[np.arange(labels.size) * shards // labels.size]
    return [np.flatnonzero(owner == k) for k in range(clients)]


def partition_dirichlet(labels, num_clients, alpha, rng, min_size=1, max_tries=1000):
    clients = _examine(labels, num_clients, rng)
    if not isinstance(alpha, numbers.Real):
        raise TypeError("alpha is no real number")
    least, tries = _count(min_size, "min_size"), _count(max_tries, "max_tries")
    if not 0 < alpha < float("inf") or least < 0 or least * clients > labels.size or tries < 1:
        raise ValueError("alpha, min_size or max_tries is out of range")
    names, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    for _ in range(tries):
        # log of Gamma(alpha) = log of Gamma(alpha + 1) + log(U) / alpha, which a small alpha does not underflow.
        logs = np.log(rng.standard_gamma(float(alpha) + 1, (names.size, clients)))
        logs += np.log(rng.random((names.size, clients))) / float(alpha)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        bounds = np.floor(np.cumsum(shares, axis=1)[:, :-1] * sizes[:, None]).astype(np.int64)
        order = np.lexsort((rng.random(labels.size), codes))
        place = np.arange(labels.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        owner = np.empty(labels.size, np.int64)
        owner[order] = (place[:, None] >= bounds[codes[order]]).sum(axis=1)
        parts = [np.flatnonzero(owner == k) for k in range(clients)]
        if all(part.size >= least for part in parts):
            return parts
    raise RuntimeError("max_tries tries were not enough")
