"""Views and macros of the installed traceql: what a database is asked through, never what is stored in it.

A question finds the definitions that its text mentions, and what these mention, made anew as temporary ones:
they hide stored ones of the same names, which an older traceql or a stranger may have made. Stored ones serve
other DuckDB clients; whoever changes a database renews them when their fingerprint says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from traceql import __version__, given
from traceql.questions import catalog, question
from traceql.read import kept
from traceql.store import specs
from traceql.tables import schema, sqlfiles
from traceql.tables.schema import SHIPPED, literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

    from traceql.questions.catalog import Catalog
    from traceql.questions.question import Query


_KIND, _SUFFIX = "definitions", ".txt"
# The view of the traces that a statement is about.
_ASKED = "asked_traces"


@dataclass(frozen=True)
class Definition:
    """A view or a macro.

    Attributes:
        name: of it.
        kind: VIEW or MACRO.
        parameters: of a macro, in parentheses.
        sql: what it stands for.
        comments: texts for other DuckDB clients: "" → of the whole, column → of that column.
        own: the file of the user that it comes from; empty for what comes with traceql, which is tested.
        once: whether it is a view that had better be computed once for several statements.
    """

    name: str
    kind: str
    parameters: str
    sql: str
    comments: Mapping[str, str]
    own: str = ""
    once: bool = False

    def create(self, *, temporary: bool) -> str:
        """The statement that makes it, in place of an earlier one of its kind."""
        temp = "TEMP " if temporary else ""
        return f"CREATE OR REPLACE {temp}{self.kind} {self.name}{self.parameters} AS {self.sql}"

    def make(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make it for those who ask on a connection."""
        connection.execute(self.create(temporary=True))

    def compute(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make a table in place of a view."""
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {self.name} AS {self.sql}")

    def about(self, traces: Sequence[str]) -> Definition:
        """The same for a statement about these traces, if it says which a statement is about."""
        if self.name != _ASKED or not traces:
            return self
        return replace(self, sql=f"{self.sql} WHERE trace IN ({', '.join(map(literal, traces))})")

    @property
    def what(self) -> str:
        """Kind and name, as COMMENT ON wants them."""
        table = " TABLE" if self.sql.startswith("TABLE ") else ""
        return f"{self.kind}{table} {self.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Of a view, what its header declares."""
        return tuple(name for name in self.comments if name)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of its SQL."""
        return words(self.sql)


# What makes definitions of their files: parameters and questions that ask others are none of theirs.
_MAKERS = (catalog, given, question, schema, specs, sqlfiles)


class Definitions:
    """All definitions of a catalogue, by name.

    The GPUs come first, then macros before views, and each kind in the order of the catalogue, but that each
    comes after those that it reads.
    """

    def __init__(self, asked: Catalog) -> None:
        self._catalog = asked
        self._made: dict[str, Definition] = {}

    @cached_property
    def by_name(self) -> Mapping[str, Definition]:
        """Every definition, in the order in which they can be made."""
        return {**_of_gpus(), **self._catalogued}

    @cached_property
    def _catalogued(self) -> Mapping[str, Definition]:
        """Those of the catalogue: most questions need no GPUs, and their data file takes time."""
        return {one.name: one for one in _in_order([self._made_of(name) for name in self._names])}

    @property
    def _names(self) -> Iterator[str]:
        yield from self._catalog.macros
        yield from self._catalog.views

    def _made_of(self, name: str) -> Definition:
        """The definition that the catalogue has by a name."""
        if name not in self._made:
            self._made[name] = self._macro(name) if name in self._catalog.macros else self._view(name)
        return self._made[name]

    def _macro(self, name: str) -> Definition:
        macro = self._catalog.macros[name]
        own = "" if name in catalog.shipped().macros else macro.label
        return Definition(name, "MACRO", macro.signature, macro.body, {"": macro.title}, own)

    def _view(self, name: str) -> Definition:
        view = self._catalog.views[name]
        return _view(view, "" if name in catalog.shipped().views else view.label)

    @cached_property
    def stored(self) -> tuple[Definition, ...]:
        """What databases hold for other clients: the user's own are for those who name their folder."""
        return tuple(definition for definition in self.by_name.values() if not definition.own)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with any of `stored`; kept, for to read them takes longer than to store a small report."""
        if (made_of := _made_of()) is None:
            return self._fingerprint()
        if (found := kept.find(_KIND, made_of, _SUFFIX)) is not None:
            return found.decode()
        made = self._fingerprint()
        kept.keep(_KIND, made_of, _SUFFIX, made.encode())
        return made

    def _fingerprint(self) -> str:
        import hashlib

        shipped = (one.create(temporary=False) for one in self._catalogued.values() if not one.own)
        text = "\n".join([specs.made_of(), *shipped])
        return hashlib.sha256(text.encode()).hexdigest()

    def used_by(self, statement: str, instead: Mapping[str, Definition]) -> list[Definition]:
        """What a statement mentions, each after what it needs itself.

        Args:
            statement: SQL; a word in a text or a comment counts, too, and does no harm.
            instead: definitions that stand in for tables, or for others.
        """
        catalogued = {*self._names}
        found: dict[str, Definition] = {}
        mentioned: set[str] = set()
        new = words(statement)
        while new:
            mentioned |= new
            some = {name: instead[name] for name in new & instead.keys()}
            some |= {name: self._made_of(name) for name in new & catalogued - some.keys()}
            found |= some
            new = frozenset().union(*(one.words for one in some.values())) - mentioned
        ours = _in_order([found[name] for name in self._names if name in found.keys() - instead.keys()])
        gpus = _of_gpus() if SHIPPED.keys() & mentioned else {}
        return [
            *(one for name, one in instead.items() if name in mentioned),
            *(one for name, one in gpus.items() if name in mentioned - instead.keys()),
            *ours,
        ]

    def comments(self) -> Iterator[str]:
        """Statements that comment the stored definitions."""
        for definition in self.stored:
            for column, text in definition.comments.items():
                what = f"COLUMN {definition.name}.{column}" if column else definition.what
                yield f"COMMENT ON {what} IS {literal(text)}"


def _made_of() -> str | None:
    """Changes with the files of the definitions, and of what makes them of these; None if unknown."""
    files = catalog.shipped().state_of_definitions()
    code = catalog.state_as_read([__file__, *filter(None, (module.__file__ for module in _MAKERS))])
    return repr((__version__, specs.made_of(), code, files)) if files and code else None


def _of_gpus() -> dict[str, Definition]:
    """What the data file knows about GPUs, as views."""
    return {view.name: _view(view) for view in specs.views()}


def _in_order(definitions: Sequence[Definition]) -> list[Definition]:
    """Views and macros, each after those that it reads."""
    known = {one.name: one for one in definitions}
    found: dict[str, Definition] = {}

    def place(one: Definition, around: frozenset[str]) -> None:
        for name in known:
            # One that reads itself, over others or not, is for DuckDB to refuse.
            if name in one.words and name not in found and name not in around:
                place(known[name], around | {name})
        found.setdefault(one.name, one)

    for one in definitions:
        place(one, frozenset({one.name}))
    return list(found.values())


def _view(view: Query, own: str = "") -> Definition:
    comments = {"": view.title, **{column.name: column.meaning for column in view.columns}}
    return Definition(view.name, "VIEW", "", view.sql, comments, own, view.once)


def words(sql: str) -> frozenset[str]:
    """Every word of some SQL, in lower case."""
    return frozenset(re.findall(r"\w+", sql.lower()))
