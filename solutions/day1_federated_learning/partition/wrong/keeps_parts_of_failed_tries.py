"""makes the empty parts before the loop over tries: what a failed try dealt stays there"""

import numpy as np

FAILS = {
    "test_every_client_has_min_size",
    "test_every_try_draws_all_anew",
    "test_gives_up_after_max_tries",
}
HINT = "A try begins with nothing. Where do you make your lists?"


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
    num_clients = check_integer(num_clients, "num_clients", 1)
    if num_clients > len(labels):
        raise ValueError("more clients than examples")
    return num_clients


def partition_iid(num_examples, num_clients, rng):
    num_examples = check_integer(num_examples, "num_examples", 0)
    num_clients = check_common(np.zeros(num_examples), num_clients, rng)
    return np.array_split(rng.permutation(num_examples), num_clients)


def partition_shards(labels, num_clients, shards_per_client, rng):
    num_clients = check_common(labels, num_clients, rng)
    shards_per_client = check_integer(shards_per_client, "shards_per_client", 1)
    num_shards = num_clients * shards_per_client
    if num_shards > len(labels):
        raise ValueError("more shards than examples")
    shards = np.array_split(np.argsort(labels), num_shards)
    order = rng.permutation(num_shards)
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
    parts = [[] for _ in range(num_clients)]
    for _ in range(max_tries):
        for label in np.unique(labels):
            indices = rng.permutation(np.flatnonzero(labels == label))
            p = rng.dirichlet([alpha] * num_clients)
            cuts = (np.cumsum(p)[:-1] * len(indices)).astype(int)
            for k, piece in enumerate(np.split(indices, cuts)):
                parts[k].append(piece)
        joined = [np.concatenate(part) for part in parts]
        if min(len(part) for part in joined) >= min_size:
            return joined
    raise RuntimeError("no partition with min_size examples for every client")
