"""Hygiene: everything that came from a submission is hostile text, in every format."""

from __future__ import annotations

import re
import unicodedata

MESSAGE_CHARACTERS = 4_000
NAME_CHARACTERS = 200
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_SEQUENCES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating-system commands, such as a window's title
    r"|\x1b[P^_X][^\x1b]*(?:\x1b\\)?"
    r"|[\x1b\x9b]\[?[0-?]*[ -/]*[@-~]"
)
# What CI services take for a command where they find it in a log: `::` at a line's start, `##[` and `##vso[` anywhere.
_COMMANDS = re.compile(r"(?m)^::|##(?=\[|vso\[)")
_SUSPECT = re.compile(r"::|##|0x")
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_BREAKS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&@:$^=\"'/])")


def clean(text: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """Printable text of at most `limit` characters; line feeds and tabs stay.

    Terminal sequences, commands to CI services, control, bidi and unassigned characters, lone surrogates and
    noncharacters go; memory addresses are made alike, since they differ from run to run.
    """
    if len(text) <= limit and text.isprintable() and not _SUSPECT.search(text):
        return text  # nearly every text
    # A million characters of rubbish cost no more than what is kept of them.
    shortened = text[: 4 * limit + 1000]
    shortened = _SEQUENCES.sub("", shortened).replace("\r\n", "\n")
    kept = "".join(map(_printable, shortened))
    kept = _ADDRESS.sub("0x…", kept)
    kept = _COMMANDS.sub(lambda match: f" {match[0]}" if match[0] == "::" else f"# {match[0][1:]}", kept)
    if len(kept) > limit or (len(text) > len(shortened) and len(text) > 4 * limit + 1000):
        return kept[: max(0, limit - 1)] + "…"
    return kept


def _printable(character: str) -> str:
    if character in "\n\t":
        return character
    if character in "\r" or character in _BREAKS:
        return "\n"
    if character in _BIDI:
        return ""
    return character if unicodedata.category(character) not in ("Cc", "Cs", "Cn", "Co", "Cf") else ""


def one_line(text: str, limit: int = NAME_CHARACTERS) -> str:
    """`clean` without line breaks and tabs."""
    return clean(" ".join(clean(text, limit).split()), limit)


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    flat = one_line(text)
    return f"'{flat}" if flat[:1] in tuple("=+-@") else flat


def markdown(text: str) -> str:
    """One line of literal text: no markup, link, mention or HTML of theirs is alive."""
    return (
        _MARKDOWN.sub(r"\\\1", one_line(text, MESSAGE_CHARACTERS))
        .replace("\\<", "&lt;")
        .replace("\\>", "&gt;")
        .replace("\\&", "&amp;")
        .replace("\\@", "&#64;")
    )


def code_block(text: str) -> str:
    """A Markdown code block that its content cannot close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def number(value: float) -> str:
    """2.0 as "2", 0.1 + 0.2 as "0.3"."""
    return f"{round(value, 6):g}"
