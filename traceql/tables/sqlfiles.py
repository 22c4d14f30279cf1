"""SQL files whose leading comment says what they are.

::

    -- One sentence on what the file answers or makes.
    --
    -- More text.
    -- @tag   rest of the line
    --        and what did not fit into it, behind eight blanks or more

    SELECT …

Queries, views and normalisation steps share this form; what their tags mean is up to their owners.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from traceql import given
from traceql.errors import CatalogError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@dataclass(frozen=True)
class Tag:
    """One ``@name text`` line of a header, and where it stands."""

    name: str
    text: str
    line: int


@dataclass(frozen=True)
class SqlFile:
    """A parsed SQL file.

    Attributes:
        stem: the file name without ``.sql``.
        title: first line of the header.
        body: the other lines of the header that are no tags.
        tags: in order.
        sql: everything after the header.
        label: file name for error messages.
    """

    stem: str
    title: str
    body: str
    tags: tuple[Tag, ...]
    sql: str
    label: str

    def texts(self, name: str) -> list[str]:
        """The texts of all tags of that name."""
        return [tag.text for tag in self.tags if tag.name == name]


def parse(text: str, label: str) -> SqlFile:
    r"""Parse the content of a SQL file.

    >>> file = parse("-- Counts.\n-- @column n BIGINT  how many\nSELECT 1 AS n", "count.sql")
    >>> file.title, file.texts("column"), file.sql
    ('Counts.', ['n BIGINT  how many'], 'SELECT 1 AS n')

    Raises:
        CatalogError: there is no header.
    """
    lines = text.splitlines()
    count = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    header = [line[2:].rstrip() for line in lines[:count]]
    if not header or not header[0].strip():
        raise CatalogError(
            f"{label}:1: the first line must be a comment that says what the file is for",
            "Begin it with: -- What does it answer?",
        )
    for number, line in enumerate(header, start=1):
        if not line.replace("\t", " ").isprintable():
            # Help and lists show the header, whoever wrote it.
            raise CatalogError(
                f"{label}:{number}: the header holds a character that cannot be seen", "Leave it out."
            )
    tags: list[Tag] = []
    body = []
    for number, line in enumerate(header[1:], start=2):
        text = line.strip()
        if text.startswith("@"):
            name, _, rest = text[1:].partition(" ")
            tags.append(Tag(name, rest.strip(), number))
        elif tags and line.startswith(" " * 8):
            tags[-1] = replace(tags[-1], text=f"{tags[-1].text} {text}")
        else:
            body.append(text)
    return SqlFile(
        stem=label.rsplit("/", 1)[-1].removesuffix(".sql"),
        title=header[0].strip(),
        body="\n".join(body).strip(),
        tags=tuple(tags),
        sql="\n".join(lines[count:]).strip().rstrip(";"),
        label=label,
    )


def load(file: Traversable, label: str) -> SqlFile:
    """Read and parse one file; see `parse`.

    Raises:
        CatalogError: it cannot be read, or there is no header.
    """
    content = given.content(file, label, CatalogError, "It must be a file that you may read.")
    try:
        text = given.decoded(content)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise CatalogError(f"{label}:{line}: not UTF-8 text", "Save the file as UTF-8.") from None
    return parse(text, label)


def untagged(file: Traversable, label: str) -> str:
    """The SQL of a file whose header says in words alone what it is for; see `load`.

    Raises:
        CatalogError: it has tags, which nobody would read.
    """
    found = load(file, label)
    for tag in found.tags:
        raise CatalogError(f"{label}:{tag.line}: unknown tag @{tag.name}", "This file has no tags.")
    return found.sql
