"""Lists and loops in plain Python; the generator draws single integers and one vector a class."""

import math
import operator

import numpy as np


def _whole(value):
    if isinstance(value, (bool, np.bool_)):
        raise TypeError("a bool is no integer")
    return operator.index(value)


def _shuffled(items, rng):
    """Fisher and Yates, from the back."""
    items = list(items)
    for i in range(len(items) - 1, 0, -1):
        j = int(rng.integers(i + 1))
        items[i], items[j] = items[j], items[i]
    return items


def _pieces(items, count):
    size, more = divmod(len(items), count)
    pieces, start = [], 0
    for i in range(count):
        # The larger pieces come last here.
        end = start + size + (i >= count - more)
        pieces.append(items[start:end])
        start = end
    return pieces


def _arrays(parts):
    return [np.array(part, dtype="int64") for part in parts]


def _check(examples, clients, rng):
    if not isinstance(rng, np.random.Generator):
        raise TypeError("rng")
    clients = _whole(clients)
    if clients < 1 or clients > examples:
        raise ValueError("num_clients")
    return clients


def _label_list(labels):
    if not isinstance(labels, np.ndarray):
        raise TypeError("labels")
    if labels.ndim != 1:
        raise ValueError("labels")
    return labels.tolist()


def partition_iid(num_examples, num_clients, rng):
    examples = _whole(num_examples)
    clients = _check(examples, num_clients, rng)
    return _arrays(_pieces(_shuffled(range(examples), rng), clients))


def partition_shards(labels, num_clients, shards_per_client, rng):
    names = _label_list(labels)
    clients, each = _check(len(names), num_clients, rng), _whole(shards_per_client)
    if each < 1 or each * clients > len(names):
        raise ValueError("shards_per_client")
    order = sorted(range(len(names)), key=names.__getitem__)
    shards = _shuffled(_pieces(order, clients * each), rng)
    return _arrays([index for shard in shards[k::clients] for index in shard] for k in range(clients))


def partition_dirichlet(labels, num_clients, alpha, rng, min_size=1, max_tries=1000):
    names = _label_list(labels)
    clients = _check(len(names), num_clients, rng)
    alpha = math.fsum([alpha])
    least, tries = _whole(min_size), _whole(max_tries)
    if not math.isfinite(alpha) or alpha <= 0 or least < 0 or tries < 1 or least * clients > len(names):
        raise ValueError("a value is out of range")
    members = {}
    for index, name in enumerate(names):
        members.setdefault(name, []).append(index)
    while tries > 0:
        tries -= 1
        parts = [[] for _ in range(clients)]
        for indices in members.values():
            indices = rng.permutation(indices).tolist()
            total, start = 0.0, 0
            for part, share in zip(parts, rng.dirichlet([alpha] * clients).tolist(), strict=True):
                total += share
                end = len(indices) if part is parts[-1] else math.floor(total * len(indices))
                part.extend(indices[start:end])
                start = end
        if min(map(len, parts)) >= least:
            return _arrays(parts)
    raise RuntimeError("no luck")
