"""Partitions of a data set over clients."""

import numpy as np


def _count(value, name, least):
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is an integer, not {value!r}")
    if value < least:
        raise ValueError(f"{name} is at least {least}, not {value}")
    return int(value)


def _generator(rng):
    if not isinstance(rng, np.random.Generator):
        raise TypeError("rng is a numpy Generator")
    return rng


def _labels(labels):
    if not isinstance(labels, np.ndarray):
        raise TypeError("labels is an array")
    if labels.ndim != 1:
        raise ValueError("labels has one dimension")
    return labels


def partition_iid(num_examples, num_clients, rng):
    n, k = _count(num_examples, "num_examples", 0), _count(num_clients, "num_clients", 1)
    if k > n:
        raise ValueError("more clients than examples")
    return [np.asarray(part, np.int64) for part in np.array_split(_generator(rng).permutation(n), k)]


def partition_shards(labels, num_clients, shards_per_client, rng):
    labels, rng = _labels(labels), _generator(rng)
    k, s = _count(num_clients, "num_clients", 1), _count(shards_per_client, "shards_per_client", 1)
    if k * s > len(labels):
        raise ValueError("more shards than examples")
    shards = np.array_split(np.argsort(labels, kind="stable"), k * s)
    dealt = rng.permutation(k * s)
    return [np.concatenate([shards[j] for j in dealt[i * s : (i + 1) * s]]).astype(np.int64) for i in range(k)]


def partition_dirichlet(labels, num_clients, alpha, rng, min_size=1, max_tries=1000):
    labels, rng = _labels(labels), _generator(rng)
    k, least = _count(num_clients, "num_clients", 1), _count(min_size, "min_size", 0)
    tries = _count(max_tries, "max_tries", 1)
    if isinstance(alpha, (str, bytes)) or not isinstance(alpha, (int, float, np.integer, np.floating)):
        raise TypeError("alpha is a number")
    if not np.isfinite(alpha) or alpha <= 0:
        raise ValueError("alpha is positive and finite")
    if k > len(labels) or least * k > len(labels):
        raise ValueError("more examples asked for than there are")
    for _ in range(tries):
        parts = [[] for _ in range(k)]
        for label in np.unique(labels):
            mine = rng.permutation(np.flatnonzero(labels == label))
            cuts = np.floor(np.cumsum(rng.dirichlet(np.full(k, float(alpha))))[:-1] * len(mine)).astype(np.int64)
            for part, piece in zip(parts, np.split(mine, np.minimum(cuts, len(mine)))):
                part.append(piece)
        result = [np.concatenate(part).astype(np.int64) for part in parts]
        if min(len(part) for part in result) >= least:
            return result
    raise RuntimeError(f"no partition with {least} examples for everybody in {tries} tries")
