"""Seeds a generator of another kind from rng; shuffles all indices once and takes the classes' from them; read-only results."""

from itertools import pairwise

import numpy as np

INTEGERS = (int, np.integer)


def need(condition, error, text):
    if not condition:
        raise error(text)


def is_integer(value):
    return isinstance(value, INTEGERS) and not isinstance(value, bool)


def own_generator(rng):
    need(isinstance(rng, np.random.Generator), TypeError, "rng: a numpy Generator is needed")
    return np.random.Generator(np.random.SFC64(int(rng.integers(2**62))))


def frozen(parts):
    parts = [np.asarray(part, dtype=np.int64) for part in parts]
    for part in parts:
        part.flags.writeable = False
    return parts


def partition_iid(num_examples, num_clients, rng):
    mine = own_generator(rng)
    need(is_integer(num_examples) and is_integer(num_clients), TypeError, "integers are needed")
    n, k = int(num_examples), int(num_clients)
    need(1 <= k <= n, ValueError, "1 <= num_clients <= num_examples")
    owner = mine.permutation(np.arange(n) % k)
    return frozen(np.nonzero(owner == client)[0] for client in range(k))


def partition_shards(labels, num_clients, shards_per_client, rng):
    mine = own_generator(rng)
    need(isinstance(labels, np.ndarray) and is_integer(num_clients) and is_integer(shards_per_client), TypeError, "wrong type")
    need(labels.ndim == 1, ValueError, "labels: one axis")
    n, k, s = labels.shape[0], int(num_clients), int(shards_per_client)
    need(1 <= k <= n and s >= 1 and k * s <= n, ValueError, "1 <= num_clients, 1 <= shards_per_client, their product <= n")
    positions = np.linspace(0, n, k * s + 1).round().astype(int)
    order = np.argsort(labels)[::-1]
    shards = [order[a:b] for a, b in pairwise(positions)]
    hands = mine.choice(k * s, size=(k, s), replace=False)
    return frozen(np.hstack([shards[i] for i in hand]) for hand in hands)


def partition_dirichlet(labels, num_clients, alpha, rng, min_size=1, max_tries=1000):
    mine = own_generator(rng)
    need(isinstance(labels, np.ndarray), TypeError, "labels: an array is needed")
    need(all(map(is_integer, (num_clients, min_size, max_tries))), TypeError, "integers are needed")
    need(isinstance(alpha, (int, float, np.number)) and not np.iscomplexobj(alpha), TypeError, "alpha: a real number is needed")
    need(labels.ndim == 1, ValueError, "labels: one axis")
    n, k, least = len(labels), int(num_clients), int(min_size)
    need(1 <= k <= n and least >= 0 and least * k <= n and max_tries >= 1, ValueError, "out of range")
    need(alpha > 0 and np.isfinite(alpha), ValueError, "alpha: finite and positive")
    shuffled = mine.permutation(n)
    found = np.unique(labels)
    per_class = [shuffled[labels[shuffled] == label] for label in found]
    for _ in range(int(max_tries)):
        table = mine.dirichlet(np.repeat(float(alpha), k), size=len(found))
        ends = np.floor(table.cumsum(axis=1) * np.array([len(c) for c in per_class])[:, None]).astype(np.int64)
        ends[:, -1] = [len(c) for c in per_class]
        sizes = np.diff(ends, axis=1, prepend=0).sum(axis=0)
        if sizes.min() < least:
            continue
        starts = np.hstack([np.zeros((len(found), 1), np.int64), ends[:, :-1]])
        return frozen(np.hstack([c[starts[i, j] : ends[i, j]] for i, c in enumerate(per_class)]) for j in range(k))
    raise RuntimeError(f"{max_tries} tries without success")
