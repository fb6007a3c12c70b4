"""Partitions: which example lies with which client, alike for all or skewed by label."""

from __future__ import annotations

import numpy as np

### BEGIN SOLUTION


def _integer(value: int, name: str, least: int) -> int:
    """`value` as a Python int, so that no product of it wraps around."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, got {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name}: expected at least {least}, got {value}")
    return int(value)


def _check_rng(rng: np.random.Generator) -> None:
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: expected a numpy Generator, got {type(rng).__name__}")


def _check_labels(labels: np.ndarray) -> None:
    if not isinstance(labels, np.ndarray):
        raise TypeError(f"labels: expected a numpy array, got {type(labels).__name__}")
    if labels.ndim != 1:
        raise ValueError(f"labels: expected a 1-d array, got shape {labels.shape}")


def _clients(num_clients: int, num_examples: int) -> int:
    clients = _integer(num_clients, "num_clients", 1)
    if clients > num_examples:
        raise ValueError(f"num_clients: {clients} clients for {num_examples} examples")
    return clients


def _concentration(alpha: float) -> float:
    if not isinstance(alpha, int | float | np.integer | np.floating):
        raise TypeError(f"alpha: expected a real number, got {type(alpha).__name__}")
    if not (np.isfinite(alpha) and alpha > 0):
        raise ValueError(f"alpha: expected a finite number above 0, got {alpha}")
    # Beyond 1e100 the shares are equal in every bit that a float has, and K alpha would overflow.
    return min(float(alpha), 1e100)


def _one_try(classes: list[np.ndarray], clients: int, alpha: float, rng: np.random.Generator) -> list[np.ndarray]:
    """One draw of all classes: the clients' indices, whatever their number."""
    pieces: list[list[np.ndarray]] = [[] for _ in range(clients)]
    for members in classes:
        shares = rng.dirichlet(np.full(clients, alpha))
        cuts = np.floor(np.cumsum(shares)[:-1] * len(members)).astype(np.int64)
        for piece, part in zip(pieces, np.split(rng.permutation(members), cuts), strict=True):
            piece.append(part)
    return [np.concatenate(piece) for piece in pieces]


### END SOLUTION


def partition_iid(num_examples: int, num_clients: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Examples dealt to clients at random and evenly: every client's data look like all data.

    A random permutation of 0 .. n-1 cut into K parts (McMahan et al. 2017, arXiv:1602.05629, section 3, "IID").

    Args:
        num_examples: n, the number of examples: an integer of any type.
        num_clients: K, the number of clients: an integer, 1 <= K <= n.
        rng: the only source of randomness.

    Returns:
        A list of K arrays, int64 and 1-d: the indices of each client's examples, in any order. Each of 0 .. n-1 lies in
        exactly one of them, and their sizes differ by at most 1.

    Raises:
        ValueError: num_clients is below 1 or above num_examples.
        TypeError: num_examples or num_clients is no integer (a bool or a float is none); rng is no np.random.Generator.
    """
    # TODO: cut a random permutation into num_clients parts
    ### BEGIN SOLUTION
    _check_rng(rng)
    total = _integer(num_examples, "num_examples", 0)
    clients = _clients(num_clients, total)
    return np.array_split(rng.permutation(total).astype(np.int64), clients)
    ### END SOLUTION


def partition_shards(labels: np.ndarray, num_clients: int, shards_per_client: int, rng: np.random.Generator) -> list[np.ndarray]:
    """A few shards of sorted data to each client: most clients know a few labels only.

    The indices sorted by label, cut into K s shards, of which s are dealt at random to each client (McMahan et al. 2017,
    arXiv:1602.05629, section 3, "pathological non-IID").

    Args:
        labels: the examples' labels: a 1-d integer array of n labels, of any integer dtype, any values, any memory layout.
        num_clients: K, the number of clients: an integer, 1 <= K <= n.
        shards_per_client: s, the number of shards each client gets: an integer, s >= 1, s K <= n.
        rng: the only source of randomness.

    Returns:
        A list of K arrays, int64 and 1-d: the indices of each client's examples, in any order. Each of 0 .. n-1 lies in
        exactly one of them. The shards' sizes differ by at most 1; which examples of the same label come first is free.

    Raises:
        ValueError: num_clients or shards_per_client is below 1; num_clients or their product is above n; labels is not 1-d.
        TypeError: labels is no np.ndarray; num_clients or shards_per_client is no integer (a bool or a float is none);
            rng is no np.random.Generator.
    """
    # TODO: sort the indices by label, cut them into shards, deal the shards at random
    ### BEGIN SOLUTION
    _check_rng(rng)
    _check_labels(labels)
    clients = _clients(num_clients, len(labels))
    each = _integer(shards_per_client, "shards_per_client", 1)
    if clients * each > len(labels):
        raise ValueError(f"shards_per_client: {clients * each} shards of {len(labels)} examples")
    shards = np.array_split(np.argsort(labels, kind="stable").astype(np.int64), clients * each)
    dealt = rng.permutation(clients * each).reshape(clients, each)
    return [np.concatenate([shards[shard] for shard in hand]) for hand in dealt]
    ### END SOLUTION


def partition_dirichlet(
    labels: np.ndarray,
    num_clients: int,
    alpha: float,
    rng: np.random.Generator,
    min_size: int = 1,
    max_tries: int = 1000,
) -> list[np.ndarray]:
    """Each class spread over the clients by shares of its own: a small alpha makes clients that differ, a large one alike.

    For each class c: p_c ~ Dir(alpha 1_K), shuffle the class's n_c indices; client k < K takes them up to position
    floor((p_c1 + ... + p_ck) n_c), the last client takes the rest (Yurochkin et al. 2019, arXiv:1905.12022). A try in which
    a client has fewer than min_size examples is thrown away whole, and everything is drawn anew.

    Args:
        labels: the examples' labels: a 1-d integer array of n labels, of any integer dtype, any values, any memory layout.
        num_clients: K, the number of clients: an integer, 1 <= K <= n.
        alpha: the concentration: a real number, finite and above 0.
        rng: the only source of randomness.
        min_size: what each client has at least, in examples: an integer >= 0, min_size K <= n.
        max_tries: the largest number of tries: an integer >= 1.

    Returns:
        A list of K arrays, int64 and 1-d: the indices of each client's examples, in any order. Each of 0 .. n-1 lies in
        exactly one of them, and each has at least min_size (with min_size = 0 some may be empty).

    Raises:
        ValueError: num_clients is below 1 or above n; alpha is 0, negative, infinite or NaN; min_size is negative or
            min_size K above n; max_tries is below 1; labels is not 1-d.
        TypeError: labels is no np.ndarray; num_clients, min_size or max_tries is no integer (a bool or a float is none);
            alpha is no real number; rng is no np.random.Generator.
        RuntimeError: in none of max_tries tries did every client have min_size examples.
    """
    # TODO: spread every class by shares of its own, until each client has min_size examples
    ### BEGIN SOLUTION
    _check_rng(rng)
    _check_labels(labels)
    clients = _clients(num_clients, len(labels))
    concentration = _concentration(alpha)
    least, tries = _integer(min_size, "min_size", 0), _integer(max_tries, "max_tries", 1)
    if least * clients > len(labels):
        raise ValueError(f"min_size: {clients} clients cannot have {least} of {len(labels)} examples each")
    classes = [np.flatnonzero(labels == label).astype(np.int64) for label in np.unique(labels)]
    for _ in range(tries):
        parts = _one_try(classes, clients, concentration, rng)
        if min(map(len, parts)) >= least:
            return parts
    raise RuntimeError(f"a client had fewer than {least} examples in each of {tries} tries; raise alpha or lower min_size")
    ### END SOLUTION
