"""Partitions: which example lies with which client, alike for all or skewed by label."""

from __future__ import annotations

import numpy as np


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
    raise NotImplementedError("cut a random permutation into num_clients parts")


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
    raise NotImplementedError("sort the indices by label, cut them into shards, deal the shards at random")


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
    raise NotImplementedError("spread every class by shares of its own, until each client has min_size examples")
