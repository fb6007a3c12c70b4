"""writes the partitions and none of the errors: what cannot be dealt is dealt somehow"""

import numpy as np

FAILS = {
    "test_refuses_more_clients_than_examples",
    "test_refuses_other_types",
    "test_refuses_values_out_of_range",
    "test_takes_integers_of_any_type",
}
HINT = "Go through the table of errors in the task: each row needs a line in your code."


def partition_iid(num_examples, num_clients, rng):
    return np.array_split(rng.permutation(num_examples), num_clients)


def partition_shards(labels, num_clients, shards_per_client, rng):
    num_shards = num_clients * shards_per_client
    shards = np.array_split(np.argsort(labels), num_shards)
    order = rng.permutation(num_shards)
    parts = []
    for k in range(num_clients):
        mine = order[k * shards_per_client : (k + 1) * shards_per_client]
        parts.append(np.concatenate([shards[i] for i in mine]))
    return parts


def partition_dirichlet(labels, num_clients, alpha, rng, min_size=1, max_tries=1000):
    for _ in range(max_tries):
        parts = [[] for _ in range(num_clients)]
        for label in np.unique(labels):
            indices = rng.permutation(np.flatnonzero(labels == label))
            p = rng.dirichlet([alpha] * num_clients)
            cuts = (np.cumsum(p)[:-1] * len(indices)).astype(int)
            for k, piece in enumerate(np.split(indices, cuts)):
                parts[k].append(piece)
        parts = [np.concatenate(part) for part in parts]
        if min(len(part) for part in parts) >= min_size:
            return parts
    raise RuntimeError("no partition with min_size examples for every client")
