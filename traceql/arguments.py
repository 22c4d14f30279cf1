"""What public functions are given: of the types that their signatures say, or refused before all else.

Signatures are the one place that says so: `as_declared` reads them. What is of the right type and means
nothing is refused where it is used, and so are parameters of questions, whose headers declare them.
"""

from __future__ import annotations

import errno
import functools
import inspect
import os
import re
from collections.abc import Iterable, Mapping
from numbers import Integral, Number, Real
from pathlib import Path, PurePath
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from traceql import given
from traceql.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")
C = TypeVar("C", bound="type[Any]")

# Characters of a wrong value that a message repeats.
_SAID = 60
_SEVERAL = re.compile(r"Sequence\[(.+)\]")
# Between the types of an annotation, not between those of its elements.
_OR = re.compile(r" \| (?![^\[]*\])")


def _is_run_file(value: object) -> bool:
    from traceql.read.runs import RunFile

    return isinstance(value, RunFile)


def _vias() -> tuple[str, ...]:
    from traceql.store.decode import Via

    return get_args(Via)


# Type in an annotation → in words, and whether a value is of it. True is a number to Python alone; numbers of
# numpy are numbers.
_KINDS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "None": ("None", lambda value: value is None),
    "bool": ("True or False", lambda value: isinstance(value, bool)),
    "int": ("a whole number", lambda value: isinstance(value, Integral) and not isinstance(value, bool)),
    "float": ("a number", lambda value: isinstance(value, Real) and not isinstance(value, bool)),
    "str": ("a text", lambda value: isinstance(value, str)),
    "Path": ("a path", lambda value: isinstance(value, os.PathLike) and isinstance(value.__fspath__(), str)),
    "Mapping[str, Any]": ("a dict", lambda value: isinstance(value, Mapping)),
    "Mapping[str, Value]": ("a dict", lambda value: isinstance(value, Mapping)),
    "Callable[[], None]": ("a function", callable),
    "Callable[[str], None]": ("a function", callable),
    "Progress": ("a function", callable),
    "RunFile": ("a file of runs that was read", _is_run_file),
    "Via": ("", lambda value: isinstance(value, str) and value in _vias()),
    "Workers": ("workers", lambda value: hasattr(value, "each")),
}
# Types whose values are refused in words of their own: of parameters of questions, and of tags.
_ELSEWHERE = frozenset({"Value", "Tag | None", "Mapping[str, Tag] | None"})


def as_declared(function: F) -> F:
    """A function that refuses arguments of other types than its signature says.

    Iterators are read once, before: what asks for several texts may look at them several times.

    >>> @as_declared
    ... def rename(trace: str, name: str | None = None) -> None: ...
    >>> rename("run", ["other"])
    Traceback (most recent call last):
    traceql.errors.ParameterError: name is a list, not a text or None
    See help(traceql.arguments.rename).
    """
    # Most functions are never called: a signature takes longer than all else here.
    signature = functools.cache(lambda: inspect.signature(function))

    @functools.wraps(function)
    def looked_at(*args: Any, **named: Any) -> Any:
        try:
            bound = signature().bind(*args, **named)
        except TypeError:
            # Python says which argument is missing, or is none.
            return function(*args, **named)
        for name, value in bound.arguments.items():
            try:
                bound.arguments[name] = _taken(signature().parameters[name], value)
            except ParameterError as error:
                where = f"{function.__module__}.{function.__qualname__}"
                raise ParameterError(error.message, error.remedy or f"See help({where}).") from None
        return function(*bound.args, **bound.kwargs)

    return cast("F", looked_at)


def all_as_declared(cls: C) -> C:
    """A class whose public methods, and whose creation, are `as_declared`."""
    for name, member in list(vars(cls).items()):
        if isinstance(member, FunctionType) and (name == "__init__" or not name.startswith("_")):
            setattr(cls, name, as_declared(member))
    return cls


def _taken(parameter: inspect.Parameter, value: Any) -> Any:
    said = parameter.annotation
    if parameter.name == "self" or said in _ELSEWHERE:
        return value
    if parameter.kind is parameter.VAR_POSITIONAL:
        return tuple(_of(said, one, parameter.name) for one in value)
    return _of(said, value, parameter.name)


class _UnlikeError(Exception):
    """A value, in words, that is of none of the types."""


def _of(annotation: str, value: Any, name: str) -> Any:
    """The value, if it is of one of the types of an annotation; several as a list.

    Raises:
        ParameterError: it is of none of them.
    """
    try:
        return _fitting(_OR.split(annotation), value, name)
    except _UnlikeError as what:
        raise ParameterError(f"{name} is {what}, not {_in_words(_OR.split(annotation))}") from None


def _fitting(kinds: list[str], value: Any, name: str) -> Any:
    what = _what(value)
    # What may be a number, too, is looked at where it is told from a file.
    if "Path" in kinds and "float" not in kinds and isinstance(value, str | os.PathLike):
        _refuse_impossible(value, name)
    for kind in kinds:
        if not (several := _SEVERAL.fullmatch(kind)):
            if _KINDS[kind][1](value):
                return _plain(value)
        elif isinstance(value, Iterable) and not isinstance(value, bytes | Mapping):
            try:
                return [_fitting(_OR.split(several[1]), one, name) for one in value]
            except _UnlikeError as wrong:
                what = f"{what} with {wrong}"
    raise _UnlikeError(what)


def _refuse_impossible(path: str | os.PathLike[str], name: str) -> None:
    """Raise for what can be the name of no file, which the system would say in the middle of something."""
    if str(path).startswith(("s3:", "gs:", "gcs:")):
        return
    try:
        os.lstat(path)
    except ValueError:
        why = "it holds NUL"
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            return
        why = os.strerror(error.errno)
    else:
        return
    said = given.said(str(path), _SAID)
    raise ParameterError(f"{name} is {said}, not a name that a file can have ({why})", "Check the path.")


def _plain(value: Any) -> Any:
    """The value; of what only leads to a path, as what `os.scandir` finds, the path."""
    return Path(value) if isinstance(value, os.PathLike) and not isinstance(value, PurePath) else value


def _what(value: object) -> str:
    """A value that can be said in some characters, and of another one what it is."""
    if value is None or isinstance(value, str | bytes | Number):
        return given.said(value, _SAID)
    return given.kind(value)


def _in_words(kinds: list[str]) -> str:
    *others, last = dict.fromkeys(word for kind in kinds for word in _words(kind))
    return f"{', '.join(others)} or {last}" if others else last


def _words(kind: str) -> tuple[str, ...]:
    if _SEVERAL.fullmatch(kind):
        return ("several",)
    return _vias() if kind == "Via" else (_KINDS[kind][0],)
