"""The cookbook: every question on it is answered as printed, by the command that it shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import cookbook_pages
import pixels
import pytest
from cookbook_pages import DOCS, FIRST, PAGES
from draw import gallery

from traceql.questions import catalog

if TYPE_CHECKING:
    from pathlib import Path

TEXT = {page: page.read_text(encoding="utf-8") for page in (FIRST, *PAGES)}
#: Question → what stands below it.
QUESTIONS = [
    (page, *part.split("\n", 1))
    for page in PAGES
    for part in re.split(r"^### ", TEXT[page], flags=re.MULTILINE)[1:]
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first page's commands made the database, and are what it shows."""
    place = tmp_path_factory.mktemp("cookbook")
    assert cookbook_pages.prepare(place) == TEXT[FIRST]
    return place


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_print_and_draw(page: Path, folder: Path) -> None:
    made = cookbook_pages.made(page, folder)
    assert made.text == TEXT[page]
    for name, picture in made.pictures.items():
        wanted = pixels.decoded((cookbook_pages.FOLDER / name).read_bytes())
        assert pixels.differing(picture, wanted) <= gallery.MOST_APART, name


def test_pictures_of_the_cookbook_are_few_bytes_and_each_is_shown() -> None:
    shown = re.findall(r"\]\(cookbook/([^)]+)\)", "".join(TEXT.values()))
    files = {file.name: file.stat().st_size for file in cookbook_pages.FOLDER.iterdir()}
    assert sorted(shown) == sorted(files)
    assert max(files.values()) <= 35_000
    assert sum(files.values()) <= 9_000 * len(files)


def test_a_question_that_has_a_chart_has_its_picture() -> None:
    """But where what the chart draws was not measured, or not of these rows."""
    bare = set()
    for _, title, text in QUESTIONS:
        asked = re.search(r"^\$ traceql (query|chart) (\S+)", text, re.MULTILINE)
        if asked and " -o " not in text and catalog.shipped().find(asked[2]).pictures and "![" not in text:
            bare.add(title)
    assert bare == {
        "Are the tensor cores used?",
        "Are there bank conflicts in shared memory?",
        "How busy are NVLink and PCIe while collectives run?",
    }


def test_sixty_questions_are_asked_each_once_and_each_is_answered() -> None:
    titles = [title for _, title, _ in QUESTIONS]
    assert len(titles) == len(set(titles)) >= 60
    for page, title, text in QUESTIONS:
        assert title.endswith("?"), title
        answers = re.findall(
            r"^```(?:console|sql|python)\n(?:.*?)^```$(?:\n+```text\n.+?^```$)?",
            text,
            re.DOTALL | re.MULTILINE,
        )
        assert len(answers) == 1, (page.name, title)
        # More than the command: what it prints, or the file that it writes.
        (answer,) = answers
        printed = [line for line in answer.splitlines() if not line.startswith(("$", "```", "    ", "…"))]
        assert printed or " -o " in answer, (page.name, title)


def test_one_command_answers_or_a_few_lines() -> None:
    for page, title, text in QUESTIONS:
        assert text.count("\n$ ") <= 1, (page.name, title)
        for code in re.findall(r"^```(?:sql|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            assert len(code.splitlines()) <= 8, (page.name, title)


def test_the_first_page_lists_the_others_with_all_of_their_questions() -> None:
    for page in PAGES:
        assert f"]({page.name})" in TEXT[FIRST]
    for page, title, _ in QUESTIONS:
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        assert f"[{title}]({page.name}#{anchor})" in TEXT[FIRST], title


def test_pictures_and_links_are_there() -> None:
    for page, text in TEXT.items():
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            assert link.startswith("https://") or (DOCS / link).exists(), (page.name, link)


def test_questions_of_every_kind_are_asked() -> None:
    """Of each topic of the catalogue the cookbook asks at least one, but of what has no recording here."""
    asked = set(
        re.findall(r"^\$ traceql (?:query|chart) ([a-z0-9-]+)", "\n".join(TEXT.values()), re.MULTILINE)
    )
    topics = {catalog.shipped().find(name).topic for name in asked}
    everything = {query.topic for query in catalog.shipped().queries.values()}
    assert everything - topics == {"findings", "hardware", "os", "sweeps", "timeline"}
