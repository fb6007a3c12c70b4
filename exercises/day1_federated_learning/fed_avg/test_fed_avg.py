"""Visible checks of fed_avg: the weighted mean itself, and rounds that make no sense."""

from __future__ import annotations

import numpy as np
import pytest

from grader.checks.compare import assert_close, assert_type

# A mean of K <= 6 clients in float64 rounds each share, product and sum: below 20 x 1.1e-16 of the largest number, which is
# below 10 here. float32 would be off by 1e-7; 1e-9 lies far from both.
ATOL = 1e-9


def draw_clients(rng: np.random.Generator, clients: int, shapes: list[tuple[int, ...]]) -> list[list[np.ndarray]]:
    """Clients with float64 layers of these shapes, numbers of order 1."""
    return [[rng.normal(size=shape) for shape in shapes] for _ in range(clients)]


def draw_counts(rng: np.random.Generator, clients: int) -> list[int]:
    """Distinct counts: the weighted mean is then never the plain one."""
    return [int(count) for count in rng.choice(np.arange(10, 30), size=clients, replace=False) * 1000]


def weighted(client_params: list[list[np.ndarray]], counts: list[int]) -> list[np.ndarray]:
    """What is expected: numpy's own weighted average, layer by layer."""
    return [np.average(np.stack(layers), axis=0, weights=counts) for layers in zip(*client_params, strict=True)]


@pytest.mark.check(points=0.5, hint="With one client its share is 1: the average of one model is that model.")
def test_one_client_gets_its_own_model_back(submission, rng):
    """one client gets its own model back"""
    clients = draw_clients(rng, 1, [(3,)])
    assert_close(submission.fed_avg(clients, draw_counts(rng, 1)), clients[0], rtol=0.0, atol=ATOL)


@pytest.mark.check(points=1, hint="Which quantity says how much data stands behind a client's model?")
def test_weights_by_num_examples(submission, rng):
    """weights each client by its number of examples"""
    for size in (2, int(rng.integers(3, 7))):
        clients = draw_clients(rng, size, [(4,)])
        counts = draw_counts(rng, size)
        assert_close(submission.fed_avg(clients, counts), weighted(clients, counts), rtol=0.0, atol=ATOL)


@pytest.mark.check(points=1, hint="Does your result have as many layers as each client, in the same order?")
def test_averages_every_layer(submission, rng):
    """averages every layer, in order, and keeps its shape"""
    rows, columns = (int(n) for n in rng.choice(np.arange(2, 7), size=2, replace=False))
    shapes = [(rows, columns), (columns,), (columns, 3, rows), (1,)]
    clients = draw_clients(rng, 3, shapes)
    counts = draw_counts(rng, 3)
    assert_close(submission.fed_avg(clients, counts), weighted(clients, counts), rtol=0.0, atol=ATOL)


@pytest.mark.check(points=0.5, hint="What does your function do with no client at all, or with more clients than counts?")
def test_refuses_rounds_that_do_not_fit(submission, rng):
    """raises ValueError without a client, or if clients and counts differ in number"""
    clients = draw_clients(rng, 3, [(2,)])
    counts = draw_counts(rng, 3)
    assert_type(submission.fed_avg(clients, counts), list)
    submission.refuses(
        ValueError, "fed_avg", [([], []), (clients, counts[:2]), (clients[:2], counts), (clients, []), ([], counts)]
    )
