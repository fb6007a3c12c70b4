"""The frames of the call socket: how many bytes belong to which answer, nothing of their meaning.

A request is `nonce, length, payload`; an answer `nonce, kind, length, payload`. The nonce is fresh for every request,
so an answer that was prepared before its question is recognised.
"""

from __future__ import annotations

import os
import struct
from enum import IntEnum

REQUEST = struct.Struct("!16sQ")
ANSWER = struct.Struct("!16sBQ")
NO_NONCE = bytes(16)


class Kind(IntEnum):
    """What an answer holds."""

    READY = 0  # the layers applied, before a byte of the submission is touched
    VALUE = 1  # what the call returned
    RAISED = 2  # how it failed
    UNFIT = 3  # a sentence: why what it returned cannot travel


def read_request(descriptor: int) -> tuple[bytes, bytes]:
    """The nonce and payload of the next request from a blocking descriptor; EOFError where the other side closed it.

    Reads greedily, since the other side sends one request at a time: a small one costs one system call.
    """
    data = bytearray()
    wanted = REQUEST.size
    nonce = NO_NONCE
    while len(data) < wanted:
        part = os.read(descriptor, 1 << 20)
        if not part:
            raise EOFError
        data += part
        if wanted == REQUEST.size and len(data) >= wanted:
            nonce, length = REQUEST.unpack_from(data)
            wanted += length
    return nonce, bytes(memoryview(data)[REQUEST.size :])


def write_all(descriptor: int, data: bytes) -> None:
    """All of `data` to a blocking descriptor."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
