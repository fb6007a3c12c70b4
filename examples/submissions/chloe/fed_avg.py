"""Adds everything up in the first client's arrays: no copy needed."""


def fed_avg(client_params, num_examples):
    total = sum(num_examples)
    result = client_params[0]
    for layer in result:
        layer *= num_examples[0] / total
    for params, n in zip(client_params[1:], num_examples[1:]):
        for mine, layer in zip(result, params):
            mine += layer * (n / total)
    return result
