"""Worker -> trusted values as bytes: a closed set of plain values, bounded in bytes, depth and items.

A value is one tag byte and its payload; lengths are unsigned 64-bit, numbers little-endian:

    N T F           None, True, False
    i I             an int in 8 bytes; length and two's complement of a longer one
    f               a float's 8 bytes
    s b             length and UTF-8 (surrogates passed) or bytes
    l t d           count and items; of a dict key, value, key, value, ...
    a               byte order, kind, number of axes, item size, length, shape, data in C order
    o               number of axes, shape, items (None, bool, int, float, str, bytes) of an object array
    e               dtype, number of axes, length, shape, data of a torch tensor
    r q             the texts of a `Raised`; number and type name of an `Opaque`

`encode` runs beside the submission and is a courtesy to it: whoever wants to can write any bytes to the socket.
`decode` is what protects the grader. It runs nothing, checks every length before it allocates, and needs at most
about 4 * max_bytes + 200 * max_items bytes (text of one-byte characters may need four bytes for each).
"""

from __future__ import annotations

from collections.abc import Callable

from grader.sandbox.values import WireError
from grader.sandbox.wire_forms import WireLimits
from grader.sandbox.wire_reader import Reader
from grader.sandbox.wire_writer import Misfit, Writer, too_large


def encode(value: object, limits: WireLimits, *, keep: Callable[[object], int] | None = None, tensors: bool = False) -> bytes:
    """The message for `value`. Calls no method of any object that is not of a built-in type.

    `keep` is given what is no plain value and answers the number of its `Opaque`; without it such a value is refused.
    Subclasses of str, list, tuple and dict travel as these. WireError where `value` does not fit; its text is for the student.
    """
    writer = Writer(limits, keep, tensors)
    try:
        writer.value(value, 0)
    except Misfit as misfit:
        raise WireError(misfit.sentence()) from None
    except RecursionError:
        raise WireError("returned value: nested too deeply; return fewer levels") from None
    data = b"".join(writer.parts)
    if len(data) > limits.max_bytes:
        raise WireError(Misfit(too_large(limits)).sentence())
    return data


def decode(data: bytes | memoryview, limits: WireLimits, *, tensors: bool = False) -> object:
    """The value of a message, whoever wrote it. Arrays are fresh, writeable and C-contiguous. WireError for all else."""
    size = data.nbytes if isinstance(data, memoryview) else len(data)
    if size > limits.max_bytes:
        raise WireError(f"message: {size:,} bytes; at most {limits.max_bytes:,} are allowed")
    reader = Reader(bytes(data), limits, tensors)
    try:
        value = reader.value(0)
    except WireError:
        raise
    except Exception as error:  # the last net: each flaw of a message has a check of its own
        raise WireError("message: it cannot be read") from error
    if reader.at != reader.end:
        raise WireError("message: bytes are left over behind the value")
    return value
