"""The native reader of .ncu-rep files tells what NVIDIA's library tells: every table, column, row, in order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ncu_rep_file as rep
import pyarrow as pa
import pytest
from shipped import NCU_REPORTS

from traceql.errors import TruncatedReportError, UnsupportedReportError
from traceql.read import formats, ncu_rep, worker
from traceql.read.base import no_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from traceql.read.base import RawReport


def natively(path: Path) -> RawReport:
    return ncu_rep.read(path, wanted=None, progress=no_progress)


def through_the_library(path: Path) -> RawReport:
    return worker.decode(formats.NCU_REPORT, path, wanted=None, progress=no_progress)


def rows(table: pa.Table) -> pa.Table:
    """The table with texts as such: which of them a dictionary has, and where, is nobody's business."""
    plain = [
        pa.field(column.name, column.type.value_type if pa.types.is_dictionary(column.type) else column.type)
        for column in table.schema
    ]
    return table.cast(pa.schema(plain)).combine_chunks()


def told_by_both(table: pa.Table) -> pa.Table:
    """Without code in words, which the library alone has, and names of categories, which it does not tell."""
    if "category" in table.column_names:
        known = [text and "some" for text in table["category"].to_pylist()]
        table = table.set_column(
            table.column_names.index("category"), "category", pa.array(known, pa.string())
        )
    return rows(table.drop_columns("sass") if "sass" in table.column_names else table)


# One with whole graphs and one with sections and rules; the others take as long as the library does.
SHORT = ("scv_graph_as_graph.ncu-rep.xz", "cutlass_a100_2024.1_nvtx.ncu-rep.xz", "kinds_pm.ncu-rep.xz")


@pytest.mark.parametrize(
    "name", [name if name in SHORT else pytest.param(name, marks=pytest.mark.long) for name in NCU_REPORTS]
)
def test_every_table_equals_that_of_the_library(unpacked: Callable[[str], Path], name: str) -> None:
    path = unpacked(name)
    ours, theirs = natively(path), through_the_library(path)
    # A child's tables come as they are filled: the first full one is the first.
    assert ours.tables.keys() == theirs.tables.keys()
    for table, expected in theirs.tables.items():
        found = ours.tables[table]
        assert isinstance(found, pa.Table) and isinstance(expected, pa.Table)
        assert found.schema == expected.schema
        assert told_by_both(found).equals(told_by_both(expected)), table
    assert theirs.tables["ncu_metrics"].select(["value"]).num_rows > 0
    for said in ("kind", "tool_version", "settings", "warnings", "complete", "counts_agree"):
        assert getattr(ours, said) == getattr(theirs, said)
    # A child's answer is JSON, which has no tuples.
    assert [list(pair) for pair in ours.environment] == [list(pair) for pair in theirs.environment]


@pytest.mark.long
def test_instructions_have_lines_and_the_library_has_words_for_them_too(
    unpacked: Callable[[str], Path],
) -> None:
    path = unpacked("kinds_source.ncu-rep.xz")
    ours, theirs = (
        report.tables["ncu_instructions"] for report in (natively(path), through_the_library(path))
    )
    assert isinstance(ours, pa.Table) and isinstance(theirs, pa.Table)
    assert told_by_both(ours).equals(told_by_both(theirs))
    assert ours["sass"].null_count == ours.num_rows == 4310
    assert theirs["sass"].null_count == 0
    # shared_conflicts, by the program: its product with `tile` is in lines 72 to 75.
    source = (Path(__file__).parents[1] / "fixtures" / "workloads" / "kernel_kinds.cu").read_text("utf-8")
    lines = {(row["line"], row["source"]) for row in ours.to_pylist() if row["action"] == 1}
    assert {72, 75} < {line for line, _ in lines}
    assert all(source.split("\n")[line - 1] == text for line, text in lines)


# Counters that no shipped report holds.
OTHER_COUNTERS = (
    "gpu__time_active.sum", "gpu__cycles_active.sum", "gpu__cycles_elapsed.max", "gpu__cycles_elapsed.avg.per_second",
    "gpu__engine_cycles_active_any.avg", "fe__cycles_elapsed.sum", "sys__cycles_elapsed.avg", "mcc__cycles_elapsed.avg",
    "idc__request_cycles_active.sum", "l1tex__m_l1tex2xbar_req_cycles_active.sum", "smsp__issue_active.sum",
    "smsp__issue_inst0.sum", "smsp__issue_inst1.sum", "sm__pipe_alu_cycles_active.sum", "sm__pipe_fma_cycles_active.sum",
    "sm__pipe_fp64_cycles_active.sum", "sm__pipe_shared_cycles_active.sum", "sm__pipe_tensor_cycles_active.sum",
    "smsp__warps_launched.sum", "smsp__warps_issue_stalled_wait.sum", "sm__ctas_active.sum", "sm__threads_launched.sum",
    "smsp__threads_launched.sum", "smsp__branch_inst_executed.sum", "smsp__branch_targets_threads_uniform.sum",
    "smsp__sass_branch_targets.sum", "smsp__sass_branch_targets_threads_uniform.sum", "fbpa__dram_read_bytes.sum",
    "fbpa__dram_write_bytes.sum", "fbpa__dram_read_sectors.sum", "dram__sectors_read.sum", "lts__x_bytes.sum",
    "lts__d_sectors.sum", "lts__d_sectors_fill_device.sum", "lts__t_tag_requests.sum", "lts__t_tag_requests_hit.sum",
    "lts__t_tag_requests_miss.sum", "lts__t_requests_srcunit_tex_lookup_miss.sum", "l1tex__t_bytes.sum",
    "l1tex__t_bytes_pipe_lsu_mem_global_op_ld.sum", "l1tex__data_bank_reads.sum", "l1tex__f_wavefronts.sum",
    "l1tex__lsuin_requests.sum", "sm__sass_data_bytes_mem_shared.sum", "smsp__sass_data_bytes_mem_global.sum",
    "sm__sass_thread_inst_executed_op_integer_pred_on.sum", "smsp__sass_inst_executed_op_memory_8b.sum",
    "sm__inst_executed_pipe_alu.sum", "sm__inst_executed_pipe_fp64.sum", "idc__requests_lookup_hit.sum",
    "idc__requests_lookup_miss.sum", "nvlrx__packets.sum", "nvltx__packets.sum", "launch__local_mem_size",
    "launch__execution_model", "launch__graph_exec_cuda_id", "launch__graph_src_cuda_id",
    "launch__preferred_cluster_x", "launch__preferred_cluster_y", "launch__preferred_cluster_z",
    "launch__sub_launch_name", "launch__user_grid_dim_x", "launch__user_grid_dim_y", "launch__user_grid_dim_z",
    "launch__user_grid_size", "launch__uses_blocks_as_clusters", "launch__work_queue_concurrency_limit",
    "launch__work_queue_resource_id", "launch__work_queue_sharing_scope",
)  # fmt: skip


@pytest.mark.parametrize(
    "gpu",
    [
        "scv_graph_as_graph.ncu-rep.xz",
        "jax_gb200_2025.3_graph_nodes.ncu-rep.xz",
        "esmm_a10g_2023.1.ncu-rep.xz",
    ],
)
def test_units_of_other_counters_are_those_that_the_library_knows(
    unpacked: Callable[[str], Path], gpu: str, tmp_path: Path
) -> None:
    """A report about a GPU (the metrics of the GPU of a shipped report) with counters that it does not hold."""
    told = natively(unpacked(gpu)).tables["ncu_metrics"].select(["action", "metric", "value", "text"])
    attributes = {
        row["metric"]: row["text"] if row["value"] is None else int(row["value"])
        for row in told.to_pylist()
        if row["action"] == 0 and row["metric"].startswith("device__")
    }
    path = tmp_path / "counters.ncu-rep"
    path.write_bytes(rep.with_metrics({**attributes, **dict.fromkeys(OTHER_COUNTERS, 3)}))
    found = rows(natively(path).tables["ncu_metrics"].select(["metric", "unit"]))
    assert found.equals(rows(through_the_library(path).tables["ncu_metrics"].select(["metric", "unit"])))
    assert len(attributes) > 50 and found["unit"].null_count == 0


def nvtx(*fields: tuple[int, rep.Value]) -> tuple[int, rep.Value]:
    """The NVTX state of a kernel."""
    return 21, rep.message(*fields)


def domain(number: int, name: str) -> tuple[int, rep.Value]:
    return 1, rep.message((1, number), (2, name))


def thread(tid: int, **stacks: list[str]) -> tuple[int, rep.Value]:
    """The stacks of a thread, by domain (d0, d3 …)."""
    told = [
        (2, rep.message((1, int(name[1:])), *((3, rep.message((1, text), (3, 9))) for text in texts)))
        for name, texts in stacks.items()
    ]
    return 2, rep.message((1, tid), *told)


def loose(number: int, *texts: str) -> tuple[int, rep.Value]:
    """Start/end ranges of a domain; the later ones have the smaller ids."""
    told = [(3, rep.message((1, 9 - place), (2, text))) for place, text in enumerate(texts)]
    return 3, rep.message((1, number), *told)


def told(
    text: str, message: tuple[int, str | int], payload: bytes | None = None, **other: int
) -> tuple[int, rep.Value]:
    """A range of a thread with attributes; `message` is its kind, and the text or the handle."""
    return 3, rep.message((1, text), (2, rep.attributes(*message, payload, **other)), (3, 9))


def registering(number: int, name: str, *strings: tuple[int, str]) -> tuple[int, rep.Value]:
    """A domain with registered strings."""
    return 1, rep.message(
        (1, number), (2, name), *((3, rep.message((1, n), (2, text))) for n, text in strings)
    )


def within(number: int, *ranges: tuple[int, rep.Value]) -> tuple[int, rep.Value]:
    """The stack of this thread in a domain."""
    return 2, rep.message((1, MINE), (2, rep.message((1, number), *ranges)))


DEFAULT = domain(0, "<default domain>")
MINE, OTHER = rep.THREAD, rep.THREAD + 1

STATES = {
    "no ranges at all": [DEFAULT],
    "ranges inside ranges": [DEFAULT, thread(MINE, d0=["step", "layer/0"])],
    "another thread's ranges": [DEFAULT, thread(OTHER, d0=["other"])],
    "two threads": [DEFAULT, thread(OTHER, d0=["other"]), thread(MINE, d0=["mine"]), (4, 0), (5, 0)],
    "two threads of a process": [DEFAULT, thread(OTHER, d0=["other"]), thread(MINE, d0=["mine"]), (5, 1)],
    "the same thread twice": [DEFAULT, thread(MINE, d0=["a"]), thread(MINE, d0=["b"])],
    "domains in any order": [
        domain(5, "five"), DEFAULT, domain(3, "three"),
        thread(MINE, d3=["t"], d5=["f"], d0=["z"]), loose(3, "s1", "s2"), loose(5, "x"),
    ],
    "a domain without a name": [DEFAULT, thread(MINE, d7=["u"], d0=["z"]), loose(8, "s")],
    "start/end ranges that overlap": [DEFAULT, loose(0, "a", "b", "a")],
    "registered texts": [
        registering(0, "<default domain>", (76, "first"), (77, "second"), (76, "first again")),
        registering(5, "five", (76, "of five")),
        within(0, told("", (3, 76)), told("", (3, 77)), told("own", (3, 76)), told("", (3, 99)), told("", (0, 76))),
        loose(5, ""),
    ],
    "a handle of another domain": [
        registering(0, "<default domain>", (76, "first")), domain(5, "five"), within(5, told("", (3, 76))),
    ],
    "texts in attributes alone": [
        DEFAULT, within(0, told("", (1, "ascii")), told("", (2, "unicode µ")), told("own", (1, "other")), told("", (1, 76))),
    ],
    "categories, colours and payloads": [
        DEFAULT,
        within(
            0,
            told("a", (1, "a"), rep.message((1, 1), (2, 2**64 - 1)), category=4, color=0xFF112233),
            told("b", (1, "b"), rep.message((1, 2), (3, 2**64 - 5))),
            told("c", (1, "c"), rep.message((1, 3)) + rep.double(4, 2.125)),
            told("d", (1, "d"), rep.message((1, 4), (5, 4_000_000_000))),
            told("e", (1, "e"), rep.message((1, 5), (6, 2**64 - 3))),
            told("f", (1, "f"), rep.message((1, 7), (8, '{"a": 1}'))),
            told("g", (1, "g"), rep.message((1, 0), (2, 7))),
            told("h", (1, "h"), rep.message((1, 1), (2, 0))),
        ),
    ],
}  # fmt: skip


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_ranges_are_those_that_the_library_tells(state: list[tuple[int, rep.Value]], tmp_path: Path) -> None:
    path = tmp_path / "ranges.ncu-rep"
    path.write_bytes(rep.with_metrics({"dram__bytes_read.sum": 3}, nvtx(*state)))
    same(path)


SAID = rep.message((1, "Do less."), (2, 4), (3, 1), (4, "Work"))


def test_names_and_workloads_are_those_that_the_library_tells(tmp_path: Path) -> None:
    strings = ["dram__bytes_read.sum"]
    metric = rep.metric(0, rep.value(3))
    state = rep.message(DEFAULT, thread(MINE, d0=["step"]))
    advice = rep.message((1, "Rule"), (2, "A rule"), (3, rep.message((1, rep.message((1, SAID))))), (4, "S"))
    path = tmp_path / "workloads.ncu-rep"
    path.write_bytes(
        rep.report(
            rep.block([rep.kernel((13, metric))], strings=strings, sources=[rep.message((1, 77))]),
            rep.block([rep.workload((4, metric), (10, state), (20, advice))] * 2, rep.RANGE),
            rep.block([rep.workload((4, metric), (10, state), (18, "lists"), (21, advice))], rep.CMDLIST),
            rep.block([rep.workload((4, metric))], rep.CMDLIST),
            rep.block([rep.workload((4, metric), (10, state), (22, advice))], rep.GRAPH),
            rep.block(
                [
                    rep.kernel((13, metric), names=("f", "", "_Z1fi")),
                    rep.kernel((13, metric), names=("", "f(int)", "_Z1fi")),
                    rep.kernel((13, metric), names=("f", "f(int)", "")),
                ]
            ),
        )
    )
    tables = same(path)
    found = tables["ncu_actions"]
    assert (
        tables["ncu_rules"]["action"].to_pylist() == tables["ncu_nvtx"]["action"].to_pylist() == [1, 2, 3, 5]
    )
    assert found["workload"].to_pylist() == [
        "kernel",
        *["range"] * 2,
        *["cmdlist"] * 2,
        "graph",
        *["kernel"] * 3,
    ]
    assert found["name"].to_pylist()[3:5] == ["lists", "cmdlist"]


def test_values_of_every_type_are_those_that_the_library_tells(tmp_path: Path) -> None:
    told = [
        rep.value(7), rep.value(2**64 - 1), rep.value(0), rep.field(4, 2**32 - 1), rep.value(1.5), rep.value(0.0),
        rep.value(float("nan")), rep.value(float("-inf")), rep.single(2, 0.1), rep.single(2, float("inf")),
        rep.value("GH100"), rep.value(""), rep.value("naïve"), b"", None,
    ]  # fmt: skip
    names = [f"foo__{place:02}" for place in range(len(told))]
    metrics = [(13, rep.metric(place, content)) for place, content in enumerate(told)]
    # Instances between the value and the category; a metric that is there twice; names out of order.
    instances = (3, rep.message((1, rep.message((5, 4))), (2, rep.message((5, 9)))))
    more = [
        (13, rep.metric(0, rep.value(8), instances, instances)),
        (13, rep.metric(len(names), None, instances)),
        (13, rep.metric(len(names) + 1, rep.value(1))),
    ]
    path = tmp_path / "values.ncu-rep"
    path.write_bytes(
        rep.report(rep.block([rep.kernel(*metrics, *more)], strings=[*names, "a__b", "Z__upper"]))
    )
    found = same(path)["ncu_metrics"]
    values = dict(zip(found["metric"].to_pylist(), found["value"].to_pylist(), strict=True))
    assert (values["foo__00"], values["foo__01"], values["foo__04"]) == (8, 2.0**64, 1.5)
    texts = dict(zip(found["metric"].to_pylist(), found["text"].to_pylist(), strict=True))
    assert (texts["foo__06"], texts["foo__07"], texts["foo__10"]) == ("nan", "-inf", "GH100")


def same(path: Path) -> dict[str, pa.Table]:
    """The tables of a report written by hand, but for units: without a GPU in it the library knows none."""
    ours, theirs = natively(path), through_the_library(path)
    # A child's tables come as they are filled: the first full one is the first.
    assert ours.tables.keys() == theirs.tables.keys()
    tables = {}
    for name, expected in theirs.tables.items():
        columns = [column for column in expected.column_names if column != "unit"]
        tables[name] = rows(ours.tables[name].select(columns))
        assert tables[name].equals(rows(expected.select(columns))), name
    return tables


def instance(key: bytes | None, content: bytes | None) -> tuple[int, rep.Value]:
    return 3, rep.message(*[(number, part) for number, part in ((1, key), (2, content)) if part is not None])


def test_instances_are_those_that_the_library_tells(tmp_path: Path) -> None:
    keys = [rep.value(0), rep.value(2**47 + 16), rep.field(4, 7), rep.value("LDG"), rep.value("")]
    values = [rep.value(2.5), rep.value(7), rep.value(2**40), rep.single(2, 0.5), rep.field(4, 3)]
    told = [instance(key, content) for key, content in zip(keys, values, strict=True)]
    texts = [instance(rep.value(place), rep.value(text)) for place, text in enumerate(("a,b", "", "c"))]
    odd = [instance(rep.value(place), rep.value(float(text))) for place, text in enumerate(("nan", "-inf"))]
    metrics = {"foo__by_pass": texts, "foo__odd": odd, "foo__various": told, "launch__block_size": told[:1]}
    path = tmp_path / "instances.ncu-rep"
    path.write_bytes(
        rep.report(
            rep.block(
                [
                    rep.kernel(
                        *(
                            (13, rep.metric(place, rep.value(1), *held))
                            for place, held in enumerate(metrics.values())
                        ),
                        # Of a metric that is there twice, the last one counts.
                        (13, rep.metric(1, rep.value(2), *odd[:1])),
                    )
                ],
                strings=list(metrics),
            )
        )
    )
    found = same(path)["ncu_instances"].to_pylist()
    assert [row["metric"] for row in found] == ["foo__by_pass"] * 3 + ["foo__odd"] + ["foo__various"] * 5
    assert [row["text"] for row in found[:4]] == ["a,b", "", "c", "nan"]
    assert [(row["id"], row["id_text"], row["value"]) for row in found[4:]] == [
        (0, None, 2.5),
        (2**47 + 16, None, 7),
        (7, None, 2**40),
        (None, "LDG", 0.5),
        (None, "", 3),
    ]


def test_markers_and_focus_metrics_of_rules_are_those_that_the_library_tells(tmp_path: Path) -> None:
    markers = [
        (5, rep.message((1, 0), (3, 2**47 + 16), (4, "slow"), (5, kind), (6, ""))) for kind in range(5)
    ]
    markers.append((5, rep.message((1, 1), (2, 7), (4, "slow"), (5, 2), (6, "/project/k.cu"))))
    focus = [
        (8, rep.message((1, 1), (2, "a__b")) + rep.double(3, 1.5) + rep.message((4, severity), (5, "less")))
        for severity in range(3)
    ]
    said = rep.message((1, "Do less."), (2, 4), (3, 1))
    rule = rep.message(
        (1, "Rule"), (2, "A rule"), (3, rep.message((1, rep.message((1, said), *focus)))), (4, "S"), *markers
    )
    path = tmp_path / "markers.ncu-rep"
    path.write_bytes(rep.with_metrics({"a__b": 3}, (19, rule)))
    tables = same(path)
    assert tables["ncu_markers"]["kind"].to_pylist() == [
        "none", "ok", "optimization", "warning", "error", "optimization",
    ]  # fmt: skip
    assert tables["ncu_focus"]["severity"].to_pylist() == ["default", "low", "high"]


STACKS = {rep.KERNEL: (28, 32), rep.RANGE: (14, 17), rep.CMDLIST: (16, 22), rep.GRAPH: (16, 19)}


def frame(*fields: tuple[int, rep.Value]) -> tuple[int, rep.Value]:
    """A frame of a stack."""
    return 1, rep.message(*fields)


def of_kind(kind: int, *fields: tuple[int, rep.Value]) -> bytes:
    """A report with one result of a kind."""
    metric = rep.metric(0, rep.value(3))
    result = rep.kernel((13, metric), *fields) if kind == rep.KERNEL else rep.workload((4, metric), *fields)
    return rep.report(rep.block([result], kind, strings=["a__b"]))


@pytest.mark.parametrize("kind", STACKS)
def test_stacks_are_read_whoever_reads_the_rest(kind: int, tmp_path: Path) -> None:
    native, python = STACKS[kind]
    path = tmp_path / "stacks.ncu-rep"
    calls = rep.message(
        frame((1, "/lib/libx.so.1"), (2, 64), (4, "launch")), frame((1, "app"), (2, 8)), (2, 1)
    )
    script = rep.message(frame((1, ""), (2, 0), (3, "/src/mlp.py"), (4, "forward"), (5, 42)), (2, 2))
    path.write_bytes(of_kind(kind, (native, calls), (python, script)))
    assert same(path)["ncu_stacks"].to_pylist() == [
        {"action": 0, "kind": "native", "depth": 0, "function": "launch", "file": None, "line": None, "module": "/lib/libx.so.1", "address": 64},
        {"action": 0, "kind": "native", "depth": 1, "function": None, "file": None, "line": None, "module": "app", "address": 8},
        {"action": 0, "kind": "python", "depth": 0, "function": "forward", "file": "/src/mlp.py", "line": 42, "module": None, "address": None},
    ]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("kind", STACKS)
@pytest.mark.parametrize("damaged", [((1, "f"),), ((2, 7),), ((1, 7), (2, 7)), ((1, "f"), (2, "x"))])
def test_a_frame_that_the_library_refuses_is_refused(
    kind: int, damaged: tuple[tuple[int, rep.Value], ...], tmp_path: Path
) -> None:
    path = tmp_path / "frames.ncu-rep"
    for field in STACKS[kind]:
        path.write_bytes(of_kind(kind, (field, rep.message(frame(*damaged)))))
        with pytest.raises(UnsupportedReportError):
            natively(path)
        with pytest.raises(TruncatedReportError, match="damaged"):
            through_the_library(path)


def test_names_of_metrics_may_stand_behind_them(tmp_path: Path) -> None:
    path = tmp_path / "behind.ncu-rep"
    first = rep.block([rep.kernel((13, rep.metric(1, rep.value(3))))], strings=["a__b"])
    path.write_bytes(rep.report(first, rep.block([rep.kernel()], strings=["c__d"])))
    assert same(path)["ncu_metrics"]["metric"].to_pylist() == ["c__d"]


def test_what_rules_say_is_what_the_library_tells(tmp_path: Path) -> None:
    def rule(*items: bytes) -> tuple[int, rep.Value]:
        body = [] if not items else [(3, rep.message(*((1, item) for item in items)))]
        return 19, rep.message((1, "Rule"), (2, "A rule"), *body, (4, "Section"))

    def said(kind: int, title: str | None = None) -> tuple[int, rep.Value]:
        titled = [] if title is None else [(4, title)]
        return 1, rep.message((1, "Do less."), (2, kind), (3, 1), *titled)

    speedups = [
        (10, rep.message((1, scope)) + rep.double(2, percent)) for scope, percent in ((1, 12.5), (2, 0.0))
    ]
    path = tmp_path / "rules.ncu-rep"
    path.write_bytes(
        rep.with_metrics(
            {"a__b": 3},
            rule(),
            rule(*(rep.message(said(kind)) for kind in range(5))),
            rule(rep.message(said(4, "Titled"), speedups[0]), rep.message(said(4, ""), speedups[1])),
        )
    )
    found = same(path)["ncu_rules"].select(["kind", "title", "estimated_speedup_pct", "speedup_scope"])
    assert found.to_pylist()[-2:] == [
        {"kind": "optimization", "title": "Titled", "estimated_speedup_pct": 12.5, "speedup_scope": "local"},
        {"kind": "optimization", "title": "", "estimated_speedup_pct": 0.0, "speedup_scope": "global"},
    ]
