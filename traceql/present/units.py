"""Names of columns as people read them: what is counted, in which unit, with how many digits."""

from __future__ import annotations

import math
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_SI = ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"), (1e15, "P"))

# Suffix of a column → (divisor, unit), from small to large. A suffix that ends in another stands before it.
_SCALES: Mapping[str, tuple[tuple[float, str], ...]] = MappingProxyType(
    {
        "_bytes_per_s": tuple((divisor, f"{prefix}B/s") for divisor, prefix in _SI),
        "_flop_per_s": tuple((divisor, f"{prefix}FLOP/s") for divisor, prefix in _SI),
        "_tflop_per_s": ((1.0, "TFLOP/s"),),
        "_flop_per_byte": ((1.0, "FLOP/byte"),),
        "_us_per_token": ((1.0, "µs per token"),),
        "_ms_per_token": ((1.0, "ms per token"),),
        "_tokens_per_s": ((1.0, "tokens/s"),),
        "_bytes": tuple((divisor, f"{prefix}B") for divisor, prefix in _SI),
        "_flop": tuple((divisor, f"{prefix}FLOP") for divisor, prefix in _SI),
        "_w": tuple((divisor, f"{prefix}W") for divisor, prefix in _SI),
        "_j_per_token": tuple((divisor, f"{prefix}J per token") for divisor, prefix in ((1e-3, "m"), *_SI)),
        "_j": tuple((divisor, f"{prefix}J") for divisor, prefix in ((1e-3, "m"), *_SI)),
        "_hz": tuple((divisor, f"{prefix}Hz") for divisor, prefix in _SI),
        "_sectors": ((1.0, "sectors"),),
        "_tokens": ((1.0, "tokens"),),
        "_pct": ((1.0, "%"),),
        "_ns": ((1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")),
        "_us": ((1.0, "µs"), (1e3, "ms"), (1e6, "s")),
        "_ms": ((1.0, "ms"), (1e3, "s")),
    }
)
# Names whose suffix does not tell: (what, unit).
_NAMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ms": ("Time", "ms"),
        "ms_per_token": ("Time of one step", "ms per token"),
        "batch_size": ("Batch size", "sequences"),
        "input_len": ("Input length", "tokens"),
        "step": ("Step", "number"),
        "instance": ("Instance", "number"),
        "gpu_ns": ("GPU time", ""),
        "device_id": ("GPU", ""),
        "gpu_id": ("GPU", ""),
        "pid": ("Process", ""),
        "tid": ("Thread", ""),
        "kernels_per_step": ("Kernels", "per step"),
        "range": ("NVTX range", ""),
    }
)
# Unit as ncu reports it → suffix.
_REPORTED: Mapping[str, str] = MappingProxyType(
    {
        "B": "_bytes",
        "B/s": "_bytes_per_s",
        "byte": "_bytes",
        "byte/s": "_bytes_per_s",
        "byte/second": "_bytes_per_s",
        "hz": "_hz",
        "ns": "_ns",
        "nsecond": "_ns",
        "%": "_pct",
    }
)
_ACRONYMS = MappingProxyType(
    {word: word.upper() for word in ("api", "cpu", "cuda", "dram", "gpu", "hbm", "l1", "l2", "nvtx", "os")}
)
_CODES = ("graph", "pid", "tid")
# How the names of columns end that say when something was, not how long.
_POSITIONS = ("start", "end", "first", "last", "from", "to", "since", "until")


# What the question that is being shown calls its columns.
_GIVEN: ContextVar[Mapping[str, str]] = ContextVar("titles", default=MappingProxyType({}))


@contextmanager
def named(titles: Mapping[str, str]) -> Iterator[None]:
    """Call columns by these titles meanwhile, as the header of a question says."""
    before = _GIVEN.set(titles)
    try:
        yield
    finally:
        _GIVEN.reset(before)


def title(column: str) -> str:
    """What a column is, without its unit.

    >>> title("dram_write_bytes"), title("total_ns"), title("input_len")
    ('DRAM write', 'Total', 'Input length')
    """
    if column in _GIVEN.get():
        return _GIVEN.get()[column]
    if column in _NAMES:
        return _NAMES[column][0]
    words = column.removesuffix(suffix(column)).split("_")
    text = " ".join(_ACRONYMS.get(word, word) for word in words if word)
    return text[:1].upper() + text[1:]


def scale(column: str, values: Iterable[float | None]) -> tuple[float, str]:
    """The unit in which the largest of `values` reads best: what to divide them by, and its name.

    >>> scale("total_ns", [1_500, 2_400_000])
    (1000000.0, 'ms')
    >>> scale("launches", [7])
    (1.0, 'count')
    """
    steps = _SCALES.get(suffix(column))
    if steps is None:
        return 1.0, _NAMES.get(column, ("", "count"))[1]
    largest = max((abs(value) for value in values if value is not None and math.isfinite(value)), default=0.0)
    return _fitting(steps, largest)


def _fitting(steps: Sequence[tuple[float, str]], largest: float) -> tuple[float, str]:
    return next((step for step in reversed(steps) if largest >= step[0]), steps[0])


def scale_of(unit: str, values: Iterable[float | None]) -> tuple[float, str]:
    """As `scale`, for values in a unit as ncu reports it.

    >>> scale_of("byte", [5_000_000]), scale_of("warp", [5_000_000])
    ((1000000.0, 'MB'), (1.0, 'warp'))
    """
    return scale(_REPORTED[unit], values) if unit in _REPORTED else (1.0, unit or "count")


def text(column: str, value: float | None, digits: int = 4) -> str:
    """A value of a column, to `digits` significant digits, with the unit that fits; a count as it is.

    >>> text("total_ns", 2_412_345), text("dram_bytes", 60_449_280), text("launches", 278_336)
    ('2.412 ms', '60.45 MB', '278,336')
    >>> text("busy_pct", 99.996), text("dram_bytes", None), text("pid", 4_194_305)
    ('100 %', 'not measured', '4194305')
    """
    if value is None or not math.isfinite(value):
        return "not measured"
    if is_code(column):
        return code(column, int(value))
    steps = _SCALES.get(suffix(column))
    if isinstance(value, int) and steps is None:
        return f"{value:,}"
    divisor, unit = _fitting(steps, abs(value)) if steps else (1.0, "")
    shown = value / divisor
    places = max(0, digits - 1 - math.floor(math.log10(abs(shown)))) if shown else 0
    number = f"{shown:,.{min(places, 12)}f}"
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return f"{number} {unit}" if steps else number


def short(count: float, digits: int = 3) -> str:
    """A count to so many digits, where there is no room for all of them.

    >>> short(22_413_312), short(512), short(0)
    ('22.4 M', '512', '0')
    """
    return text("_bytes", count, digits).removesuffix("B").rstrip()


def is_code(column: str) -> bool:
    """Whether numbers of a column are names of things, not quantities."""
    return column in _CODES or column.endswith(("_id", "_address")) or column == "address"


def has_units(column: str) -> bool:
    """Whether the numbers of a column are read in one unit or another, or in a sign.

    >>> has_units("total_ns"), has_units("share_pct"), has_units("ridge_flop_per_byte")
    (True, True, False)
    """
    return suffix(column) == "_pct" or len(_SCALES.get(suffix(column), ())) > 1


def is_position(column: str) -> bool:
    """Whether a column says when something was: there every digit counts that keeps two events apart.

    >>> is_position("api_start_ns"), is_position("total_ns")
    (True, False)
    """
    return suffix(column) == "_ns" and column.removesuffix("_ns").rpartition("_")[2] in _POSITIONS


def is_acronym(word: str) -> bool:
    """Whether a name is written in capitals.

    >>> is_acronym("gpu"), is_acronym("trace")
    (True, False)
    """
    return word in _ACRONYMS


def code(column: str, value: int) -> str:
    """A number of a column of codes: addresses in hexadecimal, others as they are.

    >>> code("kernel_id", 4294967297), code("virtual_address", 140606458298368)
    ('4294967297', '0x7fe17e000000')
    """
    # A negative one is the same 64 bits, signed.
    return hex(value % 2**64) if column.endswith("address") else str(value)


@cache
def suffix(column: str) -> str:
    """The unit in a column's name; empty for counts and names.

    >>> suffix('dram_write_bytes'), suffix('launches')
    ('_bytes', '')
    """
    return next((s for s in _SCALES if column.endswith(s) or column == s.removeprefix("_")), "")
