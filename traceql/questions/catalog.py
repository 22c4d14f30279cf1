"""The catalogue: every question, view, macro and check file of the folders that it is made of.

A folder holds topics with questions (``<topic>/<question>.sql``), ``_views``, ``_macros``, and ``checks``
with files of criteria (``*.toml``). What comes with traceql: ``queries/`` with ``checks/`` beside it, and one
folder under ``verticals/`` for each field that not everybody works in. The user's own come after them and may
use everything of theirs; no name can be taken twice.

Macros come before views, and each kind in the order of folders and names: a definition may use earlier ones.

A command asks one question, so a file of the package is read when it is asked for: what a folder holds is
known by the names of its files. Those of the user are read at once, for their faults to be told.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping
from functools import cache, cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from traceql import given
from traceql.errors import CatalogError, UnknownQueryError
from traceql.nearest import did_you_mean
from traceql.questions import asking, folders, question
from traceql.questions.question import VIEWS
from traceql.tables import schema, sqlfiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from importlib.resources.abc import Traversable

    from traceql.questions.question import Macro, Query, ResultColumn

_MACROS, _CHECKS = "_macros", "checks"
# What stands for itself in SQL and on the command line. Definitions are found by their names in lower case.
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# The name under which notes and checks read an answer.
_ANSWER = "answer"
# Stands beside the questions, of which it is made.
_CARD = "kernel_card"
# What SQL reads: tables, views, macros that are tables, and its own WITH clauses.
_READ = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)", re.IGNORECASE)
# What has changed since then may have been read before.
_BEGAN: Final = time.time_ns()


T = TypeVar("T")


class _Read(Mapping[str, T], Generic[T]):
    """What files say, by their names: each is read when it is asked for."""

    def __init__(self, readers: Mapping[str, Callable[[], T]]) -> None:
        self._readers = readers
        self._found: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._found:
            self._found[name] = self._readers[name]()
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._readers

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


class Catalog:
    """Everything that can be asked.

    Attributes:
        views: shared views by name, in the order in which they can be made.
        macros: shared macros by name, in the order in which they can be made.
        checks: files of criteria by name.
    """

    def __init__(self, roots: Sequence[tuple[str, Traversable, Traversable]]) -> None:
        # What the questions of a folder may use: the views up to its own.
        self._topics: list[tuple[str, Traversable, frozenset[str]]] = []
        # Questions that were read one by one.
        self._read: dict[str, Query | None] = {}
        # SQL → what it reads.
        self._names_in: dict[str, frozenset[str]] = {}
        views: dict[str, Callable[[], Query]] = {}
        macros: dict[str, Callable[[], Macro]] = {}
        checks: dict[str, Traversable] = {}
        self._defining: list[Traversable] = []
        self.views: Mapping[str, Query] = _Read(views)
        self.macros: Mapping[str, Macro] = _Read(macros)
        self.checks: Mapping[str, Traversable] = MappingProxyType(checks)
        # View or macro → its file, as messages call it.
        taken: dict[str, str] = {}
        for label, root, beside in roots:
            _refuse_misplaced(label, root)
            for file, file_label in _files(label, root, _MACROS):
                macros[_new_definition(file_label, taken)] = partial(_macro, file, file_label)
                self._defining.append(file)
            for file, file_label in _files(label, root, VIEWS):
                read = partial(self._parse, file, file_label, VIEWS, frozenset(views))
                views[_new_definition(file_label, taken)] = read
                self._defining.append(file)
            self._topics.append((label, root, frozenset(views)))
            checks.update(_checks(label, beside, checks))

    def state_of_definitions(self) -> tuple[tuple[str, int, int], ...] | None:
        """Changes when a file of views or macros does, which need not be read; None if that is not known."""
        files = [file for file in self._defining if isinstance(file, Path)]
        # What is imported from an archive is no file of its own.
        return state_as_read(files) if len(files) == len(self._defining) else None

    @cached_property
    def queries(self) -> Mapping[str, Query]:
        """Every question by name, sorted by folder, topic and name; read when first asked for.

        Raises:
            CatalogError: a file cannot be understood.
        """
        found: dict[str, Query] = {}
        taken: dict[str, str] = {}
        for label, root, views in self._topics:
            for topic in _topics(label, root):
                for file, file_label in _files(label, root, topic):
                    found[_new(file_label, taken)] = self._parse(file, file_label, topic, views)
        return MappingProxyType({name: self._whole(query, found) for name, query in found.items()})

    def get(self, name: str) -> Query | None:
        """The question of that name, None where there is none: its file is read, and those that it asks.

        Raises:
            CatalogError: a file cannot be understood.
        """
        if "queries" in self.__dict__:
            return self.queries.get(name)
        if name not in self._read:
            found: dict[str, Query] = {}
            waiting = [name]
            while waiting:
                one = waiting.pop()
                if one not in found and (query := self._parsed(one)) is not None:
                    found[one] = query
                    waiting += [asked.question for asked in query.asks]
            self._read[name] = self._whole(found[name], found) if name in found else None
        return self._read[name]

    def _parsed(self, name: str) -> Query | None:
        """The question of that name by itself."""
        for label, root, views in self._topics:
            for topic in _topics(label, root):
                file = root / topic / f"{name}.sql"
                if _NAME.fullmatch(name) and file.is_file():
                    return self._parse(file, f"{label}/{topic}/{file.name}", topic, views)
        return None

    def _parse(self, file: Traversable, label: str, topic: str, views: frozenset[str]) -> Query:
        """The question or view of a file, which may use these views."""

        def columns_of(view: str) -> Sequence[ResultColumn]:
            return self.views[view].columns if view in views else ()

        found = question.parse(_loaded(file, label), topic, columns_of)
        if not found.columns:
            raise CatalogError(f"{label}: declares no columns", "Add '-- @column name TYPE meaning'.")
        return found

    def _whole(self, query: Query, others: Mapping[str, Query]) -> Query:
        """A question with the SQL of those that it asks in front of its own.

        Raises:
            CatalogError: one is not there, or not asked as it can be; or the SQL lacks a parameter.
        """
        for asked in query.asks:
            if asked.name in {*schema.BY_NAME, *schema.SHIPPED, *self.views, *self.macros}:
                raise CatalogError(f"{query.label}: {asked.name} is the name of a table", "Use another one.")
        whole = asking.whole(query, others)
        for param in whole.in_sql:
            # DuckDB refuses a value that no statement takes.
            if not re.search(rf"\${param.name}\b", whole.sql):
                raise CatalogError(
                    f"{query.label}: the SQL has no ${param.name}, which the header declares",
                    "Use the parameter, or drop its line.",
                )
        return whole

    def find(self, name: str, shown: Callable[[str], str] = str) -> Query:
        """The query of that name; hyphens count as underscores.

        Args:
            name: of the query.
            shown: how the name of another one is written where there is none.

        Raises:
            UnknownQueryError: there is none.
        """
        wanted = name.replace("-", "_")
        if (found := self.get(wanted)) is None:
            remedy = did_you_mean(wanted, self.queries, shown)
            if wanted == _CARD:
                remedy = "It is a command: traceql kernel-card NAME, in Python db.kernel_card(NAME). "
            raise UnknownQueryError(
                f"no query is called {name!r}", f"{remedy}All of them: traceql query --list"
            )
        return found

    def needs(self, query: Query) -> list[tuple[str, ...]]:
        """What a query cannot do without: tables, or tuples of tables of which one is enough.

        A view in ``@needs`` stands for what it needs itself. Without any, what the asked questions need.
        """
        found: list[tuple[str, ...]] = []
        for word in query.needs:
            found += self.needs(self.views[word]) if word in self.views else [tuple(word.split("|"))]
        if not query.needs:
            for asked in query.asks:
                found += self.needs(self._asked(asked.question))
        return list(dict.fromkeys(found))

    def _asked(self, name: str) -> Query:
        """A question that another one asks, which is there."""
        found = self.get(name)
        assert found is not None
        return found

    def reads(self, query: Query) -> frozenset[str]:
        """The tables that the SQL of a query reads, also through views and macros."""
        return self.names(query) & schema.BY_NAME.keys()

    def names(self, query: Query) -> frozenset[str]:
        """What the SQL of a query reads: tables, views and macros that are tables, also through others."""
        new, seen = frozenset({query.name}), frozenset[str]()
        while new:
            seen |= new
            named = (self._named(name, query) for name in new)
            new = frozenset[str]().union(*named) - seen
        return seen

    def _named(self, name: str, query: Query) -> frozenset[str]:
        """What the SQL that a name stands for reads itself."""
        text = self._text(name, query)
        if text not in self._names_in:
            self._names_in[text] = frozenset(_READ.findall(text))
        return self._names_in[text]

    def _text(self, name: str, query: Query) -> str:
        """The SQL that a name stands for in a query: its own, that of a macro or a view; none for a table."""
        if name == query.name:
            return query.sql
        if name in self.macros:
            return self.macros[name].body
        return self.views[name].sql if name in self.views else ""

    def metrics(self, query: Query) -> dict[tuple[str, ...], str]:
        """Metrics without which the answer has gaps (of several, one is enough) → `Query.ncu`.

        Those of a view in ``@needs`` and of a question that is asked count, too.
        """
        found = {tuple(word.split("|")): query.ncu for word in query.metrics}
        for name in query.needs:
            if name in self.views:
                found |= self.metrics(self.views[name])
        for asked in query.asks:
            found |= self.metrics(self._asked(asked.question))
        return found


@cache
def shipped() -> Catalog:
    """What comes with traceql."""
    return Catalog(_shipped())


def load(own: Sequence[str]) -> Catalog:
    """What comes with traceql, and the folders `own`; one that is named twice counts once.

    Raises:
        CatalogError: a folder is not there, or a file of it cannot be understood; the message names file and
            line.
    """
    found: dict[Path, str] = {}
    for name in own:
        found.setdefault(given.real(name), name)
    if not found:
        return shipped()
    for folder, name in found.items():
        if not folder.is_dir():
            raise CatalogError(
                f"{name}: no such folder", "It holds topics with questions; see docs/questions.md."
            )
    return _with(tuple(found.items()), tuple(_state_of(folder) for folder in found))


@cache
def _with(own: tuple[tuple[Path, str], ...], _state: object) -> Catalog:
    """The catalogue with folders of one's own, as they are now."""
    named = ((str(Path(name)), folder) for folder, name in own)
    made = Catalog([*_shipped(), *((label, folder, folder / _CHECKS) for label, folder in named)])
    # Faults of one's own files are said at once, whatever is wanted of them.
    _ = [*made.macros.values(), *made.views.values(), *made.queries]
    return made


def _loaded(file: Traversable, label: str) -> sqlfiles.SqlFile:
    """The file, which holds SQL."""
    found = sqlfiles.load(file, label)
    if not found.sql:
        raise CatalogError(f"{label}: no SQL below the header", "Write a SELECT, after an empty line.")
    return found


def _macro(file: Traversable, label: str) -> Macro:
    return question.parse_macro(_loaded(file, label))


def _shipped() -> list[tuple[str, Traversable, Traversable]]:
    found = [("queries", folders.shipped("queries"), folders.shipped("checks"))]
    verticals = folders.shipped("verticals")
    if verticals.is_dir():
        found += [
            (f"verticals/{folder.name}", folder, folder / _CHECKS)
            for folder in sorted(verticals.iterdir(), key=lambda f: f.name)
            if folder.is_dir()
        ]
    return found


def _state_of(folder: Path) -> object:
    """Changes when a file of the folder does: a notebook that edits one is given the new one."""
    with contextlib.suppress(OSError):
        files = (file for pattern in ("*.sql", "*/*.sql", "*/*.toml") for file in folder.glob(pattern))
        if (found := state(sorted(files))) is not None:
            return found
    return object()


def state_as_read(files: Iterable[str | Path]) -> tuple[tuple[str, int, int], ...] | None:
    """The state of files of which this process may have read some; None, too, where one has changed since."""
    found = state(files)
    return found if found and max(changed_ns for _, changed_ns, _ in found) < _BEGAN else None


def state(files: Iterable[str | Path]) -> tuple[tuple[str, int, int], ...] | None:
    """Changes when one of the files does; None where one cannot be looked at."""
    try:
        found = [(str(file), os.lstat(file)) for file in files]
    except OSError:
        return None
    # Some installers give files the times that they had elsewhere.
    return tuple((name, max(stat.st_mtime_ns, stat.st_ctime_ns), stat.st_size) for name, stat in found)


def _new(label: str, taken: dict[str, str]) -> str:
    """The name by which a file's definition or question is known, and from now on taken.

    Raises:
        CatalogError: another file has it, or it is no name.
    """
    name = label.rpartition("/")[2].removesuffix(".sql")
    if not _NAME.fullmatch(name):
        raise CatalogError(
            f"{label}: the file's name is none for a question",
            "Small letters, digits and underscores: range_launches.sql",
        )
    if name in taken:
        raise CatalogError(f"{label}: {taken[name]} has the name", "Rename the file.")
    taken[name] = label
    return name


def _new_definition(label: str, taken: dict[str, str]) -> str:
    """The name of a view or macro, which no other one and no table may have.

    Raises:
        CatalogError: one has it.
    """
    name = _new(label, taken)
    if name in schema.BY_NAME or name in schema.SHIPPED or name == _ANSWER:
        raise CatalogError(f"{label}: a table has the name", "Rename the file.")
    return name


def _entries(label: str, folder: Traversable) -> list[Traversable]:
    """What lies in a folder, by name; nothing where there is none."""
    try:
        return sorted(folder.iterdir(), key=lambda f: f.name) if folder.is_dir() else []
    except OSError as error:
        raise CatalogError(f"{label}: cannot be read ({error.strerror})", "Check who may read it.") from None


def _topics(label: str, root: Traversable) -> list[str]:
    names = [f.name for f in _entries(label, root) if f.is_dir()]
    return [name for name in names if name != _CHECKS and not name.startswith(("_", "."))]


def _refuse_misplaced(label: str, root: Traversable) -> None:
    """Raise for files that nothing would read: a question without topic, a folder that is misspelt."""
    for entry in _entries(label, root):
        if entry.name.endswith(".sql"):
            raise CatalogError(
                f"{label}/{entry.name}: lies in no topic", "Put it into a folder: TOPIC/QUESTION.sql"
            )
        if entry.name.startswith("_") and entry.name not in (VIEWS, _MACROS) and entry.is_dir():
            for file in _entries(f"{label}/{entry.name}", entry):
                if file.name.endswith(".sql"):
                    raise CatalogError(
                        f"{label}/{entry.name}/{file.name}: {entry.name} is no folder of the catalogue",
                        f"Views lie in {VIEWS}, macros in {_MACROS}, questions in other folders.",
                    )


def _files(label: str, root: Traversable, folder: str) -> Iterator[tuple[Traversable, str]]:
    """The SQL files of a folder, and how messages call them."""
    for file in _entries(f"{label}/{folder}", root / folder):
        if file.name.endswith(".sql"):
            yield file, f"{label}/{folder}/{file.name}"


def _checks(label: str, folder: Traversable, taken: Mapping[str, Traversable]) -> dict[str, Traversable]:
    found = {}
    for file in _entries(f"{label}/{_CHECKS}", folder):
        if file.name.endswith(".toml"):
            name = file.name.removesuffix(".toml")
            if name in taken:
                raise CatalogError(
                    f"{label}/{_CHECKS}/{file.name}: another file of checks has the name", "Rename the file."
                )
            found[name] = file
    return found
