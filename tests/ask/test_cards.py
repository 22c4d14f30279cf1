"""The card of a kernel holds what the questions say that stand on it, and says what is not known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from command_line import traceql as run
from made.ncu import Profile
from made.nsys import Recording, kernel
from made.store import empty

from traceql import report
from traceql.ask import cards
from traceql.errors import CatalogError, QueryError
from traceql.questions import catalog

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database

STALLED = "smsp__average_warps_issue_stalled_{}_per_issue_active.ratio"


@pytest.fixture(scope="module")
def made() -> Database:
    """Counters of two kernels, and a timeline with one of them."""
    database = empty()
    Profile().gpu("A card", compute_capability_major=9, compute_capability_minor=0).kernel(
        "gemm",
        "step/mlp",
        ns=300,
        grid=(8, 1, 1),
        block=(256, 1, 1),
        metrics={
            "launch__registers_per_thread": 128,
            "launch__shared_mem_per_block_static": 0,
            "launch__shared_mem_per_block_dynamic": 0,
            "sm__throughput.avg.pct_of_peak_sustained_elapsed": 70,
            "gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed": 40,
            "smsp__average_warp_latency_per_inst_issued.ratio": 10,
            STALLED.format("wait"): 4,
            STALLED.format("selected"): 1,
            "idc__requests.sum": 9,
        },
    ).rule("R", "do this", speedup_pct=50, scope="global", title="Do").kernel("add", ns=100).store(
        database, "counters"
    )
    Recording().work(kernel("gemm", 0, 50), kernel("gemm", 60, 80)).store(database, "timeline")
    return database


def of(made: Database, name: str, trace: str) -> dict[tuple[str, str], object]:
    rows = made.kernel_card(name, trace=trace).to_dicts()
    found = {
        (row["section"], row["item"]): row["text"] if row["value"] is None else (row["value"], row["unit"])
        for row in rows
    }
    assert len(found) == len(rows)
    return found


@pytest.mark.long
def test_every_part_of_the_card_has_its_items(made: Database) -> None:
    found = of(made, "gemm", "counters")
    assert list(dict.fromkeys(section for section, _ in found)) == [
        "Launches",
        "Speed of light",
        "Occupancy",
        "Warp states",
        "Schedulers",
        "Memory tables",
        "Pipes",
        "Advice",
    ]
    launch = "grid 8×1×1, block 256×1×1"
    assert {
        "total": found["Launches", f"{launch}: Total"],
        "share": found["Launches", f"{launch}: Share"],
        "paths": found["Launches", f"{launch}: Paths"],
        "verdict": found["Speed of light", "Verdict"],
        "compute": found["Speed of light", "Compute"],
        "limiter": found["Occupancy", "Limiter"],
        "stall": found["Warp states", "wait: Share"],
        "constant": found["Memory tables", "constant all: Requests"],
        "advice": found["Advice", "R Do: Weighted speedup"],
    } == {
        "total": (300, "ns"),
        "share": (75, "%"),
        "paths": "step/mlp (1)",
        "verdict": "compute",
        "compute": (70, "%"),
        "limiter": "registers",
        "stall": (40, "%"),
        "constant": (9, None),
        # Half of three quarters of the time.
        "advice": (37.5, "%"),
    }


@pytest.mark.long
def test_what_is_not_known_has_no_value_and_says_what_records_it(made: Database) -> None:
    rows = made.kernel_card("gemm", trace="counters").to_dicts()
    by_item = {(row["section"], row["item"]): row for row in rows}
    eligible = by_item["Schedulers", "No eligible"]
    assert (eligible["value"], eligible["text"]) == (None, None)
    assert "--section SchedulerStats" in eligible["note"]
    # At what is to be known first.
    assert by_item["Warp states", "wait: Share"]["note"].startswith("waits for a fixed")
    assert by_item["Advice", "R Do: Weighted speedup"]["note"] == "do this"


def test_a_timeline_tells_launches_and_occupancy_and_the_rest_is_noted(made: Database) -> None:
    found, notes = cards.items(made._asker, "gemm", ["timeline"])
    assert {one.section for one in found} == {"Launches"} | {"Occupancy"}
    assert next(one.value for one in found if one.title == "Total") == 70
    assert [note.partition(":")[0] for note in notes] == [
        "Speed of light",
        "Warp states",
        "Schedulers",
        "Memory tables",
        "Pipes",
        "Advice",
    ]
    assert all("ncu" in note for note in notes)


@pytest.mark.long
def test_kernels_of_a_pattern_have_cards_of_their_own_trace_by_trace(made: Database) -> None:
    found, _ = cards.items(made._asker, "*")
    assert list(dict.fromkeys((one.trace, one.kernel) for one in found)) == [
        ("counters", "gemm"),
        ("counters", "add"),
        ("timeline", "gemm"),
    ]


@pytest.mark.long
def test_a_kernel_that_is_not_there_is_an_error(made: Database) -> None:
    with pytest.raises(QueryError, match="no kernel is called 'gem'") as raised:
        made.kernel_card("gem")
    assert raised.value.remedy == "The nearest: gemm."
    with pytest.raises(QueryError, match="elsewhere"):
        made.kernel_card("gemm", trace="elsewhere")


@pytest.mark.long
def test_the_command_writes_the_card_as_json(path: Path) -> None:
    kernels = json.loads(
        run("query", "top-kernels", "--db", str(path), "--format", "json", "--limit", "1").stdout
    )
    name = kernels[0]["kernel"]
    rows = json.loads(run("kernel-card", name, "--db", str(path), "--format", "json").stdout)
    assert list(rows[0]) == ["trace", "kernel", "section", "item", "value", "text", "unit", "note"]
    assert {row["kernel"] for row in rows} == {name}


@pytest.mark.long
def test_a_table_has_what_to_know_first_and_all_of_it_when_asked(path: Path) -> None:
    kernels = json.loads(
        run("query", "top-kernels", "--db", str(path), "--format", "json", "--limit", "1").stdout
    )
    command = ("kernel-card", kernels[0]["kernel"], "--db", str(path))
    whole = json.loads(run(*command, "--format", "json").stdout)
    short, everything = run(*command, "--vertical"), run(*command, "--vertical", "--all")
    assert f"row {len(whole)} of {len(whole)}" in everything.stdout
    shown = sum(line.startswith("row ") for line in short.stdout.splitlines())
    assert 5 < shown < len(whole)
    assert f"{shown} of {len(whole)} items: --all gives the rest." in short.stderr
    assert "--all" not in everything.stderr


def test_of_what_a_part_is_about_the_first_three_are_to_know_first() -> None:
    database = empty()
    states = {STALLED.format(f"s{n}"): 5 - n for n in range(4)}
    latency = {"smsp__average_warp_latency_per_inst_issued.ratio": 20}
    Profile().kernel("k", ns=10, metrics={**states, **latency}).store(database, "a")
    query, card = next(one for one in cards.questions(database._asker) if one[0].name == "warp_states")
    found = list(cards.of_answer(database.ask(query.name, limit=None), card))
    assert [(one.about, one.title) for one in found if one.first] == [
        ("s0", "Share"),
        ("s1", "Share"),
        ("s2", "Share"),
    ]
    assert len(found) == 8


@pytest.mark.long
def test_a_card_is_a_page_with_the_charts_that_are_about_kernels(made: Database, tmp_path: Path) -> None:
    page = report.of_kernel(made._asker, "gemm")
    assert page.count('<details class="card"') == 2
    assert "70 %" in page
    assert 'id="t1-speed_of_light-chart"' in page
    # Of a timeline there are no counters, which is said once.
    assert 'id="t2-speed_of_light' not in page
    with pytest.raises(QueryError, match="no kernel is called 'gem'"):
        report.of_kernel(made._asker, "gem")


@pytest.mark.long
def test_the_command_writes_the_page(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "card.html"
    done = run("kernel-card", "*", "--db", str(path), "-o", str(file))
    assert done.returncode == 0, done.stderr
    assert "<title>Kernel card: *</title>" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("tag", "wrong"),
    [
        ("any 10 Parts | of=nothing", "no column is called 'nothing'"),
        ("any 10 Parts | first=nothing", "no column is called 'nothing'"),
        ("any 10 Parts | most=few", "most=few is no number"),
        ("any 10 Parts | odd", "'odd' is neither an option nor a parameter"),
        ("never 10 Parts", "expected '@card timeline|counters|any ORDER TITLE"),
    ],
)
def test_a_card_that_cannot_be_is_named_with_its_line(tmp_path: Path, tag: str, wrong: str) -> None:
    file = tmp_path / "own" / "parts.sql"
    file.parent.mkdir()
    file.write_text(
        "-- Which kernels are there?\n"
        "-- @of     traces\n"
        "-- @param  kernel VARCHAR = '*'  name\n"
        "-- @needs  kernels\n"
        "-- @column trace VARCHAR   trace\n"
        "-- @column kernel VARCHAR  name\n"
        f"-- @card   {tag}\n\n"
        "SELECT trace, name AS kernel FROM kernels JOIN chosen_traces($trace) USING (trace_id)\n"
        "WHERE is_like(name, $kernel) ORDER BY ALL\n",
        encoding="utf-8",
    )
    with pytest.raises(CatalogError) as raised:
        catalog.load((str(tmp_path),))
    assert wrong in str(raised.value)
    assert "parts.sql:7" in str(raised.value)
