"""The pages of the cookbook, made by their own commands: ``python tests/cookbook_pages.py`` writes them again.

A page keeps its text. What is made is what stands below each ``$`` line, and in the text block behind each block of
SQL or Python: the first lines of what that prints, in a folder in which only `docs` and `tests` of this repository lie,
and the database that the commands of docs/cookbook.md make. The Python of a page is one program. That first page lists
the questions of each.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import consoles

from traceql import Database

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
#: The first makes the database that all ask.
FIRST = DOCS / "cookbook.md"
PAGES = sorted(DOCS.glob("cookbook-*.md"))
#: Lines that are shown of an answer: its head, and the first rows.
MOST_LINES = 10

_BLOCK = re.compile(
    r"^```(?P<language>console|sql|python)\n(?P<content>.*?)^```$(?:\n+```text\n.*?^```$)?",
    re.DOTALL | re.MULTILINE,
)
_LIST = re.compile(r"^<!-- questions: (.*?) -->\n(?:\n(?:- .*\n)+)?", re.MULTILINE)


def questions(page: Path) -> list[str]:
    """Those that a page answers, which are its third headings."""
    return re.findall(r"^### (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)


def prepare(folder: Path) -> str:
    """Make the database in an empty folder; the first page as its commands make it."""
    for name in ("docs", "tests"):
        (folder / name).symlink_to(ROOT / name)
    return _LIST.sub(_listed, made(FIRST, folder))


def made(page: Path, folder: Path) -> str:
    """The page as its commands make it, in a folder that was prepared."""
    program: dict[str, Any] = {}

    def again(block: re.Match[str]) -> str:
        language, content = block["language"], block["content"]
        if language == "console":
            return consoles.block(content, folder, most_lines=MOST_LINES)
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
    return text


def _listed(found: re.Match[str]) -> str:
    def anchor(title: str) -> str:
        return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")

    links = (f"- [{title}]({found[1]}#{anchor(title)})\n" for title in questions(DOCS / found[1]))
    return f"<!-- questions: {found[1]} -->\n\n{''.join(links)}"


def _python(code: str, program: dict[str, Any], folder: Path) -> str:
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(code, "<page>", "exec"), program)
    return printed.getvalue()


def _main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for page in (FIRST, *PAGES):
            began = datetime.now()
            text = prepare(Path(folder)) if page == FIRST else made(page, Path(folder))
            page.write_text(text, encoding="utf-8")
            print(f"{page.name}: {datetime.now() - began}, {len(questions(page))} questions")


if __name__ == "__main__":
    _main()
