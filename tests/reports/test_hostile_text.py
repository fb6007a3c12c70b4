"""Whatever came from a submission is dead in every format: terminal, HTML, Markdown, CSV, XML, JSON, logs."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from grader.model import CheckResult, ExerciseResult, Outcome, Report, Status, UsageError, Visibility, combine
from grader.reports import folder
from grader.reports.junit import junit_xml
from grader.reports.page import feedback_html, feedback_markdown, index_html
from grader.reports.run import RunInfo
from grader.reports.schema import from_json, schema_text, tidy, to_json
from grader.reports.scores import scores_csv
from grader.reports.student import student_json
from grader.reports.summary import summary_md
from grader.reports.terminal import render_run
from grader.reports.text import clean

RUN = RunInfo(
    "0", 7, "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:01+00:00", {"sandbox": "strong", "layers": []}, {"graded": 1}
)
HOSTILE = [
    "\x1b[2J\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "]]><evil/>&lt;",
    '=HYPERLINK("http://x","y")',
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\t=1+1",
    "![x](http://x) [link](javascript:x) @everyone #1 `code` **bold** | cell |",
    "```\n# heading\n<b>",
    "\u202eabc\u2066def",
    "a\x00b\x0bc\x85d\u2028e",
    "lone \udc80 surrogate",
    "one\rtwo\r\nthree",
    "::error file=x::boo",
    "x\n::set-output name=a::b\n##[error]x ##vso[task.complete]",
    "object at 0x7f00deadbeef",
    "x" * 200_000,
    "{{ 7 * 7 }} {% raw %}",
    "[bold]markup[/bold]",
]


def make(text: str, student: str = "ada") -> Report:
    checks = tuple(
        CheckResult(f"test_{kind}", "a title", kind, Outcome.FAILED, 1.0, 0.0, text, "a hint", None, 0.1, text)
        for kind in Visibility
    )
    result = ExerciseResult("fed_avg", "day1", Status.GRADED, None, 0.0, 2.0, "0" * 64, "0" * 64, 0.2, checks)
    rejected = ExerciseResult("partition", "day1", Status.REJECTED, text, 0.0, 10.0, "", "", 0.0)
    return combine(student, 7, (result, rejected))


def outputs(report: Report) -> dict[str, str]:
    tidied = tidy(report)
    console = Console(file=io.StringIO(), width=100, markup=False, highlight=False)
    render_run([("ada", report)], RUN, Path("out"), console)
    return {
        "report.json": to_json(tidied),
        "student.json": student_json(tidied),
        "feedback.html": feedback_html(tidied),
        "feedback.md": feedback_markdown(tidied),
        "index.html": index_html([("ada", tidied)], RUN),
        "summary.md": summary_md([tidied], RUN),
        "scores.csv": scores_csv([tidied]),
        "junit.xml": junit_xml([tidied]),
        "terminal": console.file.getvalue(),  # type: ignore[attr-defined]
    }


class Tags(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag} | {f"@{name}" for name, _ in attrs if name.startswith("on")}


def tags(page: str) -> set[str]:
    parser = Tags()
    parser.feed(page)
    return parser.seen


def is_dead(text: str) -> bool:
    return not re.search(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text.replace("\r\n", "\n")
    )


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("place", ["message", "student"])
def test_hostile_text_is_dead_in_every_format(text: str, place: str) -> None:
    report = make(text) if place == "message" else make("harmless", student=text)
    plain = outputs(make("harmless"))
    for name, written in outputs(report).items():
        assert is_dead(written), name
        written.encode("utf-8")
        assert not re.search(r"(?m)^::", written), name
        assert "##[" not in written, name
        assert "##vso[" not in written, name
        if name.endswith(".html"):
            assert tags(written) <= tags(plain[name]) | {"details", "summary", "pre"}, name
    written = outputs(report)
    json.loads(written["report.json"])
    json.loads(written["student.json"])
    suites = ElementTree.fromstring(written["junit.xml"])
    assert len(suites.findall(".//testcase")) == 3
    rows = list(csv.reader(io.StringIO(written["scores.csv"])))
    assert {len(row) for row in rows} == {13}
    assert len(rows) == 3
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\n\r")]


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_clean_text_stays_clean(text: str) -> None:
    once = clean(text, 100)
    assert is_dead(once)
    assert len(once) <= 100
    assert clean(once, 100) == once


def test_markdown_of_a_submission_is_literal() -> None:
    written = outputs(make("![x](http://x)", student="<b>[me](http://x)</b> @all"))
    heading = written["feedback.md"].splitlines()[0]
    assert "<b>" not in heading
    assert "](" not in heading
    assert "@all" not in heading


def test_a_code_block_cannot_be_closed_from_inside() -> None:
    written = outputs(make("````\n# not a heading"))["feedback.md"]
    assert "`````text" in written


def test_the_heading_shows_points_without_needless_zeros() -> None:
    assert "0 of 12 points" in outputs(make("x"))["feedback.md"]


def test_sizes_stay_within_bounds_whatever_was_printed(tmp_path: Path) -> None:
    checks = tuple(
        CheckResult(
            f"test_{n}",
            "t",
            Visibility.VISIBLE,
            Outcome.FAILED,
            1.0,
            0.0,
            "\U0001f600" * 60_000,
            None,
            None,
            0.1,
            '"&<\U0001f600' * 16_000,
        )
        for n in range(300)
    )
    result = ExerciseResult("fed_avg", "day1", Status.GRADED, None, 0.0, 300.0, "", "", 0.2, checks)
    folder.write_report(tmp_path, "ada", combine("ada", 7, (result,)))
    for name, limit in (("report.json", 16), ("student.json", 4), ("feedback.html", 4), ("feedback.md", 4)):
        assert (tmp_path / "ada" / name).stat().st_size < limit << 20, name


def test_reports_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    report = tidy(make("text"))
    assert from_json(to_json(report), "x") == report


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 2}', '{"version": 1, "version": 1}', '{"version": 1, "student": 3}']
)
def test_what_is_no_report_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="the-file"):
        from_json(text, "the-file")


def test_the_published_schema_is_the_codes(root: Path) -> None:
    assert (root / "docs" / "report.schema.json").read_text("utf-8") == schema_text()


def test_a_weak_sandbox_is_told_on_every_page_of_the_class() -> None:
    weak = RunInfo("0", 7, "", "", {"sandbox": "weak", "layers": []}, {})
    report = tidy(make("x"))
    console = Console(file=io.StringIO(), width=200)
    render_run([("ada", report)], weak, Path("out"), console)
    written = (index_html([("ada", report)], weak), summary_md([report], weak), console.file.getvalue())  # type: ignore[attr-defined]
    assert all("sandbox of this run was weak" in text for text in written)


def test_a_link_in_the_way_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out" / "ada").mkdir(parents=True)
    (tmp_path / "secret").write_text("untouched")
    (tmp_path / "out" / "ada" / "report.json").symlink_to(tmp_path / "secret")
    folder.write_report(tmp_path / "out", "ada", make("x"))
    assert (tmp_path / "secret").read_text() == "untouched"
