"""multiplies by the counts and divides by their sum as Flower's aggregate does, without any check"""

from functools import reduce

import numpy as np

FAILS = {
    "test_refuses_rounds_that_do_not_fit",
    "test_computes_in_float64",
    "test_integer_and_mixed_layers",
    "test_adds_counts_of_any_integer_type",
    "test_is_exact_at_any_scale",
    "test_checks_clients_without_examples",
    "test_keeps_scalars_and_empty_layers",
    "test_refuses_unequal_layer_counts",
    "test_refuses_unequal_shapes",
    "test_refuses_nan_and_infinity",
    "test_refuses_negative_counts_and_no_examples",
    "test_refuses_counts_that_are_no_integers",
    "test_refuses_layers_that_are_no_real_arrays",
    "test_refuses_other_containers",
}
HINT = "Flower trusts its clients: try no examples at all, shapes that broadcast, float16 and a count of -1."


def fed_avg(client_params, num_examples):
    total = sum(num_examples)
    weighted = [[layer * n for layer in params] for params, n in zip(client_params, num_examples)]
    return [reduce(np.add, updates) / total for updates in zip(*weighted)]
