"""computes the formula and checks nothing"""

import numpy as np

FAILS = {
    "test_refuses_rounds_that_do_not_fit",
    "test_computes_in_float64",
    "test_integer_and_mixed_layers",
    "test_adds_counts_of_any_integer_type",
    "test_checks_clients_without_examples",
    "test_keeps_scalars_and_empty_layers",
    "test_refuses_unequal_layer_counts",
    "test_refuses_nan_and_infinity",
    "test_refuses_negative_counts_and_no_examples",
    "test_refuses_counts_that_are_no_integers",
    "test_refuses_layers_that_are_no_real_arrays",
    "test_refuses_other_containers",
}
HINT = "The formula is right. Now go through the errors of the task one by one: what does your function do with each?"


def fed_avg(client_params, num_examples):
    total = sum(num_examples)
    return [
        np.sum([n / total * layer for n, layer in zip(num_examples, layers)], axis=0)
        for layers in zip(*client_params)
    ]
