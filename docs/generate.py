"""What the site says of the code is written from the code when it is built: a hook of mkdocs, see mkdocs.yml.

The home page is the README; the reference of commands, questions and tables is what their help, headers and
schema say. Links to what is no page of the site, but in the repository, are left out, and their text stays.
"""

from __future__ import annotations

import inspect
import re
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from mkdocs.structure.files import File

import traceql
from traceql.cli import cli
from traceql.cli.chart import chart
from traceql.cli.query import query
from traceql.questions import catalog
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

    from traceql.questions.parameters import Param
    from traceql.questions.question import Query

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
_LINK = re.compile(r"(?<!!)\[([^\]\n]*(?:\n[^\]\n]+)?)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
_QUESTIONS = "reference/questions"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name a page of questions for each topic."""
    (reference,) = (entry["Reference"] for entry in config.nav or [] if "Reference" in entry)
    (questions,) = (entry for entry in reference if "Questions" in entry)
    questions["Questions"] = [f"{_QUESTIONS}/{name}.md" for name in ("index", *_topics())]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Leave out links to what is no page of the site, but is there in the repository."""
    if page.file.src_uri == "index.md":
        return markdown
    return _LINK.sub(lambda link: _within_the_site(link, DOCS / page.file.src_uri), markdown)


def _within_the_site(link: re.Match[str], page: Path) -> str:
    target = (page.parent / link[2]).resolve()
    is_elsewhere = target.is_dir() or DOCS not in target.parents
    return link[1] if target.exists() and is_elsewhere else link[0]


def pages() -> Mapping[str, str]:
    """Path in the site → Markdown, of every page that is made."""
    return {
        "index.md": home(),
        "reference/commands.md": "\n".join(commands()),
        "reference/tables.md": "\n".join(tables()),
        "reference/python.md": python(),
        f"{_QUESTIONS}/index.md": "\n".join(questions_of_all()),
        **{f"{_QUESTIONS}/{name}.md": "\n".join(questions(name, of)) for name, of in _topics().items()},
    }


def home() -> str:
    """The README, as it stands in docs."""

    def moved(link: re.Match[str]) -> str:
        inside = link[2].removeprefix("docs/")
        is_page = inside != link[2] and (DOCS / inside).is_file()
        return f"[{link[1]}]({inside}{link[3] or ''})" if is_page else link[1]

    text = _LINK.sub(moved, (ROOT / "README.md").read_text(encoding="utf-8"))
    return text.replace("](docs/", "](")


def commands() -> Iterator[str]:
    """Every command with what its help says, defaults included."""
    yield "# Commands\n\nWhat `--help` says of each. The questions of `query` and `chart` have"
    yield "[pages of their own](questions/index.md).\n"
    yield from _helped(
        cli, cli.make_context("traceql", [], resilient_parsing=True, show_default=True, terminal_width=80)
    )


def _helped(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group) and command not in (query, chart):
        for name in command.list_commands(context):
            if (inner := command.get_command(context, name)) is not None and not inner.hidden:
                yield from _helped(inner, click.Context(inner, context, info_name=name))


def tables() -> Iterator[str]:
    """Every table and view with its columns."""
    yield f"# Tables and views\n\n{_text_of(schema)}\n"
    yield "`traceql schema` says the same, and any DuckDB client shows it as comments.\n"
    for table in schema.TABLES:
        yield f"## {table.name}\n\nOne row: {table.grain}.\n"
        for profiler, option in table.collected_by.items():
            yield f"Recorded by {profiler} with `{option}`.\n"
        yield from _table(("column", "type", "meaning"), _columns(table.columns))
    yield "# Views\n"
    for view in catalog.shipped().views.values():
        yield f"## {view.name}\n\n{view.title}\n\n{view.body}\n"
        yield from _table(("column", "type", "meaning"), _columns(view.columns))
    for shipped in schema.SHIPPED.values():
        yield f"## {shipped.name}\n\nOne row: {shipped.grain}.\n"
        yield from _table(("column", "type", "meaning"), _columns(shipped.columns))


def questions_of_all() -> Iterator[str]:
    """The list of questions, by topic."""
    yield "# Questions\n\nWhat comes with traceql, as `traceql query --list` says, too. How to ask is told by"
    yield "[Asking](../../asking.md), how to add some by [Questions of your own](../../questions.md).\n"
    for name, of in _topics().items():
        yield f"## {name}\n"
        yield from _table(("question", ""), ([f"[{_shown(q)}]({name}.md#{_shown(q)})", q.title] for q in of))


def questions(topic: str, of: Sequence[Query]) -> Iterator[str]:
    """All that the headers of a topic say."""
    yield f"# {topic}\n"
    for found in of:
        yield f"## {_shown(found)}\n\n**{_escaped(found.title)}**\n\n{_escaped(found.body)}\n"
        yield f"```console\n$ traceql query {_shown(found)}{''.join(map(_required, found.params))}\n```\n"
        if found.pictures:
            yield f"A chart draws it: `traceql chart {_shown(found)}`.\n"
        if found.params:
            parameters = (
                [f"`--{p.name.replace('_', '-')}`", p.type, _default(p), p.meaning] for p in found.params
            )
            yield from _table(("parameter", "type", "default", "meaning"), parameters)
        yield from _table(("column", "type", "meaning"), _columns(found.columns))


def python() -> str:
    """What `traceql` exports, for mkdocstrings."""
    first = ["open", "Database", "Answer"]
    rest = [name for name in traceql.__all__ if name not in first and not name.startswith("_")]
    named = "".join(f"::: traceql.{name}\n\n" for name in (*first, *rest))
    return f"# Python\n\nA guide is [Python](../python.md).\n\n{named}"


def _topics() -> Mapping[str, list[Query]]:
    by_topic = sorted(catalog.shipped().queries.values(), key=lambda found: (found.topic, found.name))
    return {topic: list(of) for topic, of in groupby(by_topic, key=lambda found: found.topic)}


def _shown(found: Query) -> str:
    return found.name.replace("_", "-")


def _required(param: Param) -> str:
    name = param.name.replace("_", "-")
    return f" --{name} {name.upper()}" if param.required else ""


def _default(param: Param) -> str:
    return (
        "required"
        if param.required
        else ""
        if param.default is None
        else f"`{param.default}`"
        if param.default != ""
        else "`''`"
    )


def _columns(columns: Iterable[Any]) -> Iterator[list[str]]:
    return ([f"`{column.name}`", column.type, column.meaning] for column in columns)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_escaped(cell).replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def _escaped(text: str) -> str:
    """Text of a header, which is no Markdown: a star in it is one."""
    return "`".join(
        part if number % 2 else re.sub(r"([*_<])", r"\\\1", part)
        for number, part in enumerate(text.split("`"))
    )


def _text_of(module: Any) -> str:
    """The docstring of a module without its first line, as Markdown."""
    return inspect.getdoc(module).partition("\n\n")[2].replace("``", "`")
