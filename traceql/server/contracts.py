"""What a tool is: a name, what it takes as a JSON Schema, what it does, and codes of what goes wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from traceql import errors
from traceql.errors import TraceqlError
from traceql.given import said

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from traceql.questions.parameters import Param
    from traceql.questions.question import Query

Schema = dict[str, Any]

#: Error → its reason code: the first class that it is of. What is not recorded is no error of the question.
CODES: Mapping[type[TraceqlError], str] = {
    errors.MissingDataError: "not_recorded",
    errors.UnknownQueryError: "unknown_question",
    errors.ParameterError: "parameter",
    errors.UnknownGpuError: "unknown_gpu",
    errors.PredictionError: "prediction",
    errors.TimeLimitError: "time_limit",
    errors.LimitError: "limit",
    errors.ReportError: "report",
    errors.SchemaVersionError: "database_version",
    errors.DatabaseError: "database",
    errors.CheckError: "check",
    errors.CatalogError: "catalog",
    errors.QueryError: "question",
    TraceqlError: "error",
}
#: Codes of what is wrong in what was given, whatever the database holds.
USAGE = frozenset({"arguments", "parameter", "unknown_question", "unknown_tool", "unknown_gpu"})
# Command that a remedy tells a person to use → what does the same for a program.
_TOOLS = (
    (re.compile(r"traceql (?:query|chart) --list"), "the tool questions"),
    (re.compile(r"traceql ls\b"), "the tool list_traces"),
    (re.compile(r"traceql schema(?: \w+)?"), "the tool describe, or schema://tables"),
    (re.compile(r"traceql query ([\w-]+) --help"), r"the tool describe, name \1"),
    (re.compile(r"traceql query ([\w-]+)"), r"the tool ask, question \1"),
)
# Characters of a wrong value that a message repeats.
_SAID = 60
# Types of one value, as JSON has them; a time is written with its unit, too.
_JSON_TYPES: Mapping[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


@dataclass(frozen=True)
class Reply:
    """What a tool answers.

    Attributes:
        content: as JSON.
        png: a picture beside it.
        is_error: whether it says what went wrong: ``error`` with code, message and remedy.
    """

    content: dict[str, Any]
    png: bytes | None = None
    is_error: bool = False


@dataclass(frozen=True)
class Tool:
    """Something that a program can ask for.

    Attributes:
        name: by which it is called.
        title: in a few words.
        description: when to use it, and what it returns.
        takes: JSON Schema of what it is given, an object.
        call: does it.
        changes: whether it changes the database.
    """

    name: str
    title: str
    description: str
    takes: Schema
    call: Callable[[Mapping[str, Any]], Reply] = field(compare=False)
    changes: bool = False


def error(reason: TraceqlError) -> Reply:
    """What is told about an error: its code, what was wrong, and what to do about it."""
    code = next(code for kind, code in CODES.items() if isinstance(reason, kind))
    remedy = reason.remedy
    for command, tool in _TOOLS:
        remedy = command.sub(tool, remedy)
    return refused(code, reason.message, remedy)


def refused(code: str, message: str, remedy: str = "") -> Reply:
    """What is told where something cannot be done."""
    return Reply({"error": {"code": code, "message": message, "remedy": remedy}}, is_error=True)


def an_object(properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """The schema of an object that has these properties and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def usage(schema: Schema) -> str:
    """What an object may hold, in a sentence.

    >>> usage(an_object({"name": {"type": "string"}, "rows": {"type": ["integer", "null"]}}, ("name",)))
    'It takes name (string, needed), rows (integer or null).'
    """
    told = []
    for name, one in schema["properties"].items():
        kind = one.get("type", "string")
        said = kind if isinstance(kind, str) else " or ".join(kind)
        told.append(f"{name} ({said}{', needed' if name in schema['required'] else ''})")
    return f"It takes {', '.join(told) or 'nothing'}."


def taken_by(query: Query) -> Schema:
    """What the parameters of a question may be, as its header says.

    >>> from traceql.questions import catalog
    >>> taken_by(catalog.shipped().find("top_kernels"))["properties"]["limit"]
    {'description': 'kernels per trace; NULL for all', 'type': ['integer', 'null'], 'default': 20}
    >>> taken_by(catalog.shipped().find("top_kernels"))["properties"]["names"]["enum"]
    ['short', 'full', 'distinct']
    """
    return an_object(
        {param.name: _taken(param) for param in query.params},
        tuple(param.name for param in query.params if param.required),
    )


def unfit(schema: Schema, value: object, at: str = "") -> str:
    """Why a value is not what a schema of ours wants; empty where it is.

    >>> unfit(an_object({"limit": {"type": "integer", "minimum": 1}}), {"limit": 0})
    'limit is 0, but at least 1 is wanted'
    """
    where = at or "what is given"
    wanted = schema.get("type", [])
    kinds = [wanted] if isinstance(wanted, str) else list(wanted)
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"{where} is {said(value, _SAID)}, but {' or '.join(kinds)} is wanted"
    if "enum" in schema and value not in schema["enum"]:
        words = ("null" if one is None else one for one in schema["enum"])
        return f"{where} is {said(value, _SAID)}, but one of {', '.join(words)} is wanted"
    for bound, word, is_beyond in (("minimum", "least", int.__lt__), ("maximum", "most", int.__gt__)):
        if bound in schema and isinstance(value, int) and is_beyond(value, schema[bound]):
            return f"{where} is {said(value, _SAID)}, but at {word} {schema[bound]} is wanted"
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            return f"{where} is empty"
        return next(
            filter(
                None, (unfit(schema.get("items", {}), one, f"{where}[{n}]") for n, one in enumerate(value))
            ),
            "",
        )
    if not isinstance(value, dict):
        return ""
    known = schema.get("properties", {})
    if lacking := [name for name in schema.get("required", ()) if name not in value]:
        return f"{where} lacks {', '.join(lacking)}"
    others = schema.get("additionalProperties", {})
    if others is False and (unknown := [name for name in value if name not in known]):
        return f"{', '.join(map(repr, unknown))} is not among {', '.join(known) or 'nothing'}"
    inner = ((known.get(name, others or {}), one, name) for name, one in value.items())
    return next(filter(None, (unfit(schema_, one, str(name)) for schema_, one, name in inner)), "")


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "number":
        return isinstance(value, int | float)
    types = {
        "string": str,
        "integer": int,
        "object": dict,
        "array": list,
        "null": type(None),
        "boolean": bool,
    }
    return isinstance(value, types[kind])


def _taken(param: Param) -> Schema:
    described: Schema = {"description": re.sub(r"\s+", " ", param.meaning)}
    text: Schema = {"type": "string"}
    if param.is_map:
        several = param.type.endswith("[])")
        described |= {
            "type": ["object", "null"],
            "additionalProperties": {"type": "array", "items": text} if several else text,
        }
    elif param.words and not param.takes_tag:
        none = [None] if param.default is None and not param.required else []
        described |= {"type": ["string", "null"] if none else "string", "enum": [*param.words, *none]}
    elif param.is_list or param.takes_tag:
        described |= {"type": ["array", "string", "null"], "items": text}
    elif param.type == "TIME":
        described |= {"type": ["string", "integer", "null"]}
    else:
        described |= {"type": [_JSON_TYPES[param.value_type], "null"]}
    return described if param.required else described | {"default": param.default}
