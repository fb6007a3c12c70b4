"""Reads a notebook as data and makes a module of its code cells; what only IPython understands becomes a comment.

The JSON is read with a limit on its size and number of items, and no code is parsed or run here: a notebook is as
untrusted as everything else that is handed in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MOST_ITEMS = 1_000_000
MOST_CODE_CHARACTERS = 1 << 18
# Cell magics whose body is Python that the notebook itself runs; any other body (%%bash, %%html, ...) is no code of the module.
_PYTHON_CELLS = frozenset({"time", "timeit", "capture", "prun"})
# Lines that only IPython understands, valid in no Python where a statement begins: %magic, !shell, ?help, help?, x = !shell.
_ONLY_IPYTHON = re.compile(r"[ \t]*+(?:[%!?]|[\w.*]++\?{1,2}[ \t]*$|[\w.,\t ]++=[ \t]*[!%])")
_PIECE = re.compile(
    r"""
    (?P<comment>\#[^\n]*+)
    | (?P<long>\"{3}(?:[^\\"]++|\\.|"(?!""))*+(?:\"{3}|\Z) | '{3}(?:[^\\']++|\\.|'(?!''))*+(?:'{3}|\Z))
    | (?P<short>"(?:[^\\"\n]++|\\.)*+"? | '(?:[^\\'\n]++|\\.)*+'?)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<joined>\\\n)
    | (?P<end>\n)
    """,
    re.VERBOSE | re.DOTALL,
)


class Broken(Exception):
    """The file is no notebook that can be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell: its Python with `\\n` line ends, and its tags."""

    source: str
    tags: frozenset[str]


def code_cells(content: bytes, most_code: int = MOST_CODE_CHARACTERS) -> tuple[Cell, ...]:
    """The code cells in order, of notebook formats 3 and 4, what only IPython understands as comments.

    Broken where there is no telling what they are, and for over `most_code` characters of code: scanning takes a second a MiB.
    """
    try:
        text = content.decode("utf-8-sig")
        if sum(map(text.count, ",[{")) > MOST_ITEMS:
            raise Broken(f"over {MOST_ITEMS:,} items in it")
        notebook = json.loads(text)
    except UnicodeDecodeError as error:
        raise Broken("it is not UTF-8") from error
    except RecursionError as error:
        raise Broken("it is nested too deeply") from error
    except ValueError as error:
        raise Broken("it is no JSON") from error
    cells = tuple(_cell(cell) for cell in _cells(notebook) if isinstance(cell, dict) and cell.get("cell_type") == "code")
    if sum(len(cell.source) for cell in cells) > most_code:
        raise Broken("too much code in it")
    return tuple(Cell(python_only(cell.source), cell.tags) for cell in cells)


def _cells(notebook: Any) -> list[Any]:
    if isinstance(notebook, dict) and isinstance(notebook.get("cells"), list):
        return list(notebook["cells"])
    sheets = notebook.get("worksheets") if isinstance(notebook, dict) else None
    if not isinstance(sheets, list):
        raise Broken("it has no list of cells")
    return [
        cell for sheet in sheets if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list) for cell in sheet["cells"]
    ]


def _cell(cell: dict[str, Any]) -> Cell:
    source = cell.get("source", cell.get("input", ""))
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise Broken("the source of a code cell is no text")
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    text = "".join(lines).replace("\r\n", "\n").replace("\r", "\n")
    return Cell(text, frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else frozenset())


def module_source(cells: Iterable[Cell]) -> bytes:
    """One module of the cells, a blank line between them."""
    text = "\n\n".join(cell.source.rstrip("\n") for cell in cells) + "\n"
    # A lone surrogate makes a file that Python refuses to import, which is for the student to hear, not for us to fail on.
    return text.encode("utf-8", "surrogatepass")


def python_only(cell: str) -> str:
    """`cell` with the lines that only IPython understands as comments. No line is added or lost."""
    magic = re.match(r"\s*%%(\w*)[^\n]*\n?", cell)
    if magic is None:
        return "".join(_statements(cell, 0))
    head, body = cell[: magic.end()], magic.end()
    if magic[1] in _PYTHON_CELLS:
        return _commented(head) + "".join(_statements(cell, body))
    return _commented(cell)


def _statements(cell: str, position: int) -> Iterator[str]:
    """The logical lines from `position` on: a `%` within brackets or a string is an operator or text, never a magic."""
    while position < len(cell):
        if _ONLY_IPYTHON.match(cell, position, _line_end(cell, position)):
            end = _line_end(cell, position)
            while end < len(cell) and cell[end - 1] == "\\":
                end = _line_end(cell, end + 1)
            end = min(end + 1, len(cell))
            yield _commented(cell[position:end], statement=True)
        else:
            end = _statement_end(cell, position)
            yield cell[position:end]
        position = end


def _line_end(cell: str, position: int) -> int:
    end = cell.find("\n", position)
    return len(cell) if end < 0 else end


def _statement_end(cell: str, position: int) -> int:
    depth = 0
    for piece in _PIECE.finditer(cell, position):
        kind = piece.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "end" and depth == 0:
            return piece.end()
    return len(cell)


def _commented(text: str, *, statement: bool = False) -> str:
    """`text` as comments; a `statement` that is indented leaves a `pass`, since it may be all that its block has."""
    lines = text.splitlines(keepends=True)
    return "".join(_comment(line, "pass  # " if statement and number == 0 else "# ") for number, line in enumerate(lines))


def _comment(line: str, mark: str) -> str:
    bare = line.lstrip(" \t")
    indent = line[: len(line) - len(bare)]
    if not bare.strip():
        return line
    return f"{indent}{mark if indent else '# '}{bare}"
