"""Arguments of other types than signatures say: every public function refuses them in words of ours, and does nothing."""

from __future__ import annotations

import ast
import inspect
import pathlib
import re
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import polars as pl
import pytest
from made.nsys import Recording, kernel
from made.store import empty

import traceql
from traceql import Database, ParameterError, arguments
from traceql.questions import catalog
from traceql.read.runs import RunFile
from traceql.store.decode import Via

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HUGE = 10**5000


class Odd:
    """Nothing that anybody takes."""


def each() -> Iterator[str]:
    yield "run"


TEXTS = {"Sequence[str]", "Sequence[str | Path]"}
DICTS = {"Mapping[str, Any]", "Mapping[str, Value]"}
FUNCTIONS = {"Callable[[str], None]", "Callable[[], None]", "Progress"}
# What somebody may give → the types in signatures that it is of.
GIVEN: dict[str, tuple[Any, set[str]]] = {
    "a whole number": (5, {"int", "float"}),
    "thousands of digits": (HUGE, {"int", "float"}),
    "one of numpy": (np.int64(5), {"int", "float"}),
    "a number": (1.5, {"float"}),
    "no number": (float("nan"), {"float"}),
    "True": (True, {"bool"}),
    "None": (None, {"None"}),
    "a text": ("run", {"str"}),
    "who decodes": ("native", {"str", "Via"}),
    "a path": (pathlib.Path("run"), {"Path"}),
    "bytes": (b"run", set()),
    "texts": (["run"], TEXTS),
    "a tuple of texts": (("run",), TEXTS),
    "a set of texts": ({"run"}, TEXTS),
    "a column of texts": (pl.Series(["run"]), TEXTS),
    "paths": ([pathlib.Path("run")], {"Sequence[str | Path]"}),
    "numbers": ([5], set()),
    "a text and none": (["run", None], set()),
    "none": ([], TEXTS),
    "a dict": ({"a": "b"}, DICTS),
    "a frame": (pl.DataFrame({"a": [1]}), set()),
    "an object": (Odd(), set()),
    "a type": (Odd, FUNCTIONS),
    "a function": (each, FUNCTIONS),
    "a file of runs": (RunFile("csv", "a.csv", "", ()), {"RunFile"}),
}  # fmt: skip
# Their words are elsewhere, and other tests are about them.
NAMED_VALUES = {"Value", "Tag | None", "Mapping[str, Tag] | None"}


def classes_returned() -> list[type]:
    """Those of `traceql` that methods of a database return, which are imported for type checkers only."""
    source = inspect.getsource(import_module("traceql.database"))
    homes = {
        alias.name: node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("traceql.")
        for alias in node.names
    }
    said = " ".join(str(inspect.signature(one).return_annotation) for one in methods(Database).values())
    found = [getattr(import_module(homes[word]), word) for word in re.findall(r"\w+", said) if word in homes]
    return [one for one in dict.fromkeys(found) if inspect.isclass(one) and one is not traceql.Answer]


def methods(cls: type) -> dict[str, FunctionType]:
    return {
        name: member
        for name, member in vars(cls).items()
        if isinstance(member, FunctionType) and not name.startswith("_")
    }


def public() -> dict[str, FunctionType]:
    found = {"Database": Database.__init__}
    for name in traceql.__all__:
        one = getattr(traceql, name)
        if isinstance(one, FunctionType):
            found[name] = one
    for cls in (Database, traceql.Answer, *classes_returned()):
        found |= {f"{cls.__name__}.{name}": method for name, method in methods(cls).items()}
    return {
        name: one for name, one in found.items() if len(parameters(one)) > 0 or name in ("Database", "open")
    }


def parameters(function: FunctionType) -> list[inspect.Parameter]:
    return [one for one in inspect.signature(function).parameters.values() if one.name != "self"]


PUBLIC = public()


def atoms(annotation: str) -> set[str]:
    """The types between which an annotation has signs of alternatives."""
    return set(re.split(r" \| (?![^\[]*\])", annotation))


def fitting(annotation: str) -> Any:
    """A value that an annotation allows."""
    wanted = atoms(annotation)
    return next(value for value, of in GIVEN.values() if of & wanted)


def called(function: Any, owner: Any, wrong: inspect.Parameter, value: Any) -> object:
    """The function with one argument, and of the others those that there must be."""
    bound = {}
    for one in parameters(function):
        if one.name == wrong.name:
            bound[one.name] = (value,) if one.kind is one.VAR_POSITIONAL else value
        elif one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            bound[one.name] = fitting(one.annotation)
    signature = inspect.signature(function)
    has_self = "self" in signature.parameters
    arguments_of = inspect.BoundArguments(signature, {**({"self": owner} if has_self else {}), **bound})
    return function(*arguments_of.args, **arguments_of.kwargs)


def looked_at(function: FunctionType) -> list[inspect.Parameter]:
    return [one for one in parameters(function) if one.annotation not in NAMED_VALUES]


@pytest.fixture(scope="module")
def database() -> Database:
    database = empty()
    for name in ("run", "other"):
        Recording().range("step", 0, 10).work(kernel("gemm", 0, 7)).store(database, name)
    return database


def test_the_functions_are_those_of_the_guide_and_what_they_return() -> None:
    assert {"open", "redact", "Database", "Database.rename", "Answer.drawing", "Comparison.save"} < set(
        PUBLIC
    )
    assert {"Judgement.frame", "Database.ingest", "Database.sql"} < set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_what_signatures_say_is_known_and_one_text_is_never_several_characters(name: str) -> None:
    known = set.union(*(of for _, of in GIVEN.values())) | {"Workers"}
    for one in looked_at(PUBLIC[name]):
        assert atoms(one.annotation) <= known, f"{one.name}: {one.annotation} is in no line of GIVEN"
        if atoms(one.annotation) & TEXTS:
            assert "str" in atoms(one.annotation), f"{one.name}: a text is a sequence of its characters, too"


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_of_another_type_is_refused_by_name(
    database: Database, name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    function = PUBLIC[name]
    for one in looked_at(function):
        for what, (value, of) in GIVEN.items():
            if of & atoms(one.annotation):
                continue
            with pytest.raises(ParameterError) as refused:
                called(function, database, one, value)
            said = refused.value.message
            assert re.fullmatch(rf"{one.name} is .+, not .+", said), (one.name, what, said)
            assert "\n" not in said and len(said) < 200 and "0x" not in said
    # It was refused before anything was done.
    assert not list(tmp_path.iterdir())
    assert database.sql("SELECT trace FROM traces ORDER BY trace")["trace"].to_list() == ["other", "run"]


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_of_the_type_is_not_refused(name: str) -> None:
    def stands_in(*args: object, **named: object) -> tuple[object, object]:
        return args, named

    stands_in.__signature__ = inspect.signature(PUBLIC[name])  # type: ignore[attr-defined]
    function = arguments.as_declared(stands_in)
    for one in looked_at(PUBLIC[name]):
        for value, of in GIVEN.values():
            if of & atoms(one.annotation):
                called(function, None, one, value)


def test_texts_that_come_one_by_one_are_read_once(database: Database) -> None:
    told = database.compare("run", "other").to_json()
    assert database.compare(each(), (one for one in ["other"])).to_json() == told  # type: ignore[arg-type]
    assert database.sql("SELECT count(*) FROM kernels", trace=each()).item() == 1  # type: ignore[arg-type]


def test_what_leads_to_a_path_is_one(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    (tmp_path / "run.nsys-rep").write_bytes(b"no report")
    with os.scandir(tmp_path) as there, Database(":memory:") as database:
        for one in there:
            with pytest.raises(traceql.ReportError, match=r"run\.nsys-rep"):
                database.ingest(one)  # type: ignore[arg-type]


def test_one_text_is_as_good_as_several_of_one(database: Database, tmp_path: pathlib.Path) -> None:
    for number, keep in enumerate(("gemm", ["gemm"])):
        path = tmp_path / f"{number}.duckdb"
        database.redact(path, pseudonyms=True, keep=keep, key="k")
        with Database(path) as copied:
            assert copied.sql("SELECT DISTINCT name FROM kernels").item() == "gemm"


@pytest.mark.parametrize("path", ["a\0b", "9" * 5000], ids=["NUL", "too long"])
@pytest.mark.parametrize("name", PUBLIC)
def test_a_name_that_no_file_can_have_is_refused_before_all_else(
    database: Database, name: str, path: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for one in looked_at(PUBLIC[name]):
        if "Path" in atoms(one.annotation) and "float" not in atoms(one.annotation):
            with pytest.raises(ParameterError, match=f"{one.name} is '.*, not a name that a file can have"):
                called(PUBLIC[name], database, one, path)
    assert not list(tmp_path.iterdir())


def test_an_address_is_no_name_of_a_file() -> None:
    @arguments.as_declared
    def opened(path: str | Path) -> str | Path:
        return path

    address = f"s3://bucket/{'a' * 300}"
    assert opened(address) == address
    with pytest.raises(ParameterError):
        opened("a" * 300)


def test_python_says_what_is_no_argument_and_what_is_missing(database: Database) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        database.rename("run")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'label'"):
        database.rename("run", label="x")  # type: ignore[call-arg]


# --- parameters of questions: their headers say what they take ---------------------------------------------

# Type in a header → what of GIVEN it takes; a text may stand for any.
TAKEN = {
    "VARCHAR": {"str"},
    "BIGINT": {"int"},
    "DOUBLE": {"float"},
    "BOOLEAN": {"bool"},
    "TIME": {"int"},
    "VARCHAR[]": TEXTS,
    "MAP(VARCHAR, VARCHAR)": DICTS,
    "MAP(VARCHAR, VARCHAR[])": DICTS,
}


@pytest.mark.parametrize("name", [query.name for query in catalog.shipped().queries.values()])
def test_parameters_of_questions_take_what_their_headers_say(name: str) -> None:
    for param in catalog.shipped().find(name).params:
        for what, (value, of) in GIVEN.items():
            if value is None or isinstance(value, str) or of & TAKEN[param.type]:
                continue
            # One of several words may have a tag beside it.
            if param.takes_tag and of & TEXTS:
                continue
            with pytest.raises(ParameterError, match=rf"parameter {param.name}\b") as refused:
                param.take(value)
            assert "0x" not in refused.value.message, what


@pytest.mark.parametrize(("value", "bound"), [("3", 3), (np.int64(3), 3), ("NULL", None), (3, 3)], ids=str)
def test_a_number_may_be_a_text_or_one_of_numpy(database: Database, value: Any, bound: object) -> None:
    answer = database.ask("top_kernels", limit=value)
    assert answer.parameters["limit"] == bound and type(answer.parameters["limit"]) is type(bound)


@pytest.mark.parametrize("value", [1.5, True, "1.5", "-1", "many", -1])
def test_what_is_no_number_of_rows_is_refused(database: Database, value: Any) -> None:
    with pytest.raises(ParameterError, match="parameter limit: "):
        database.ask("top_kernels", limit=value)


def test_words_of_who_decodes_are_those_that_there_are(database: Database) -> None:
    with pytest.raises(ParameterError) as refused:
        database.ingest("run", via="other")  # type: ignore[arg-type]
    said = refused.value.message.removeprefix("via is 'other', not ")
    assert tuple(said.replace(" or ", ", ").split(", ")) == get_args(Via)


def test_texts_that_are_not_unicode_are_refused(database: Database) -> None:
    with pytest.raises(traceql.QueryError, match="the SQL is not Unicode"):
        database.sql("SELECT '\udcff'")
    with pytest.raises(ParameterError, match="a value is not Unicode"):
        database.sql("SELECT $a", {"a": "\udcff"})
    with pytest.raises(ParameterError, match="a value is not Unicode"):
        database.kernel_card("\udcff")
