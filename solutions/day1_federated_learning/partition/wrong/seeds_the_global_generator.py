"""seeds numpy's global generator from rng and draws from that: everyone else's random numbers change too"""

import numpy as np

FAILS = {
    "test_leaves_the_global_generator_alone",
}
HINT = "rng has permutation and dirichlet of its own."


def check_integer(value, name, least):
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer")
    if value < least:
        raise ValueError(f"{name} must be at least {least}")
    return int(value)


def check_common(labels, num_clients, rng):
    if not isinstance(labels, np.ndarray):
        raise TypeError("labels must be an array")
    if labels.ndim != 1:
        raise ValueError("labels must be 1-d")
    if not isinstance(rng, np.random.Generator):
        raise TypeError("rng must be a Generator")
    np.random.seed(rng.integers(2**32))
    num_clients = check_integer(num_clients, "num_clients", 1)
    if num_clients > len(labels):
        raise ValueError("more clients than examples")
    return num_clients


def partition_iid(num_examples, num_clients, rng):
    num_examples = check_integer(num_examples, "num_examples", 0)
    num_clients = check_common(np.zeros(num_examples), num_clients, rng)
    return np.array_split(np.random.permutation(num_examples), num_clients)


def partition_shards(labels, num_clients, shards_per_client, rng):
    num_clients = check_common(labels, num_clients, rng)
    shards_per_client = check_integer(shards_per_client, "shards_per_client", 1)
    num_shards = num_clients * shards_per_client
    if num_shards > len(labels):
        raise ValueError("more shards than examples")
    shards = np.array_split(np.argsort(labels), num_shards)
    order = np.random.permutation(num_shards)
    parts = []
    for k in range(num_clients):
        mine = order[k * shards_per_client : (k + 1) * shards_per_client]
        parts.append(np.concatenate([shards[i] for i in mine]))
    return parts


def partition_dirichlet(labels, num_clients, alpha, rng, min_size=1, max_tries=1000):
    num_clients = check_common(labels, num_clients, rng)
    if isinstance(alpha, complex) or not np.isscalar(alpha) or isinstance(alpha, str):
        raise TypeError("alpha must be a number")
    if not (np.isfinite(alpha) and alpha > 0):
        raise ValueError("alpha must be finite and positive")
    min_size = check_integer(min_size, "min_size", 0)
    max_tries = check_integer(max_tries, "max_tries", 1)
    if min_size * num_clients > len(labels):
        raise ValueError("min_size is too large")
    for _ in range(max_tries):
        parts = [[] for _ in range(num_clients)]
        for label in np.unique(labels):
            indices = np.random.permutation(np.flatnonzero(labels == label))
            p = np.random.dirichlet([alpha] * num_clients)
            cuts = (np.cumsum(p)[:-1] * len(indices)).astype(int)
            for k, piece in enumerate(np.split(indices, cuts)):
                parts[k].append(piece)
        parts = [np.concatenate(part) for part in parts]
        if min(len(part) for part in parts) >= min_size:
            return parts
    raise RuntimeError("no partition with min_size examples for every client")
