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


def read_exactly(descriptor: int, count: int) -> bytes:
    """`count` bytes from a blocking descriptor; EOFError where the other side closed it."""
    parts = []
    while count:
        part = os.read(descriptor, min(count, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def write_all(descriptor: int, data: bytes) -> None:
    """All of `data` to a blocking descriptor."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
