"""Reports from their files to the tables: one, or several."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from traceql.errors import ReportError
from traceql.read import labels
from traceql.read.base import no_progress
from traceql.store import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path
    from typing import TypeAlias

    from traceql.read.base import Progress
    from traceql.store.connection import Store
    from traceql.store.decode import Decoded, Via
    from traceql.store.outcomes import Ingested
    from traceql.store.staged import Stage, Staged

    Decoding: TypeAlias = Generator[tuple[Path, Staged | Decoded | ReportError], None, None]

# Small reports whose rows are stored together: so many, or those of so many seconds.
_TOGETHER: Final = 16
_TOGETHER_S: Final = 2.0


def read_in(
    store: Store,
    report: Path,
    *,
    via: Via = "auto",
    memory_bytes: int | None = None,
    progress: Progress = no_progress,
    **options: Any,
) -> Ingested:
    """Read one report into a database, in one transaction.

    Args:
        store: the database.
        report: a file or a folder.
        via: who decodes it.
        memory_bytes: what decoding may take; None for a share of what there is.
        progress: called with (events decoded, events in total or None).
        **options: of `ingest.add`.

    Raises:
        ParameterError: the name or the tags are none.
        ReportError: the report cannot be read; the database is as it was.
        DatabaseError: the database cannot be written.
    """
    one = read_all(
        lambda: store,
        [report],
        via=via,
        memory_bytes=memory_bytes,
        progress=lambda _, done, total: progress(done, total),
        early=store.is_new,
        **options,
    )
    with contextlib.closing(one):
        ((_, became),) = one
    if isinstance(became, ReportError):
        raise became
    return became


def read_all(
    opened: Callable[[], Store],
    reports: list[Path],
    *,
    name: str | None = None,
    jobs: int | None = None,
    via: Via = "auto",
    memory_bytes: int | None = None,
    progress: Callable[[Path, int, int | None], None] | None = None,
    before_arrow: Callable[[], None] | None = None,
    early: bool = False,
    **options: Any,
) -> Generator[tuple[Path, Ingested | ReportError], None, None]:
    """Read reports into a database; decoding has begun when this returns.

    Each comes in as a whole or not at all; small ones that follow each other come in together.

    Args:
        opened: gives the database; is called when decoding has begun, for it takes time to load what stores.
        reports: files and folders.
        name: label of the trace, of one report alone.
        jobs: see `decode.decode_all`.
        via: who decodes them.
        memory_bytes: see `read_in`.
        progress: see `decode.decode_all`.
        before_arrow: see `decode.decode_all`.
        early: store a report while it is being decoded, if it is the only one and makes the database.
        **options: of `ingest.add_staged`.

    Returns:
        The reports in their order, with what became of each.

    Raises:
        ParameterError: the name or the tags are none.
        DatabaseError: the database cannot be written; it holds what came in before.
    """
    # Before anything is decoded, and a database made.
    if name is not None:
        labels.name(name, "a trace")
    options["tags"] = labels.tags(options.get("tags"))
    stage = None
    if len(reports) > 1:
        from traceql.store.staged import Stage

        stage = Stage(**{name: options[name] for name in ("replace", "keep_environment") if name in options})
    decoding: Decoding = decode.decode_all(
        reports,
        jobs,
        via,
        progress,
        memory_bytes=memory_bytes,
        before_arrow=before_arrow,
        **({"then": stage.stage} if stage else {"early": early}),
    )
    return _stored(opened, decoding, stage, name, options)


def _stored(
    opened: Callable[[], Store],
    decoding: Decoding,
    stage: Stage | None,
    name: str | None,
    options: dict[str, Any],
) -> Generator[tuple[Path, Ingested | ReportError], None, None]:
    waiting: list[tuple[Path, Staged]] = []
    store = None
    began = 0.0

    def stored(store: Store) -> Iterator[tuple[Path, Ingested]]:
        paths, several = [path for path, _ in waiting], [one for _, one in waiting]
        if several:
            yield from zip(paths, ingest.add_staged(store, several, **options), strict=True)
            for one in several:
                one.close()
            waiting.clear()

    try:
        from traceql.store import engine, ingest
        from traceql.store.staged import Staged

        store = opened()
        store.prepare()
        # While the first reports are being decoded.
        engine.with_relations()
        if stage is not None:
            stage.begin(store)
        for path, one in decoding:
            if isinstance(one, Staged):
                began = began if waiting else time.monotonic()
                waiting.append((path, one))
                if len(waiting) == _TOGETHER or time.monotonic() - began > _TOGETHER_S:
                    yield from stored(store)
                continue
            yield from stored(store)
            yield path, one if isinstance(one, ReportError) else _added(store, one, name, options)
        yield from stored(store)
    finally:
        for _, left in waiting:
            left.close()
        if stage is not None:
            stage.give_up()
        if store is not None:
            store.unprepare()
        # Nobody decodes any more.
        decoding.close()
        if stage is not None:
            stage.close()


def _added(
    store: Store, decoded: Decoded, name: str | None, options: dict[str, Any]
) -> Ingested | ReportError:
    try:
        from traceql.store import ingest

        return ingest.add(store, decoded, name=name, **options)
    except ReportError as error:
        return error
    finally:
        decoded.close()
