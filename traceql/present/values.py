r"""One value as text: for reading, or exact.

Names in reports come from strangers: control characters are written out.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from traceql.errors import QueryError
from traceql.present import units
from traceql.rows import Batches, Column, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

#: Characters of one text where people read it: full names of kernels have some thousand at most.
MOST_SHOWN = 4_000
#: The same in charts and on pages, which hold a name many times.
MOST_DRAWN = 400

# Names that are all said, and those that are of more.
_FEW, _FIRST = 4, 3
_ROOM_FOR_MARK = 40
_ROWS_PER_BATCH = 10_000
# Fillers and selectors, which count as letters and marks but take no room.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements
_ENDS_SCRIPT = re.compile(r"<(?=/script|!--)", re.IGNORECASE)
_IN_SCRIPTS: ContextVar[bool] = ContextVar("in_scripts", default=False)
_NO_VALUE = (
    "the answer holds what cannot be shown: a date out of range, a timestamp finer than microseconds, "
    "or a map whose keys are lists"
)


def printable(text: str) -> str:
    r"""`text` with what cannot be seen written out: names in reports come from strangers.

    That is control characters, marks that turn the direction of writing, and what has no width.

    >>> printable("a\x1b[31mb"), printable("gnp.\u202etxt")
    ('a\\x1b[31mb', 'gnp.\\u202etxt')
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and not _UNSEEN.match(c) else _written_out(c) for c in text)


def _written_out(c: str) -> str:
    return c.encode("unicode_escape", "backslashreplace").decode("ascii")


def cut(text: str, most: int = MOST_SHOWN) -> str:
    """`text` as long as somebody reads: both ends, and between them how much was left out.

    A few digits of a hash keep apart what differs in the middle.

    >>> cut("a" * 1_000_000, 60)
    'aaaaaaaaaa…[999,980 more, cdc76e]…aaaaaaaaaa'
    """
    if len(text) <= most:
        return text
    import hashlib

    half = (most - _ROOM_FOR_MARK) // 2
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{text[:half]}…[{len(text) - 2 * half:,} more, {digest}]…{text[-half:]}"


def readable(text: str, most: int = MOST_SHOWN) -> str:
    """`text` cut and printable: how every form for people shows what a stranger wrote."""
    return printable(cut(text, most))


def counted(number: int, plural: str) -> str:
    """So many of something that is called by its plural.

    >>> counted(1, "processes"), counted(1, "gpus"), counted(1_000, "kernels"), counted(1, "advice")
    ('1 process', '1 gpu', '1,000 kernels', '1 advice')
    """
    if number == 1:
        plural = plural.removesuffix("es" if plural.endswith(("sses", "ches")) else "s")
    return f"{number:,} {plural}"


def listed(names: Sequence[str], plural: str = "traces") -> str:
    """Names in a sentence: all of a few; of many how many they are, and the first. As the macro `listed`.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a, b', '5 traces (a, b, c and 2 more)')
    """
    if len(names) <= _FEW:
        return ", ".join(names)
    more = len(names) - _FIRST
    return f"{counted(len(names), plural)} ({', '.join(names[:_FIRST])} and {more:,} more)"


def drawn(text: str) -> str:
    """`text` as charts hold it, many times over."""
    shown = readable(text, MOST_DRAWN)
    return _ENDS_SCRIPT.sub(r"<\\", shown) if _IN_SCRIPTS.get() else shown


@contextmanager
def in_scripts() -> Iterator[None]:
    r"""What is `drawn` may stand in a script: what would end that is written out.

    Notebooks show charts so, and Altair does not escape their data.

    >>> with in_scripts():
    ...     drawn("</script><script>alert(1)</script><!--")
    '<\\/script><script>alert(1)<\\/script><\\!--'
    """
    before = _IN_SCRIPTS.set(True)
    try:
        yield
    finally:
        _IN_SCRIPTS.reset(before)


def human(value: object, column: str = "") -> str:
    """A value for reading: thousands separated, floats to what matters; codes and addresses as they are.

    >>> [human(v) for v in (60449280, -46.966925, 0.00012, None, True, {"a": "b"})]
    ['60,449,280', '-46.97', '0.00012', 'NULL', 'true', '{"a": "b"}']
    >>> human(4194305, "pid"), human(140606458298368, "virtual_address")
    ('4194305', '0x7fe17e000000')
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return units.code(column, value) if units.is_code(column) else f"{value:,}"
    if isinstance(value, float | Decimal):
        number = float(value)
        return f"{number:,.2f}" if number == 0 or abs(number) >= 0.01 else f"{number:.3g}"
    return readable(exact(value))


def exact(value: object) -> str:
    """A value for programs: texts as they are, everything else as JSON writes it."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str) else as_json(value)


def as_json(value: object) -> str:
    """A value as JSON text; what is not finite becomes null, and keys of maps texts."""
    return json.dumps(_carried(value), default=plain, ensure_ascii=False, allow_nan=False)


def _carried(value: object) -> object:
    """The value without what JSON has no form for, however deep."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key): _carried(one) for key, one in value.items()}
    return [_carried(one) for one in value] if isinstance(value, list) else value


def _key(key: object) -> str:
    return key if isinstance(key, str) else as_json(key).strip('"')


def plain(value: object) -> object:
    """What JSON has no form for, as something that it has one for."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def rows(answer: pa.Table | Rows | Batches) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries, batch by batch.

    Raises:
        QueryError: own SQL made a value that Python has none for, such as an infinite date.
    """
    if isinstance(answer, Rows):
        yield from answer.dictionaries()
        return
    if isinstance(answer, Batches):
        for table in answer.tables:
            yield from rows(table)
        return
    for batch in answer.to_batches(max_chunksize=_ROWS_PER_BATCH):
        yield from in_python(batch)


def in_python(values: pa.RecordBatch | pa.ChunkedArray | Column) -> list[Any]:
    """Rows, or the values of a column; raises what `rows` raises."""
    if isinstance(values, Column):
        return values.values
    try:
        found: list[Any] = _in_microseconds(values).to_pylist(maps_as_pydicts="strict")
    except (OverflowError, TypeError, ValueError) as error:
        raise QueryError(_NO_VALUE, "Make it text in the statement: column::VARCHAR") from error
    return found


def _in_microseconds(values: pa.RecordBatch | pa.ChunkedArray) -> pa.RecordBatch | pa.ChunkedArray:
    """The same, but times in Python's units: of nanoseconds pyarrow makes pandas' types, where pandas is.

    Raises:
        ValueError: a time is finer.
    """
    import pyarrow as pa

    whole = values.schema if isinstance(values, pa.RecordBatch) else values.type
    if "[ns" not in str(whole):
        return values
    if isinstance(values, pa.RecordBatch):
        return values.cast(pa.schema([field.with_type(_coarser(field.type)) for field in whole]))
    return values.cast(_coarser(whole))


def _coarser(kind: pa.DataType) -> pa.DataType:
    """A type with microseconds in place of nanoseconds, however deep."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if pa.types.is_time64(kind):
        return pa.time64("us")
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_coarser(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_coarser(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_coarser(kind.key_type), _coarser(kind.item_type))
    return kind


def cells(answer: pa.Table | Rows) -> Iterator[list[str]]:
    """Rows for reading."""
    # Counters are DOUBLE, but whole: no decimals where a column has none.
    whole = {name for i, name in enumerate(answer.column_names) if _is_whole(answer.column(i))}
    for row in rows(answer):
        yield [_cell(v, k, whole=k in whole) for k, v in row.items()]


def _is_whole(column: pa.ChunkedArray | Column) -> bool:
    """Whether a column of fractions has none."""
    if isinstance(column, Column):
        return column.is_fraction and _whole(column.values)
    import pyarrow as pa

    # Without pyarrow's functions: loading them takes longer than most commands.
    return pa.types.is_floating(column.type) and _whole(
        number for chunk in column.chunks for number in chunk.to_pylist()
    )


def texts(column: str, found: Sequence[object]) -> list[str]:
    """The values of a column for reading, as `cells` has them.

    >>> texts("total", [2.0, None, 1_000.0]), texts("mean", [2.0, 0.5])
    (['2', 'NULL', '1,000'], ['2.00', '0.50'])
    """
    whole = _whole(value for value in found if isinstance(value, float))
    return [_cell(value, column, whole=whole) for value in found]


def _cell(value: object, column: str, *, whole: bool) -> str:
    return f"{value:,.0f}" if whole and isinstance(value, float) else human(value, column)


def _whole(numbers: Iterable[float | None]) -> bool:
    """Whether no number has a fraction."""
    return all(number is None or math.isinf(number) or number.is_integer() for number in numbers)
