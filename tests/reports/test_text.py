"""The hygiene of texts: what stays, what goes, what each format's escape kills."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.reports.text import clean, code_block, csv_cell, log_line, markdown, number, one_line


@pytest.mark.parametrize(
    "text",
    [
        "expected [5.0], got [4.0]",
        "zwei\n  Zeilen\tund ein Tab",
        "清水 rózsa per-åke",
        "a[::2] is fine inside a line",
        "1e-5 ± 3",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_a_cut_is_marked() -> None:
    assert clean("x" * 5_000, 100) == "x" * 99 + "…"


def test_what_is_dropped_at_the_cut_is_marked_even_if_it_was_rubbish() -> None:
    assert clean("ok" + "\x00" * 100_000, 100).endswith("…")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07here\x1b]8;;\x07", "here"),
        ("\x9b2Jgone", "gone"),
        ("50 %\r100 %", "50 %\n100 %"),
        ("a\u202eb\u2066c", "abc"),
        ("a\ufffeb\U0001ffffc\ufdd0d", "abcd"),
        ("a\udc80b", "ab"),
        ("a\x00b\x7fc\x85d", "abc\nd"),
        ("<f at 0x7f00deadbeef>", "<f at 0x…>"),
    ],
)
def test_what_is_no_plain_text_goes(text: str, kept: str) -> None:
    assert clean(text) == kept


@pytest.mark.parametrize("blanks", ["", "  ", "\t", "\xa0", "x\n ", "x\r"])
def test_a_command_to_a_ci_service_is_dead_behind_blanks_too(blanks: str) -> None:
    """The services look for `::` behind the blanks of a line."""
    assert not re.search(r"(?m)^\s*::", clean(f"{blanks}::set-output name=a::b"))


def test_more_colons_or_hashes_than_a_command_has_do_not_help() -> None:
    assert "::" not in clean(":::::").lstrip(":")[:2]
    assert "##[" not in clean("####[error]")
    assert "##vso[" not in clean("#\x00#vso[task.complete]")


def test_a_log_line_is_harmless_wherever_it_is_folded() -> None:
    line = log_line("name :::error::boom\n::warning::x")
    assert "::" not in line
    assert "\n" not in line


def test_a_megabyte_in_one_line_costs_milliseconds() -> None:
    started = time.process_time()
    for text in ("x" * 1_000_000, "\x1b]" * 500_000, "\u202e" * 1_000_000, "0x" * 500_000, " " * 1_000_000 + "::"):
        clean(text)
        one_line(text)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "  =1", "＝1+1", "＋1", "－1", "＠x"])
def test_a_cell_is_no_formula(text: str) -> None:
    assert csv_cell(text)[0] == "'"


def test_a_cell_has_no_formula_where_cells_end_at_semicolons() -> None:
    """As in a spreadsheet of a country with decimal commas."""
    assert [part[:1] for part in csv_cell("a;=HYPERLINK(1); +2;b").split(";")] == ["a", "'", "'", "b"]


def test_an_ordinary_cell_is_not_touched() -> None:
    assert csv_cell("Doe, Jane-Anne (2)") == "Doe, Jane-Anne (2)"


@pytest.mark.parametrize(
    "live", ["<b>", "](", "`x`", "**b", "| cell", "@all", "#12", "GH-12", "www.evil", "://", ":tada:", "$x$"]
)
def test_no_markdown_of_theirs_is_alive(live: str) -> None:
    written = markdown(f"![x] {live}y")
    assert live not in re.sub(r"\\.", "\\\\", written)


@pytest.mark.parametrize("text", ["# heading", "- item", "+ item", "1. item", "123456789. item", "=== ", "> quote", "    code"])
def test_no_block_begins_where_text_of_theirs_begins_a_line(text: str) -> None:
    assert not re.match(r"#|[-+*=>]|\d+[.)]|\s", markdown(text))


def test_ordinary_text_reads_well_as_markdown() -> None:
    text = "counts are added as Python integers: np.uint8 200 + 150 is 350, the clients' own"
    assert markdown(text) == text


@given(st.text(alphabet="`~ab\n", max_size=40))
def test_a_code_block_is_closed_by_its_own_fence_alone(text: str) -> None:
    first, *content, last = code_block(text).split("\n")
    fence = first.removesuffix("text")
    assert last == fence
    assert not [line for line in content if line.strip().startswith(fence)]


@given(st.text(max_size=200), st.integers(1, 50))
@settings(max_examples=200, deadline=None)
def test_every_line_kind_keeps_its_limit(text: str, limit: int) -> None:
    assert max(len(one_line(text, limit)), len(log_line(text, limit)), len(clean(text, limit))) <= limit
    assert "\n" not in one_line(text, limit)


@pytest.mark.parametrize(
    ("value", "written"),
    [(2.0, "2"), (0.5, "0.5"), (0.1 + 0.2, "0.3"), (-0.0, "0"), (1234.125, "1234.125"), (1234567.0, "1234567")],
)
def test_points_are_written_without_needless_digits(value: float, written: str) -> None:
    assert number(value) == written
