"""Commands for the versions of nsys and ncu that are there: what their help has, and what they leave."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fake_profilers
import pytest
from click.testing import CliRunner, Result

from collectors import process
from collectors.ingesting import ingest
from collectors.kept import Kept
from collectors.runner import Options
from collectors.stages import Point, Stage
from collectors.windows import Windows
from traceql.cli import cli
from traceql.errors import CollectError, ReportError
from traceql.read import formats
from traceql.record import commands, offered, staging
from traceql.record.running import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceql.record.tools import Tool

_ENDS = ("none", "stop", "stop-shutdown")
_OF_NSYS: dict[str, Sequence[str]] = {
    "-c, --capture-range": (),
    "-f, --force-overwrite": ("true", "false"),
    "-o, --output": (),
    "-s, --sample": ("process-tree", "system-wide", "none"),
    "-t, --trace": ("cuda", "nvtx", "cublas", "osrt"),
    "--trace-fork-before-exec": ("true", "false"),
}
#: What the help of some versions of nsys has: options and the values that it names.
NSYS: dict[str, dict[str, Sequence[str]]] = {
    "2021.1": {**_OF_NSYS, "--stop-on-range-end": ("true", "false")},
    "2021.3": {**_OF_NSYS, "--capture-range-end": _ENDS, "--cpuctxsw": ("process-tree", "none")},
    "2026.1": {
        **_OF_NSYS,
        "--capture-range-end": (*_ENDS, "repeat", "repeat-shutdown"),
        "--cpuctxsw": ("process-tree", "system-wide", "none"),
        "--cuda-graph-trace": ("graph", "node"),
    },
}
_OF_NCU: dict[str, Sequence[str]] = {
    "--nvtx": (),
    "--nvtx-include": (),
    "--profile-from-start": ("on/off",),
    "--target-processes": ("application-only", "all"),
    "--cache-control": ("all", "none"),
    "--clock-control": ("base", "none"),
    "--set": (),
    "--metrics": (),
    "-c [ --launch-count ]": (),
    "-f [ --force-overwrite ]": (),
    "-o [ --export ]": (),
}
NCU: dict[str, dict[str, Sequence[str]]] = {
    "2020.1": _OF_NCU,
    "2020.3": {**_OF_NCU, "--replay-mode": ("kernel (default)", "application")},
    "2021.3": {**_OF_NCU, "--replay-mode": ("kernel (default)", "application", "range")},
    "2026.1": {
        **_OF_NCU,
        "--import-sass": ("on/off",),
        "--graph-profiling": ("node (default)", "graph"),
        "--replay-mode": ("kernel (default)", "application", "range", "app-range"),
    },
}


def help_of_nsys(options: Mapping[str, Sequence[str]]) -> str:
    """In the form of ``nsys profile --help``."""
    text = "\nusage: nsys profile [<args>] [application] [<application args>]\n\n"
    for option, values in options.items():
        known = ", ".join(f"'{value}{'[:N]' if value == 'repeat' else ''}'" for value in values)
        about = f"Possible values are {known}.\n\t   Ranges do not concern it." if values else "Any text."
        text += f"\t{option}=\n\n\t   {about}\n\n"
    return text


def help_of_ncu(options: Mapping[str, Sequence[str]]) -> str:
    """In the form of ``ncu --help``."""
    text = "usage: ncu [options] [program] [program-arguments]\n\nGeneral Options:\n"
    for option, values in options.items():
        text += f"  {option} arg".ljust(40) + "What it is good for: replaying the range of an application.\n"
        text += "".join(f"{' ' * 42}{value}\n{' ' * 42}(As it says.)\n" for value in values)
    return text


def version(tool: Tool, name: str) -> offered.Offered:
    text = help_of_nsys(NSYS[name]) if tool == "nsys" else help_of_ncu(NCU[name])
    found = offered.parsed(tool, text, name)
    assert found is not None
    return found


def nsys(name: str, **asked: Any) -> list[str]:
    return commands.nsys_command(["./a"], Path("run"), offered=version("nsys", name), **asked)


def ncu(name: str, **asked: Any) -> list[str]:
    return commands.ncu_command(["./a"], Path("run"), offered=version("ncu", name), **asked)


# --- options --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2021.1", "--sample=none --output=run ./a"),
        ("2021.3", "--sample=none --cpuctxsw=none --output=run ./a"),
        ("2026.1", "--sample=none --cpuctxsw=none --cuda-graph-trace=node --output=run ./a"),
    ],
)
def test_nsys_gets_the_defaults_that_its_version_has(name: str, expected: str) -> None:
    before = "nsys profile --force-overwrite=true --trace=cuda,nvtx,cublas"
    assert " ".join(nsys(name)) == f"{before} {expected}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2020.1", ""),
        ("2020.3", " --replay-mode=kernel"),
        ("2026.1", " --graph-profiling=node --replay-mode=kernel"),
    ],
)
def test_ncu_gets_the_defaults_that_its_version_has(name: str, expected: str) -> None:
    before = "--nvtx --import-sass=no" if name == "2026.1" else "--nvtx"
    common = "--target-processes=all --clock-control=none --cache-control=all"
    assert " ".join(ncu(name)) == f"ncu {before} {common}{expected} --force-overwrite --export=run ./a"


def test_the_end_of_a_window_is_called_as_the_version_calls_it() -> None:
    asked: dict[str, Any] = {"capture": "profiler-api"}
    ends = {name: [word for word in nsys(name, **asked) if "range-end" in word] for name in NSYS}
    assert ends == {
        "2021.1": ["--stop-on-range-end=true"],
        "2021.3": ["--capture-range-end=stop"],
        "2026.1": ["--capture-range-end=stop"],
    }
    assert "--capture-range-end=repeat:3" in nsys("2026.1", **asked, repeat=3)
    for name in ("2021.1", "2021.3"):
        with pytest.raises(CollectError, match=f"nsys {name} has no --capture-range-end=repeat:3"):
            nsys(name, **asked, repeat=3)


def test_what_was_asked_for_and_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(CollectError, match=r"nsys 2021\.3 has no --cuda-graph-trace=graph"):
        nsys("2021.3", graph_trace="graph")
    with pytest.raises(CollectError, match=r"ncu 2021\.3 has no --graph-profiling=graph"):
        ncu("2021.3", graph_profiling="graph")
    has = {
        name: [mode for mode in ("application", "range", "app-range") if _replays(name, mode)] for name in NCU
    }
    assert has == {
        "2020.1": [],
        "2020.3": ["application"],
        "2021.3": ["application", "range"],
        "2026.1": ["application", "range", "app-range"],
    }


def _replays(name: str, mode: Any) -> bool:
    try:
        return f"--replay-mode={mode}" in ncu(name, replay_mode=mode)
    except CollectError:
        return False


def test_a_help_that_names_no_option_tells_nothing() -> None:
    assert offered.parsed("ncu", "==ERROR== no driver\n", None) is None
    everything = commands.ncu_command(["./a"], Path("run"), replay_mode="app-range")
    assert "--replay-mode=app-range" in everything and "--import-sass=no" in everything


# --- from the command line ------------------------------------------------------------------------------


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the fakes; the test is in an empty one."""
    folder, here = tmp_path / "bin", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    fake_profilers.install(folder)
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.chdir(here)
    return folder


def collect(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["collect", *map(str, arguments)])


def files() -> set[str]:
    return {path.name for path in Path().iterdir()}


def test_the_profiler_at_hand_is_asked_and_what_is_left_out_is_said(fakes: Path) -> None:
    (fakes / "nsys.help").write_text(help_of_nsys(NSYS["2021.3"]), encoding="utf-8")
    assert "cuda-graph-trace" not in collect("nsys", "--dry-run", "true").output
    result = collect("nsys", "-o", "run", "true")
    assert result.exit_code == 0
    assert "nsys of this version has no --cuda-graph-trace=node: left out" in result.output
    command = json.loads(Path("run.nsys-rep.run.json").read_text(encoding="utf-8"))["command"]
    assert "--cpuctxsw=none" in command and "--cuda-graph-trace=node" not in command
    refused = collect("nsys", "-o", "other", "--graph-trace", "graph", "true").exception
    assert isinstance(refused, CollectError) and "2025.3.1.0 has no --cuda-graph-trace" in refused.message
    assert files() == {"run.nsys-rep", "run.nsys-rep.run.json"}


def test_a_collector_asks_too(fakes: Path, tmp_path: Path) -> None:
    (fakes / "nsys.help").write_text(help_of_nsys(NSYS["2021.1"]), encoding="utf-8")
    shared = Options(tmp_path, False, False, 60, (), {}, "python3", 0, None, None)
    stage = Stage("x", [Point("one")], tool="nsys")
    command = process.command_of("m", stage, stage.points, shared, tmp_path / "x")
    assert "--stop-on-range-end=true" in command and "--cuda-graph-trace=node" not in command


@pytest.mark.parametrize("mode", ["range", "app-range"])
def test_ranges_are_replayed_where_there_are_any(fakes: Path, mode: str) -> None:
    result = collect("ncu", "--dry-run", "--replay-mode", mode, "true")
    assert result.exit_code == 2 and f"--replay-mode {mode} needs ranges" in " ".join(result.output.split())
    for ranges in (["--capture", "profiler-api"], ["--nvtx-include", "layer/"]):
        assert (
            f"--replay-mode={mode}"
            in collect("ncu", "--dry-run", "--replay-mode", mode, *ranges, "true").output
        )


# --- what older and broken ones leave -------------------------------------------------------------------


@pytest.mark.long
def test_a_report_of_before_2021_4_keeps_its_name_and_is_replaced_when_asked_for(fakes: Path) -> None:
    (fakes / "mode").write_text("qdrep", encoding="utf-8")
    assert collect("nsys", "-o", "run", "true").exit_code == 0
    assert files() == {"run.qdrep", "run.qdrep.run.json"}
    again = collect("nsys", "-o", "run", "true").exception
    assert isinstance(again, CollectError) and "run.qdrep: exists already" in again.message
    Path("run.qdrep").write_text("old", encoding="utf-8")
    assert collect("nsys", "-o", "run", "--force", "true").exit_code == 0
    assert files() == {"run.qdrep", "run.qdrep.run.json"} and Path("run.qdrep").stat().st_size > 1000
    # Another version's is not taken away by it.
    (fakes / "mode").write_text("", encoding="utf-8")
    assert collect("nsys", "-o", "run", "--force", "true").exit_code == 0
    assert {"run.qdrep", "run.nsys-rep"} <= files()


def test_what_was_recorded_and_not_imported_is_kept_and_how_to_import_it_is_said(fakes: Path) -> None:
    (fakes / "mode").write_text("qdstrm", encoding="utf-8")
    failed = collect("nsys", "-o", "run", "true").exception
    assert isinstance(failed, CollectError)
    assert "run.qdstrm" in failed.message and "QdstrmImporter -i FILE" in failed.remedy
    assert files() == {"run.qdstrm"}


def test_all_that_was_not_imported_is_kept_beside_the_reports_that_were(tmp_path: Path) -> None:
    with staging.staged(tmp_path / "run") as output:
        for name in ("run.1.nsys-rep", "run.2.qdstrm", "run.3.qdstrm"):
            output.with_name(name).write_text(name, encoding="utf-8")
        left = staging.unfinished(output, tmp_path / "other")
        assert [path.name for path in left] == ["other.2.qdstrm", "other.3.qdstrm"]
        output.with_name("run.1.nsys-rep").unlink()
        output.with_name("run.4.qdstrm").write_text("4", encoding="utf-8")
    # What could not be brought anywhere is not thrown away with its folder.
    assert output.with_name("run.4.qdstrm").exists()


@pytest.mark.parametrize("content", [b"QDSTRM and more", b"whatever it holds"])
def test_what_was_not_imported_is_told_from_a_report(content: bytes) -> None:
    with pytest.raises(ReportError, match="never imported") as refused:
        formats.reader_of(content, "run.qdstrm")
    assert "QdstrmImporter" in refused.value.remedy


def test_windows_of_older_names_keep_them_and_are_their_points(tmp_path: Path) -> None:
    stage = Stage("x", [Point("one"), Point("two")], tool="nsys", report_per_point=True)
    (tmp_path / "aside").mkdir()
    outcome = Outcome(0, False, datetime.now(UTC), 1.0)
    output = tmp_path / "aside/x"
    windows = Windows(stage, Kept(tmp_path, stage, {}), output, ["nsys"], {}, {}, outcome.started)
    for number, point in enumerate(("one", "two"), start=1):
        windows.begun(number, point)
        output.with_name(f"x.{number}.qdrep").write_text(point, encoding="utf-8")
        windows.measured({"point": point, "ok": True, "tags": {}, "metrics": [{"name": "ms", "value": 1.0}]})
    assert windows.end(outcome) == []
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.qdrep")} == {
        "x_one.qdrep": "one",
        "x_two.qdrep": "two",
    }
    assert (tmp_path / "x_two.qdrep.run.json").exists()


def test_reports_of_older_names_are_points_that_are_there_and_are_ingested(tmp_path: Path) -> None:
    stage = Stage("x", [Point("one")], tool="nsys", report_per_point=True)
    kept = Kept(tmp_path, stage, {"gpus": []})
    kept.add({"point": "one", "ok": True, "tags": {}, "metrics": []}, stage.points[0])
    suffixes = staging.ALL_SUFFIXES["nsys"]
    assert kept.missing(suffixes) == stage.points
    report = tmp_path / "x_one.qdrep"
    report.write_bytes(b"no report")
    beside = {"format": "traceql-run", "version": 1, "digest": kept.digest}
    Path(f"{report}.run.json").write_text(json.dumps(beside), encoding="utf-8")
    assert kept.missing(suffixes) == []
    (failed,) = ingest(tmp_path, str(tmp_path / "x.duckdb"))
    assert failed.startswith("x_one.qdrep is not in")
