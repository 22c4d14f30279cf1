"""Parameters of questions: how a header declares them, and which values they take.

============================ ================== ========================= ===============================
type                         in a header        in Python                 on the command line
============================ ================== ========================= ===============================
``VARCHAR``, ``BIGINT`` …    ``= 'text'``       ``"text"``                ``--name text``
``VARCHAR(a|b)``             ``= 'a'``          ``"a"``, one of these     ``--name a``
``VARCHAR[]``                ``= NULL``         ``["a", "b"]`` or ``"a"`` ``--name a --name b``
``MAP(VARCHAR, VARCHAR)``    ``= NULL``         ``{"a": "b"}``            ``--name a=b``, repeatable
``MAP(VARCHAR, VARCHAR[])``  ``= NULL``         ``{"a": ["b", "c"]}``     ``--name a=b --name a=c``
``TIME``                     ``= 10us``         ``"1.5s"`` or ``10_000``   ``--name 1.5s``
============================ ================== ========================= ===============================

``by`` of a question whose rows can be of several kinds takes one of these, ``tag:NAME`` to add up traces that
have the same value of a tag, or both: see `by_of`.

A time is given with its unit, or in nanoseconds, and SQL gets nanoseconds. Names are taken as they are,
unless they hold ``*`` or ``%`` for any characters, or ``?`` for one: SQL asks `is_like`, Python `matches`.

SQL casts a map (``$pair::MAP(VARCHAR, VARCHAR)``) and takes nothing apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from numbers import Integral, Real
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from traceql import given
from traceql.errors import CatalogError, ParameterError, QueryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DECLARED = re.compile(
    r"(?P<name>\w+) (?P<type>\w+(?:\([^)]*\))?(?:\[\])?)"
    r"(?: = (?P<default>'(?:[^']|'')*'|\S+))?\s+(?P<meaning>\S.*)"
)
# A text that is one of some words.
_OF_WORDS = re.compile(r"VARCHAR\(\s*(?P<words>[^|()\s]+(?:\s*\|\s*[^|()\s]+)+)\s*\)")
ValueType: TypeAlias = type[str] | type[int] | type[float] | type[bool]

_SCALARS: dict[str, ValueType] = {
    "VARCHAR": str,
    "BIGINT": int,
    "DOUBLE": float,
    "BOOLEAN": bool,
}
# True is a number to Python alone; numbers of numpy are numbers.
_TAKEN: Mapping[ValueType, type] = {str: str, int: Integral, float: Real, bool: bool}
_LIST = "VARCHAR[]"
_MAP = "MAP(VARCHAR, VARCHAR)"
_MAP_OF_LISTS = "MAP(VARCHAR, VARCHAR[])"
_TIME = "TIME"

#: Every type that a header may declare.
TYPES = (*_SCALARS, _LIST, _MAP, _MAP_OF_LISTS, _TIME)

# Unit of a time → nanoseconds.
_UNITS = {"": 1, "ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9}
_TIMES_LOOK_LIKE = "For example 1.5s, 200ms, 30us, or 800 for nanoseconds."
_TIME_TEXT = re.compile(r"(?P<number>-?(?:\d[\d_]*)?\.?\d+(?:[eE][+-]?\d+)?)\s*(?P<unit>[a-zµ]*)")

# No column holds a whole number beyond it, nor has a time more digits: Python does not even write those of
# more than 4,300.
_LARGEST = (1 << 127) - 1
_MOST_DIGITS = 38

# Into so many parts something is cut.
_PARTS = ("bins", "chunks", "parts", "slices")

# Before the name of a tag, where a value could have another meaning.
_TAG = "tag:"

#: Parameters that name a trace, or several.
TRACE_PARAMS = ("trace", "baseline", "variant", "timeline", "counters")

#: Names that options of every question have.
RESERVED = (
    *("all_columns", "columns", "db", "format", "format_", "help", "list", "no_pager", "output", "raw"),
    *("safe_csv", "sort", "vertical"),
)

Value = str | int | float | bool | list[str] | dict[str, str] | dict[str, list[str]] | None


@dataclass(frozen=True)
class Param:
    """A parameter of a query; `required` when it has no default.

    `takes_tag` when it has a tag of traces beside a value of its own, see `by_of`. `words` are those of which
    its value is one; none where any value of the type will do.
    """

    name: str
    type: str
    meaning: str
    default: Value
    required: bool
    takes_tag: bool = False
    words: tuple[str, ...] = ()

    @property
    def value_type(self) -> ValueType:
        """The Python type of one value."""
        return _SCALARS.get(self.type, str)

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return self.type == _LIST

    @property
    def is_map(self) -> bool:
        """Whether its values have names."""
        return self.type in (_MAP, _MAP_OF_LISTS)

    @property
    def is_time(self) -> bool:
        """Whether its values are times, which have units."""
        return self.type == _TIME

    @property
    def repeatable(self) -> bool:
        """Whether it can be given several times on the command line."""
        return self.is_list or self.is_map or self.takes_tag

    def parse(self, *texts: str) -> Value:
        """The value that texts stand for, in this parameter's type; several are for repeatable ones.

        Raises:
            ParameterError: they stand for none.
        """
        if [text.upper() for text in texts] == ["NULL"]:
            return self._one_of_words(None)
        if self.is_list or (self.takes_tag and len(texts) > 1):
            return list(texts)
        if self.is_map:
            return self._named(texts)
        if len(texts) != 1:
            raise ParameterError(f"parameter {self.name} is given {len(texts)} times", "It takes one value.")
        (text,) = texts
        if self.type == _TIME:
            return self._nanoseconds(text)
        try:
            if self.type == "BOOLEAN":
                return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
            value: Value = self.value_type(text)
        except (ValueError, KeyError):
            raise ParameterError(f"parameter {self.name}: {text!r} is no {self.type}") from None
        self._refuse_too_large(value)
        return value if self.takes_tag else self._one_of_words(value)

    def _refuse_too_large(self, value: object) -> None:
        """Raise for a whole number that no column can hold, also among several."""
        if isinstance(value, list | dict):
            for one in value.values() if isinstance(value, dict) else value:
                self._refuse_too_large(one)
        elif isinstance(value, int) and abs(value) > _LARGEST:
            raise ParameterError(
                f"parameter {self.name}: a number of more than {_MOST_DIGITS} digits is no {self.type}",
                self.meaning,
            )

    def _one_of_words(self, value: Value) -> Value:
        """The value, if it is one of those that the parameter takes."""
        if not self.words or value in self.words or (value is None and self.default is None):
            return value
        said = "NULL" if value is None else given.said(value)
        raise ParameterError(
            f"parameter {self.name} must be {_alternatives(self.words)}, not {said}", self.meaning
        )

    def _scalar(self, value: Value) -> Value:
        """One value of the type, which 1.5 and True are not to whole numbers, or what a text stands for."""
        if value is None or isinstance(value, str):
            return value if value is None or self.value_type is str else self.parse(value)
        of_type = isinstance(value, _TAKEN[self.value_type])
        if not of_type or (isinstance(value, bool) and self.value_type is not bool):
            raise ParameterError(
                f"parameter {self.name}: {given.said(value)} is no {self.type}", self.meaning
            )
        return self.value_type(value)  # type: ignore[arg-type]

    def _time_given(self, value: Value) -> Value:
        if isinstance(value, str):
            return self.parse(value)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise ParameterError(f"parameter {self.name}: {given.said(value)} is no time", _TIMES_LOOK_LIKE)

    def _nanoseconds(self, text: str) -> int:
        match = _TIME_TEXT.fullmatch(text.strip())
        if match is None or match["unit"] not in _UNITS:
            raise ParameterError(f"parameter {self.name}: {text!r} is no time", _TIMES_LOOK_LIKE)
        try:
            number = Decimal(match["number"])
        except InvalidOperation:
            # An exponent of thousands of digits.
            raise ParameterError(f"parameter {self.name}: {text!r} is no time", _TIMES_LOOK_LIKE) from None
        if number.adjusted() >= _MOST_DIGITS:
            raise ParameterError(
                f"parameter {self.name}: a number of more than {_MOST_DIGITS} digits is no time",
                _TIMES_LOOK_LIKE,
            )
        return round(number * _UNITS[match["unit"]])

    def _with_tag(self, value: Value) -> Value:
        """The value of its own, by default its default, and the tag behind it if one is given."""
        words: list[object] = list(value) if isinstance(value, list) else [value]
        tags = [word for word in words if isinstance(word, str) and word.startswith(_TAG)]
        own = [word for word in words if word not in tags]
        if len(tags) > 1 or len(own) > 1:
            raise ParameterError(
                f"parameter {self.name}: {', '.join(map(str, words))} are too many",
                f"It takes one value and one {_TAG}NAME: {self.meaning}.",
            )
        (chosen,) = own or [self.default]
        if not isinstance(chosen, str):
            raise ParameterError(
                f"parameter {self.name}: {given.said(chosen)} is no {self.type}", self.meaning
            )
        self._one_of_words(chosen)
        found: list[str] = [chosen, *tags]
        return found if tags else chosen

    def _named(self, texts: tuple[str, ...]) -> Value:
        single: dict[str, str] = {}
        several: dict[str, list[str]] = {}
        for text in texts:
            # Paths of ranges and names of traces: blanks around the sign belong to neither.
            key, value = (part.strip() for part in text.partition("=")[::2])
            if not key or not value:
                raise ParameterError(
                    f"parameter {self.name}: {text!r} is not A=B", f"--{self.name} A=B: {self.meaning}."
                )
            if self.type == _MAP and key in single:
                raise ParameterError(f"parameter {self.name}: {key!r} is given twice", "It takes one value.")
            single[key] = value
            several.setdefault(key, []).append(value)
        return single if self.type == _MAP else several

    def take(self, value: Value) -> Value:
        """A value given in Python, as it is bound: one text is as good as a list of one.

        Raises:
            ParameterError: it is no list, or no map of the right kind; or a number that nothing can hold.
        """
        self._refuse_too_large(value)
        if self.type == _TIME:
            return self._time_given(value)
        if not self.repeatable:
            value = self._scalar(value)
        if self.name == "limit" and isinstance(value, int) and value < 0:
            raise ParameterError(
                f"parameter limit: {value} is no number of rows", "From 0 on, or NULL for all."
            )
        if self.name in _PARTS and (not isinstance(value, int) or value < 1):
            raise ParameterError(f"parameter {self.name}: {value} is no number of parts", "From 1 on.")
        if value is None or not self.repeatable:
            return self._one_of_words(value)
        if self.takes_tag:
            return self._with_tag(value)
        taken: object = value
        if self.is_list and isinstance(value, str):
            taken = [value]
        elif self.type == _MAP_OF_LISTS and isinstance(value, dict):
            taken = {key: [one] if isinstance(one, str) else one for key, one in value.items()}
        if not _fits(taken, self.type):
            raise ParameterError(
                f"parameter {self.name}: {given.said(value)} is no {self.type}", self.meaning
            )
        return taken  # type: ignore[return-value]


def by_of(value: Value) -> tuple[str | None, str | None]:
    """What the rows are by, and the tag by whose values traces are added up, of what ``by`` is bound to.

    >>> by_of("process"), by_of(["process", "tag:gpu"]), by_of("tag:gpu")
    (('process', None), ('process', 'gpu'), (None, 'gpu'))
    """
    words = value if isinstance(value, list) else [value]
    own = [word for word in words if isinstance(word, str) and not word.startswith(_TAG)]
    tags = [word.removeprefix(_TAG) for word in words if isinstance(word, str) and word.startswith(_TAG)]
    return (own[0] if own else None), (tags[0] if tags else None)


_TIMES = (
    Param(
        "from",
        _TIME,
        "only what ends after this time of the trace: 1.5s, 200ms; a bare number is nanoseconds",
        None,
        required=False,
    ),
    Param("to", _TIME, "only what starts before this time", None, required=False),
)
#: Word of a line ``@of`` → the parameters that the question has by it.
PLACES: Mapping[str, tuple[Param, ...]] = MappingProxyType(
    {
        "traces": (
            Param(
                "trace",
                _LIST,
                "only these traces: name, pattern, or tag such as gpu=h200",
                None,
                required=False,
            ),
        ),
        "times": _TIMES,
        "window": (
            *_TIMES,
            Param(
                "within",
                "VARCHAR",
                "only what lies in the NVTX ranges of this name; RANGE#n in the nth of each process, from 0",
                None,
                required=False,
            ),
        ),
        "job": (
            Param(
                "from",
                _TIME,
                "only what ends after this time, on the clock of the job's first trace: 1.5s, 200ms; a bare "
                "number is nanoseconds",
                None,
                required=False,
            ),
            Param("to", _TIME, "only what starts before this time of that clock", None, required=False),
        ),
        "totals": (
            Param(
                "by", "VARCHAR", "add up traces that have the same value of this tag", None, required=False
            ),
        ),
    }
)
#: Parameters that no SQL reads: they narrow the tables that it reads.
NARROWING = (*PLACES["window"], *PLACES["totals"])


def is_pattern(name: str) -> bool:
    """Whether a name stands for several: it holds ``*`` or ``%`` for any characters, or ``?`` for one."""
    return any(sign in name for sign in "*%?")


def matches(name: str, pattern: str) -> bool:
    """Whether a name is the one that is asked for, or like the pattern; the macro ``is_like`` says the same.

    >>> matches("iter_1", "iter_1"), matches("iter11", "iter_1"), matches("iter11", "iter*")
    (True, False, True)
    """
    signs = {"*": ".*", "%": ".*", "?": "."}
    text = "".join(signs.get(sign, re.escape(sign)) for sign in pattern)
    return re.fullmatch(text, name, re.DOTALL) is not None


def like(pattern: str) -> str:
    r"""The pattern of LIKE, with ``\`` as ESCAPE, that means the same.

    >>> like("iter_*")
    'iter\\_%'
    """
    signs = {"*": "%", "?": "_", "_": "\\_", "\\": "\\\\"}
    return "".join(signs.get(sign, sign) for sign in pattern)


def _fits(value: object, type_: str) -> bool:
    if type_ == _LIST:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    of_values = _LIST if type_ == _MAP_OF_LISTS else "VARCHAR"
    if isinstance(value, dict):
        return all(isinstance(k, str) and _fits(v, of_values) for k, v in value.items())
    return type_ == "VARCHAR" and isinstance(value, str)


def _alternatives(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _naming(meaning: str, words: Sequence[str]) -> str:
    """The meaning, behind the words that a parameter takes if it does not name each of them."""
    if all(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", meaning) for word in words):
        return meaning
    return f"{_alternatives(words)} {meaning}"


def declared(text: str, where: str) -> Param:
    """The parameter that a line ``@param name TYPE [= default] meaning`` of a header declares.

    >>> declared("limit BIGINT = 20  rows", "q.sql:2").default
    20
    >>> found = declared("names VARCHAR(short|full) = 'full'  names of kernels", "q.sql:2")
    >>> found.type, found.words, found.meaning
    ('VARCHAR', ('short', 'full'), 'short or full names of kernels')

    Raises:
        CatalogError: it is malformed; the message begins with `where`.
    """
    match = _DECLARED.fullmatch(text)
    of_words = match and _OF_WORDS.fullmatch(match["type"])
    if match is None or not (of_words or match["type"] in TYPES):
        raise CatalogError(
            f"{where}: expected '@param name TYPE [= default] meaning', TYPE one of {', '.join(TYPES)}, "
            "or VARCHAR(a|b) for one of these words"
        )
    default = match["default"]
    words = tuple(re.split(r"\s*\|\s*", of_words["words"])) if of_words else ()
    param = Param(
        match["name"],
        "VARCHAR" if words else match["type"],
        _naming(match["meaning"], words) if words else match["meaning"],
        None,
        required=default is None,
        words=words,
    )
    if param.name in TRACE_PARAMS and param.type not in ("VARCHAR", _LIST):
        raise CatalogError(f"{where}: {param.name} is the name of a trace", "It is VARCHAR or VARCHAR[].")
    if param.name in RESERVED:
        raise CatalogError(
            f"{where}: the command line has an option --{param.name} of its own", "Rename the parameter."
        )
    if default is None:
        return param
    if default.startswith("'"):
        default = default[1:-1].replace("''", "'")
    try:
        return replace(param, default=param.parse(default), required=False)
    except QueryError as error:
        raise CatalogError(
            f"{where}: {error.message}", error.remedy or "See the type that is declared."
        ) from None
