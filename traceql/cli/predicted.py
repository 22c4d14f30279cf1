"""What the subcommands of predict share: lists of sizes, measured times beside floors, pictures of both."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from traceql import nearest
from traceql.cli import offers
from traceql.cli.common import database, db_option, is_there
from traceql.cli.gpu import find, rows_table
from traceql.cli.output import output_options, write, writing
from traceql.errors import QueryError, UnknownGpuError
from traceql.predict.config import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import polars as pl

    from traceql.predict.hardware import Gpu

F = TypeVar("F", bound="Callable[..., Any]")

_PICTURES = (".svg", ".png")
# Names under which collectors and sweeps have what predictions call otherwise.
_CALLED = {"tokens": ("input_len", "prompt_len", "seq_len"), "context": ("input_len", "context_len")}
# Suffix of a column of times → microseconds.
_MICROSECONDS = {"us": 1.0, "ms": 1e3, "ns": 1e-3, "ms_per_token": 1e3, "s": 1e6}
# Of a sweep: the tags and metrics of each run, all as words.
_RUNS = """
WITH asked AS (FROM runs WHERE sweep = $sweep),
tagged AS (SELECT run_id, unnest(map_entries(tags)) AS tag FROM asked)
SELECT run_id, name, value FROM (
    SELECT run_id, 'gpu' AS name, coalesce(tags['gpu'], gpu) AS value FROM asked
    UNION ALL
    SELECT run_id, tag.key, tag.value FROM tagged WHERE tag.key <> 'gpu'
    UNION ALL
    SELECT run_id, metric, median(value)::VARCHAR FROM run_metrics JOIN asked USING (run_id) GROUP BY ALL
)
WHERE value IS NOT NULL
ORDER BY run_id, name
"""
# What a measured time is of: the whole, not one of its parts.
_WHOLE = (None, "linear", "weights", "decode step", "prefill")


class _Sizes(click.ParamType):  # type: ignore[type-arg]
    """One whole number, or several with commas between them."""

    name = "integers"

    def __init__(self, least: int) -> None:
        self._one = click.IntRange(least)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        one: Any = self._one
        return tuple(one.convert(text, param, ctx) for text in str(value).split(","))


def sizes(
    *names: str, about: str, least: int = 1, default: int | None = None, **given: Any
) -> Callable[[F], F]:
    """An option that takes numbers: ``--batch 1,2``, or ``--batch 1 --batch 2``; the command gets a tuple."""
    if default is not None:
        given |= {"default": [str(default)], "show_default": str(default)}
    return click.option(
        *names,
        type=_Sizes(least),
        multiple=True,
        metavar="N[,N…]",
        callback=_each_once,
        help=f"{about} Several: with commas, or repeated.",
        **given,
    )


def _each_once(context: click.Context, parameter: click.Parameter, values: Any) -> Any:
    found = tuple(dict.fromkeys(number for several in values for number in several))
    return not_absurd(context, parameter, found)


def not_absurd(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    """Refuse numbers whose products overflow, and what is none."""
    for one in value if isinstance(value, tuple) else (value,):
        if one is None:
            continue
        if one > LARGEST:
            raise click.BadParameter(f"More than {LARGEST:,} is a slip.")
        if math.isnan(one):
            raise click.BadParameter("nan is not a number.")
    return value


def prediction(
    *along: str, time: str = "floor_us", up: str = ""
) -> Callable[[Callable[..., Callable[[Gpu], Iterable[Mapping[str, Any]]]]], Callable[..., None]]:
    """``--gpu``, the options of output, measured times and pictures, around what makes a GPU's rows.

    Args:
        along: columns of sizes; a picture is drawn along the first that has several values.
        time: the column of the floor.
        up: what a picture has upwards, over the time, instead of the time over a size.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., None]:
        @click.option(
            "--gpu",
            "gpu_names",
            multiple=True,
            required=True,
            metavar="NAME",
            shell_complete=offers.gpu,
            help="GPU; repeatable. See: traceql gpu",
        )
        @functools.partial(output_options, pages=_PICTURES if along else ())
        @functools.wraps(function)
        def command(
            gpu_names: tuple[str, ...],
            format_: str | None,
            output: str | None,
            measured: str | None = None,
            measured_columns: tuple[str, ...] = (),
            wheres: tuple[tuple[str, str], ...] = (),
            db: str = "",
            **own: Any,
        ) -> None:
            if measured is None and (measured_columns or wheres):
                raise click.UsageError("--measured-column and --where are of --measured.")
            rows_of = function(**own)
            gpus = [find(name) for name in gpu_names]
            rows = [{"gpu": one.name, **row} for one in gpus for row in rows_of(one)]
            suffix = Path(output or "").suffix.lower()
            drawn = bool(along) and suffix in _PICTURES
            if (drawn or measured) and rows and time not in rows[0]:
                raise click.UsageError(
                    "--solve finds no times: nothing to draw, or to set beside measured ones."
                )
            points = []
            if measured is not None:
                points = _points(measured, _table(measured, db), measured_columns, wheres, rows, along)
            if output is not None and drawn:
                content = _picture(rows, points, along, time, up, suffix)
                with writing(output) as file:
                    file.write(content)
                return
            if measured is not None:
                rows = [_beside(row, points, time) for row in rows]
            write(rows_table(rows), format_, output)

        return _measured_options(along)(command) if along else command

    return decorate


def _measured_options(along: Sequence[str]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in (
            click.option(
                "--where",
                "wheres",
                multiple=True,
                metavar="COLUMN=VALUE",
                callback=_pairs,
                help="Only those of its rows; repeatable.",
            ),
            click.option(
                "--measured-column",
                "measured_columns",
                multiple=True,
                metavar="NAME",
                help="Its times: a column that ends in _us, _ms, _ns or _s; a picture takes several. "
                "[default: the first of these in a file, the only one of a sweep]",
            ),
            click.option(
                "--measured",
                metavar="CSV|SWEEP",
                shell_complete=offers.measured,
                help="Measured times to set beside, or lay over a picture (-o x.svg): a table (CSV), "
                "a collector's or an answer (of a trace: traceql query … -o x.csv); or a sweep of --db "
                f"(traceql import-runs). With a column or tag {' or '.join(along)}.",
            ),
            db_option(),
        ):
            function = option(function)
        return function

    return decorate


def _pairs(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> Any:
    found = tuple(tuple(text.split("=", 1)) for text in values)
    if bad := next((text for text, pair in zip(values, found, strict=True) if len(pair) < 2), None):
        raise click.BadParameter(f"{bad!r}. It looks like COLUMN=VALUE.")
    return found


def _table(measured: str, db: str) -> pl.DataFrame:
    """A file of CSV, all words; or the runs of a sweep: their tags, and the medians of their metrics."""
    import polars as pl

    path = Path(measured)
    if path.is_file():
        try:
            return pl.read_csv(path, infer_schema_length=0)
        except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
            raise QueryError(
                f"{path}: {str(error).splitlines()[0]}", "A CSV file with a line of names."
            ) from error
    if not is_there(db):
        raise QueryError(
            f"{measured} is no file, and there is no database {db}",
            "A sweep is one of a database: traceql import-runs FILE.",
        )
    with database(db) as opened:
        found = opened.sql(_RUNS, {"sweep": measured})
        names = opened.sql("SELECT DISTINCT sweep FROM runs ORDER BY sweep").to_series().to_list()
    if not found.height:
        near = nearest.did_you_mean(measured, names)
        raise QueryError(
            f"{measured} is no file, and no sweep of {db}",
            f"{near}Its sweeps: {', '.join(names)}." if names else "It has none: traceql import-runs FILE.",
        )
    rows: dict[int, dict[str, str]] = {}
    for run, name, value in found.iter_rows():
        rows.setdefault(run, {})[name] = value
    columns = found["name"].unique(maintain_order=True).to_list()
    return pl.DataFrame(list(rows.values()), dict.fromkeys(columns, pl.String))


def _points(
    path: str,
    table: pl.DataFrame,
    columns: Sequence[str],
    wheres: Iterable[tuple[str, str]],
    rows: Sequence[Mapping[str, Any]],
    along: Sequence[str],
) -> list[dict[str, Any]]:
    """The measured times: gpu (None where the table names none), column, us, and the sizes it knows."""
    import polars as pl

    for name, value in wheres:
        table = table.filter(pl.col(_known(name, table.columns, path)) == value)
    sizes_ = {name: found for name in along if (found := _size_column(name, table.columns))}
    if not sizes_:
        raise QueryError(
            f"{path} has no column {' or '.join(along)}", f"Its columns: {', '.join(table.columns)}."
        )
    times = [_known(name, table.columns, path) for name in columns]
    if not times:
        times = [name for name in table.columns if _factor(name)]
        if len(times) > 1 and not Path(path).is_file():
            raise QueryError(f"{path} has several times", f"--measured-column: {', '.join(times)}.")
        times = times[:1]
    if wrong := next((name for name in times if not _factor(name)), None):
        raise QueryError(f"{path}: {wrong} has no unit", "Times end in _us, _ms, _ns or _s.")
    if not times:
        raise QueryError(f"{path} has no column of times", f"Its columns: {', '.join(table.columns)}.")
    asked = {str(row["gpu"]) for row in rows}
    rows_found: list[dict[str, Any]] = []
    for row in table.iter_rows(named=True):
        gpu = _gpu(row.get("gpu"))
        for name in times:
            number, at = _number(row[name]), {k: _number(row[c]) for k, c in sizes_.items()}
            if (gpu is None or gpu in asked) and number is not None and None not in at.values():
                rows_found.append({"gpu": gpu, "column": name, "us": number * _factor(name), **at})
    if not rows_found:
        raise QueryError(
            f"{path} has no measured time of {' or '.join(sorted(asked))}",
            "See --where and --measured-column.",
        )
    return rows_found


def _known(name: str, columns: Sequence[str], path: str) -> str:
    if name not in columns:
        raise QueryError(f"{path} has no column {name}", f"Its columns: {', '.join(columns)}.")
    return name


def _size_column(name: str, columns: Sequence[str]) -> str | None:
    return next((one for one in (name, *_CALLED.get(name, ())) if one in columns), None)


def _factor(column: str) -> float:
    """Microseconds of one of the column's unit; 0 where it is no column of times.

    >>> _factor("cold_us"), _factor("ms_per_token"), _factor("flop_per_s"), _factor("batch_size")
    (1.0, 1000.0, 0.0, 0.0)
    """
    if column.endswith("_per_s"):
        return 0.0
    return next((f for s, f in _MICROSECONDS.items() if column == s or column.endswith(f"_{s}")), 0.0)


def _number(text: str | None) -> float | None:
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _gpu(name: str | None) -> str | None:
    from traceql.predict import hardware

    try:
        return hardware.find(name).name if name else None
    except UnknownGpuError:
        return name


def _beside(row: Mapping[str, Any], points: Sequence[Mapping[str, Any]], time: str) -> dict[str, Any]:
    """A row with the median of what was measured at its sizes, and how many times the floor that is."""
    import statistics

    fitting = []
    if row.get("part") in _WHOLE:
        fitting = [
            point["us"]
            for point in points
            if point["gpu"] in (None, row["gpu"])
            and all(row[name] == value for name, value in point.items() if name in row and name != "gpu")
        ]
    measured = statistics.median(fitting) if fitting else None
    floor = row[time] and row[time] * _factor(time)
    return {
        **row,
        "measured_us": measured,
        "measured_per_floor": measured / floor if measured is not None and floor else None,
    }


def _picture(
    rows: Sequence[Mapping[str, Any]],
    points: Sequence[Mapping[str, Any]],
    along: Sequence[str],
    time: str,
    up: str,
    suffix: str,
) -> bytes:
    import polars as pl

    from traceql.draw import predictions, render

    size = next((name for name in along if len({row.get(name) for row in rows}) > 1), None)
    if size is None:
        raise QueryError(
            f"one {' and one '.join(along)} make no curve", "Give several, such as --batch 1,8,64,512."
        )

    def tells_apart(name: str) -> bool:
        found: dict[Any, set[Any]] = {}
        for row in rows:
            found.setdefault(row[size], set()).add(row[name])
        return any(len(values) > 1 for values in found.values())

    apart = [name for name in ("gpu", "part", "tile", *along) if name != size and name in rows[0]]
    varying = [name for name in apart if tells_apart(name)]
    if "part" in varying:
        # Several GPUs or contexts: of each the whole alone. Else no parts that are never a hundredth of it.
        whole = {row[size]: row[time] for row in rows if row["part"] in _WHOLE}
        large = {row["part"] for row in rows if 100 * row[time] >= whole[row[size]]}
        rows = [row for row in rows if row["part"] in (_WHOLE if len(varying) > 1 else large)]
        varying = [name for name in varying if tells_apart(name)]

    def series(row: Mapping[str, Any]) -> str:
        names = [f"{name} {row[name]}" if name in along else str(row[name]) for name in varying]
        return ", ".join(names) or (f"tiles of {row['tile']}" if "tile" in row else "floor")

    drawn = [
        {"x": row[size], "us": row[time] * _factor(time), "up": row.get(up), "series": series(row)}
        for row in rows
    ]
    several = len({point["gpu"] for point in points}) > 1
    # Tokens per second are those of the batch, whatever the picture runs along.
    batches = {row["batch_size"] for row in rows if "batch_size" in row}
    only = batches.pop() if len(batches) == 1 else None
    laid = [
        {
            "x": point[size],
            "us": point["us"],
            "up": batch / point["us"] * 1e6 if up and (batch := point.get("batch_size") or only) else None,
            "series": f"measured, {point['gpu']}, {point['column']}"
            if several
            else f"measured, {point['column']}",
        }
        for point in points
        if point.get(size) is not None
    ]
    names = {"x": pl.Float64, "us": pl.Float64, "up": pl.Float64, "series": pl.String}
    chart = predictions.floors(
        pl.DataFrame(drawn, schema=names),
        pl.DataFrame(laid, schema=names),
        size=size,
        up=up,
        gpus=sorted({str(row["gpu"]) for row in rows}),
        of_tiles="tile" in rows[0],
    )
    return render.to_png(chart) if suffix == ".png" else render.to_svg(chart).encode()
