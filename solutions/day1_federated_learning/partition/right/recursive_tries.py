"""Retries by calling itself, stick-breaking by beta draws, and a generator spawned from rng."""

import numpy as np


def _integer(value, least):
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(value)
    value = int(value)
    if value < least:
        raise ValueError(value)
    return value


def _spawned(rng):
    if not isinstance(rng, np.random.Generator):
        raise TypeError(rng)
    (child,) = rng.spawn(1)
    return child


def _clients(num_clients, labels):
    if not isinstance(labels, np.ndarray):
        raise TypeError(labels)
    if labels.ndim != 1:
        raise ValueError(labels.shape)
    clients = _integer(num_clients, 1)
    if clients > labels.size:
        raise ValueError(clients)
    return clients


def partition_iid(num_examples, num_clients, rng):
    child = _spawned(rng)
    indices = np.arange(_integer(num_examples, 0), dtype=np.int64)
    clients = _clients(num_clients, indices)
    child.shuffle(indices)
    # Views of one array, every K-th position each.
    return [indices[k::clients] for k in range(clients)]


def partition_shards(labels, num_clients, shards_per_client, rng):
    child = _spawned(rng)
    clients, each = _clients(num_clients, labels), _integer(shards_per_client, 1)
    if clients * each > labels.size:
        raise ValueError(each)
    shards = np.array_split(labels.argsort(), clients * each)
    hands = [[] for _ in range(clients)]
    for shard in shards:
        # A client's chance is the number of shards that it still needs.
        needs = np.array([each - len(hand) for hand in hands])
        hands[child.choice(clients, p=needs / needs.sum())].append(shard)
    return [np.sort(np.concatenate(hand)) for hand in hands]


def _sticks(alpha, clients, child):
    left, shares = 1.0, []
    for k in range(1, clients):
        share = left * child.beta(alpha, alpha * (clients - k))
        shares.append(share)
        left -= share
    return np.array(shares)


def _attempt(groups, clients, alpha, child, least, tries):
    if tries == 0:
        raise RuntimeError("no try is left")
    for _ in range(min(tries, 100)):
        owner = np.empty(sum(map(len, groups)), np.int64)
        for group in groups:
            bounds = (np.cumsum(_sticks(alpha, clients, child)) * len(group)).astype(np.int64)
            owner[child.permuted(group)] = np.searchsorted(bounds, np.arange(len(group)), side="right")
        if np.bincount(owner, minlength=clients).min() >= least:
            return np.split(np.argsort(owner, kind="stable"), np.cumsum(np.bincount(owner, minlength=clients))[:-1])
    return _attempt(groups, clients, alpha, child, least, tries - min(tries, 100))


def partition_dirichlet(labels, num_clients, alpha, rng, min_size=1, max_tries=1000):
    child = _spawned(rng)
    clients = _clients(num_clients, labels)
    least, tries = _integer(min_size, 0), _integer(max_tries, 1)
    if isinstance(alpha, (str, bytes, complex)) or not np.isscalar(alpha):
        raise TypeError(alpha)
    if not np.isfinite(alpha) or alpha <= 0 or least * clients > labels.size:
        raise ValueError(alpha, least)
    order = np.argsort(labels, kind="stable")
    ends = np.flatnonzero(labels[order][1:] != labels[order][:-1]) + 1
    return _attempt(np.split(order, ends), clients, float(alpha), child, least, tries)
