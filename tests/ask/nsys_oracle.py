"""What the tests of the nsys questions share: the recorded traces, and NVIDIA's own answers about them.

``expected/nsys_stats`` and ``expected/nsys_analyze`` hold what nsys 2025.3.1 prints with ``--format csv``; an
empty file says that nsys had nothing to report. A number is right when it equals the printed one in every
printed digit, that is, within half a unit of the last one.
"""

from __future__ import annotations

import csv
import io
import lzma
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipped import EXPECTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from traceql.database import Database

TRACES = (
    "crossing_ranges",
    "emit_nvtx",
    "llama_eager",
    "llama_graph",
    "memory_and_ranges",
    "nccl_rank0",
    "nccl_rank1",
    "nccl_two_gpus",
    "scv_baseline_graph",
    "scv_baseline_off",
    "scv_baseline_vectorized",
    "scv_nwor_graph",
    "scv_nwor_off",
    "scv_nwor_vectorized",
    "shared_gpu",
    "shared_gpu_mps",
    "training",
)

Row = dict[str, Any]
#: NVIDIA's column → (our column, or a function of our row; printed decimals, None for text and integers).
Columns = dict[str, tuple["str | Callable[[Row], Any]", "int | None"]]


def ask(database: Database, query: str, trace: str | None = None, **params: Any) -> list[Row]:
    """The answer about one trace as a list of rows; notes on missing data are another test's business.

    `trace` is the name of a recorded trace without the suffix of its file, or NULL for all.
    """
    if trace is not None:
        params["trace"] = f"{trace}.sqlite.xz"
    return database.query(query, **params).to_dicts()


def was_asked(folder: str, trace: str, report: str) -> bool:
    """Whether nsys was asked for that report on that trace."""
    path = EXPECTED / folder / f"{trace}_{report}.csv"
    return path.exists() or Path(f"{path}.xz").exists()


def expected(folder: str, trace: str, report: str) -> list[dict[str, str]]:
    """NVIDIA's rows, as printed; none where nothing was printed, or nsys was not asked."""
    path = EXPECTED / folder / f"{trace}_{report}.csv"
    packed = Path(f"{path}.xz")
    if not packed.exists() and not path.exists():
        return []
    data = path.read_bytes() if path.exists() else lzma.decompress(packed.read_bytes())
    return list(csv.DictReader(io.StringIO(data.decode())))


def assert_same(
    ours: Sequence[Row], theirs: Sequence[dict[str, str]], columns: Columns, ordered_by: str = ""
) -> None:
    """Every row of one side is on the other, equal in every column; in the same order, up to ties."""
    assert len(ours) == len(theirs)
    mine = [[_ours(row, source) for source, _ in columns.values()] for row in ours]
    other = [[_theirs(row[name], digits) for name, (_, digits) in columns.items()] for row in theirs]
    if ordered_by:
        at = list(columns).index(ordered_by)
        _assert_equal(
            [row[at] for row in mine], [row[at] for row in other], [columns[ordered_by][1]] * len(mine)
        )
    exact = [i for i, (_, digits) in enumerate(columns.values()) if digits is None]

    def identity(row: list[Any]) -> list[str]:
        return [str(row[i]) for i in exact]

    kinds = [digits for _, digits in columns.values()]
    for a, b in zip(sorted(mine, key=identity), sorted(other, key=identity), strict=True):
        _assert_equal(a, b, kinds)


def _ours(row: Row, source: str | Callable[[Row], Any]) -> Any:
    return source(row) if callable(source) else row[source]


def _theirs(text: str, digits: int | None) -> Any:
    if text == "":
        return None
    if digits is not None:
        return Decimal(text)
    # The version suffix of an entry point is no part of the function's name here.
    return int(text) if re.fullmatch(r"-?\d+", text) else re.sub(r"^(cu\w+?)_v\d+$", r"\1", text)


def _assert_equal(ours: Sequence[Any], theirs: Sequence[Any], digits: Iterable[int | None]) -> None:
    for a, b, places in zip(ours, theirs, digits, strict=True):
        if places is None or a is None or b is None:
            assert a == b, (ours, theirs)
        else:
            assert_printed(a, b, places)


def assert_printed(ours: float, theirs: Decimal | float, places: int) -> None:
    """Our number is what the other side prints with so many decimals."""
    half_a_unit = Decimal(5).scaleb(-places - 1)
    # The slack is for the last bit of binary arithmetic when a value ends in exactly half a unit.
    assert abs(Decimal(ours) - Decimal(str(theirs))) <= half_a_unit * (1 + Decimal("1e-9")), (ours, theirs)
