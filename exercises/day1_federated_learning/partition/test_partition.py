"""Visible checks of partition: every example in exactly one part, and partitions that cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.checks.compare import assert_array, assert_length, assert_type


def assert_partition(got: Any, examples: int, clients: int) -> list[int]:
    """`got` is a list of 1-d integer arrays, one a client, with each of 0 .. examples - 1 in exactly one. Returns their sizes."""
    assert_type(got, list)
    assert_length(got, clients)
    for k, part in enumerate(got):
        assert_array(part, what=f"client {k}")
        assert part.ndim == 1, f"client {k}: expected a 1-d array, got shape {part.shape}"
        assert part.dtype.kind in "iu" or part.size == 0, f"client {k}: expected integers, got {part.dtype}"
    together = np.concatenate([part.astype(np.int64) for part in got])
    assert not (outside := together[(together < 0) | (together >= examples)]).size, (
        f"{outside[0]} is no index of {examples} examples"
    )
    times = np.bincount(together, minlength=examples)
    assert not (lost := np.flatnonzero(times == 0)).size, (
        f"{lost.size} of {examples} examples are in no part, {lost[0]} the first"
    )
    assert times.max() == 1, f"example {times.argmax()} is in the parts {times.max()} times"
    return [part.size for part in got]


def fresh(rng: np.random.Generator) -> np.random.Generator:
    """A generator of its own for one call: a call works on a copy and leaves that of the check where it was."""
    return np.random.default_rng(int(rng.integers(2**63)))


def draw_labels(rng: np.random.Generator, sizes: list[int]) -> np.ndarray:
    """Labels 0, 1, ... with so many examples each, in random order."""
    return rng.permutation(np.repeat(np.arange(len(sizes)), sizes))


@pytest.mark.check(points=1, hint="How does numpy cut 10 things into 4 parts?")
def test_iid_deals_every_example_once(submission, rng):
    """iid: every example to exactly one client, sizes that differ by at most 1"""
    for clients in (int(rng.integers(2, 9)), 10, 1):
        for examples in (clients * 13, clients * 13 + clients // 2 + 1, clients, 200 + int(rng.integers(100))):
            sizes = assert_partition(submission.partition_iid(examples, clients, fresh(rng)), examples, clients)
            assert max(sizes) - min(sizes) <= 1, (
                f"{examples} examples, {clients} clients: sizes from {min(sizes)} to {max(sizes)}"
            )


@pytest.mark.check(
    points=0.5, hint="Sort the indices by label first. How many labels can one shard hold, if each class fills whole shards?"
)
def test_shards_hold_few_labels(submission, rng):
    """shards: every example to exactly one client, and at most s labels a client where classes fill whole shards"""
    for clients, each in ((5, 2), (4, 3), (6, 1), (1, 12)):
        size = int(rng.integers(5, 9))
        # Two shards a class, or one: every class size is a multiple of the shard size.
        sizes = [2 * size] * (clients * each // 2 - 1) + [size] * (2 + clients * each % 2)
        labels = draw_labels(rng, sizes)
        got = submission.partition_shards(labels, clients, each, fresh(rng))
        assert set(assert_partition(got, labels.size, clients)) == {each * size}, f"expected {each * size} examples a client"
        for k, part in enumerate(got):
            held = len(np.unique(labels[part]))
            assert held <= each, f"client {k} got {each} shards and has {held} labels"


@pytest.mark.check(points=0.75, hint="0.1 + 0.2 + ... does not always end at 1. Who gets the last example then?")
def test_dirichlet_deals_every_example_once(submission, rng):
    """dirichlet: every example to exactly one client, for any alpha"""
    sizes = [int(size) for size in rng.integers(20, 40, size=60)]
    labels = draw_labels(rng, sizes)
    for alpha in (0.3, 1.0, 3.0, 100.0):
        for clients in (1, 2, 3, 6, 10):
            assert_partition(submission.partition_dirichlet(labels, clients, alpha, fresh(rng)), labels.size, clients)


@pytest.mark.check(points=0.75, hint="Can 3 examples be dealt to 4 clients? To none?")
def test_refuses_more_clients_than_examples(submission, rng):
    """raises ValueError without a client, and for more clients than examples"""
    examples = 3 * int(rng.integers(4, 7)) + 1
    labels = draw_labels(rng, [examples - 4, 4])
    assert_type(submission.partition_iid(examples, 3, rng), list)
    assert_type(submission.partition_shards(labels, 3, 2, rng), list)
    assert_type(submission.partition_dirichlet(labels, 2, 10.0, rng, 0), list)
    for clients in (0, -1, examples + 1, 10 * examples):
        with pytest.raises(ValueError):
            submission.partition_iid(examples, clients, rng)
        with pytest.raises(ValueError):
            submission.partition_shards(labels, clients, 1, rng)
        with pytest.raises(ValueError):
            submission.partition_dirichlet(labels, clients, 10.0, rng, 0)
