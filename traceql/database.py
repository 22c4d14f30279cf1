"""The face of it all for Python: a database, what is asked of it, and what comes in and goes.

Thin: every method is one call into a room below.
"""

from __future__ import annotations

import contextlib
import functools
import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from traceql import arguments, given
from traceql.ask import place
from traceql.ask.answer import Answer, Asker
from traceql.errors import ReportError
from traceql.questions import catalog
from traceql.store import choice, held, interrupts
from traceql.store.definitions import Definitions
from traceql.store.lake.place import written
from traceql.store.waiting import WAIT_S, log
from traceql.tables import schema

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import polars as pl

    from traceql.ask.checks import Verdict
    from traceql.ask.compare import Comparison
    from traceql.ask.findings import Findings
    from traceql.ask.verdict import Judgement
    from traceql.cluster.workers import Workers
    from traceql.questions.parameters import Value
    from traceql.read.base import Progress
    from traceql.read.labels import Tag
    from traceql.read.runs import RunFile
    from traceql.share.perfetto import Written
    from traceql.share.redact import Names, Removed
    from traceql.share.speedscope import Written as Stacks
    from traceql.store.decode import Via
    from traceql.store.outcomes import Compacted, Exported, ImportedRuns, Ingested

F = TypeVar("F", bound="Callable[..., Any]")

DEFAULT_PATH = "traces.duckdb"


@arguments.as_declared
def open(  # noqa: A001
    path: str | Path = DEFAULT_PATH,
    *,
    allow_files: bool = False,
    queries: str | Path | Sequence[str | Path] = (),
    timeout_s: float | None = None,
    wait_s: float = WAIT_S,
    lake: bool = False,
) -> Database:
    """Open a database, or name one that the first `Database.ingest` will create.

    Args:
        path: a DuckDB file, or a folder of Parquet files (a lake), which many processes and machines may fill
            at once, also in an object store (``s3://BUCKET/FOLDER``); ``":memory:"`` for one that lasts as
            long as the object.
        allow_files: let SQL read and write other files and load extensions; views and macros that are stored
            in the database may not be used then.
        queries: folders with questions of your own, in the form of ``queries/``.
        timeout_s: how long the questions of a call (`Database.ask`, `Database.report` …) may take together;
            None for any time. Then it raises `TimeLimitError`.
        wait_s: how long a question or a change waits for another process that has the file open; that it
            waits is said by the logger ``traceql``, by default on standard error.
        lake: make a lake, if the path leads to a new or empty folder. A text that ends in a slash means one
            anyway; a `pathlib.Path` forgets the slash at its end.

    Raises:
        CatalogError: a folder cannot be used.
        ValueError: `timeout_s` or `wait_s` is no number of seconds.
    """
    return Database(
        path, allow_files=allow_files, queries=queries, timeout_s=timeout_s, wait_s=wait_s, lake=lake
    )


def _frame(table: str) -> Callable[[Database], pl.LazyFrame]:
    """A method of `Database` that returns a table as a lazy frame."""

    def frame(self: Database) -> pl.LazyFrame:
        return self._lazy(table)

    grain = {**schema.BY_NAME, **schema.SHIPPED}[table].grain
    frame.__doc__ = f"The table {table} as a lazy frame: {grain}. Columns: ``traceql schema {table}``."
    return frame


def _limited(method: F) -> F:
    """A method whose questions together take no longer than the database's ``timeout_s``."""

    @functools.wraps(method)
    def within(self: Database, /, *args: Any, **kwargs: Any) -> Any:
        with interrupts.within(self._store.timeout_s):
            return method(self, *args, **kwargs)

    return cast("F", within)


@arguments.as_declared
def redact(
    source: str | Path,
    path: str | Path | None = None,
    *,
    pseudonyms: bool = False,
    keep: str | Sequence[str] = (),
    keep_source: bool = False,
    key: str | None = None,
    drop: str | Sequence[str] = (),
    force: bool = False,
    memory: int | str | None = None,
) -> dict[str, int]:
    """Write a report, an export, a sidecar or a database again without what is private in it.

    Args:
        source: the file or folder, compressed or not; it is not changed.
        path: of the result, in the same form, not compressed; None to write nothing and say what would go.
        pseudonyms: replace names of kernels, ranges and functions, too.
        keep: patterns of names that stay then.
        keep_source: leave source, PTX and machine code in reports of ncu.
        key: decides pseudonyms and the numbers of paths and UUIDs: the same in every call that is given it.
        drop: patterns of tables and options of an export that are left out if they are not nsys's.
        force: replace what is at `path`.
        memory: what redacting a report may take, in bytes or as ``"8GB"``; see `Database.ingest`.

    Returns:
        Kind of what was removed (``path``, ``environment`` …) → in how many places.

    Raises:
        ValueError: `memory` is not a size, `key` is empty, `keep` goes without `pseudonyms`, or `keep_source`
            with it.
        LimitError: it takes more memory than that, or stands still.
        ReportError: it cannot be read, or must not be put at `path`.
        UnsupportedReportError: it holds something that is not known, and may be private.
        DatabaseError: it is a database that cannot be read.
        OSError: it cannot be written.
    """
    from traceql.share import redact as files
    from traceql.share.redact.databases import may_be_lake

    source, target = Path(source), None if path is None else Path(path)
    names = _names(pseudonyms, _several(keep), keep_source, key, _several(drop))
    if held.is_database(source) or may_be_lake(source):
        with Database(source) as database:
            return dict(database._redact(target, names, force=force))
    memory_bytes = _bytes_of(memory)
    if target is None:
        return dict(files.check(source, names, memory_bytes=memory_bytes))
    return dict(files.redact(source, target, names, force=force, memory_bytes=memory_bytes))


def _several(texts: str | Sequence[str]) -> builtins.list[str]:
    """What may be one text or several, as a list."""
    return [texts] if isinstance(texts, str) else [*texts]


def _bytes_of(memory: int | str | None) -> int | None:
    from traceql.read.limits import MOST_BYTES, bytes_of

    if isinstance(memory, int) and memory >= MOST_BYTES:
        raise ValueError("not a size: no machine has so much memory")
    return bytes_of(memory) if isinstance(memory, str) else memory


def _names(
    pseudonyms: bool, keep: Sequence[str], keep_source: bool, key: str | None, drop: Sequence[str] = ()
) -> Names:
    from traceql.share.redact import Names

    if key == "":
        raise ValueError("an empty key is none")
    if keep and not pseudonyms:
        raise ValueError("keep is for pseudonyms")
    if keep_source and pseudonyms:
        raise ValueError("keep_source tells the names that pseudonyms replace")
    return Names(pseudonyms=pseudonyms, keep=keep, keep_source=keep_source, key=key, drop=drop)


@arguments.all_as_declared
class Database:
    """A traceql database; also a context manager. See `open`.

    Every table is also a method that returns a lazy polars frame: only the columns that the result uses are
    read, when it is collected. Can be used by several threads; several objects may name one file.

    >>> import polars as pl
    >>> with open(":memory:") as db:
    ...     db.kernels().filter(pl.col("duration_ns") > 1_000).select("name", "duration_ns").collect().shape
    (0, 2)
    """

    traces = _frame("traces")
    doubts = _frame("doubts")
    gpus = _frame("gpus")
    processes = _frame("processes")
    threads = _frame("threads")
    kernels = _frame("kernels")
    kernel_clusters = _frame("kernel_clusters")
    api_calls = _frame("api_calls")
    memory_ops = _frame("memory_ops")
    memory_events = _frame("memory_events")
    memory_pool_events = _frame("memory_pool_events")
    syncs = _frame("syncs")
    event_records = _frame("event_records")
    graph_launches = _frame("graph_launches")
    graph_nodes = _frame("graph_nodes")
    graph_events = _frame("graph_events")
    ranges = _frame("nvtx_ranges")
    range_ancestors = _frame("range_ancestors")
    range_calls = _frame("range_calls")
    os_calls = _frame("os_calls")
    cpu_samples = _frame("cpu_samples")
    python_samples = _frame("python_samples")
    thread_states = _frame("thread_states")
    call_stacks = _frame("call_stacks")
    library_calls = _frame("library_calls")
    library_messages = _frame("library_messages")
    directives = _frame("directives")
    profiler_overhead = _frame("profiler_overhead")
    um_cpu_page_faults = _frame("um_cpu_page_faults")
    um_gpu_page_faults = _frame("um_gpu_page_faults")
    gpu_samples = _frame("gpu_samples")
    counter_samples = _frame("counter_samples")
    gpu_context_switches = _frame("gpu_context_switches")
    streams = _frame("streams")
    contexts = _frame("contexts")
    generic_events = _frame("generic_events")
    diagnostics = _frame("diagnostics")
    metrics = _frame("metrics")
    metric_instances = _frame("metric_instances")
    sass_instructions = _frame("sass_instructions")
    ncu_ranges = _frame("ncu_ranges")
    advice = _frame("advice")
    focus_metrics = _frame("focus_metrics")
    source_markers = _frame("source_markers")
    launch_stacks = _frame("launch_stacks")
    environment = _frame("environment")
    runs = _frame("runs")
    run_metrics = _frame("run_metrics")
    gpu_architectures = _frame("gpu_architectures")
    gpu_specs = _frame("gpu_specs")

    def __init__(
        self,
        path: str | Path = DEFAULT_PATH,
        *,
        allow_files: bool = False,
        queries: str | Path | Sequence[str | Path] = (),
        timeout_s: float | None = None,
        wait_s: float = WAIT_S,
        lake: bool = False,
        tell: Callable[[str], None] = log,
        before_arrow: Callable[[], None] | None = None,
    ) -> None:
        self.path = written(path)
        own = (queries,) if isinstance(queries, str | Path) else tuple(queries)
        self._queries = tuple(str(given.real(folder)) for folder in own)
        self._catalog = catalog.load(self._queries)
        self._store = choice.store(
            self.path,
            lake=lake,
            allow_files=allow_files,
            definitions=Definitions(self._catalog),
            timeout_s=timeout_s,
            wait_s=wait_s,
            tell=tell,
            before_arrow=before_arrow,
        )
        self._asker = Asker(self._store, self._catalog, _draw)

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the object can be used again, unless it is in memory."""
        self._store.close()

    # --- questions --------------------------------------------------------------------------------------

    @_limited
    def ask(self, name: str, /, *, scheduler: str | Workers | None = None, **params: Value) -> Answer:
        """Answer a question of the catalogue: rows with the columns that its header declares, and notes.

        Args:
            name: of the question.
            scheduler: who helps, see `traceql.cluster.workers.workers`: ``local:4`` or the address of a Dask
                scheduler, whose workers can read the database by the same path; or workers that are there
                already. Each answers for some of the traces, where a row of the answer is of one trace.
            **params: of the question.

        Raises:
            ClusterError: there are no such workers.
            UnknownQueryError: there is no such question.
            QueryError: a parameter is unknown, missing or of the wrong type.
            MissingDataError: no trace holds what the question reads.
        """
        if scheduler is None:
            return self._asker(name, **params)
        from traceql.cluster import asking
        from traceql.cluster.workers import workers

        with contextlib.ExitStack() as stack:
            helping = stack.enter_context(workers(scheduler)) if isinstance(scheduler, str) else scheduler
            return asking.ask(
                self._asker,
                helping,
                name,
                params,
                database=self._store.place,
                queries=self._queries,
                timeout_s=self._store.timeout_s,
            )

    def query(self, name: str, /, **params: Value) -> pl.DataFrame:
        """The rows alone of what `ask` answers."""
        return self.ask(name, **cast("dict[str, Any]", params)).frame()

    @_limited
    def why(
        self,
        trace: str | Sequence[str],
        *more: str,
        limit: int | None = 10,
        model: str | Path | None = None,
        **window: Value,
    ) -> Findings:
        """What is wrong with traces, and what to try, see `traceql.ask.findings.why`.

        Args:
            trace: name, pattern or tag (``gpu=h200``), or several.
            *more: likewise.
            limit: most findings, at least one; None for all.
            model: config.json of the model that ran: products and attention are compared with its floors.
            **window: what of the timelines is looked at: from_, to and within, as questions have them.

        Raises:
            PredictionError: the file is no model's configuration, or of a model that is not known.
            QueryError: there is no such trace, or the limit or the window is none.
            MissingDataError: there is no such range.
            CatalogError: a rule of the user's own does not return what it says.
        """
        from traceql.ask import findings, floors

        asked = {name.removesuffix("_"): value for name, value in window.items()}
        whose = None if model is None else floors.model_of(model)[0]
        return findings.why(self._asker, [*_several(trace), *more], limit=limit, window=asked, model=whose)

    @_limited
    def kernel_card(
        self, name: str, *, trace: str | Sequence[str] = (), names: str = "distinct"
    ) -> pl.DataFrame:
        """All that is known about a kernel: trace, kernel, section, item, value, text, unit, note.

        Args:
            name: of the kernel, or a pattern of names.
            trace: only these traces: names, patterns or tags (``gpu=h200``).
            names: how kernels are called: short, full or distinct.

        Raises:
            QueryError: there is no such kernel, or no such trace.
        """
        import polars as pl

        from traceql.ask import cards

        found, _ = cards.items(self._asker, name, _several(trace), names)
        return pl.DataFrame(pl.from_arrow(cards.table(found)))

    @_limited
    def sql(
        self,
        statement: str,
        params: Mapping[str, Value] | None = None,
        *,
        trace: str | Sequence[str] = (),
        frames: Mapping[str, Any] | None = None,
    ) -> pl.DataFrame:
        """Run SQL and return its answer; sums of integers (HUGEINT) that fit become 64-bit integers.

        Args:
            statement: one or more statements; the last one's rows are returned. ``$name`` is a parameter.
            params: values of the parameters.
            trace: narrow every table to these traces: names, patterns or tags (``gpu=h200``).
            frames: tables of one's own, by the names that the SQL has for them: polars (lazy ones, too),
                pandas, Arrow, an `Answer`. They are read where they are, and not stored.

        Raises:
            QueryError: DuckDB refuses the statement; there is no such trace; or a frame is no table, or its
                name that of a table or view of traceql.
            DatabaseError: the database cannot be opened.

        >>> import polars as pl
        >>> prices = pl.DataFrame({"gpu": ["H200"], "dollars": [4]})
        >>> with open(":memory:") as db:
        ...     db.sql("SELECT 2 * dollars AS two_hours FROM prices", frames={"prices": prices}).item()
        8
        """
        import polars as pl

        from traceql.ask import frames as frame_tables

        own = frame_tables.tables(frames or {}, self._store.definitions.by_name)
        narrowed = place.only(self._store.run, _several(trace))
        return pl.DataFrame(pl.from_arrow(self._store.run(statement, params, own, narrowed)))

    @_limited
    def chart(self, name: str, /, **params: Value) -> Any:
        """Draw the answer of a question: an Altair chart, which notebooks show as it is.

        Args:
            name: of a question that has a chart, or one of `traceql.draw.charts.ALIASES`.
            params: of the question.

        Raises:
            UnknownQueryError: there is no such chart.
            QueryError: a parameter is wrong, there is nothing to draw, or too much for one picture.
            MissingDataError: no trace holds what the question reads.
        """
        from traceql.draw import charts

        return charts.for_notebooks(self._asker, name, **params)

    @_limited
    def compare(
        self,
        a: str | Sequence[str],
        b: str | Sequence[str],
        *,
        topic: str | None = None,
        metrics: str | Sequence[str] | None = None,
        names: str = "distinct",
        **place: Value,
    ) -> Comparison:
        """What differs between traces, see `traceql.ask.compare.compare`.

        Args:
            a: the trace before a change, or several repeated runs of it.
            b: the trace after it, or several.
            topic: only this: trace, kernel, range, api_call, copy or launch.
            metrics: ncu metrics to compare; by default time, DRAM bytes and L2 sectors.
            names: by which kernels are summed up: short, full or distinct.
            **place: what of the timelines is compared: from_, to and within, as questions have them.

        Raises:
            QueryError: there is no such trace, or the sides are of different profilers.
            MissingDataError: nothing that can be compared was recorded.
        """
        from traceql.ask import compare

        wanted = None if metrics is None else _several(metrics)
        return compare.compare(
            self._asker, _several(a), _several(b), topic=topic, metrics=wanted, names=names, place=place
        )

    @_limited
    def compare_ranks(
        self, job: str, *, topic: str | None = None, names: str = "distinct", **place: Value
    ) -> Comparison:
        """What differs between the fastest and the slowest rank, see `traceql.ask.compare.compare_ranks`.

        Args:
            job: its name, see the view ``jobs``.
            topic: only this: trace, kernel, range, api_call or copy.
            names: by which kernels are summed up: short, full or distinct.
            **place: as in `compare`; from_ and to are times of the job's clock.

        Raises:
            QueryError: there is no such job, or its ranks cannot be told apart.
            MissingDataError: no trace has a timeline.
        """
        from traceql.ask import compare

        return compare.compare_ranks(self._asker, job, topic=topic, names=names, place=place)

    @_limited
    def verdict(
        self,
        a: str | Sequence[str],
        b: str | Sequence[str],
        *,
        gate: str | Path | float,
        topic: str | None = None,
        names: str = "distinct",
        **place: Value,
    ) -> Judgement:
        """Whether a change made traces worse, see `traceql.ask.verdict.judge`.

        Args:
            a: the trace before a change, or several repeated runs of it.
            b: the trace after it, or several.
            gate: what a change may cost: percent (``5`` or ``"5%"``), or a file of gates: a path, or the
                name of one that comes with traceql (``"regression"``).
            topic: only this: trace, step, range, category, kernel or copy.
            names: by which kernels are told apart: short, full or distinct.
            **place: what of the timelines is compared: from_, to and within, as questions have them.

        Raises:
            CheckError: the gate is none.
            QueryError: there is no such trace, or the sides are of different profilers.
            MissingDataError: nothing that ran on a GPU was recorded.
        """
        from traceql.ask import check_files, verdict

        gates = check_files.gates(gate, self._catalog)
        return verdict.judge(
            self._asker, _several(a), _several(b), gates, topic=topic, names=names, place=place
        )

    @_limited
    def check(
        self,
        file: str | Path,
        *,
        baseline: str | None = None,
        variant: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> builtins.list[Verdict]:
        """Judge traces by a file of checks, see `traceql.ask.checks`.

        Args:
            file: a path, or the name of a file that comes with traceql.
            baseline: the trace before a change.
            variant: the trace after it, or the only one.
            parameters: instead of those of the file.

        Raises:
            CheckError: the file cannot be used.
        """
        from traceql.ask import check_files, checks

        loaded = check_files.load(file, self._catalog)
        return checks.run(self._asker, loaded, baseline=baseline, variant=variant, parameters=parameters)

    @_limited
    def report(self, *traces: str, job: str | None = None, title: str = "", **params: Value) -> str:
        """One self-contained HTML page about traces, and about what differs if there are several; or a job.

        Args:
            traces: their names; each is compared with the first one of its profiler, unless they are ranks of
                one job.
            job: in place of traces, the name of a job, see the view ``jobs``.
            title: of the page; by default the names.
            params: for every question of the page that has them.

        Raises:
            QueryError: no trace or job, or one that does not exist; traces beside a job; or no question of
                the page has a parameter.
        """
        from traceql import report

        return report.about(self._asker, traces, job, title=title, params=params)

    @_limited
    def info(self, trace: str) -> dict[str, Any]:
        """What is known about a trace: how it was recorded, what it holds and what it lacks.

        Raises:
            QueryError: there is no such trace.
        """
        from traceql.ask import info

        return info.about(self._asker, trace)

    @_limited
    def tables(self) -> pl.DataFrame:
        """Every table and view: name, kind, rows over all traces, and what one row is."""
        import polars as pl

        from traceql.ask import info

        return pl.DataFrame(info.tables(self._asker), schema=["name", "kind", "rows", "grain"], orient="row")

    @_limited
    def unanswerable(self) -> dict[str, str]:
        """Questions that no trace here answers, or not wholly → what is missing, and how to record it."""
        from traceql.ask import info

        return info.unanswerable(self._asker)

    def _lazy(self, table: str) -> pl.LazyFrame:
        from polars.io.plugins import register_io_source

        def read(
            with_columns: builtins.list[str] | None,
            predicate: pl.Expr | None,
            n_rows: int | None,
            _batch_size: int | None,
        ) -> Iterator[pl.DataFrame]:
            chosen = ", ".join(f'"{name}"' for name in with_columns) if with_columns else "*"
            limit = f" LIMIT {n_rows}" if n_rows is not None else ""
            frame = self.sql(f"SELECT {chosen} FROM {table}{limit}")
            yield frame if predicate is None else frame.filter(predicate)

        return register_io_source(read, schema=self.sql(f"FROM {table} LIMIT 0").schema)

    # --- changes ----------------------------------------------------------------------------------------

    def ingest(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        tags: Mapping[str, Tag] | None = None,
        replace: bool = False,
        keep_environment: bool = False,
        via: Via = "auto",
        memory: int | str | None = None,
        progress: Progress | None = None,
    ) -> Ingested:
        """Read one report into the database, in one transaction.

        Args:
            path: a report, compressed or not, or a folder written by ``nsys export``. Folders of reports and
                patterns are for `ingest_all`.
            name: label of the trace; by default made from the file name.
            tags: free labels, texts or numbers: ``{"gpu": "h200", "batch": 8}``.
            replace: read a report again that the database holds already.
            keep_environment: also store the profiled process's command line and variables.
            via: who decodes an .nsys-rep or .ncu-rep: ``native``; ``nsys``, an installed ``nsys export``;
                ``ncu_report``, NVIDIA's Python package; or ``auto``, one of these where the native reader
                refuses and it is installed.
            memory: what decoding the report may take, in bytes or as ``"8GB"``; by default half of what the
                machine has, but at least 1 GiB and 16 times the report's size. Linux only.
            progress: called with (events decoded, events in total or None).

        Raises:
            ValueError: `memory` is not a size.
            ParameterError: the name or the tags are none.
            LimitError: decoding takes more memory than that, or stands still.
            ReportError: the report cannot be read; the database is as it was.
            DatabaseError: the database cannot be written.
        """
        from traceql.read.base import no_progress
        from traceql.store import read_in

        if glob.has_magic(str(path)) and not Path(path).exists():
            raise ReportError(f"{path}: a pattern, no report", "ingest_all reads all that matches it.")
        return read_in.read_in(
            self._store,
            Path(path),
            via=via,
            memory_bytes=_bytes_of(memory),
            progress=progress or no_progress,
            name=name,
            tags=tags,
            replace=replace,
            keep_environment=keep_environment,
        )

    def ingest_all(
        self,
        *paths: str | Path,
        tags: Mapping[str, Tag] | None = None,
        replace: bool = False,
        keep_environment: bool = False,
        via: Via = "auto",
        memory: int | str | None = None,
        progress: Progress | None = None,
    ) -> builtins.list[Ingested | ReportError]:
        """Read reports into the database as ``traceql ingest`` does: files, folders, glob patterns.

        Each comes in as a whole or not at all. One that cannot be read does not keep the others out: its
        error stands in its place.

        Args:
            paths: reports, folders of them, patterns such as ``runs/*.nsys-rep``.
            tags: labels of all of them.
            replace: see `ingest`, as for the others.
            keep_environment: see `ingest`.
            via: see `ingest`.
            memory: see `ingest`.
            progress: see `ingest`; called for one report after the other.

        Returns:
            What became of each report, in the order of their paths.

        Raises:
            ValueError: `memory` is not a size.
            ParameterError: the tags are none.
            ReportError: a path does not exist, or a folder or a pattern holds no report.
            DatabaseError: the database cannot be written.
        """
        from traceql.store import decode, read_in

        reports = decode.find_reports(paths, self._store.path)
        stored = read_in.read_all(
            lambda: self._store,
            reports,
            # What is told of one report at a time is of one at a time.
            jobs=1 if progress else None,
            via=via,
            memory_bytes=_bytes_of(memory),
            progress=(lambda _, done, total: progress(done, total)) if progress else None,
            early=self._store.is_new,
            tags=tags,
            replace=replace,
            keep_environment=keep_environment,
        )
        return [outcome for _, outcome in stored]

    def import_runs(
        self,
        file: str | Path | RunFile,
        *,
        sweep: str | None = None,
        tags: Mapping[str, Tag] | None = None,
        replace: bool = False,
    ) -> ImportedRuns:
        """Read a table of runs that were measured without a profiler, in one transaction.

        Args:
            file: a .csv or .json file, or what `traceql.read.runs.read` made of one.
            sweep: label of the runs; by default the file's name without suffix.
            tags: labels for every run of a file given by its path; those of the file win.
            replace: put the file in place of what the database holds under that label.

        Raises:
            ParameterError: the label or the tags are none.
            RunFileError: the file cannot be understood, or the label is taken by another one.
            DatabaseError: the database cannot be written; it is as it was.
        """
        from traceql.read import runs as tables_of_runs
        from traceql.store import runs

        if isinstance(file, str | Path):
            held.spare(file)
            file = tables_of_runs.read(file, tags=tags)
        return runs.add(self._store, file, sweep=sweep, replace=replace)

    def tag(self, /, *traces: str, **tags: Tag | None) -> builtins.list[str]:
        """Label traces, all of them or none; None removes a label.

        Args:
            traces: names, patterns of names, or tags that they have (``job=train``).
            tags: the labels, texts or numbers.

        Returns:
            The names of the traces.

        Raises:
            QueryError: there is no such trace, or a label is neither.
        """
        from traceql.store import ingest

        return ingest.tag(self._store, traces, tags)

    def rename(self, trace: str, name: str) -> None:
        """Give a trace another name.

        Raises:
            QueryError: there is no such trace, or the name is none.
            DatabaseError: the name is taken.
        """
        from traceql.store import ingest

        ingest.rename(self._store, trace, name)

    def drop(self, *traces: str) -> None:
        """Remove traces: all of them, or none.

        If they had anything private (an environment, tags), the file is written anew and holds no byte of
        them; else their bytes may be found in it until `compact`.

        Raises:
            QueryError: one of them does not exist.
        """
        from traceql.store import ingest

        ingest.drop(self._store, *traces)

    def drop_runs(self, *sweeps: str) -> None:
        """Remove the runs of imported files: all of them, or none; as `drop` does.

        Raises:
            QueryError: there are none of a label.
        """
        from traceql.store import runs

        runs.drop(self._store, *sweeps)

    def export(self, path: str | Path, *, lake: bool = False) -> Exported:
        """Copy all of it into another database; every row, id and name stays as it is.

        Args:
            path: of the copy: a file or a folder, new or empty.
            lake: make a lake of a new or empty folder.

        Raises:
            DatabaseError: the copy holds something already, or cannot be written.
        """
        from traceql.store import export

        with Database(path, lake=lake) as target:
            return export.copy(self._store, target._store)

    def redact(
        self,
        path: str | Path,
        *,
        pseudonyms: bool = False,
        keep: str | Sequence[str] = (),
        keep_source: bool = False,
        key: str | None = None,
        force: bool = False,
    ) -> dict[str, int]:
        """Copy all of it, without what is private in it, into a new database of its sort, see `redact`.

        Args:
            path: of the copy.
            pseudonyms: replace names of kernels, ranges and functions, too.
            keep: patterns of names that stay then.
            keep_source: leave the text of source lines.
            key: decides pseudonyms and numbers of paths and UUIDs.
            force: replace what is at `path`.

        Returns:
            Kind of what was removed → in how many places.

        Raises:
            ValueError: `key` is empty, `keep` goes without `pseudonyms`, or `keep_source` with it.
            ReportError: it must not be put at `path`.
            UnsupportedReportError: it holds something that is not known.
            DatabaseError: it cannot be read or written.
            OSError: there is no room.
        """
        return dict(
            self._redact(Path(path), _names(pseudonyms, _several(keep), keep_source, key), force=force)
        )

    def _redact(self, target: Path | None, names: Names, *, force: bool = False) -> Removed:
        """The same, for who has names already; without a target, only what would go."""
        from traceql.read import temporary
        from traceql.share.redact import Removed
        from traceql.share.redact import target as places
        from traceql.share.redact.databases import Foreign, Tables
        from traceql.share.redact.databases import is_lake as has_only_a_lake
        from traceql.store import export

        source = Path(self.path)
        is_folder, is_file = source.is_dir(), source.is_file()
        if target is not None and (is_folder or is_file):
            places.look_at(source, target, has_only_a_lake, force=force, logged=is_file)
        removed = Removed()
        with temporary.folder(None if target is None else target.parent) as place:
            made = place / ("made" if is_folder or not is_file else source.name)
            with Database(made, lake=is_folder) as copied:
                kept = self._store.run("SELECT DISTINCT variable, content FROM environment ORDER BY ALL")
                pairs = [(row["variable"], row["content"]) for row in kept.to_pylist()]
                tables = Tables(source.name, pairs, names, removed, Foreign.of(self._store.run))
                export.copy(self._store, copied._store, tables.redacted)
            if target is not None:
                places.put(made, target, place / "replaced", logged=not is_folder)
        return removed

    @_limited
    def export_perfetto(self, path: str | Path, *traces: str, **where: Value) -> Written:
        """Write timelines into a file for Perfetto, https://ui.perfetto.dev: threads, GPUs, counters, arrows.

        Several traces stand below each other, those of a job on one clock. Traces of ncu among them give the
        kernels of the timelines their counters.

        Args:
            path: of the file: ``.pftrace``, or ``.pftrace.gz``, smaller and slower. It is put in place when
                it is whole.
            traces: names, patterns or tags; none for all.
            **where: ``from``, ``to`` and ``within``, as questions have them: times of each trace.

        Returns:
            How many events that last (``slices``), events that do not (``instants``), values of counters
            (``values``), arrows (``flows``) and ``tracks`` it holds; ``notes`` on them; and the ``place``
            that ``where`` means, in nanoseconds since 1970.

        Raises:
            QueryError: there is no such trace; or the time is none.
            MissingDataError: no trace has a timeline, or none has such a range.
            TraceqlError: the file is called otherwise, or cannot be written.
        """
        from traceql.share import perfetto

        return perfetto.write_file(self._asker, traces, Path(path), **where)

    def export_speedscope(self, path: str | Path, *traces: str, **where: Value) -> Stacks:
        """Write sampled stacks into a file for speedscope, https://www.speedscope.app, a profile a thread.

        Args:
            path: of the file: ``.speedscope.json``. It is put in place when it is whole.
            traces: names, patterns or tags; none for all.
            **where: ``from``, ``to`` and ``within``, as questions have them: times of each trace.

        Returns:
            How many threads by kind of samples (``profiles``), ``samples`` and ``frames`` it holds; and
            ``notes`` on them.

        Raises:
            QueryError: there is no such trace; or the time is none.
            MissingDataError: no trace has samples of CPUs or of Python there.
            TraceqlError: the file is called otherwise, or cannot be written.
        """
        from traceql.share import speedscope

        return speedscope.write_file(self._asker, traces, Path(path), **where)

    def compact(self) -> Compacted:
        """Write the file anew: smaller, and without a byte of what was removed.

        Of a lake: remove what writers left that were killed.

        The new file takes the place of the old one when it is whole, and has its permissions. Meanwhile there
        is room for both.

        Raises:
            DatabaseError: there is no database, or no room; it is as it was.
        """
        return self._store.compact()


def _draw(answer: Answer, ask: Asker, bare: bool) -> Any:
    # Altair is loaded with the first chart only.
    from traceql.draw import charts

    return charts.bare(answer, ask) if bare else charts.of_answer(answer, ask)
