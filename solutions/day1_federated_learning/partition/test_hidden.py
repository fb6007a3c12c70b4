"""Hidden checks of partition: the whole contract.

Sentence of the contract                                   Check (v = visible)
disjoint, union = all                                      v test_iid_..., v test_shards_..., v test_dirichlet_..., all others
iid: a random permutation                                  test_iid_mixes_the_examples
iid: sizes differ by at most 1                             v test_iid_deals_every_example_once
shards: sorted by label, K s of equal size, s a client     v test_shards_hold_few_labels, test_shards_are_cut_from_sorted_labels
shards: dealt at random                                    test_shards_are_dealt_at_random
dirichlet: p_c ~ Dir(alpha 1_K) for each class             test_dirichlet_draws_shares_for_every_class,
                                                           test_dirichlet_skews_as_alpha_says
dirichlet: sizes are not evened out                        test_dirichlet_leaves_sizes_to_the_draw
dirichlet: shuffle its indices                             test_dirichlet_shuffles_every_class
dirichlet: floor(cumsum(p_c)[k] n_c), the last the rest    test_dirichlet_cuts_at_the_running_sum
each >= min_size, min_size = 1 by default, 0 allowed       test_every_client_has_min_size
each try draws anew for all classes                        test_every_try_draws_all_anew
RuntimeError after max_tries                               test_gives_up_after_max_tries
labels of any values and integer dtype                     test_takes_any_integer_labels
int64 index arrays                                         test_returns_int64_arrays
inputs unchanged, any layout, read-only                    test_takes_labels_as_they_lie
determined by rng                                          test_equal_seeds_give_equal_partitions
randomness from rng alone                                  test_leaves_the_global_generator_alone
ValueErrors                                                v test_refuses_more_clients_than_examples,
                                                           test_refuses_values_out_of_range
products in Python ints                                    test_takes_integers_of_any_type
TypeErrors                                                 test_refuses_other_types

Checks of chance compare with bounds so wide that no seed in a thousand million crosses them: six standard deviations,
or a count over many draws. The wrong solutions lie as far on the other side.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from grader.checks.compare import assert_array, assert_equal, assert_length, assert_type

DIGITS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
# So large that the shares are 1/K within 1e-5: the Dirichlet draw is known, and with it every cut.
EVEN = 1e10


def owners(got: Any, examples: int, clients: int, classes: int = 0) -> np.ndarray:
    """The client of each example, from a list of 1-d integer arrays with each of 0 .. examples - 1 in exactly one.

    Some examples of each of so many `classes` may be missing (-1): a check with few draws cannot judge a loss by rounding.
    """
    assert_type(got, list)
    assert_length(got, clients)
    for k, part in enumerate(got):
        assert_array(part, what=f"client {k}")
        assert part.ndim == 1, f"client {k}: expected a 1-d array, got shape {part.shape}"
        assert part.dtype.kind in "iu" or part.size == 0, f"client {k}: expected integers, got {part.dtype}"
    together = np.concatenate([part.astype(np.int64) for part in got])
    assert together.size >= examples - classes * clients, f"{together.size} of {examples} examples are dealt"
    owner = np.full(examples, -1)
    assert ((together >= 0) & (together < examples)).all(), f"there is an index that is none of {examples} examples"
    owner[together] = np.repeat(np.arange(clients), [part.size for part in got])
    assert (owner >= 0).sum() == together.size, "an example is dealt twice"
    return owner


def sizes_of(owner: np.ndarray, clients: int) -> np.ndarray:
    """How many examples each client has."""
    return np.bincount(owner[owner >= 0], minlength=clients)


def fresh(rng: np.random.Generator) -> np.random.Generator:
    """A generator of its own for one call: a call works on a copy and leaves that of the check where it was."""
    return np.random.default_rng(int(rng.integers(2**63)))


def draw_labels(rng: np.random.Generator, sizes: list[int]) -> np.ndarray:
    """Labels 0, 1, ... with so many examples each, in random order."""
    return rng.permutation(np.repeat(np.arange(len(sizes)), sizes))


def by_class(labels: np.ndarray, owner: np.ndarray, clients: int) -> np.ndarray:
    """How many examples of each class (rows, in the order of their labels) each client (columns) has."""
    classes, codes = np.unique(labels, return_inverse=True)
    cells = (codes * clients + owner)[owner >= 0]
    return np.bincount(cells, minlength=classes.size * clients).reshape(classes.size, clients)


def even_cuts(size: int, clients: int) -> list[int]:
    """How many of `size` examples each client gets where all shares are equal."""
    positions = [k * size // clients for k in range(clients + 1)]
    return [after - before for before, after in pairwise(positions)]


def cut_sizes(rng: np.random.Generator, clients: int, classes: int) -> list[int]:
    """Class sizes, 2 or more above a multiple of the (prime) number of clients: equal shares cut nowhere near a whole number."""
    return [int(rng.integers(2, 9)) * clients + int(rng.integers(2, clients)) for _ in range(classes)]


def assert_mixed(owner: np.ndarray, clients: int, what: str) -> None:
    """`owner` is in random order: neighbours at any distance, and the four quarters, hold clients as chance has it."""
    owner = owner[owner >= 0]
    size, sizes = owner.size, np.bincount(owner, minlength=clients)
    chance = float((sizes * (sizes - 1)).sum()) / (size * (size - 1))
    for lag in sorted({1, 2, 3, clients}):
        same = int((owner[lag:] == owner[:-lag]).sum())
        allowed = 6.5 * np.sqrt((size - lag) * chance * (1 - chance))
        expected = (size - lag) * chance
        assert abs(same - expected) <= allowed, (
            f"{what}: {same} of {size - lag} pairs at distance {lag} share a client, expected {expected:.0f} +- {allowed:.0f}"
        )
    for quarter, piece in enumerate(np.array_split(owner, 4)):
        spread = np.sqrt(sizes / 4 * 0.75 * (1 - sizes / size))
        off = np.abs(np.bincount(piece, minlength=clients) - sizes * piece.size / size)
        assert (off <= 6.5 * spread + 1).all(), f"{what}: quarter {quarter} lies with few clients"


@pytest.mark.check(points=0.25, hint="Look at the dtype of each array, also of an empty one, and of np.arange(np.uint8(9)).")
def test_returns_int64_arrays(submission, rng):
    """returns a list of int64 arrays, also for clients without an example"""
    labels = draw_labels(rng, [9, 12, 11])
    done = [submission.partition_iid(total, 3, fresh(rng)) for total in (10, np.uint8(200), np.int32(9), np.int16(3))]
    done += [submission.partition_shards(labels.astype(dtype), 4, 2, fresh(rng)) for dtype in (np.int64, np.int32, np.uint8)]
    done += [submission.partition_dirichlet(labels.astype(dtype), 3, 5.0, fresh(rng)) for dtype in (np.int64, np.int32, np.uint8)]
    # Two classes of one client each, more or less: most of the twenty have nothing.
    empty = submission.partition_dirichlet(labels % 2, 20, 0.001, fresh(rng), min_size=0)
    for got in (*done, empty):
        assert_type(got, list)
        for k, part in enumerate(got):
            assert_array(part, dtype=np.int64, what=f"client {k}")
    assert_length(empty, 20)
    assert any(part.size == 0 for part in empty), "20 clients, alpha = 0.001: expected some without an example"


@pytest.mark.check(points=0.5, hint="Are examples that lie side by side in the data still side by side with your clients?")
def test_iid_mixes_the_examples(submission, rng):
    """iid: neighbours in the data part as chance has it"""
    for clients in (2, 5, int(rng.integers(6, 11))):
        total = 2000 // clients * clients + int(rng.integers(1, clients))
        assert_mixed(owners(submission.partition_iid(total, clients, fresh(rng)), total, clients), clients, "iid")


@pytest.mark.check(points=0.5, hint="Sort, then cut: a shard may hold the end of one class and the beginning of the next.")
def test_shards_are_cut_from_sorted_labels(submission, rng):
    """shards: consecutive pieces of the sorted data, all of the same size but for 1, s a client"""
    for clients, each, rest in ((5, 4, 0), (4, 5, 7), (7, 1, 3), (3, 6, 17)):
        total = clients * each * int(rng.integers(3, 7)) + rest
        # Distinct labels: the sorted order is known, and so is where a shard may begin.
        labels = np.sort(rng.choice(5000, total, replace=False))[rng.permutation(total)] - 2500
        owner = owners(submission.partition_shards(labels, clients, each, fresh(rng)), total, clients)
        assert_shards(owner[np.argsort(labels)], clients, each)
    for clients, each in ((8, 5), (20, 2)):
        labels, edges = straddled_labels(rng, 10, clients * each)
        owner = owners(submission.partition_shards(labels, clients, each, fresh(rng)), labels.size, clients)
        assert_straddling_shards(by_class(labels, owner, clients), edges, 10, each)


def assert_shards(owner: np.ndarray, clients: int, each: int) -> None:
    """Clients of the sorted examples: their runs can be cut into `each` shards a client of allowed sizes."""
    size, more = divmod(owner.size, clients * each)
    largest = size + 1 if more else size
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    fewest, most = np.zeros(clients, int), np.zeros(clients, int)
    for client, length in zip(owner[starts], np.diff(np.r_[starts, owner.size]), strict=True):
        assert -(-length // largest) <= length // size, (
            f"client {client} has a run of {length} in the sorted data, no number of shards of {size} to {largest}"
        )
        fewest[client] += -(-length // largest)
        most[client] += length // size
    wrong = np.flatnonzero((fewest > each) | (most < each))
    assert not wrong.size, f"client {wrong[0]} has {fewest[wrong[0]]} shards, expected {each}"


def straddled_labels(rng: np.random.Generator, size: int, shards: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of five classes that begin inside a shard, and where they begin, from the second on."""
    edges = (np.sort(rng.choice(np.arange(1, shards // 2), 4, replace=False)) * 2) * size + rng.integers(1, size, 4)
    sizes = np.diff(np.r_[0, edges, shards * size])
    return draw_labels(rng, [int(count) for count in sizes]) * 7 - 11, edges


def assert_straddling_shards(counts: np.ndarray, edges: np.ndarray, size: int, each: int) -> None:
    """Each client's labels make whole shards, and each shard with two labels lies with exactly one client."""
    assert (counts.sum(axis=0) == size * each).all(), f"expected {size * each} examples a client, got {counts.sum(axis=0)}"
    taken = np.zeros(counts.shape[1], int)
    for row, edge in zip(counts, [*edges, 0], strict=True):
        rest = row - taken
        inside = int(edge % size)
        holds = (rest % size == inside) & (inside > 0)
        assert (rest >= 0).all(), "a client has a part of a shard only"
        assert (holds | (rest % size == 0)).all(), "a client has a part of a shard only"
        assert inside == 0 or holds.sum() == 1, "a shard with the end of one class and the beginning of the next is cut in two"
        taken = np.where(holds, size - inside, 0)


@pytest.mark.check(points=0.5, hint="If neighbouring shards go to the same client, it is not chance that deals.")
def test_shards_are_dealt_at_random(submission, rng):
    """shards: dealt to the clients at random"""
    for clients, each in ((10, 60), (4, 120)):
        labels = rng.permutation(2 * clients * each)
        owner = owners(submission.partition_shards(labels, clients, each, fresh(rng)), labels.size, clients)
        assert_mixed(owner[np.argsort(labels)][::2], clients, "shards")


@pytest.mark.check(points=0.5, hint="How many times do you draw from the Dirichlet distribution, and with which vector?")
def test_dirichlet_draws_shares_for_every_class(submission, rng):
    """dirichlet: the shares of every class come from a draw of its own, with concentration alpha"""
    classes, size = 300, 40
    labels = draw_labels(rng, [size] * classes)
    for clients, alpha in ((4, 1.0), (3, 0.2), (5, 4.0)):
        owner = owners(submission.partition_dirichlet(labels, clients, alpha, fresh(rng)), labels.size, clients, classes)
        shares = by_class(labels, owner, clients) / size
        # A share is Beta(alpha, (K - 1) alpha). How the cuts are rounded is judged elsewhere: it moves a share by (K - 1)/40.
        variance = (clients - 1) / clients**2 / (clients * alpha + 1)
        off = np.abs(shares.mean(axis=0) - 1 / clients).max()
        allowed = 6.5 * np.sqrt(variance / classes) + (clients - 1) / size
        assert off <= allowed, (
            f"alpha = {alpha:g}: a client's mean share is {off:.3f} off 1/{clients}, expected at most {allowed:.3f}"
        )
        ratio = float(shares.var(axis=0).mean() / variance)
        assert 0.6 <= ratio <= 1.9, (
            f"alpha = {alpha:g}: the shares vary {ratio:.2f} times as much over the classes as they should"
        )
        together = float(np.mean([np.corrcoef(shares[1:, k], shares[:-1, k])[0, 1] for k in range(clients)]))
        assert abs(together) <= 0.4, (
            f"alpha = {alpha:g}: the shares of one class tell those of the next (correlation {together:.2f})"
        )


@pytest.mark.check(points=0.25, hint="Small alpha: clients that differ; large alpha: clients alike. Which way round is yours?")
def test_dirichlet_skews_as_alpha_says(submission, rng):
    """dirichlet: on ten classes the clients differ from the whole as much as alpha says"""
    labels = draw_labels(rng, DIGITS)
    overall = np.array(DIGITS) / labels.size
    for alpha, low, high in ((0.1, 0.5, 0.85), (1.0, 0.2, 0.5), (100.0, 0.0, 0.08)):
        distances: list[float] = []
        for _ in range(6):
            got = submission.partition_dirichlet(labels, 10, alpha, fresh(rng), 0)
            counts = by_class(labels, owners(got, labels.size, 10, 10), 10)
            counts = counts[:, counts.sum(axis=0) > 0]
            distances += (np.abs(counts / counts.sum(axis=0) - overall[:, None]).sum(axis=0) / 2).tolist()
        mean = float(np.mean(distances))
        assert low < mean < high, f"alpha = {alpha:g}: total variation distance {mean:.3f}, expected between {low} and {high}"


@pytest.mark.check(points=0.25, hint="Nothing in the formula cares how much a client already has.")
def test_dirichlet_leaves_sizes_to_the_draw(submission, rng):
    """dirichlet: clients get as much as their shares say, whatever they already have"""
    labels = draw_labels(rng, [50] * 20)
    off = []
    for _ in range(40):
        owner = owners(submission.partition_dirichlet(labels, 2, 0.05, fresh(rng), 0), 1000, 2, 20)
        off.append(abs(int((owner == 0).sum()) - 500))
    # Twenty shares near 0 or 1: the sizes have a standard deviation of 107. Whoever evens them out stays within one class.
    assert max(off) > 60, f"40 draws of 1000 examples for 2 clients: sizes at most {max(off)} off 500"


@pytest.mark.check(points=0.5, hint="Floor the running sum of the shares, not each share; the last client needs no formula.")
def test_dirichlet_cuts_at_the_running_sum(submission, rng):
    """dirichlet: cuts each class at the floor of the running sum, the last client takes the rest"""
    for clients in (5, 7, 11):
        sizes = cut_sizes(rng, clients, 24)
        labels = draw_labels(rng, sizes)
        counts = by_class(
            labels, owners(submission.partition_dirichlet(labels, clients, EVEN, fresh(rng)), labels.size, clients, 24), clients
        )
        for size, row in zip(sizes, counts.tolist(), strict=True):
            assert_equal(row, even_cuts(size, clients), f"a class of {size} with equal shares")
    # A class of one example: every floor but the rest's is 0.
    for clients, alpha in ((4, 2.0), (3, 50.0)):
        owner = owners(submission.partition_dirichlet(rng.permutation(15), clients, alpha, fresh(rng), 0), 15, clients)
        assert (owner == clients - 1).all(), "classes of one example: expected all with the last client"


@pytest.mark.check(points=0.5, hint="If the data were recorded in order of time, what would the first client get of a class?")
def test_dirichlet_shuffles_every_class(submission, rng):
    """dirichlet: shuffles the examples of every class before it cuts"""
    sizes = [900, 1200, 1000]
    for labels in (draw_labels(rng, sizes), np.repeat([2, 0, 1], sizes)):
        owner = owners(submission.partition_dirichlet(labels, 3, EVEN, fresh(rng)), labels.size, 3, 3)
        for label in range(3):
            assert_mixed(owner[labels == label], 3, "a class")


@pytest.mark.check(points=0.5, hint="Count what each client has before you return. What if nobody asks for a min_size?")
def test_every_client_has_min_size(submission, rng):
    """dirichlet: each client has at least min_size examples, 1 by default; 0 allows empty clients"""
    single = draw_labels(rng, [500])
    halves = draw_labels(rng, [60, 40])
    for _ in range(20):
        # A try succeeds once in 9 here and once in 2 below: a thousand are plenty, and one is not enough for all twenty.
        sizes = sizes_of(owners(submission.partition_dirichlet(single, 3, 0.035, fresh(rng)), 500, 3, 1), 3)
        assert sizes.min() >= 1, "a client has no example"
        least = int(rng.integers(25, 31))
        sizes = sizes_of(owners(submission.partition_dirichlet(halves, 2, 0.05, fresh(rng), min_size=least), 100, 2, 2), 2)
        assert sizes.min() >= least, f"min_size = {least}: a client has {sizes.min()} examples"
    got = submission.partition_dirichlet(single[:20], 20, 0.1, fresh(rng), min_size=0, max_tries=1)
    sizes = sizes_of(owners(got, 20, 20, 1), 20)
    assert sizes.min() == 0, "expected clients without an example"


@pytest.mark.check(points=0.25, hint="A try that failed leaves nothing: no share, no example, no class.")
def test_every_try_draws_all_anew(submission, rng):
    """dirichlet: a try that fails is thrown away whole"""
    at_least = 0
    for sizes in ([150, 50], [50, 150]):
        labels = draw_labels(rng, sizes)
        for _ in range(20):
            # A try succeeds where the large class is shared, once in 15. Where one client has it all, it must be drawn anew.
            owner = owners(submission.partition_dirichlet(labels, 2, 0.05, fresh(rng), 60), 200, 2, 2)
            smaller = int(sizes_of(owner, 2).min())
            assert smaller >= 60, f"min_size = 60: a client has {smaller} examples"
            at_least += smaller == 60
    # One draw in 30 ends just there; who fills up clients from others ends there nearly always.
    assert at_least <= 18, f"{at_least} of 40 draws give a client min_size examples and not one more"


@pytest.mark.check(points=0.5, hint="max_tries = 1 is one try. What happens after the last?")
def test_gives_up_after_max_tries(submission, rng):
    """dirichlet: raises RuntimeError after max_tries tries, not before"""
    labels = draw_labels(rng, [30, 40])
    assert_type(submission.partition_dirichlet(labels, 3, 100.0, fresh(rng), max_tries=1), list)
    # Two clients. Classes of one example go to the second; the first gets floor(2 p) of a class of two: 0 or at least 1,
    # each half of the time at any alpha. Two tries would succeed three times in four: Wald's test tells which it is, and
    # errs once in e^18.
    few, evidence = rng.permutation([3, 3, 7, 8, 9]), 0.0
    while abs(evidence) < 18:
        try:
            owners(submission.partition_dirichlet(few, 2, 1.0, fresh(rng), 1, 1), 5, 2, 4)
            evidence += np.log(0.75 / 0.5)
        except RuntimeError as error:
            if type(error) is not RuntimeError:
                raise
            evidence += np.log(0.25 / 0.5)
    assert evidence < 0, "max_tries = 1: calls succeed more often than one try does"
    # All of 40 clients just 10: no seed has that.
    labels = draw_labels(rng, [230, 170])
    for max_tries in (1, 30):
        with pytest.raises(RuntimeError) as caught:
            submission.partition_dirichlet(labels, 40, 0.1, fresh(rng), min_size=10, max_tries=max_tries)
        assert caught.type is RuntimeError, f"expected RuntimeError, got {caught.type.__name__}"


@pytest.mark.check(points=0.5, hint="Which labels are there? np.unique knows; range(10) and labels.max() do not.")
def test_takes_any_integer_labels(submission, rng):
    """takes labels of any value and integer dtype: negative, huge, with gaps"""
    for values in ([-9, -1, 0, 4, 900], [7, 8, 9, 10, 11], [-5, -4, -3, -2, -1]):
        codes = draw_labels(rng, cut_sizes(rng, 5, 5))
        assert_labels(submission, rng, np.array(values)[codes], codes)
    for dtype in (np.int64, np.int8, np.int16, np.int32, np.uint8, np.uint16, np.uint32, np.uint64):
        least, largest = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        values = np.array([least, least + 1, largest // 2 - 3, largest - 7, largest], dtype)
        codes = draw_labels(rng, cut_sizes(rng, 5, values.size))
        assert_labels(submission, rng, values[codes], codes)
    codes = np.zeros(37, np.int64)
    assert_labels(submission, rng, codes + 3, codes)


def assert_labels(submission: Any, rng: np.random.Generator, labels: np.ndarray, codes: np.ndarray) -> None:
    """The partitions of `labels` are such as those of `codes`, the ranks of their values."""
    owner = owners(submission.partition_dirichlet(labels, 5, EVEN, fresh(rng)), labels.size, 5, 5)
    for size, row in zip(np.bincount(codes).tolist(), by_class(codes, owner, 5).tolist(), strict=True):
        assert_equal(row, even_cuts(size, 5), f"{labels.dtype}: a class of {size} with equal shares")
    # One shard a client: the clients' labels do not overlap but at their ends.
    owner = owners(submission.partition_shards(labels, 6, 1, fresh(rng)), labels.size, 6)
    spans = sorted((int(codes[owner == k].min()), int(codes[owner == k].max())) for k in range(6))
    for (_, before), (after, _) in pairwise(spans):
        assert before <= after, f"{labels.dtype}: the shards do not follow the order of the labels"


@pytest.mark.check(points=0.25, hint="Do you sort or shuffle an array that is not yours?")
def test_takes_labels_as_they_lie(submission, rng):
    """takes read-only, non-contiguous and byte-swapped labels, and leaves all labels unchanged"""
    wide = draw_labels(rng, [43, 52, 61])
    table = np.stack([wide, wide[::-1]], axis=1)
    given = [wide.copy(), wide[::2], wide[::-1], wide[-3::-3], table[:, 1], wide.astype(">i4"), wide.astype(np.int16)[1::2]]
    given += [array.copy() for array in given]
    for array in given[:7]:
        array.flags.writeable = False
    for labels in given:
        for name, rest in (("partition_shards", (4, 3)), ("partition_dirichlet", (4, 5.0))):
            done = submission.call(name, labels, *rest, fresh(rng))
            owners(done.value, labels.size, 4, 3)
            assert_equal(done.args[0], labels, f"{name}: the labels after the call")
            assert not done.shares_memory, f"{name}: the result shares memory with the labels"


def calls(labels: np.ndarray) -> list[tuple[str, Callable[[Any], tuple[Any, ...]]]]:
    """A call of each function: its name, and its arguments from a generator."""
    return [
        ("partition_iid", lambda generator: (labels.size, 9, generator)),
        ("partition_shards", lambda generator: (labels, 9, 4, generator)),
        ("partition_dirichlet", lambda generator: (labels, 9, 5.0, generator)),
    ]


@pytest.mark.check(points=0.25, hint="Where does each of your random numbers come from?")
def test_equal_seeds_give_equal_partitions(submission, rng):
    """gives equal partitions for equally seeded generators, and others for others"""
    labels = draw_labels(rng, [60, 70, 50])
    for name, arguments in calls(labels):
        for kind in (np.random.PCG64, np.random.MT19937, np.random.Philox):
            one, *others = (int(seed) for seed in rng.choice(10**6, 3, replace=False))
            first = submission.call(name, *arguments(np.random.Generator(kind(one)))).value
            between = [submission.call(name, *arguments(np.random.Generator(kind(other)))).value for other in others]
            again = submission.call(name, *arguments(np.random.Generator(kind(one)))).value
            owner = owners(first, labels.size, 9, 3)
            assert_equal(again, first, f"{name}: a second call with an equally seeded generator")
            differ = [(owners(got, labels.size, 9, 3) != owner).any() for got in between]
            assert any(differ), f"{name}: the same partition for another seed"


class Evaluated:
    """An argument that arrives as the value of an expression in `random`, numpy's, taken where the call runs."""

    def __init__(self, expression: str) -> None:
        self.expression = f"(lambda random: {expression})(__import__('numpy').random)"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return eval, (self.expression,)


@pytest.mark.check(points=0.25, hint="np.random.seed and np.random.shuffle are everybody's; rng is yours.")
def test_leaves_the_global_generator_alone(submission, rng):
    """neither uses nor changes numpy's global random state"""
    labels = draw_labels(rng, [60, 70, 50])
    for name, arguments in calls(labels):
        seed = int(rng.integers(10**6))
        first = None
        for state in (seed, seed + 1):
            got = submission.call(name, *arguments(Evaluated(f"(random.seed({state}), random.default_rng({seed}))[1]"))).value
            owners(got, labels.size, 9, 3)
            drawn = submission.call("partition_shards", Evaluated("random.randint(0, 10**6, 40)"), 4, 2, fresh(rng)).args[0]
            assert_array(drawn, what="the labels after the call")
            expected = np.random.RandomState(state).randint(0, 10**6, 40)
            assert_equal(np.sort(drawn.ravel()), np.sort(expected), f"{name}: numpy's next global random numbers")
            if first is not None:
                assert_equal(got, first, f"{name}: the result under another global random state")
            first = got


@pytest.mark.check(points=0.25, hint="Go through the list of errors in the task, one by one.")
def test_refuses_values_out_of_range(submission, rng):
    """raises ValueError for shards, alpha, min_size, max_tries and labels that cannot be"""
    labels = draw_labels(rng, [13, 17])
    # The largest values that are allowed, by name.
    assert_type(submission.partition_iid(num_examples=30, num_clients=30, rng=rng), list)
    assert_type(submission.partition_shards(labels=labels, num_clients=5, shards_per_client=6, rng=rng), list)
    few = {"labels": labels, "num_clients": 30, "alpha": 20.0, "rng": rng, "min_size": 0, "max_tries": 1}
    assert_type(submission.partition_dirichlet(**few), list)
    for total, clients in ((0, 1), (-3, 1), (-3, -4), (0, 0), (30, 10**20)):
        with pytest.raises(ValueError):
            submission.partition_iid(total, clients, rng)
    for clients, each in ((5, 0), (5, -1), (5, 7), (31, 1), (1, 31), (-5, -1), (0, 3), (3, 10**20)):
        with pytest.raises(ValueError):
            submission.partition_shards(labels, clients, each, rng)
    for alpha in (0, 0.0, -0.0, -0.5, -1, np.nan, np.inf, -np.inf, np.float64("nan"), np.float32("inf")):
        with pytest.raises(ValueError):
            submission.partition_dirichlet(labels, 3, alpha, rng, 0)
    for more in ({"min_size": -1}, {"min_size": 11}, {"min_size": 10**20}, {"max_tries": 0}, {"max_tries": -5}):
        with pytest.raises(ValueError):
            submission.partition_dirichlet(labels, 3, 20.0, rng, **more)
    for bad in (labels.reshape(5, 6), labels[:, None], labels[None, :], np.array(3), labels[:0]):
        with pytest.raises(ValueError):
            submission.partition_shards(bad, 1, 1, rng)
        with pytest.raises(ValueError):
            submission.partition_dirichlet(bad, 1, 20.0, rng, 0)


@pytest.mark.check(points=0.25, hint="What is np.uint8(20) * np.uint8(20)?")
def test_takes_integers_of_any_type(submission, rng):
    """takes numpy's integers as Python's, however small their type, and any real alpha"""
    labels = draw_labels(rng, [450, 350])
    for kind in (np.int64, np.int32, np.int16, np.uint8, np.uint64):
        owners(submission.partition_iid(kind(100), kind(7), fresh(rng)), 100, 7)
        owner = owners(submission.partition_shards(labels, kind(20), kind(20), fresh(rng)), 800, 20)
        assert (sizes_of(owner, 20) == 40).all(), f"{kind.__name__}: expected 40 examples a client"
        owner = owners(submission.partition_dirichlet(labels, kind(20), 90.0, fresh(rng), kind(16), kind(100)), 800, 20, 2)
        assert sizes_of(owner, 20).min() >= 16, f"{kind.__name__}: a client has fewer than min_size = 16 examples"
    for alpha in (3, 3.5, np.float32(3.5), np.float64(3.5), np.int64(3)):
        owners(submission.partition_dirichlet(labels, 3, alpha, fresh(rng)), 800, 3, 2)
    # 20 x 20 and 50 x 20 wrap around to 144 and 232 in a byte.
    with pytest.raises(ValueError):
        submission.partition_shards(labels[:300], np.uint8(20), np.uint8(20), fresh(rng))
    with pytest.raises(ValueError):
        submission.partition_dirichlet(labels, np.uint8(20), 90.0, fresh(rng), np.uint8(50))


@pytest.mark.check(points=0.25, hint="isinstance(True, int) is True, and a list is no array.")
def test_refuses_other_types(submission, rng):
    """raises TypeError for a bool or float where an integer is due, and for other labels, alpha and rng"""
    labels = draw_labels(rng, [33, 47])
    valid: dict[str, list[Any]] = {
        "partition_iid": [80, 2, rng],
        "partition_shards": [labels, 2, 3, rng],
        "partition_dirichlet": [labels, 2, 20.0, rng, 1, 50],
    }
    no_integers = (True, np.True_, 2.0, 2.5, np.float64(2), "2", None, 2 + 0j)
    no_labels = (labels.tolist(), tuple(labels.tolist()), "0110", None, 80)
    no_generators = (None, 7, np.random.RandomState(7), np.random.PCG64(7), "rng")
    no_reals = ("0.5", None, [20.0], 20.0 + 0j)
    places: dict[str, list[tuple[int, tuple[Any, ...]]]] = {
        "partition_iid": [(0, no_integers), (1, no_integers), (2, no_generators)],
        "partition_shards": [(0, no_labels), (1, no_integers), (2, no_integers), (3, no_generators)],
        "partition_dirichlet": [
            (0, no_labels), (1, no_integers), (2, no_reals), (3, no_generators), (4, no_integers), (5, no_integers),
        ],
    }  # fmt: skip
    for name, arguments in valid.items():
        assert_type(submission.call(name, *arguments).value, list)
        for place, bad in places[name]:
            for value in bad:
                with pytest.raises(TypeError):
                    submission.call(name, *[value if i == place else argument for i, argument in enumerate(arguments)])
