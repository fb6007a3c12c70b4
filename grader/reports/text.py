"""Hygiene: everything that came from a submission is hostile text, in every format."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MESSAGE_CHARACTERS = 4_000
NAME_CHARACTERS = 200
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_SEQUENCES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating-system commands, such as a window's title
    r"|\x1b[P^_X][^\x1b]*(?:\x1b\\)?"
    r"|[\x1b\x9b]\[?[0-?]*[ -/]*[@-~]"
)
# What CI services take for a command where they find it in a log: `::` at a line's start, which they look for behind
# its blanks, `##[` and `##vso[` anywhere.
_COMMANDS = re.compile(r"(?m)^([^\S\n]*):(?=:)|##(?=\[|vso\[)")
_SUSPECT = re.compile(r"::|##|0x")
_UNUSUAL = re.compile(r"[^\t -~]")
_BREAKS = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
# At a cell's start, also where a spreadsheet that separates by semicolons would begin one; the wide forms count in some locales.
_FORMULA = re.compile(r"(^|;)(?=\s*[=+\-@＝＋－＠])")
_MARKDOWN = re.compile(r"[\\`*_{}\[\]()|~^$]|:(?=\S)|^[-+=]")
_NUMBERED = re.compile(r"^(\d{1,9})\.")
# Services look for mentions, issues and addresses in the rendered text, where an escape is gone: an invisible space stays.
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;&#8203;", "#": "&#35;&#8203;"}
_LIVE = re.compile(r"[<>&@#]|(?i:(?<=www)\.|(?<=\bGH)-)")


def clean(text: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """Printable text of at most `limit` characters; line feeds and tabs stay.

    Terminal sequences, commands to CI services, control, bidi and unassigned characters, lone surrogates and
    noncharacters go; memory addresses are made alike, since they differ from run to run.
    """
    if len(text) <= limit and text.isprintable() and not _SUSPECT.search(text):
        return text  # nearly every text
    # A million characters of rubbish cost no more than what is kept of them.
    window = text[: 4 * limit + 1000]
    kept = _SEQUENCES.sub("", window).replace("\r\n", "\n")
    kept = "\n".join(map(_printable_line, kept.split("\n")))
    kept = _ADDRESS.sub("0x…", kept)
    kept = _COMMANDS.sub(lambda match: "# #" if match[1] is None else f"{match[1]}: ", kept)
    return cut(kept, limit) if len(text) == len(window) else kept[: max(0, limit - 1)] + "…"


def cut(text: str, limit: int) -> str:
    """A clean text of at most `limit` characters, one of them the mark of the cut; a cut text stays clean."""
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"[:limit]


def _printable_line(line: str) -> str:
    if line.replace("\t", "").isprintable():
        return line
    return _UNUSUAL.sub(lambda match: _printable(match[0]), line)


@lru_cache(maxsize=4096)
def _printable(character: str) -> str:
    if character in _BREAKS:
        return "\n"
    # Cf holds the bidi marks, overrides and isolates; Cn the noncharacters.
    return character if unicodedata.category(character) not in ("Cc", "Cs", "Cn", "Co", "Cf") else ""


def one_line(text: str, limit: int = NAME_CHARACTERS) -> str:
    """`clean` without line breaks and tabs."""
    return clean(" ".join(clean(text, limit).split()), limit)


def log_line(text: str, limit: int = NAME_CHARACTERS) -> str:
    """One line that stays harmless in a log wherever it is put or folded: no `::` at all."""
    return re.sub(":(?=:)", ": ", one_line(text, limit))[:limit]


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return _FORMULA.sub(r"\1'", one_line(text))


def markdown(text: str) -> str:
    """One line of literal text: no markup, link, mention or HTML of theirs is alive."""
    flat = _MARKDOWN.sub(r"\\\g<0>", one_line(text, MESSAGE_CHARACTERS))
    flat = _NUMBERED.sub(r"\1\\.", flat)
    return _LIVE.sub(lambda match: _ENTITIES.get(match[0], f"{match[0]}&#8203;"), flat)


def code_block(text: str) -> str:
    """A Markdown code block that its content cannot close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def number(value: float) -> str:
    """2.0 as "2", 0.1 + 0.2 as "0.3"."""
    return f"{round(value, 6) + 0.0:.12g}"
