import ast
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.submissions.notebook import Broken, Cell, code_cells, module_source, python_only


def notebook(*cells: dict) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}).encode()


def code(source: str | list[str], *tags: str) -> dict:
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source, "outputs": [], "execution_count": None}


def test_code_cells_are_read_in_order_without_the_text_between() -> None:
    content = notebook(
        code("a = 1"), {"cell_type": "markdown", "metadata": {}, "source": "# b"}, code(["c = 3\n", "d = 4"], "fed_avg")
    )
    assert code_cells(content) == (Cell("a = 1", frozenset()), Cell("c = 3\nd = 4", frozenset({"fed_avg"})))


def test_the_old_format_with_worksheets_is_read() -> None:
    content = json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1"]}]}]}).encode()
    assert code_cells(content) == (Cell("x = 1", frozenset()),)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no JSON"),
        (b'{"cells": [', "no JSON"),
        (b"[]", "no list of cells"),
        (b'{"cells": {}}', "no list of cells"),
        (b'{"cells": [{"cell_type": "code", "source": 3}]}', "no text"),
        (b'{"cells": [{"cell_type": "code", "source": [["x"]]}]}', "no text"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"cells": [' + b"{}," * 1_000_001 + b"{}]}", "items"),
        (b'{"cells": [' + b"9" * 10_000 + b"]}", "no JSON"),
        (notebook(code("x" * 300_000)), "too much code"),
    ],
)
def test_a_broken_notebook_says_why(content: bytes, why: str) -> None:
    with pytest.raises(Broken, match=why):
        code_cells(content)


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["cells", "cell_type", "source", "metadata", "tags", "code"]), inner)
        ),
    )
)
def test_any_json_is_cells_or_broken(value: object) -> None:
    try:
        cells = code_cells(json.dumps({"cells": [value]}).encode())
    except Broken:
        return
    assert all(isinstance(cell.source, str) for cell in cells)


def test_cells_are_joined_by_a_blank_line() -> None:
    assert module_source([Cell("a = 1\n", frozenset()), Cell("b = 2", frozenset())]) == b"a = 1\n\nb = 2\n"


@pytest.mark.parametrize(
    ("cell", "module"),
    [
        ("%matplotlib inline\nx = 1", "# %matplotlib inline\nx = 1"),
        ("!pip install torch\nx = 1", "# !pip install torch\nx = 1"),
        ("!echo a \\\n  b\nx = 1", "# !echo a \\\n  # b\nx = 1"),
        ("np.mean?\n?np.mean\nx = 1", "# np.mean?\n# ?np.mean\nx = 1"),
        ("files = !ls\nt = %time f()", "# files = !ls\n# t = %time f()"),
        ("if x:\n    %load_ext a", "if x:\n    pass  # %load_ext a"),
        ("%%time\nx = 1", "# %%time\nx = 1"),
        ("\n%%bash\nls\n  cd x\n", "\n# %%bash\n# ls\n  # cd x\n"),
    ],
)
def test_what_only_ipython_understands_becomes_a_comment(cell: str, module: str) -> None:
    assert python_only(cell) == module


@pytest.mark.parametrize(
    "cell",
    [
        'text = ("%s"\n  % name)',
        "x = 7\nx %= 4\ny = x \\\n  % 3",
        '"""\n%not a magic\n!nor this\nhelp?\n"""\nx = 1',
        "s = 'it\\'s'  # (\nx = 1",
        "a = x != y",
        "f(a, [\n!b\n])",
    ],
)
def test_python_is_left_as_it_is(cell: str) -> None:
    assert python_only(cell) == cell


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["%", "!", "?", "x", "=", " ", "\n", "\\", "'", '"', '"""', "#", "(", ")", "%%bash", "%%time", "\x0c"])
    ).map("".join)
)
def test_no_line_is_added_or_lost(cell: str) -> None:
    assert python_only(cell).count("\n") == cell.count("\n")


def test_every_repository_module_would_survive_as_a_cell() -> None:
    import grader.submissions.notebook as module

    with open(module.__file__, encoding="utf-8") as file:
        source = file.read()
    assert python_only(source) == source
    ast.parse(source)


@pytest.mark.parametrize("piece", ["\n", "(", '"""', "'", "\\\n", "%a\n", "x=", "x ", '"', "''' ", "[\n"])
def test_a_hostile_cell_is_scanned_in_linear_time(piece: str) -> None:
    cell = piece * ((1 << 18) // len(piece))
    start = time.monotonic()
    python_only(cell)
    assert time.monotonic() - start < 5


def test_a_lone_surrogate_does_not_fail_us() -> None:
    cells = code_cells(b'{"cells": [{"cell_type": "code", "source": "x = \\"\\ud800\\""}]}')
    assert module_source(cells).startswith(b'x = "')
