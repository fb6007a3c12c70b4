"""Hidden checks of fed_avg: the whole contract.

Sentence of the contract                                   Check (v = visible)
w = sum_k n_k w_k / sum_k n_k, layer by layer              v test_weights_by_num_examples, v test_averages_every_layer
no client, lengths differ                                  v test_refuses_rounds_that_do_not_fit
n_k < 0, sum n_k = 0                                       test_refuses_negative_counts_and_no_examples
layer count differs                                        test_refuses_unequal_layer_counts
a layer's shape differs, nothing is broadcast              test_refuses_unequal_shapes
NaN, infinity                                              test_refuses_nan_and_infinity
n_k not integral, bool and float are no integers           test_refuses_counts_that_are_no_integers
a layer that is no array of real numbers                   test_refuses_layers_that_are_no_real_arrays
wrong containers                                           test_refuses_other_containers
n_k = 0 allowed / checked like any other                   test_zero_examples_have_no_weight, test_checks_clients_without_examples
counts are added as Python ints                            test_adds_counts_of_any_integer_type
list, tuple, 1-d array; numpy integers                     test_takes_lists_tuples_and_integer_arrays
normalised before summing; any scale and offset            test_is_exact_at_any_scale
float in = float out                                       test_keeps_the_float_dtype
float64 inside                                             test_computes_in_float64
integer and mixed layers                                   test_integer_and_mixed_layers
inputs are never changed                                   test_leaves_inputs_unchanged
results share no memory                                    test_returns_new_memory
0-d and empty arrays                                       test_keeps_scalars_and_empty_layers
any layout, read-only                                      test_takes_any_memory_layout
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from grader.checks.compare import assert_array, assert_close, assert_equal, assert_length, assert_type

FLOATS = (np.float16, np.float32, np.float64)
UNIT = 2.0**-53


def draw_counts(rng: np.random.Generator, clients: int) -> list[int]:
    """Distinct counts: the weighted mean is then never the plain one."""
    return [int(count) for count in rng.choice(np.arange(10, 30), size=clients, replace=False) * 1000]


def draw_clients(rng: np.random.Generator, clients: int, shapes: list[tuple[int, ...]], dtype: Any = np.float64) -> list[Any]:
    """Clients with layers of these shapes, numbers between 1 and 2 or their negatives."""
    return [
        [np.asarray(rng.uniform(1, 2, shape) * rng.choice([-1.0, 1.0], shape)).astype(dtype) for shape in shapes]
        for _ in range(clients)
    ]


def exact_mean(layers: list[np.ndarray], counts: list[int]) -> np.ndarray:
    """The weighted mean in long doubles, whose own rounding (2^-64 or less) is a two-thousandth of what is allowed anywhere."""
    total = sum(counts)
    shares = [
        np.longdouble(Fraction(count, total).numerator) / np.longdouble(Fraction(count, total).denominator) for count in counts
    ]
    return np.asarray(sum(share * layer.astype(np.longdouble) for share, layer in zip(shares, layers, strict=True)))


def assert_mean(got: Any, clients: list[Any], counts: list[int], dtypes: list[Any], relative: float | None = None) -> None:
    """`got` is the clients' weighted mean in these dtypes, within `relative` of the largest number of each layer.

    Without `relative`, working in the result's own dtype is no fault: 8 eps, and never below 1e-9.
    The change to the result's dtype rounds once more: half an eps of the number, a whole one is allowed.
    """
    assert_type(got, list)
    assert_length(got, len(dtypes))
    for i, (one, dtype, *layers) in enumerate(zip(got, dtypes, *clients, strict=True)):
        expected = exact_mean(layers, counts).astype(dtype)
        largest = max(float(np.max(np.abs(layer.astype(np.float64)), initial=0.0)) for layer in layers)
        eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).smallest_subnormal)
        allowed = max(1e-9, 8 * eps) if relative is None else relative
        assert_close(one, expected, rtol=eps, atol=allowed * largest + tiny, what=f"layer {i}")


def tight(clients: int) -> float:
    """What rounding in float64 may cost a mean of so many clients, relative to the largest number.

    A share, a product and a sum for each client, 1.1e-16 apiece, and as much again for the order of the operations.
    """
    return 6 * (clients + 1) * UNIT


@pytest.mark.check(points=0.5, hint="Which dtype has your result where the clients hold float32?")
def test_keeps_the_float_dtype(submission, rng):
    """keeps the float dtype of every layer"""
    dtypes = [*FLOATS, np.longdouble]
    for clients in (1, 3):
        counts = rng.permutation([200, 900, 4000])[:clients].tolist()
        models = [[draw_clients(rng, 1, [(3,)], dtype)[0][0] for dtype in dtypes] for _ in range(clients)]
        assert_mean(submission.fed_avg(models, counts), models, counts, dtypes)


@pytest.mark.check(points=0.5, hint="Let two clients nearly cancel: how many digits of the mean survive in float32?")
def test_computes_in_float64(submission, rng):
    """takes the mean in float64 whatever the dtype"""
    for dtype in (np.float32, np.float16):
        counts = [int(rng.integers(30, 60)) * 1000 + 1, int(rng.integers(10, 25)) * 1000 + 7]
        large = rng.uniform(300, 900, 60)
        # The second client takes back what the first gives, up to the rounding of its own numbers.
        models = [[large.astype(dtype)], [(-large * counts[0] / counts[1]).astype(dtype)]]
        assert_mean(submission.fed_avg(models, counts), models, counts, [dtype], relative=tight(2))


@pytest.mark.check(points=0.5, hint="The mean of 1 and 2 is no integer. Which dtype do an int and a float layer have in common?")
def test_integer_and_mixed_layers(submission, rng):
    """averages integer and mixed layers in the right dtype"""
    cases: list[tuple[Any, Any, Any]] = [
        (np.int64, np.int64, np.float64), (np.uint8, np.uint8, np.float64), (np.int8, np.int8, np.float64),
        (np.uint64, np.int64, np.float64), (np.int8, np.float16, np.float16), (np.int16, np.float16, np.float32),
        (np.int32, np.float32, np.float64), (np.float16, np.float32, np.float32), (np.float32, np.float64, np.float64),
    ]  # fmt: skip
    for first, second in ((0, 1), (1, 0)):
        models: list[list[np.ndarray]] = [[], []]
        for case in cases:
            for client, dtype in enumerate((case[first], case[second])):
                models[client].append(rng.integers(90, 127, 4).astype(dtype))
        given = (draw_counts(rng, 2), [0, 1000], [1000, 0])
        for counts, got in zip(given, submission.each("fed_avg", [(models, counts) for counts in given]), strict=True):
            assert_mean(got, models, counts, [case[2] for case in cases])


@pytest.mark.check(points=0.5, hint="np.uint8(200) + np.uint8(150) is 94.")
def test_adds_counts_of_any_integer_type(submission, rng):
    """adds the counts exactly, whatever their integer type and size"""
    models = draw_clients(rng, 3, [(4,)])
    small = [int(n) for n in rng.choice(np.arange(130, 250), 3, replace=False)]
    signed = [int(n) for n in rng.choice(np.arange(60, 127), 3, replace=False)]
    large = [2**62 + int(n) * 2**52 for n in rng.choice(np.arange(1000), 3, replace=False)]
    beyond = [10**30 * int(n) for n in rng.choice(np.arange(1, 30), 3, replace=False)]
    given: list[tuple[Any, list[int]]] = [
        ([np.uint8(n) for n in small], small),
        (np.array(small, np.uint8), small),
        ([np.int8(n) for n in signed], signed),
        (np.array(large, np.int64), large),
        ([np.uint64(2 * n) for n in large], [2 * n for n in large]),
        (beyond, beyond),
        ([small[0], *beyond[1:]], [small[0], *beyond[1:]]),
    ]
    results = submission.each("fed_avg", [(models, counts) for counts, _ in given])
    for (_, integers), got in zip(given, results, strict=True):
        assert_mean(got, models, integers, [np.float64], relative=1e-5)


@pytest.mark.check(points=0.25, hint="A count may be an int or any numpy integer, the counts a list, a tuple or a 1-d array.")
def test_takes_lists_tuples_and_integer_arrays(submission, rng):
    """takes lists and tuples, and counts as numpy integers or a 1-d integer array"""
    models = draw_clients(rng, 3, [(2, 2), (3,)])
    counts = draw_counts(rng, 3)
    given = [tuple(counts), [np.int64(n) for n in counts], (np.int32(counts[0]), counts[1], np.uint32(counts[2]))]
    given += [np.array(counts, dtype) for dtype in (np.int64, np.int32, np.uint32)]
    cases: list[Any] = [(models, numbers) for numbers in given]
    for got in submission.each("fed_avg", [*cases, (tuple(models), counts), (tuple(models), tuple(counts))]):
        assert_mean(got, models, counts, [np.float64] * 2)


@pytest.mark.check(points=0.5, hint="What is 1.5e308 times the number of examples? Which sum of shares do you reach exactly?")
def test_is_exact_at_any_scale(submission, rng):
    """is exact for huge, tiny and far-off numbers"""
    clients = int(rng.integers(5, 8))
    for numbers in (
        1.5e308 * rng.uniform(0.9, 1, (clients, 6)),
        1.5e308 * rng.uniform(0.9, 1, (clients, 6)) * (-1.0) ** np.arange(clients)[:, None],
        1e-300 * rng.uniform(1, 2, (clients, 6)),
        1e8 + rng.uniform(1, 2, (clients, 6)),
    ):
        models = [[row.copy()] for row in numbers]
        cases = [(models, draw_counts(rng, clients)), (models[:2], [1, 2])]
        for (chosen, counts), got in zip(cases, submission.each("fed_avg", cases), strict=True):
            assert_mean(got, chosen, counts, [np.float64], relative=tight(len(chosen)))


@pytest.mark.check(points=0.5, hint="A client with 0 examples took part; what is its share?")
def test_zero_examples_have_no_weight(submission, rng):
    """allows clients with 0 examples and gives them no weight"""
    cases = []
    for empty in ([0], [2], [3], [1, 2, 3], [0, 1, 2]):
        counts = [0 if k in empty else n for k, n in enumerate(draw_counts(rng, 4))]
        cases.append((draw_clients(rng, 4, [(3,)]), counts))
    for (models, counts), got in zip(cases, submission.each("fed_avg", cases), strict=True):
        assert_mean(got, models, counts, [np.float64])


@pytest.mark.check(points=0.25, hint="A client with 0 examples is checked like any other.")
def test_checks_clients_without_examples(submission, rng):
    """checks a client with 0 examples like any other"""
    good = draw_clients(rng, 3, [(3,), (2,)])
    broken: list[tuple[Any, Any]] = [
        ([good[0][0], np.array([1.0, np.nan])], ValueError),
        ([np.array([1.0, 2.0, -np.inf]), good[0][1]], ValueError),
        ([good[0][0][:1], good[0][1]], ValueError),
        (good[0][:1], ValueError),
        ([*good[0], good[0][0]], ValueError),
        ([good[0][0], good[0][1].tolist()], TypeError),
        ([good[0][0], good[0][1] + 1j], TypeError),
    ]
    for place in (0, 2):
        counts = draw_counts(rng, 3)
        counts[place] = 0
        assert_type(submission.fed_avg(good, counts), list)
        for error in (ValueError, TypeError):
            cases = [[bad if k == place else model for k, model in enumerate(good)] for bad, wanted in broken if wanted is error]
            submission.refuses(error, "fed_avg", [(models, counts) for models in cases])


@pytest.mark.check(points=0.5, hint="Do you add up in an array that belongs to a client?")
def test_leaves_inputs_unchanged(submission, rng):
    """leaves the clients' own models and the counts unchanged"""
    for clients in (1, 3):
        numbers = draw_counts(rng, clients)
        for counts in (numbers, np.array(numbers)):
            models = draw_clients(rng, clients, [(2, 3), (4,)])
            for model in models:
                model += [model[1].astype(np.float32), rng.integers(-9, 9, 5), np.array(rng.normal())]
            done = submission.call("fed_avg", models, counts)
            assert_type(done.value, list)
            assert_length(done.value, 5)
            assert_equal(done.args[0], models, "client_params after the call")
            assert_equal(done.args[1], counts, "num_examples after the call")


@pytest.mark.check(points=0.5, hint="With one client, is your result a new array or the client's own?")
def test_returns_new_memory(submission, rng):
    """returns arrays that share no memory with the clients' models"""
    cases = [(draw_counts(rng, 1), FLOATS), (draw_counts(rng, 2), FLOATS[2:]), ([1000, 0], FLOATS), ([0, 1000], FLOATS[1:])]
    for counts, dtypes in cases:
        models = [[draw_clients(rng, 1, [(2, 3)], dtype)[0][0] for dtype in dtypes] for _ in counts]
        done = submission.call("fed_avg", models, counts)
        assert_type(done.value, list)
        assert_length(done.value, len(dtypes))
        for i, layer in enumerate(done.value):
            assert_array(layer, shape=(2, 3), what=f"layer {i}")
        assert not done.shares_memory, "the result shares memory with a client's model"


@pytest.mark.check(points=0.25, hint="What type has np.array(2.0) * 3?")
def test_keeps_scalars_and_empty_layers(submission, rng):
    """keeps 0-d and empty layers as arrays of their shape"""
    dtypes = [np.float64, np.float32, np.int64]
    for clients in (1, 3):
        counts = draw_counts(rng, clients)
        for shapes in ([(), (0,), (3,), (2, 0, 3)], [()]):
            models: list[Any] = [[] for _ in range(clients)]
            for dtype in dtypes:
                for model, layers in zip(models, draw_clients(rng, clients, shapes, dtype), strict=True):
                    model += layers
            expected = [np.float64 if dtype is np.int64 else dtype for dtype in dtypes for _ in shapes]
            assert_mean(submission.fed_avg(models, counts), models, counts, expected)


@pytest.mark.check(points=0.25, hint="Does your code depend on how an array lies in memory, or write to it?")
def test_takes_any_memory_layout(submission, rng):
    """takes Fortran-ordered, non-contiguous, byte-swapped and read-only arrays"""
    models: list[list[np.ndarray]] = [[], [], []]
    for client, model in enumerate(models):
        wide = rng.uniform(1, 2, (8, 10))
        layers = [np.asfortranarray(wide[:4, :5]), wide[::2, ::2], wide[3::-1, 4::-1], wide[:5, :4].T, wide[:4, :5].astype(">f8")]
        model += layers[client:] + layers[:client]
        for layer in model:
            layer.flags.writeable = False
    counts = draw_counts(rng, 3)
    got = submission.fed_avg(models, counts)
    assert_type(got, list)
    native = [x.astype(x.dtype.newbyteorder("=")) if isinstance(x, np.ndarray) else x for x in got]
    assert_mean(native, models, counts, [np.float64] * 5)


@pytest.mark.check(points=0.25, hint="What does zip do where one list is shorter?")
def test_refuses_unequal_layer_counts(submission, rng):
    """raises ValueError if clients differ in their number of layers"""
    counts = draw_counts(rng, 3)
    good = draw_clients(rng, 3, [(3,), (3,)])
    cases = [
        ([bad if k == place else model for k, model in enumerate(good)], counts)
        for place in (0, 1, 2)
        for bad in (good[0][:1], [*good[0], good[1][0]], [])
    ]
    assert_type(submission.refuses(ValueError, "fed_avg", cases, valid=(good, counts)), list)


@pytest.mark.check(points=0.25, hint="numpy stretches (1,) to (3,) without a word.")
def test_refuses_unequal_shapes(submission, rng):
    """raises ValueError if clients differ in the shape of a layer, also where numpy would broadcast"""
    counts = draw_counts(rng, 3)
    pairs: list[Any] = [((3,), (1,)), ((3,), (1, 3)), ((3,), ()), ((2, 3), (3, 2)), ((2, 3), (3,)), ((4,), (2, 2))]
    pairs += [((0,), (1,)), ((), (1,)), ((3,), (4,))]
    good = draw_clients(rng, 3, [shape for shape, _ in pairs])
    cases = []
    for layer, (_, other) in enumerate(pairs):
        models = [list(model) for model in good]
        models[(0, 2)[layer % 2]][layer] = draw_clients(rng, 1, [other])[0][0]
        cases.append((models, counts))
    models = [[*good[0]], [*good[1]], [*good[2]]]
    models[1][0] = models[2][0] = draw_clients(rng, 1, [(1,)])[0][0]
    assert_type(submission.refuses(ValueError, "fed_avg", [*cases, (models, counts)], valid=(good, counts)), list)


@pytest.mark.check(points=0.25, hint="One client's NaN is everybody's NaN.")
def test_refuses_nan_and_infinity(submission, rng):
    """raises ValueError if a layer holds NaN or infinity"""
    counts = draw_counts(rng, 3)
    shapes: list[tuple[int, ...]] = [(2, 3), (1,), ()]
    for dtype in FLOATS:
        good = draw_clients(rng, 3, shapes, dtype)
        cases = []
        for layer, value in enumerate((np.nan, np.inf, -np.inf)):
            for place in (0, 2):
                models = [[array.copy() for array in model] for model in good]
                # The last number of the layer: one look at the first is not enough.
                models[place][layer][tuple(n - 1 for n in shapes[layer])] = value
                cases.append((models, counts))
        assert_type(submission.refuses(ValueError, "fed_avg", cases, valid=(good, counts)), list)


@pytest.mark.check(points=0.25, hint="Which counts make the shares negative, or divide by zero?")
def test_refuses_negative_counts_and_no_examples(submission, rng):
    """raises ValueError for a negative count, and if there is no example at all"""
    models = draw_clients(rng, 3, [(2,)])
    counts = draw_counts(rng, 3)
    a, b, c = counts
    refused: list[Any] = [
        [-1, b, c],
        [a, -b, c],
        [a, b, -1],
        [a, b, -(a + b)],
        [-a, -b, -c],
        [0, 0, 0],
        (0, 0, 0),
        np.zeros(3, np.int64),
    ]
    refused += [np.array([a, b, -1]), [np.int64(a), np.int8(-1), np.int64(c)], [np.uint8(0)] * 3]
    assert_type(
        submission.refuses(
            ValueError, "fed_avg", [*((models, numbers) for numbers in refused), (models[:1], [0])], valid=(models, counts)
        ),
        list,
    )


@pytest.mark.check(points=0.5, hint="isinstance(True, int) is True, and int(2.9) is 2.")
def test_refuses_counts_that_are_no_integers(submission, rng):
    """raises TypeError for a count that is no integer: a float, a bool, text"""
    models = draw_clients(rng, 3, [(2,)])
    counts = draw_counts(rng, 3)
    a, b, c = counts
    refused: list[Any] = [
        numbers
        for bad in (True, np.True_, False, 2.0, 2.5, np.float64(3.0), np.float32(3.0), "3", None)
        for numbers in ([bad, b, c], [a, b, bad])
    ]
    refused += [np.array(counts, np.float64), np.array(counts, np.float32), np.array([True, True, False])]
    refused += [[1.0, 2.0, 3.0], [True] * 3]
    assert_type(
        submission.refuses(TypeError, "fed_avg", [(models, numbers) for numbers in refused], valid=(models, counts)), list
    )


@pytest.mark.check(points=0.25, hint="Which dtypes are real numbers, and is a list an array?")
def test_refuses_layers_that_are_no_real_arrays(submission, rng):
    """raises TypeError for a layer that is no array of real numbers"""
    counts = draw_counts(rng, 3)
    number = float(rng.uniform(1, 2))
    bad: list[tuple[tuple[int, ...], Any]] = [
        ((2,), [number, 2.0]), ((2,), (number, 2.0)), ((), number), ((), np.float64(number)), ((), 3), ((), None), ((), "text"),
        ((2,), np.array(["1.5", "2.5"])), ((2,), np.array([b"1", b"2"])), ((2,), np.array([number + 1j, 2.0])),
        ((2,), np.array([number, 2.0], complex)), ((2,), np.array([number, None], object)),
        ((2,), np.array([1, 2], "timedelta64[s]")), ((2,), np.array([1, 2], "datetime64[s]")),
    ]  # fmt: skip
    models = draw_clients(rng, 3, [(3,), (2,), ()])
    cases = []
    for i, (shape, layer) in enumerate(bad):
        broken = [list(model) for model in models]
        broken[(0, 2)[i % 2]][1 if shape else 2] = layer
        # A round in which every client holds the same kind of layer is no better.
        cases += [(broken, counts), ([[layer], [layer], [layer]], counts)]
    assert_type(submission.refuses(TypeError, "fed_avg", cases, valid=(models, counts)), list)


@pytest.mark.check(
    points=0.25, hint="Clients and counts are lists or tuples, counts also a 1-d array; a client is a list of arrays."
)
def test_refuses_other_containers(submission, rng):
    """refuses clients or counts in anything but a list or tuple, or a 1-d array of counts"""
    models = draw_clients(rng, 3, [(4,)])
    counts = draw_counts(rng, 3)
    cases: list[Any] = [(clients, counts) for clients in (dict(enumerate(models)), np.array(models), 3, "abc")]
    for place in (0, 2):
        # As long as the others' lists of layers, so that nothing but the type is wrong.
        for bad in ({"w": models[place][0]}, rng.uniform(1, 2, 1), None, 4):
            cases.append(([bad if k == place else model for k, model in enumerate(models)], counts))
    cases += [(models, numbers) for numbers in (dict.fromkeys(counts, 1), set(counts), counts[0], "123")]
    assert_type(submission.refuses(TypeError, "fed_avg", cases, valid=(models, counts)), list)
    other_shapes = (np.array(counts)[:, None], np.array(counts)[None, :], np.array(counts[0]))
    submission.refuses((TypeError, ValueError), "fed_avg", [(models, numbers) for numbers in other_shapes])
