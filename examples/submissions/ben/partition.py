"""Deals examples to clients. Forgets what int() cuts off."""

import numpy as np


def partition_iid(num_examples, num_clients, rng):
    size = num_examples // num_clients
    order = rng.permutation(num_examples)
    return [order[i * size : (i + 1) * size] for i in range(num_clients)]


def partition_shards(labels, num_clients, shards_per_client, rng):
    shards = np.array_split(np.argsort(labels), num_clients * shards_per_client)
    rng.shuffle(shards)
    return [np.concatenate(shards[i::num_clients]) for i in range(num_clients)]


def partition_dirichlet(labels, num_clients, alpha, rng, min_size=1, max_tries=1000):
    parts = [[] for _ in range(num_clients)]
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        shares = rng.dirichlet([alpha] * num_clients)
        start = 0
        for part, share in zip(parts, shares):
            part.extend(mine[start : start + int(share * len(mine))])
            start += int(share * len(mine))
    return [np.array(part) for part in parts]
