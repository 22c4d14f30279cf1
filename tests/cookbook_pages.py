"""The pages of the cookbook, made by their own commands: ``python tests/cookbook_pages.py`` writes them again.

A page keeps its text. What is made is what stands below each ``$`` line, and in the text block behind each block of
SQL or Python: the first lines of what that prints, in a folder in which only `docs` and `tests` of this repository lie,
and the database that the commands of docs/cookbook.md make. The Python of a page is one program. That first page lists
the questions of each. Below the answer of a question that has a chart stands its picture, which the same command draws
with ``chart`` in place of ``query``: one of the gallery, where that is the same, or else one in docs/cookbook.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import consoles
import pixels
from draw import gallery

from traceql import Database
from traceql.questions import catalog

if TYPE_CHECKING:
    import numpy as np

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
#: The first makes the database that all ask.
FIRST = DOCS / "cookbook.md"
PAGES = sorted(DOCS.glob("cookbook-*.md"))
#: Lines that are shown of an answer: its head, and the first rows.
MOST_LINES = 10

#: Pictures that the gallery does not have.
FOLDER = DOCS / "cookbook"

_BLOCK = re.compile(
    r"^```(?P<language>console|sql|python)\n(?P<content>.*?)^```$(?:\n+```text\n.*?^```$)?"
    r"(?P<picture>\n\n!\[[^\n]*\]\([^\n]*\.png\)$)?",
    re.DOTALL | re.MULTILINE,
)
# Of how an answer is shown, which a picture has no use for: options with a value.
_SHOWN = ("--columns", "--format", "-o")
_LIST = re.compile(r"^<!-- questions: (.*?) -->\n(?:\n(?:- .*\n)+)?", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A page as its commands make it.

    Attributes:
        text: of it.
        pictures: name → those that it shows, but for those of the gallery.
    """

    text: str
    pictures: dict[str, np.ndarray] = field(default_factory=dict)


def questions(page: Path) -> list[str]:
    """Those that a page answers, which are its third headings."""
    return re.findall(r"^### (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)


def prepare(folder: Path) -> str:
    """Make the database in an empty folder; the first page as its commands make it."""
    for name in ("docs", "tests"):
        (folder / name).symlink_to(ROOT / name)
    return _LIST.sub(_listed, made(FIRST, folder).text)


def made(page: Path, folder: Path) -> Page:
    """The page as its commands make it, in a folder that was prepared."""
    program: dict[str, Any] = {}
    pictures: dict[str, np.ndarray] = {}

    def again(block: re.Match[str]) -> str:
        language, content = block["language"], block["content"]
        if language == "console":
            shown = consoles.block(content, folder, most_lines=MOST_LINES)
            title = re.findall(r"^### (.*)$", block.string[: block.start()], re.MULTILINE)[-1:]
            picture = _picture(content, title[0], pictures, folder) if title else None
            return shown + (block["picture"] or "" if picture is None else picture)
        if language == "sql":
            printed = consoles.run(["sql"], folder, stdin=content).stdout
        else:
            printed = _python(content, program, folder)
        text = "".join(f"{line}\n" for line in consoles.lines(printed, MOST_LINES))
        return f"```{language}\n{content}```" + (f"\n\n```text\n{text}```" if text else "")

    text = _BLOCK.sub(again, page.read_text(encoding="utf-8"))
    for thing in program.values():
        if isinstance(thing, Database):
            thing.close()
    return Page(text, pictures)


def _picture(content: str, title: str, pictures: dict[str, np.ndarray], folder: Path) -> str | None:
    """The picture of the command of a block, as the page has it; None if its question has no chart."""
    command = re.match(r"\$ ((?:.*\\\n)*.*)\n", content)
    assert command is not None
    _, kind, *words = shlex.split(command[1].replace("\\\n", " "))
    # What goes into a file is not looked at here.
    if kind not in ("query", "chart") or (kind == "query" and "-o" in words):
        return None
    if not (asked := catalog.shipped().find(words[0])).pictures:
        return None
    # Every answer may be cut short and put in another order; a chart where its question says so.
    not_asked = {f"--{name}" for name in ("limit", "sort")} - {f"--{one.name}" for one in asked.params}
    for option in (*_SHOWN, *not_asked):
        while option in words:
            at = words.index(option)
            del words[at : at + 2]
    try:
        consoles.run(["chart", *words, "-o", "picture.json"], folder)
    except RuntimeError as error:
        if "was not measured" in str(error) or "no row has" in str(error):
            return None
        raise
    specified = json.loads((folder / "picture.json").read_text(encoding="utf-8"))
    drawn = gallery.specified_as_pixels(specified)
    theirs = gallery.FOLDER / f"{asked.name}.png"
    if theirs.exists() and pixels.differing(drawn, pixels.decoded(theirs.read_bytes())) <= gallery.MOST_APART:
        return f"\n\n![{asked.title}](gallery/{theirs.name})"
    name = f"{_anchor(title)}.png"
    pictures[name] = drawn
    return f"\n\n![{asked.title}](cookbook/{name})"


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _listed(found: re.Match[str]) -> str:
    links = (f"- [{title}]({found[1]}#{_anchor(title)})\n" for title in questions(DOCS / found[1]))
    return f"<!-- questions: {found[1]} -->\n\n{''.join(links)}"


def _python(code: str, program: dict[str, Any], folder: Path) -> str:
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(code, "<page>", "exec"), program)
    return printed.getvalue()


def _main() -> None:
    pictures: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        for page in (FIRST, *PAGES):
            began = datetime.now()
            now = Page(prepare(Path(folder))) if page == FIRST else made(page, Path(folder))
            page.write_text(now.text, encoding="utf-8")
            pictures |= now.pictures
            print(
                f"{page.name}: {datetime.now() - began}, {len(questions(page))} questions, {len(now.pictures)} pictures"
            )
    for file in FOLDER.glob("*.png"):
        file.unlink()
    for name, picture in pictures.items():
        (FOLDER / name).write_bytes(pixels.encoded(picture))


if __name__ == "__main__":
    _main()
