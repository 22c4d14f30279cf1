"""Files and tables whose form is declared: a struct says which keys there are and what they hold.

What does not fit is refused in a sentence that names the file, the key and what is allowed there.
"""

from __future__ import annotations

import re
import tomllib
import typing
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from traceql import given

if TYPE_CHECKING:
    from traceql.errors import TraceqlError

T = TypeVar("T", bound=msgspec.Struct)

# What msgspec says, and where: a key is not known, one is missing, a value is of another type or size.
_SAID = re.compile(r"(.*?)(?: - at (`key` in )?`\$\.?([^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`$", re.DOTALL)
_NONE_OF = re.compile(r"Invalid enum value (.*)$", re.DOTALL)
_EXPECTED = re.compile(r"Expected `([^`]+)`(?:, got `([^`]+)`)?(.*)$", re.DOTALL)
# Where a text must have more than spaces.
_BLANK = r"matching regex '\\S'"
_WORDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "nothing",
    "object": "a table",
    "str": "a text",
}


def from_toml(text: str, form: type[T], where: str, error: type[TraceqlError]) -> T:
    """What a TOML text holds.

    Args:
        text: of the file.
        form: what it must look like.
        where: its name, for messages.
        error: raised for anything else.
    """
    try:
        content = tomllib.loads(text)
    except ValueError as problem:
        raise error(
            f"{where}: not TOML ({given.fault(problem)})", "Check the line; texts need quotes."
        ) from None
    return fitted(content, form, where, error)


def from_json(content: bytes, form: type[T], where: str, error: type[TraceqlError], remedy: str) -> T:
    """What a JSON file holds; see `from_toml`. Many such files are read, so no parsed JSON lies between.

    Args:
        content: of the file.
        form: what it must look like.
        where: its name, for messages.
        error: raised for anything else.
        remedy: of the error.
    """
    try:
        return msgspec.json.decode(content, type=form)
    except msgspec.ValidationError as problem:
        raise error(f"{where}: {_explained(str(problem), form)[0]}", remedy) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise error(f"{where}: not JSON ({problem})", remedy) from None


def fitted(
    content: object, form: type[T], where: str, error: type[TraceqlError], remedy: str | None = None
) -> T:
    """Parsed TOML or JSON as the struct that it must fit; see `from_toml`.

    Args:
        content: tables, lists, texts and numbers.
        form: what it must look like.
        where: the name of the file or of the table, for messages.
        error: raised for anything else.
        remedy: of the error; by default what is allowed.

    >>> from traceql.errors import CheckError
    >>> class Limit(msgspec.Struct, forbid_unknown_fields=True):
    ...     bytes: int
    >>> fitted({"bytes": 3}, Limit, "limits.toml", CheckError).bytes
    3
    >>> fitted({"bites": 3}, Limit, "limits.toml", CheckError)
    Traceback (most recent call last):
      ...
    traceql.errors.CheckError: limits.toml: unknown key 'bites'
    Known are bytes.
    """
    try:
        return msgspec.convert(content, form)
    except msgspec.ValidationError as problem:
        sentence, allowed = _explained(str(problem), form)
        raise error(f"{where}: {sentence}", allowed if remedy is None else remedy) from None
    except UnicodeEncodeError:
        # JSON may escape halves of surrogate pairs.
        raise error(f"{where}: a text in it is not Unicode", remedy or "Correct it.") from None


def _explained(said: str, form: type[msgspec.Struct]) -> tuple[str, str]:
    """A sentence, and what is allowed, for what msgspec says: ``Expected `str`, got `int` - at `$.name```."""
    split = _SAID.match(said)
    assert split is not None
    what, of_key, place = split[1], split[2], split[3] or ""
    prefix = f"{place}: " if place else ""
    known = f"Known are {', '.join(_known(form, place))}."
    if match := _UNKNOWN.match(what):
        return f"{prefix}unknown key {match[1]!r}", known
    if match := _MISSING.match(what):
        return f"{prefix}no {match[1]}", known
    name = f"a key of {place or 'it'}" if of_key else place or "the content"
    if match := _NONE_OF.match(what):
        return f"{name} is not {match[1]}", f"It is one of {', '.join(_words(form, place))}."
    if what.endswith(_BLANK):
        return f"{name} is empty", "Write something."
    if match := _EXPECTED.match(what):
        expected = " or ".join(dict.fromkeys(_WORDS.get(word, word) for word in match[1].split(" | ")))
        got = f"It is {_WORDS.get(match[2], match[2])}." if match[2] else f"It must be {expected}{match[3]}."
        return f"{name} is not {expected}{match[3]}", got
    return f"{name}: {what[:1].lower()}{what[1:]}", "Correct it."


def _known(form: type[msgspec.Struct], place: str) -> tuple[str, ...]:
    """The keys of the struct at a place inside another."""
    inner = _struct_in(_type_at(form, place))
    return () if inner is None else tuple(f.encode_name for f in msgspec.structs.fields(inner))


def _words(kind: Any, place: str = "") -> tuple[str, ...]:
    """The words of which a value at a place inside a struct, or of a type, is one."""
    found = _type_at(kind, place) if place else kind
    if typing.get_origin(found) is typing.Literal:
        return tuple(map(str, typing.get_args(found)))
    return tuple(word for part in typing.get_args(found) for word in _words(part))


def _type_at(form: Any, place: str) -> Any:
    """The type of what stands at a place inside a struct."""
    found = form
    for name in filter(None, re.sub(r"\[[^\]]*\]", "", place).split(".")):
        inner = _struct_in(found)
        types = {} if inner is None else {f.encode_name: f.type for f in msgspec.structs.fields(inner)}
        found = types.get(name)
    return found


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that a type such as ``list[Check] | None`` mentions."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    found = (_struct_in(part) for part in typing.get_args(kind))
    return next((struct for struct in found if struct is not None), None)
