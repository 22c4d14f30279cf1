"""The command for one launch, read again as ncu reads it: it finds that launch, and no other.

How ncu counts and compares was measured on H100s with ncu 2025.3.1: programs with launches in ranges of awkward
names, of several domains, threads, processes and devices, and in CUDA graphs.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from made.nsys import Recording, graph, kernel
from made.store import empty
from oracle.asking import drawn
from shipped import notes

from traceql.errors import QueryError
from traceql.read.ncu_rep import options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oracle.trace import View

    from traceql import Database

LAUNCH = "cudaLaunchKernel_v7000"


# --- ncu ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Launch:
    """What ncu knows of a launch: its names, its device, and domain → texts of the ranges that hold it."""

    id: int
    name: str
    full: str
    device: int | None
    pushed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    started: Mapping[str, Sequence[str]] = field(default_factory=dict)


def profiled(command: str, launches: Iterable[Launch]) -> list[int]:
    """Which launches ncu profiles: those that pass its filters, less those skipped, up to the count."""
    words = shlex.split(command)
    asked = options.collection(command)
    devices = [word.removeprefix("--devices=") for word in words if word.startswith("--devices=")]
    found = [
        launch.id
        for launch in launches
        if _has_name(launch, asked)
        and (not devices or launch.device == int(devices[0]))
        and ("nvtx_include" not in asked or _lies_in(launch, asked["nvtx_include"]))
    ]
    skip, count = int(asked["launch_skip"]), int(asked["launch_count"])
    return found[skip : skip + count]


def _has_name(launch: Launch, asked: Mapping[str, str]) -> bool:
    name = launch.full if asked.get("kernel_name_base", "function") == "demangled" else launch.name
    if asked["kernel_name"].startswith("regex:"):
        return re.search(asked["kernel_name"].removeprefix("regex:"), name) is not None
    return name == asked["kernel_name"]


def _lies_in(launch: Launch, config: str) -> bool:
    assert not config.startswith("regex:")
    *domain, text = re.split(r"(?<!\\)@", config)
    stack = re.fullmatch(r"(.*[^\\])/", text, re.DOTALL)
    held = launch.pushed if stack else launch.started
    return _plain(stack[1] if stack else text) in held.get(_plain("".join(domain)), ())


def _plain(name: str) -> str:
    assert not re.search(r"(?<!\\)[@,/\[\]]", name)
    return re.sub(r"\\([@,/\[\]*+])", r"\1", name)


def command_for(database: Database, **params: Any) -> dict[str, Any]:
    (row,) = database.ask("ncu_command", **params).table.to_pylist()
    return dict(row)


# --- any trace ------------------------------------------------------------------------------------------


def launches_of(view: View) -> list[Launch]:
    found = []
    for one in sorted(
        view.kernels, key=lambda work: (work.call.start if work.call else work.start, work.start, work.id)
    ):
        assert one.kernel is not None
        pushed: dict[str, list[str]] = {}
        started: dict[str, list[str]] = {}
        for held in view.ranges if one.call else ():
            assert one.call is not None
            if held.style == "pushpop" and held.holds(one.call, "thread"):
                pushed.setdefault(held.domain, []).append(held.text)
            is_open = held.process == one.call.process and held.start <= one.call.start < held.until
            if held.style == "startend" and is_open:
                started.setdefault(held.domain, []).append(held.text)
        found.append(Launch(one.id, one.kernel.short, one.kernel.full, one.device, pushed, started))
    return found


TRACES = drawn(30, 10)


@pytest.fixture(scope="module")
def random_traces() -> Database:
    database = empty()
    for trace in TRACES:
        trace.recording().store(database, trace.name)
    return database


ASKED = [("auto", 1), ("auto", 5), ("auto", 9), ("function", 4), ("demangled", 6)]


@pytest.mark.long
@pytest.mark.parametrize(("base", "number"), ASKED)
def test_ncu_finds_the_launch_again_among_those_of_random_traces(
    random_traces: Database, base: str, number: int
) -> None:
    answer = random_traces.ask("ncu_command", kernel="*", launch=number, base=base)
    rows = {row["trace"]: row for row in answer.table.to_pylist()}
    told = set()
    for trace in TRACES:
        launches = launches_of(trace.view())
        if len(launches) < number:
            assert trace.name not in rows
            continue
        row, wanted = rows[trace.name], launches[number - 1].id
        assert row["launches"] == len(launches)
        assert (row["kernel_id"] & (2**32 - 1), profiled(row["command"], launches)) == (wanted, [wanted])
        told |= set(re.findall(r"--(?:devices|kernel-name-base|nvtx-include)", row["command"]))
        told |= {"skips"} if row["skipped"] else set()
        told |= {"domain"} if row["domain"] else set()
        told |= {"start/end"} if row["range"] and not re.search(r"/'? ", row["command"]) else set()
        told |= set(re.findall("processes|threads|not recorded", row["caution"]))
    if (base, number) == ("auto", 5):
        # What makes counting hard is there.
        assert len(told) == 9, told


# --- names ----------------------------------------------------------------------------------------------

# Range → what ncu took for it, and nothing else of the program; None: nothing that was tried.
TAKEN = {
    "plain": ["plain/"],
    "a/b": [r"a\/b/"],
    "a@b": [r"a\@b/"],
    "a,b": ["a,b/", r"a\,b/"],
    r"a\b": [r"a\b/"],
    "a[b": ["a[b/", r"a\[b/"],
    "a]b": ["a]b/", r"a\]b/"],
    "a+b": ["a+b/", r"a\+b/"],
    "a*b": ["a*b/", r"a\*b/"],
    "[x]": [r"\[x\]/"],
    "a b ": ["a b /"],
    'a"b': ['a"b/'],
    "é/ü": [r"é\/ü/"],
    "a:b": ["a:b/"],
    "t/": [r"t\//"],
    "a(b)": ["a(b)/"],
    "a|b": ["a|b/"],
    "-x": ["-x/"],
    "a=b&c": ["a=b&c/"],
    "a\nb": ["a\nb/"],
    "<default domain>": ["<default domain>/"],
    "regex:q": None,
    r"a\/b": None,
    "a\\": None,
    r"a\,b": None,
}


@pytest.mark.long
@pytest.mark.parametrize("text", TAKEN, ids=ascii)
def test_a_range_is_told_as_ncu_takes_it(text: str) -> None:
    database = empty()
    recording = Recording()
    recording.range(text, 0, 20).call(LAUNCH, 5, 6, kernel("k", 10, 30)).store(database, "t")
    answer = database.ask("ncu_command", kernel="k")
    row = answer.table.to_pylist()[0]
    include = options.collection(row["command"]).get("nvtx_include")
    taken = TAKEN[text]
    if taken is None:
        assert (include, row["range"]) == (None, None)
        assert "ncu takes no range of that name: counted from the start of the run (t)" in notes(answer)
    else:
        assert include in taken
        assert (row["range"], row["caution"]) == (text, "")


@pytest.mark.long
def test_a_range_of_a_domain_and_one_of_start_and_end_are_told_as_ncu_takes_them() -> None:
    def include(**of: Any) -> str:
        database = empty()
        recording = Recording().range(of.pop("text"), 0, 20, **of)
        recording.call(LAUNCH, 5, 6, kernel("k", 10, 30)).store(database, "t")
        return options.collection(command_for(database, kernel="k")["command"])["nvtx_include"]

    # As measured.
    assert include(text="r", domain="D/x@y") == r"D\/x\@y@r/"
    assert include(text="se", style="startend") == "se"
    assert include(text="S,E/1", style="startend") == r"S\,E\/1"


HOSTILE = 'k\'; touch owned; $(touch owned) `touch owned` "x" \\ \n* ~ # |&<>'


def test_names_are_data_to_the_shell(tmp_path: Path) -> None:
    database = empty()
    recording = Recording().range(HOSTILE, 0, 20, domain=HOSTILE)
    recording.call(LAUNCH, 5, 6, kernel(HOSTILE, 10, 30, full=HOSTILE)).store(database, "t")
    command = command_for(database, kernel="*", base="demangled", set=HOSTILE)["command"]
    # What the shell makes of it, with a program that prints its words in place of ncu.
    (tmp_path / "bin").mkdir()
    ncu = tmp_path / "bin" / "ncu"
    ncu.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    ncu.chmod(0o755)
    printed = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=tmp_path,
        env={"PATH": f"{ncu.parent}:/usr/bin:/bin"},
        capture_output=True,
        check=True,
    ).stdout.decode()
    words = printed.split("\0")[:-1]
    assert words == shlex.split(command)[1:]
    assert f"--kernel-name={HOSTILE}" in words
    assert f"--set={HOSTILE}" in words
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin"]


def test_a_kernel_whose_name_looks_like_a_pattern_is_told_as_one() -> None:
    database = empty()
    Recording().work(kernel("regex:.", 1, 2), kernel("other", 3, 4)).store(database, "t")
    row = command_for(database, kernel="regex:.")
    assert profiled(row["command"], [Launch(1, "regex:.", "", 0), Launch(2, "regex:x", "", 0)]) == [1]


# --- the program ----------------------------------------------------------------------------------------


def program(database: Database, *lines: str) -> str:
    """The program of the command, where the trace keeps these command lines."""
    Recording().work(kernel("k", 1, 2)).store(database, "t")
    with database._store.writing("nothing") as connection:
        for line in lines:
            connection.execute(
                "INSERT INTO environment SELECT trace_id, 'COMMAND_LINE', ? FROM traces", [line]
            )
    command: str = command_for(database, kernel="k")["command"]
    return command.partition("--export=k_1 ")[2]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "PROGRAM"),
        (["python3 train.py --lr=0.1"], "python3 train.py --lr=0.1"),
        ([shlex.join(["./a b", "it's", "", "$HOME"])], shlex.join(["./a b", "it's", "", "$HOME"])),
        # The path of a program as it was recorded, or what was never quoted.
        (["/opt/my app (1)/run"], "'/opt/my app (1)/run'"),
        (["a; touch owned"], "'a; touch owned'"),
        # What ncu would take for an option, and what does not tell which process is the program.
        (["--config-file=x"], "PROGRAM"),
        (["'-k' x"], "PROGRAM"),
        ([" -f --export=/home/me/x prog"], "PROGRAM"),
        (["'' \t\"\" '-k' x"], "PROGRAM"),
        (["  "], "PROGRAM"),
        (["torchrun a.py", "python a.py"], "PROGRAM"),
    ],
    ids=str,
)
def test_the_program_is_the_one_that_the_trace_keeps(lines: list[str], expected: str) -> None:
    assert program(empty(), *lines) == expected


# --- what is recorded -----------------------------------------------------------------------------------


@pytest.mark.long
def test_what_ran_before_the_profiler_was_started_counts_only_where_the_timeline_holds_it() -> None:
    def command(*starts: int, stops: Sequence[int] = (), launch: int = 2) -> str:
        recording = Recording()
        for at in starts:
            recording.call("cuProfilerStart", at, at + 1, layer="driver")
        for at in stops:
            recording.call("cudaProfilerStop_v4000", at, at + 1)
        recording.call(LAUNCH, 10, 11, kernel("k", 20, 30)).call(LAUNCH, 40, 41, kernel("k", 50, 55))
        database = empty()
        recording.store(database, "t")
        found: str = command_for(database, kernel="k", launch=launch)["command"]
        return found

    off = "--profile-from-start=off"
    assert off in command(5)
    assert off not in command()
    assert off not in command(35)
    assert off in command(5, stops=[45], launch=2)
    assert off not in command(5, 37, stops=[35], launch=2)


@pytest.mark.long
def test_a_graph_as_a_whole_is_profiled_as_such_and_the_nodes_of_one_as_kernels() -> None:
    def command(recording: Recording) -> str:
        database = empty()
        recording.store(database, "t")
        found: str = command_for(database, kernel="k")["command"]
        return found

    launched = Recording().call(LAUNCH, 1, 2, kernel("k", 10, 20))
    assert "--graph-profiling" not in command(launched)
    whole = Recording().call(LAUNCH, 1, 2, kernel("k", 10, 20)).call("cudaGraphLaunch", 3, 4, graph(30, 40))
    assert "--graph-profiling=graph" in command(whole)
    assert "--graph-profiling=node" in command(
        Recording().call("cudaGraphLaunch", 3, 4, kernel("k", 10, 20, node=7))
    )


def test_a_base_that_timelines_do_not_have_is_refused() -> None:
    database = empty()
    Recording().work(kernel("k", 1, 2)).store(database, "t")
    with pytest.raises(QueryError, match="base must be auto, function or demangled, not 'mangled'"):
        database.ask("ncu_command", kernel="k", base="mangled")


# --- recordings of one program by both ------------------------------------------------------------------

PAIRS = [
    f"scv_{variant}_{mode}" for variant in ("baseline", "nwor") for mode in ("off", "vectorized", "graph")
]


@pytest.mark.parametrize(
    "pair", [pytest.param(pair, marks=() if pair == "scv_nwor_graph" else pytest.mark.long) for pair in PAIRS]
)
def test_among_the_launches_that_ncu_saw_of_the_same_program_it_finds_the_same_kernel(
    corpus: Database, pair: str
) -> None:
    """The timeline has 20 steps and ncu's report the first two: every kernel of one of them."""
    seen = corpus.sql(
        """
        SELECT kernel_id, name, demangled, device_id, grid_x, grid_y, grid_z, block_x, block_y, block_z
        FROM kernels NATURAL JOIN traces WHERE trace = ? ORDER BY kernel_id
        """.replace("?", f"'{pair}.ncu-rep.xz'")
    ).to_dicts()
    pushed: dict[int, dict[str, list[str]]] = {}
    for held in corpus.sql(
        f"FROM ncu_ranges NATURAL JOIN traces WHERE trace = '{pair}.ncu-rep.xz' AND style = 'pushpop'"
    ).to_dicts():
        pushed.setdefault(held["kernel_id"], {}).setdefault(held["domain"], []).append(held["text"])
    launches = [
        Launch(
            row["kernel_id"],
            row["name"],
            row["demangled"],
            row["device_id"],
            pushed.get(row["kernel_id"], {}),
        )
        for row in seen
    ]
    shapes = {row["kernel_id"]: [row["demangled"], *list(row.values())[4:]] for row in seen}
    timeline = f"{pair}.sqlite.xz"
    for number in range(1, len(seen) + 1, max(1, len(seen) // 6)):
        row = command_for(corpus, trace=timeline, kernel="*", launch=number)
        (picked,) = corpus.sql(
            "SELECT demangled, grid_x, grid_y, grid_z, block_x, block_y, block_z FROM kernels "
            f"WHERE kernel_id = {row['kernel_id']}"
        ).rows()
        assert [shapes[found] for found in profiled(row["command"], launches)] == [list(picked)]
