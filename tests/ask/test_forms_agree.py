"""Every question has the same answer about a report read natively and about its export.

What a report does not tell is NULL: a fact about the recording is the same in both forms, or one does not know it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import kept
import polars as pl
import pytest
from asked import given
from polars.testing import assert_frame_equal
from shipped import REPORTS, report_names

import traceql
from traceql.errors import MissingDataError, TraceqlError
from traceql.questions import catalog
from traceql.read.source import plain_name
from traceql.store import ingest
from traceql.store.decode import decode_all
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from traceql import Database

pytestmark = pytest.mark.long

PAIRS = {
    plain_name(name).rpartition(".")[0]: (name, f"{plain_name(name).rpartition('.')[0]}.sqlite.xz")
    for name in report_names(".nsys-rep", ".qdrep")
    if (REPORTS / f"{plain_name(name).rpartition('.')[0]}.sqlite.xz").exists()
}
#: Questions with a row for each trace: asked once about all of them.
BY_TRACE = sorted(
    query.name
    for query in catalog.shipped().queries.values()
    if any(p.name == "trace" for p in query.params) and any(c.name == "trace" for c in query.columns)
)
#: What NCCL writes into payloads of its ranges, and what follows from it: an export may hold none of them.
BY_PAYLOAD = ("communicator", "message_bytes", "reduction", "bytes_per_s")
#: Questions that compare timelines → what they call a difference.
COMPARING = {"diff": "delta", "effects": "effect_pct", "scv_delta": "delta"}


def fill(database: Database, reports: Sequence[Path]) -> None:
    for path, made in decode_all(list(reports)):
        if isinstance(made, Exception):
            raise made
        form = "export" if path.name.endswith(".sqlite.xz") else "native"
        ingest.add(database._store, made, name=f"{form} {plain_name(path.name).rpartition('.')[0]}")
        made.close()


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database in which each pair is the traces ``native NAME`` and ``export NAME``."""
    reports = [REPORTS / name for pair in PAIRS.values() for name in pair]
    with traceql.open(kept.database("forms", fill, reports, tmp_path_factory.mktemp("forms"))) as database:
        yield database


def told(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """What is told about one trace, with ids as row numbers within it."""
    ids = [c for c in frame.columns if frame[c].dtype == pl.Int64 and c.endswith("_id")]
    return (
        frame.filter(pl.col("trace") == name)
        .drop("trace")
        .with_columns(
            pl.when(pl.col(c) >= 2**32).then(pl.col(c) % 2**32).otherwise(pl.col(c))
            for c in ids
            if c not in FOREIGN
        )
        .with_columns(
            pl.col("^range_stack$").str.replace_all(r"\d+", ""),
            pl.col("^(last_trace|job)$").str.replace("^(native|export) ", ""),
        )
    )


#: Ids that CUDA and the system gave: they are what they are.
FOREIGN = ("correlation_id", "context_id", "stream_id", "graph_node_id")


@pytest.mark.parametrize("question", BY_TRACE)
def test_both_forms_of_a_recording_have_the_same_answer(forms: Database, question: str) -> None:
    query = catalog.shipped().find(question)
    try:
        frame = forms.ask(question, **given(query, timeline="", baseline="", variant="")).frame()
        if {"communicator", "job"} & set(frame.columns) or question == "stragglers":
            # Of a job's traces that are one recording, one counts: each form is a job of its own.
            frame = pl.concat(forms.query(question, trace=f"{form} *") for form in ("native", "export"))
    except TraceqlError:
        # What needs counters, of which a timeline has none in either form.
        assert "nsys" not in {kind for need in catalog.shipped().needs(query) for kind in kinds_of(need)}
        return
    for name in PAIRS:
        native, export = told(frame, f"native {name}"), told(frame, f"export {name}")
        if question == "job_summary":
            # An export does not tell how many events there should be.
            native = native.with_columns(
                pl.col("finding").str.replace("; events may be missing", "", literal=True)
            )
        if question == "counters_over_time":
            # An export tells neither units nor devices of NVTX counters, and why one has no value as its value.
            native, export = (
                each.filter(pl.col("metric") != "tokens in flight") for each in (native, export)
            )
            if export["device"].str.starts_with("counter ").any():
                native, export = native.drop("device"), export.drop("device")
        if question in ("trace_summary", "counters_over_time"):
            native, export = what_both_know(native, export)
        if question == "nvtx_payloads" and export.height < native.height:
            # Numbers by themselves; structures are in exports with --include-blobs=true alone.
            native = native.filter(pl.col("field") == "")
            # SQLite keeps whole floats as integers, of which there is but one zero.
            native = native.with_columns(pl.col("value_text").replace("-0.0", "0.0"))
        if "communicator" in frame.columns and lacks_payloads(forms, f"export {name}"):
            if question == "nccl_message_sum":
                # Its rows are messages, of which that export tells none.
                assert export.is_empty()
                continue
            unknown = [column for column in BY_PAYLOAD if column in export.columns]
            assert export[unknown].null_count().row(0) == (export.height,) * len(unknown)
            native, export = native.drop(unknown), export.drop(unknown)
        assert_frame_equal(native, export, check_row_order=True, rel_tol=1e-9, abs_tol=0)


def lacks_payloads(database: Database, name: str) -> bool:
    """Whether no call of NCCL in a trace has its payload: nsys exports them with --include-blobs=true alone."""
    return database.sql(
        """
        SELECT count(*) > 0 AND count(payload) = 0
        FROM nvtx_ranges
        JOIN traces USING (trace_id)
        WHERE trace = $name AND starts_with(text, 'nccl')
        """,
        {"name": name},
    ).item()


@pytest.mark.parametrize("name", ["nccl_rank0", "nccl_rank1"])
def test_both_forms_tell_the_same_messages_where_both_hold_payloads(forms: Database, name: str) -> None:
    native, export = (
        forms.query("nccl_message_sum", trace=f"{form} {name}").drop("trace") for form in ("native", "export")
    )
    assert not native.is_empty()
    assert native.equals(export)


def kinds_of(need: tuple[str, ...]) -> set[str]:
    return {kind for table in need if table in schema.BY_NAME for kind in schema.BY_NAME[table].collected_by}


def what_both_know(*facts: pl.DataFrame) -> list[pl.DataFrame]:
    """Facts of one trace each, without those that are unknown to some."""
    unknown = {column for each in facts for column in each.columns if each[column].null_count()}
    return [each.drop(unknown) for each in facts]


@pytest.mark.parametrize("name", PAIRS)
def test_both_forms_lack_the_same_and_what_one_knows_the_other_does_not_deny(
    forms: Database, name: str
) -> None:
    native, export = (
        forms.sql("SELECT * FROM traces WHERE trace = $name", {"name": f"{form} {name}"})
        for form in ("native", "export")
    )
    assert native["missing"].to_list() == export["missing"].to_list()
    facts = [
        "tool_version",
        "complete",
        "counts_agree",
        "gpu",
        "trace_duration_ns",
        "captured_at",
        "start_utc_ns",
    ]
    assert_frame_equal(*what_both_know(native.select(facts), export.select(facts)))
    # The recordings are alike, as far as both say.
    sides = {"baseline": [f"native {name}"], "variant": [f"export {name}"]}
    if name in ("openmp", "opengl_frames", "vulkan_compute"):
        # Of the host alone, or of graphics: there is nothing of what is compared.
        with pytest.raises(MissingDataError, match="hold no kernels"):
            forms.query("comparable", **sides)
    else:
        compared = forms.query("comparable", **sides)
        assert compared.filter(pl.col("verdict") == "differs").rows() == []
    doubts = (
        "SELECT table_name, text FROM doubts JOIN traces USING (trace_id) WHERE trace = $name ORDER BY ALL"
    )
    assert forms.sql(doubts, {"name": f"native {name}"}).equals(forms.sql(doubts, {"name": f"export {name}"}))


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("question", COMPARING)
def test_nothing_differs_between_the_forms(forms: Database, question: str, name: str) -> None:
    sides = {"baseline": f"native {name}", "variant": f"export {name}"}
    try:
        deltas = forms.query(question, **sides)[COMPARING[question]].drop_nulls()
    except TraceqlError as error:
        with pytest.raises(type(error)):
            forms.query(question, **dict.fromkeys(sides, f"export {name}"))
        return
    assert deltas.abs().max() in (None, 0) or deltas.abs().max() < 1e-6


def test_every_question_about_timelines_is_asked() -> None:
    timelines = {
        query.name
        for query in catalog.shipped().queries.values()
        if any("nsys" in kinds_of(need) for need in catalog.shipped().needs(query))
    }
    # One needs a profile with counters beside the timeline, of which there is but one form.
    # Rows about a whole job are of no single recording.
    of_jobs = {name for name in timelines if "job" in {c.name for c in catalog.shipped().find(name).columns}}
    assert timelines - set(BY_TRACE) - set(COMPARING) - {"comparable"} - of_jobs <= {"counters_on_timeline"}
