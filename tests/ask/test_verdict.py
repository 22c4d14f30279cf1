"""Better, worse, same or cannot tell: recorded repeats and a slowed kernel, statistics against scipy, and gates."""

from __future__ import annotations

import itertools
import json
import math
import re
import shlex
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import kept
import polars as pl
import pytest
from command_line import traceql as command
from made.ncu import Profile
from made.nsys import Recording, kernel
from made.store import empty
from scipy import stats
from scipy.stats import mstats
from shipped import REPORTS

import traceql
from traceql.ask import check_files, pull_request, verdict
from traceql.errors import CheckError, MissingDataError, ParameterError, QueryError
from traceql.questions import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from made.nsys import Work

    from traceql import Database

GUIDE = (Path(__file__).parents[2] / "docs" / "regression.md").read_text(encoding="utf-8")
REPEATS = [f"repeat_{number}" for number in range(8)]
SLOWED = [f"slowed_{number}" for number in range(3)]
#: Which kernel has 5 % more to do there.
KERNEL = "vectorized_elementwise_kernel"
ALL_PAIRS = list(itertools.permutations(REPEATS, 2))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A database of one program that was recorded eight times, and three times with one kernel slowed."""
    reports = [REPORTS / f"{name}.nsys-rep.xz" for name in (*REPEATS, *SLOWED)]
    yield kept.database("repeats", kept.store_all, reports, tmp_path_factory.mktemp("repeats"))


@pytest.fixture(scope="module")
def repeats(recorded: Path) -> Iterator[Database]:
    with traceql.open(recorded) as database:
        yield database


def made(**traces: Recording) -> Database:
    database = empty()
    for name, recording in traces.items():
        recording.store(database, name)
    return database


def launches(name: str, *durations: int) -> list[Work]:
    return [kernel(name, 1000 * n, 1000 * n + ns) for n, ns in enumerate(durations)]


def outcomes(judgement: verdict.Judgement) -> dict[str, str | None]:
    return {one.name: one.outcome for one in (*judgement.judged, *judgement.apart)}


# --- recorded on a GPU ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [pytest.param(*pair, marks=[] if pair in ALL_PAIRS[:2] else [pytest.mark.long]) for pair in ALL_PAIRS],
)
def test_two_runs_of_one_program_are_the_same(repeats: Database, before: str, after: str) -> None:
    judgement = repeats.verdict(before, after, gate="2%")
    assert judgement.outcome == "same", judgement.sentence
    # The total, the steps, the range around them, and four kernels and their kinds.
    assert len(judgement.judged) == 3 + 2 * 4


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(before, after, marks=[] if before == "repeat_0" else [pytest.mark.long])
        for before in REPEATS
        for after in SLOWED
    ],
)
def test_a_kernel_with_5_percent_more_to_do_is_found_and_named(
    repeats: Database, before: str, after: str
) -> None:
    judgement = repeats.verdict(before, after, gate="2%", topic="kernel")
    worse = [one for one in judgement.judged if one.outcome == "worse"]
    assert [one.name for one in worse] == [f"kernel {KERNEL}"]
    assert 4 < worse[0].effect["effect_pct"] < 5.5
    assert judgement.sentence.startswith(f"worse: kernel {KERNEL} +")
    # What is faster now was slower then.
    assert outcomes(repeats.verdict(after, before, gate="2%"))[f"kernel {KERNEL}"] == "better"


@pytest.mark.parametrize(
    ("before", "after", "method"),
    [
        (REPEATS[:4], REPEATS[4:], "welch"),
        (REPEATS[:7], REPEATS[7:], "student"),
        (REPEATS[:1], REPEATS[1:], "student"),
    ],
)
def test_groups_of_runs_are_the_same_by_the_spread_between_them(
    repeats: Database, before: list[str], after: list[str], method: str
) -> None:
    judgement = repeats.verdict(before, after, gate=2)
    assert judgement.outcome == "same", judgement.sentence
    assert {one.effect["method"] for one in judgement.judged} == {method}
    assert any("between runs" in note for note in judgement.notes)


def test_with_runs_on_both_sides_the_interval_is_narrow_and_holds_the_5_percent(repeats: Database) -> None:
    judgement = repeats.verdict(REPEATS, SLOWED, gate="regression")
    assert judgement.outcome == "worse"
    slow = next(one.effect for one in judgement.judged if one.effect["name"] == KERNEL)
    assert 4.5 < slow["low_pct"] < slow["high_pct"] < 5.1
    assert slow["baseline_spread_pct"] < slow["block_spread_pct"] < 1.5


# --- the statistics -------------------------------------------------------------------------------------


def blocks_of(durations: list[list[int]]) -> list[list[int]]:
    """Time of each trace in twenty blocks of equal time in the first one, launch by launch."""
    total, until = sum(durations[0]), 0
    found: dict[int, list[int]] = defaultdict(lambda: [0] * len(durations))
    for launch in zip(*durations, strict=True):
        until += launch[0]
        block = min(19, math.floor(20 * (until - launch[0] / 2) / total))
        found[block] = [so_far + ns for so_far, ns in zip(found[block], launch, strict=True)]
    return [found[block] for block in sorted(found)]


def durations(database: Database, trace: str) -> dict[str, list[int]]:
    frame = database.sql("FROM kernels ORDER BY start_ns", trace=trace)
    return {
        name: frame.filter(name=name)["duration_ns"].to_list() for name in frame["name"].unique().to_list()
    }


@pytest.mark.parametrize("after", ["repeat_1", "slowed_0"])
def test_within_runs_the_interval_is_scipys_of_a_trimmed_mean(repeats: Database, after: str) -> None:
    found = repeats.query("effects", baseline="repeat_0", variant=after, topic="kernel").to_dicts()
    sides = [durations(repeats, trace) for trace in ("repeat_0", after)]
    assert {row["name"] for row in found} == sides[0].keys()
    for row in found:
        effects = [100 * (b / a - 1) for a, b in blocks_of([side[row["name"]] for side in sides])]
        low, high = mstats.trimmed_mean_ci(effects, limits=(0.1, 0.1), alpha=0.05)
        assert row["blocks"] == len(effects) == 20
        assert row["effect_pct"] == pytest.approx(stats.trim_mean(effects, 0.1))
        assert (row["low_pct"], row["high_pct"]) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.long
def test_between_runs_the_interval_is_scipys_of_welch(repeats: Database) -> None:
    # One step of each: a block is a launch, and a trace one number.
    window = {"within": "step#7"}
    before, after = ["repeat_0", "repeat_1", "repeat_2"], ["repeat_3", "slowed_0", "repeat_5", "slowed_1"]
    rows = repeats.query("effects", baseline=before, variant=after, topic="kernel", **window).to_dicts()
    row = next(row for row in rows if row["name"] == KERNEL)
    frame = repeats.sql(
        "SELECT trace, duration_ns FROM kernels JOIN traces USING (trace_id) WHERE name = $name"
        " QUALIFY row_number() OVER (PARTITION BY trace ORDER BY start_ns) = 8",
        {"name": KERNEL},
    )
    values = dict(frame.iter_rows())
    a, b = ([values[trace] for trace in side] for side in (before, after))
    usual = sum(a) / len(a)
    interval = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    assert row["effect_pct"] == pytest.approx(100 * (sum(b) / len(b) / usual - 1))
    assert row["low_pct"] == pytest.approx(100 * interval.low / usual)
    assert row["high_pct"] == pytest.approx(100 * interval.high / usual)


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (2.1, 9, "worse"),
        (2, 9, "cannot tell"),
        (1.9, 2.1, "cannot tell"),
        (-2, 2, "same"),
        (-2.1, 1, "cannot tell"),
        (-5, 5, "cannot tell"),
        (-9, -2.1, "better"),
        (0, 0, "same"),
        (math.nan, math.nan, "cannot tell"),
        (-math.inf, math.inf, "cannot tell"),
    ],
)
def test_only_a_whole_interval_decides(low: float, high: float, outcome: str) -> None:
    assert verdict.outcome_of(low, high, 2) == outcome


# --- what cannot be told --------------------------------------------------------------------------------


@pytest.mark.long
def test_of_one_step_nobody_can_tell_and_the_reason_is_said() -> None:
    one = Recording()
    one = one.range("step", 0, 50).call("cudaLaunchKernel_v7000", 1, 4, kernel("k", 10, 40))
    database = made(a=one, b=one)
    judgement = database.verdict("a", "b", gate="5%")
    assert judgement.outcome == "cannot tell"
    assert {one.reason for one in judgement.judged} == {
        "1 block of time in a run: an interval takes 3, or several runs a side"
    }
    # Of the kernel alone there is too little to judge it.
    assert {one.name: one.reason for one in judgement.apart}["kernel k"] == "fewer than 3 in a run"


@pytest.mark.long
def test_a_side_without_work_on_a_gpu_shares_nothing() -> None:
    database = made(a=Recording().work(*launches("k", 10, 10, 10)), b=Recording().range("step", 0, 10))
    judgement = database.verdict("a", "b", gate="5%")
    assert judgement.outcome == "cannot tell"
    assert [(one.name, one.reason) for one in judgement.judged] == [("trace gpu_ns", "only in the baseline")]
    assert "3 launches of the baseline without a partner: 3 of kernel k." in judgement.notes
    with pytest.raises(MissingDataError):
        made(a=Recording().range("step", 0, 10)).verdict("a", "a", gate="5%")
    with pytest.raises(QueryError, match="a trace on each side"):
        database.verdict([], "a", gate="5%")
    with pytest.raises(QueryError, match="no trace is called 'nobody'"):
        database.verdict("a", "nobody", gate="5%")


@pytest.mark.long
def test_time_that_is_none_has_no_change() -> None:
    database = made(a=Recording().work(*launches("k", 0, 0, 0)), b=Recording().work(*launches("k", 1, 1, 1)))
    judgement = database.verdict("a", "b", gate="5%")
    assert {one.reason for one in judgement.judged} == {"it took no time in the baseline"}
    assert judgement.outcome == "cannot tell"


@pytest.mark.long
def test_launches_without_a_partner_leave_the_total_open_unless_steps_tell() -> None:
    few, more = launches("k", *[100] * 20), launches("k", *[100] * 22)
    database = made(a=Recording().work(*few), b=Recording().work(*more))
    total = database.verdict("a", "b", gate="5%").judged[0]
    assert (total.name, total.outcome) == ("trace gpu_ns", "cannot tell")
    assert total.reason == "9.1 % of a side's time has no partner, and no steps tell what it is"
    # Ten percent may be more.
    assert database.verdict("a", "b", gate="10%").outcome == "same"
    # Two more steps of the same are no change.
    steps = {
        name: Recording().work(
            *(
                work
                for n in range(count)
                for work in (kernel("p", 1000 * n, 1000 * n + 50), kernel("q", 1000 * n + 60, 1000 * n + 90))
            )
        )
        for name, count in (("a", 20), ("b", 22))
    }
    judgement = made(**steps).verdict("a", "b", gate="5%")
    assert judgement.outcome == "same", judgement.sentence
    assert "4 launches of the variant without a partner: 2 of kernel p, 2 of kernel q." in judgement.notes


def stepping(*outside: int, inside: int = 0) -> Recording:
    """Twenty steps of a kernel of 100 ns, one more in the first, and kernels between steps."""
    recording = Recording()
    for at in range(0, 20_000, 1000):
        recording.range("step", at, at + 500)
        recording.call("cudaLaunchKernel", at + 1, at + 4, kernel("k", at + 10, at + 110))
    if inside:
        recording.call("cudaLaunchKernel", 6, 8, kernel("new", 120, 120 + inside))
    for number, ns in enumerate(outside):
        at = 1000 * number + 600
        recording.call("cudaLaunchKernel", at, at + 4, kernel("eval", at + 10, at + 10 + ns))
    return recording


@pytest.mark.parametrize(
    ("more", "outcome"), [((200,), "cannot tell"), ((20, 20), "same")], ids=["ten percent", "two percent"]
)
def test_work_between_steps_that_one_side_has_alone_is_no_same(more: tuple[int, ...], outcome: str) -> None:
    database = made(a=stepping(), b=stepping(*more))
    for sides in (("a", "b"), ("b", "a")):
        judgement = database.verdict(*sides, gate="5%")
        assert judgement.outcome == outcome, judgement.sentence
    if outcome == "cannot tell":
        total = next(one for one in judgement.judged if one.name == "trace gpu_ns")
        assert total.reason == "9.1 % of a side's time has no partner, and is in no step"
        assert outcomes(judgement)["step gpu_busy_ns"] == "same"


def test_work_in_a_step_that_one_side_has_alone_is_judged_by_the_steps() -> None:
    database = made(a=stepping(), b=stepping(inside=200))
    # One step of twenty is an outlier, whatever else is gated.
    assert database.verdict("a", "b", gate="5%").outcome == "same"


def test_where_no_gate_is_for_steps_nobody_tells_what_has_no_partner() -> None:
    database = made(a=stepping(), b=stepping(inside=200))
    kinds = [{"topic": "trace"}, {"topic": "step", "measure": "pace_ns"}]
    gates = [verdict.Gate(gate_pct=5, **kind) for kind in kinds]  # type: ignore[arg-type]
    judgement = verdict.judge(database._asker, ["a"], ["b"], gates)
    assert judgement.outcome == "cannot tell"
    assert "and no steps tell what it is" in judgement.judged[0].reason


@pytest.mark.long
def test_a_trace_beside_itself_is_the_same_and_timelines_are_not_compared_with_counters() -> None:
    database = made(a=Recording().work(*launches("k", 10, 12, 14)))
    judgement = database.verdict("a", "a", gate="0.001%")
    assert judgement.outcome == "same"
    assert "a is compared with itself" in judgement.notes
    Profile().kernel("k", ns=10).store(database, "profiled")
    with pytest.raises(QueryError, match="different kinds"):
        database.verdict("a", "profiled", gate="5%")
    # Its kernel was recorded, and how long it took was not.
    Profile().kernel("k").store(database, "untimed")
    with pytest.raises(MissingDataError, match="no time of work on a GPU was recorded"):
        database.verdict("untimed", "untimed", gate="5%")


# --- gates ----------------------------------------------------------------------------------------------


def gated(text: str) -> tuple[verdict.Gate, ...]:
    return check_files.parse(text, "mine.toml", catalog.shipped()).gates


def judged(text: str, slow: int = 110) -> dict[str, str | None]:
    """Outcomes of a kernel that takes as long as said, where it took 100, beside one of one percent of the time."""
    sides = {
        name: Recording().work(*launches("attn", *[ns] * 8), *launches("small", *[1] * 8))
        for name, ns in (("a", 100), ("b", slow))
    }
    database = made(**sides)
    return outcomes(verdict.judge(database._asker, ["a"], ["b"], gated(text), topic="kernel"))


@pytest.mark.long
def test_the_first_gate_that_is_for_it_counts() -> None:
    gate = "[[gate]]\ntopic = 'kernel'\ngate_pct = {}\nname = '{}'\n"
    assert judged(gate.format(20, "at*") + gate.format(2, "*")) == {
        "kernel attn": "same",
        "kernel small": None,
    }
    assert judged(gate.format(2, "*") + gate.format(20, "at*"))["kernel attn"] == "worse"
    assert judged(gate.format(2, "gemm"))["kernel attn"] is None
    assert judged(gate.format(5, "attn"), slow=90)["kernel attn"] == "better"


@pytest.mark.long
def test_what_is_small_or_seldom_is_not_judged_unless_the_gate_says_so() -> None:
    gate = "[[gate]]\ntopic = 'kernel'\ngate_pct = 2\n"
    assert judged(gate)["kernel small"] is None
    assert judged(gate + "least_pct = 0.5\n")["kernel small"] == "same"
    assert judged(gate + "fewest = 9\n") == {"kernel attn": None, "kernel small": None}


@pytest.mark.long
def test_the_pace_of_steps_is_judged_where_a_gate_names_it(repeats: Database) -> None:
    text = "[[gate]]\ntopic = 'step'\ngate_pct = 2\nmeasure = 'pace_ns'\n"
    found = verdict.judge(repeats._asker, REPEATS[:4], REPEATS[4:], gated(text))
    assert [one.name for one in found.judged] == ["step pace_ns"]
    # The host makes steps follow each other faster in one run than in another.
    assert found.judged[0].effect["baseline_spread_pct"] > 2
    assert found.outcome == "cannot tell"


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        (
            "[[gate]]\ntopic = 'kernl'\ngate_pct = 2",
            "mine.toml: gate 1: topic is not 'kernl'",
            "one of trace, step",
        ),
        (
            "[[gate]]\ntopic = 'step'\ngate_pct = 2\nmeasure = 'pace'",
            "gate 1: measure is not 'pace'",
            "pace_ns",
        ),
        (
            "[[gate]]\ntopic = 'step'\ngate = 2",
            "mine.toml: gate 1: ",
            "Known are topic, gate_pct, name, measure",
        ),
        ("[[gate]]\ntopic = 'step'", "mine.toml: gate 1: no gate_pct", "Known are"),
        ("[[gate]]\ntopic = 'step'\ngate_pct = 0", "gate_pct is not a number > 0", "It must be"),
        ("[[gate]]\ntopic = 'step'\ngate_pct = nan", "gate_pct is not a number > 0", "It must be"),
        ("[[gate]]\ntopic = 'step'\ngate_pct = 'a'", "gate_pct is not a number", "It is a text"),
        (
            "[[gates]]\ntopic = 'step'",
            "mine.toml: unknown key 'gates'",
            "Known are title, parameters, check, gate",
        ),
        ("title = 'empty'", "mine.toml: holds no checks", "[[gate]]"),
    ],
)
def test_a_typo_in_a_gate_is_told_with_file_key_and_what_is_allowed(
    text: str, message: str, remedy: str
) -> None:
    with pytest.raises(CheckError) as caught:
        gated(text)
    assert message in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("text", ["0%", "-5 %", "nan%", "inf%", "five%", "%", "1e9%"])
def test_a_percentage_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="no gate"):
        check_files.gates(text, catalog.shipped())


def test_a_gate_is_a_percentage_for_everything_or_a_file() -> None:
    every = check_files.gates("2.5 %", catalog.shipped())
    assert {gate.topic for gate in every} == set(verdict.TOPICS)
    assert {gate.gate_pct for gate in every} == {2.5}
    assert check_files.gates(2.5, catalog.shipped()) == every
    assert {gate.topic for gate in check_files.gates("regression", catalog.shipped())} == set(verdict.TOPICS)
    with pytest.raises(CheckError, match="budget.toml: holds no gates".replace(".", r"\.")):
        check_files.gates("budget", catalog.shipped())


# --- the forms ------------------------------------------------------------------------------------------

#: What a stranger may call a kernel.
HOSTILE = "k\x00\x1b[31m|`x`<b>&\"'\ud800]]>\u202e@team\nnew"


def hostile() -> verdict.Judgement:
    name = HOSTILE.encode("utf-8", "replace").decode()
    sides = {
        side: Recording().work(*launches(name, *[ns] * 8), *launches("short", *[1] * 2))
        for side, ns in (("a", 100), ("b", 200))
    }
    return made(**sides).verdict("a", "b", gate="5%", names="short")


@pytest.mark.long
def test_junit_is_xml_with_a_case_for_each_effect_whatever_names_hold(repeats: Database) -> None:
    judgement = repeats.verdict("repeat_0", "slowed_0", gate="2%")
    root = ElementTree.fromstring(pull_request.junit(judgement))
    (suite,) = root.findall("testsuite")
    cases = suite.findall("testcase")
    assert int(suite.attrib["tests"]) == len(cases) == len(judgement.judged) + len(judgement.apart)
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[attribute]) == len(suite.findall(f"testcase/{tag}")) > 0
    failed = [case.attrib["name"] for case in cases if case.find("failure") is not None]
    assert failed == ["category elementwise", f"kernel {KERNEL}"]
    assert "beyond the gate of 2 %" in suite.findall("testcase/failure")[0].attrib["message"]
    assert len({case.attrib["name"] for case in cases}) == len(cases)
    odd = ElementTree.fromstring(pull_request.junit(hostile()))
    names = [case.attrib["name"] for case in odd.iter("testcase")]
    assert any(name.startswith("kernel k\\x00\\x1b[31m|`x`<b>&") for name in names)


@pytest.mark.long
def test_where_nothing_is_judged_junit_does_not_pass() -> None:
    database = made(a=Recording().work(*launches("k", 10, 10, 10)))
    judgement = verdict.judge(database._asker, ["a"], ["a"], gated("[[gate]]\ntopic = 'copy'\ngate_pct = 5"))
    assert (judgement.outcome, judgement.judged) == ("cannot tell", ())
    suite = ElementTree.fromstring(pull_request.junit(judgement)).find("testsuite")
    assert suite is not None
    assert suite.attrib["errors"] == "1"
    assert "No gate is for anything that was recorded." in judgement.notes


@pytest.mark.long
def test_markdown_says_the_verdict_and_no_name_breaks_its_table(repeats: Database) -> None:
    text = pull_request.markdown(repeats.verdict("repeat_0", "slowed_0", gate="2%"))
    assert text.startswith("### traceql diff: worse\n\n`repeat_0` → `slowed_0`\n")
    assert f"| **worse** | `kernel {KERNEL}` | +4.48 % | +3.68 to +5.28 % | 2 % | 24.6 % |" in text
    odd = pull_request.markdown(hostile())
    rows = [line for line in odd.splitlines() if line.startswith("|")]
    # As GitHub does: a pipe with a backslash before it ends no cell.
    assert {line.replace("\\|", "").count("|") for line in rows} == {7}
    assert not any(not letter.isprintable() for letter in odd.replace("\n", ""))
    (row,) = (line for line in rows if "31m" in line)
    # Between two backticks each, as the name holds single ones.
    assert "``kernel k\\x00\\x1b[31m\\|`x`<b>&" in row
    assert "@team\\nnew``" in row


def test_all_of_it_is_json_and_a_frame(repeats: Database) -> None:
    judgement = repeats.verdict("repeat_0", "slowed_0", gate="2%")
    told = json.loads(judgement.to_json())
    assert (told["verdict"], told["baseline"], told["variant"]) == ("worse", ["repeat_0"], ["slowed_0"])
    assert len(told["effects"]) == judgement.frame(all_=True).height == 13
    assert judgement.frame()["verdict"].to_list() == [one.outcome for one in judgement.judged]
    assert judgement.frame().schema["matched"] == pl.Int64
    assert judgement.frame().columns == list(told["effects"][0])


# --- the command ----------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_exit_status_is_that_of_check_and_the_forms_are_written(recorded: Path, tmp_path: Path) -> None:
    xml, summary = tmp_path / "gate.xml", tmp_path / "gate.md"
    words = ("--db", recorded, "--junit", xml, "--markdown", summary)
    worse = command("diff", "repeat_0", "slowed_0", "--gate", "2%", *words)
    assert worse.returncode == 3
    assert f"worse: category elementwise +4.5 % (+3.7 to +5.3); kernel {KERNEL}" in worse.stderr
    assert re.search(r"^worse +category", worse.stdout, re.MULTILINE)
    assert ElementTree.parse(xml).getroot().tag == "testsuites"
    assert "traceql diff: worse" in summary.read_text(encoding="utf-8")
    # The change lies at the gate.
    assert command("diff", "repeat_0", "slowed_0", "--gate", "5%", "--db", recorded).returncode == 4
    same = command("diff", "repeat_0", "repeat_1", "--gate", "5%", "--db", recorded, "--format", "json")
    assert same.returncode == 0
    assert {row["verdict"] for row in json.loads(same.stdout)} == {"same"}
    assert (
        command(
            "diff", "slowed_0", "repeat_0", "--gate", "3%", "--topic", "kernel", "--db", recorded
        ).returncode
        == 0
    )
    checked = command(
        "check", "regression", "--baseline", "repeat_0", "--variant", "slowed_0", "--db", recorded
    )
    assert checked.returncode == 3
    assert f"fail          kernel {KERNEL}" in checked.stdout
    assert "regression.toml: 9 pass, 2 fail" in checked.stderr
    alone = command("check", "regression", "--variant", "slowed_0", "--db", recorded)
    assert (alone.returncode, "its gates need a baseline" in alone.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--junit", "a.xml"), "--junit is for verdicts"),
        (("--topic", "step"), "--topic step is for verdicts"),
        (("--gate", "5%", "--topic", "launch"), "--topic launch does not go with --gate"),
        (("--gate", "5%", "--save", "a.json"), "--save does not go with --gate"),
        (("--sort", "nothing"), "--sort nothing: no such column. There are topic,"),
        (("--limit", "-1"), "-1 is not in the range x>=0, nor NULL"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(recorded: Path, words: tuple[str, ...], said: str) -> None:
    ended = command("diff", "repeat_0", "repeat_1", "--db", recorded, *words)
    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr


def test_a_gate_that_is_none_is_an_error(recorded: Path) -> None:
    ended = command("diff", "repeat_0", "repeat_1", "--db", recorded, "--gate", "-5%")
    assert (ended.returncode, "-5%: no gate" in ended.stderr) == (2, True)
    ended = command("diff", "repeat_0", "repeat_1", "--db", recorded, "--gate", "no_such.toml")
    assert (ended.returncode, "no_such.toml: no such file" in ended.stderr) == (1, True)


@pytest.mark.long
def test_rows_of_a_topic_are_sorted_and_limited_and_what_is_left_out_is_said(recorded: Path) -> None:
    words = ("diff", "repeat_0", "slowed_0", "--db", recorded, "--format", "json")
    listed = command(*words, "--sort", "delta_pct", "--limit", "2")
    rows = json.loads(listed.stdout)
    assert {
        topic: sum(row["topic"] == topic for row in rows) for topic in ("kernel", "range", "api_call")
    } == {
        "kernel": 2,
        "range": 2,
        "api_call": 2,
    }
    assert {row["name"] for row in rows if row["topic"] == "kernel"} == {KERNEL}
    assert "--limit NULL all" in listed.stderr
    every = json.loads(command(*words, "--limit", "NULL").stdout)
    by_name = json.loads(command(*words, "--sort", "name").stdout)
    assert len(by_name) == len(every) > len(rows)
    kernels = [row["name"] for row in by_name if row["topic"] == "kernel"]
    assert kernels == sorted(kernels)


@pytest.mark.long
def test_a_baseline_is_a_name_for_traces_that_a_read_only_database_knows(
    recorded: Path, tmp_path: Path
) -> None:
    db = tmp_path / "traces.duckdb"
    db.write_bytes(recorded.read_bytes())
    set_ = command("baseline", "set", "main", "repeat_0", "repeat_1", "--db", db)
    assert set_.stderr == "baseline main: 2 traces: repeat_0, repeat_1\n"
    assert command("baseline", "set", "slow", "slowed_*", "--db", db, "--quiet").returncode == 0
    # What it was is forgotten.
    command("baseline", "set", "main", "repeat_1", "repeat_2", "repeat_3", "--db", db)
    db.chmod(0o400)
    listed = json.loads(command("baseline", "list", "--db", db, "--format", "json").stdout)
    assert [(row["baseline"], row["names"]) for row in listed] == [
        ("main", "repeat_1, repeat_2, repeat_3"),
        ("slow", "slowed_0, slowed_1, slowed_2"),
    ]
    judged = command("diff", "baseline=main", "baseline=slow", "--gate", "2%", "--db", db)
    assert judged.returncode == 3
    # It says nothing of what ran.
    assert "tag: baseline" not in judged.stderr
    db.chmod(0o600)
    assert "no baseline is called 'mian'" in command("baseline", "drop", "mian", "--db", db).stderr
    assert command("baseline", "drop", "main", "slow", "--db", db).stderr == "forgotten: main, slow\n"
    assert json.loads(command("baseline", "list", "--db", db, "--format", "json").stdout) == []
    assert command("baseline", "set", "m*", "repeat_0", "--db", db).returncode == 2
    assert command("baseline", "set", "main", "nobody", "--db", db).returncode == 1


# --- the guide ------------------------------------------------------------------------------------------


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.mark.long
def test_the_guides_commands_end_as_it_says_and_its_gates_are_some(recorded: Path, tmp_path: Path) -> None:
    (tmp_path / "traces.duckdb").write_bytes(recorded.read_bytes())
    lines = [line for block in blocks("console") for line in block.splitlines()]
    said = ""
    for line in (line.removeprefix("$ ") for line in lines if line.startswith("$ traceql")):
        words, _, file = line.partition(" > ")
        if words.startswith("traceql ingest"):
            continue
        ended = command(*shlex.split(words)[1:], folder=tmp_path)
        # Everything that is compared there was slowed.
        assert ended.returncode == (3 if words.startswith("traceql diff") else 0), f"{line}\n{ended.stderr}"
        if file:
            (tmp_path / file).write_text(ended.stdout, encoding="utf-8")
        said += ended.stderr
    for line in (line for line in lines if line.startswith("worse:")):
        assert line in said
    assert ElementTree.parse(tmp_path / "gate.xml").getroot().tag == "testsuites"
    (toml,) = blocks("toml")
    assert [gate.topic for gate in gated(toml)] == ["kernel", "step", "kernel"]
    with traceql.open(recorded) as db:
        (code,) = blocks("python")
        exec(compile(code, "regression.md", "exec"), {"db": db})
