"""What the two sides of the boundary may say to each other beside plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opaque:
    """An object that stayed in the worker because it is no plain value.

    `ident` finds it again in the worker for the length of one check; `type_name` is what its type calls
    itself there (hostile text, at most 200 characters, no control characters).
    """

    ident: int
    type_name: str

    def __repr__(self) -> str:
        return f"<{self.type_name} object>"


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that a call in the worker ended with.

    `builtin` is the name of the nearest built-in class in its method resolution order; `type_name` what its own
    class is called; `message` its text; `where` the innermost line of the submission's own code, "fed_avg.py:27".
    """

    builtin: str
    type_name: str
    message: str
    where: str


class WireError(Exception):
    """A value does not fit the wire or bytes are no message; the text says where and what is allowed."""
