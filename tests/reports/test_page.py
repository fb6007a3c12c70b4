"""The pages: well built, self-contained, readable without colour, and what they say of a class."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from grader.model import ArtefactResult, CheckResult, Outcome, Report, Status, Visibility, combine
from grader.reports.digest import digest
from grader.reports.page import SIGNS, feedback_html, feedback_markdown, histogram, index_html, percent
from grader.reports.run import RunInfo
from grader.reports.schema import tidy
from grader.reports.summary import summary_md

Make = Callable[..., Report]
MakeCheck = Callable[..., CheckResult]
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Elements with their attributes, the words of a page, and whether every element is closed where it must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.cells: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def entries(report: Make, check: MakeCheck, artefact: ArtefactResult) -> list[tuple[str, Report]]:
    """A class of four: all outcomes, a rejection, a fault, an artefact."""
    checks = [
        check(
            name=f"test_{one}", title=f"title {one}", outcome=one, visibility=Visibility.HIDDEN if place else Visibility.VISIBLE
        )
        for place, one in enumerate(Outcome)
        if one is not Outcome.GRADER_ERROR
    ]
    return [
        ("ada", tidy(report("ada", *checks, artefacts=(artefact,)))),
        ("ben", tidy(report("ben", *(replace(one, outcome=Outcome.PASSED, earned=2.0) for one in checks)))),
        ("cleo", tidy(report("cleo", status=Status.REJECTED, reason="no fed_avg.py", score=0.0, max_score=12.0))),
        ("dan", tidy(report("dan", status=Status.GRADER_ERROR, reason="the checker died", score=None, max_score=12.0))),
    ]


def pages(entries: list[tuple[str, Report]], run: RunInfo) -> list[str]:
    return [index_html(entries, run), *(feedback_html(report) for _, report in entries)]


def test_nothing_is_loaded_run_or_left_open(entries: list[tuple[str, Report]], run: RunInfo) -> None:
    for text in pages(entries, run):
        page = Page(text)
        assert not {"script", "link", "img", "iframe", "form", "object"} & {tag for tag, _ in page.elements}
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on") or name == "src"]
        policies = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
        assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
        assert not re.search(r"url\(|@import|https?:", text)


def test_the_heat_map_is_a_table_with_headers_and_words(entries: list[tuple[str, Report]], run: RunInfo) -> None:
    page = Page(index_html(entries, run))
    assert {attributes.get("scope") for attributes in page.all("th")} == {"col", "row"}
    assert len(page.all("caption")) == len(page.all("table"))
    assert page.all("html") == [{"lang": "en"}]
    for outcome in ("passed", "failed", "timed out", "out of memory", "skipped"):
        assert [cell for cell in page.cells if cell.endswith(outcome) and cell != outcome], outcome


def test_a_check_is_in_the_same_column_for_every_student(report: Make, check: MakeCheck, run: RunInfo) -> None:
    """Also where a stored report of an older release lacks one."""
    first, second = check(name="test_a"), check(name="test_b", outcome=Outcome.FAILED)
    text = index_html([("ada", report("ada", first, second)), ("ben", report("ben", second))], run)
    cells = Page(text).cells
    assert cells[cells.index("ben") :][:4] == ["ben", "0", "", f"{SIGNS['failed']}failed"]


def test_signs_differ_so_that_colour_says_nothing_new() -> None:
    assert len(set(SIGNS.values())) == len(SIGNS) == len(Outcome)


def test_problems_are_listed_with_faults_of_ours_first(entries: list[tuple[str, Report]], run: RunInfo) -> None:
    cells = Page(index_html([*entries, ("eve", combine("eve", 7, (), "a link inside"))], run)).cells
    assert cells[3:6] == ["dan", "fed_avg", "the checker died"]
    assert cells[9:15] == ["cleo", "fed_avg", "no fed_avg.py", "eve", "all", "a link inside"]


def test_who_lacks_an_exercise_is_folded_away_and_nobody_else(report: Make, check: MakeCheck, run: RunInfo) -> None:
    def class_of(**different: object) -> list[tuple[str, Report]]:
        return [(f"s{n}", report(f"s{n}", **different)) for n in range(40)]

    graded = report("ada", check()).exercises[0]
    partly = combine("ada", 7, (graded, replace(graded, exercise="partition", status=Status.REJECTED, score=0.0)))
    whole = class_of(status=Status.REJECTED, reason="empty", score=0.0)
    faults = class_of(status=Status.GRADER_ERROR, reason="died", score=None)
    page = Page(index_html([*whole, *faults, *[("ada", partly)] * 40], run))
    assert ["open" in one for one in page.all("details")] == [True, True, False]
    assert all(f"{kind}: 40 students" in page.words for kind in ("Faults of the grader", "Rejected", "Rejected in part"))


def test_a_hint_stands_once_an_exercise_and_not_beside_a_skipped_check(report: Make, check: MakeCheck) -> None:
    outcomes = [Outcome.SKIPPED, Outcome.FAILED, Outcome.CRASHED]
    made = report("ada", *(check(name=f"test_{one}", outcome=one, hint="divide once") for one in outcomes))
    text = feedback_markdown(made)
    assert text.count("Hint: divide once") == feedback_html(made).count("Hint: divide once") == 1
    assert text.index("failed") < text.index("Hint") < text.index("crashed")


def test_a_folder_with_odd_letters_is_linked_rightly(report: Make, check: MakeCheck, run: RunInfo) -> None:
    page = Page(index_html([("清 水#1", report("清水", check()))], run))
    assert "%E6%B8%85%20%E6%B0%B4%231/feedback.html" in {one["href"] for one in page.all("a")}


def test_the_histogram_counts_everybody_once(report: Make, check: MakeCheck) -> None:
    scores = [0.0, 0.3, 0.6, 0.7, 0.95, 1.0, 1.0]
    reports = [report(f"s{n}", check(points=1.0, earned=score)) for n, score in enumerate(scores)]
    assert [bar.count for bar in histogram(digest(reports)[0])] == [1, 0, 0, 1, 0, 0, 1, 1, 0, 3]


def test_the_histogram_is_told_in_words(entries: list[tuple[str, Report]], run: RunInfo) -> None:
    (svg,) = Page(index_html(entries, run)).all("svg")
    assert svg["role"] == "img"
    assert svg["aria-label"] == "Number of students by points: 1.2 to 2.4 points: 1; 10.8 to 12 points: 1"


@pytest.mark.parametrize(("share", "written"), [(0.0, "0 %"), (0.001, "1 %"), (0.5, "50 %"), (0.999, "99 %"), (1.0, "100 %")])
def test_nearly_all_is_not_all(share: float, written: str) -> None:
    assert percent(share) == written


def test_the_feedback_says_the_points_and_what_the_file_is(entries: list[tuple[str, Report]]) -> None:
    page = Page(feedback_html(entries[0][1]))
    assert "ada: 2 of 12 points" in page.words
    assert "opset 21 of ai.onnx; inputs: x float32 (any, 64)" in page.words
    assert "no score yet" in Page(feedback_html(entries[3][1])).words


def test_page_and_markdown_tell_the_same_checks(entries: list[tuple[str, Report]]) -> None:
    page, text = Page(feedback_html(entries[0][1])).words, feedback_markdown(entries[0][1])
    for one in entries[0][1].exercises[0].checks:
        assert one.title.replace("_", "\\_") in text
        assert one.title in page


def test_an_empty_class_has_a_page(run: RunInfo) -> None:
    assert "0 submissions" in Page(index_html([], run)).words


HOSTILE = [
    "![x](http://x) [link](javascript:x) <http://x> www.example.com http://x.org a@b.example",
    "<script>alert(1)</script> <b onclick=x>",
    "</pre></details></main><h1>",
    "```\n# heading\n![x](y)\n~~~",
    "    indented\n> quote\n1. item\n| a | b |\n| - | - |",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_markdown_reader_finds_no_markup_of_theirs(report: Make, check: MakeCheck, run: RunInfo, text: str) -> None:
    def elements(text: str) -> list[str]:
        failed = check(outcome=Outcome.FAILED, message=text, stdout=text, hint=text, diagnosis=text)
        entries = [tidy(report(text, failed)), tidy(report(text, status=Status.REJECTED, reason=text, score=0.0))]
        reader = MarkdownIt("commonmark").enable("table")
        written = [*map(feedback_markdown, entries), summary_md(entries, run)]
        return [tag for one in written for tag, _ in Page(reader.render(one)).elements]

    assert elements(text) == elements("harmless")
