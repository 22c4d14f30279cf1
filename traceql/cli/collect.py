"""The command collect: a command under nsys or ncu, and the collectors that come with traceql."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from traceql.cli.common import note, parse_tags
from traceql.errors import CollectError
from traceql.present.values import readable

if TYPE_CHECKING:
    from collections.abc import Callable

    from traceql.record.tools import Tool

F = TypeVar("F", bound="Callable[..., Any]")


def _numbers(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> list[dict[str, Any]]:
    """Callback of ``--metric name=value`` options."""
    from traceql.read.runs import unit_of

    metrics = []
    for text in values:
        name, _, number = text.partition("=")
        try:
            metrics.append({"name": name, "unit": unit_of(name), "value": float(number)})
        except ValueError:
            raise click.BadParameter(f"{text!r}. A metric looks like ms_per_token=5.8.") from None
    return metrics


def _choice(name: str, values: list[str], default: str, about: str) -> Callable[[F], F]:
    return click.option(name, type=click.Choice(values), default=default, show_default=True, help=about)


def _shared(function: F) -> F:
    """The options of both profilers."""
    for option in reversed(
        (
            click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED),
            click.option(
                "-o",
                "--output",
                type=click.Path(path_type=Path, dir_okay=False),
                help="The report, with or without suffix. [default: program and time]",
            ),
            click.option("--force", is_flag=True, help="Overwrite a report of that name."),
            _choice(
                "--capture",
                ["all", "profiler-api"],
                "all",
                "Record all, or from cudaProfilerStart to cudaProfilerStop.",
            ),
            click.option(
                "--timeout", type=click.FloatRange(0, min_open=True), help="Seconds until it is stopped."
            ),
            click.option(
                "--env",
                "variables",
                multiple=True,
                metavar="NAME[=VALUE]",
                help="Set a variable, or hand one on; repeatable. Others but the usual ones are kept out.",
            ),
            click.option(
                "--all-env", is_flag=True, help="Hand on the whole environment, which the report then holds."
            ),
            click.option(
                "--tag",
                "tags",
                multiple=True,
                callback=parse_tags,
                metavar="NAME=VALUE",
                help="Label; repeatable.",
            ),
            click.option("--model", help="What is served, for the sidecar."),
            click.option(
                "--metric",
                "measured",
                multiple=True,
                callback=_numbers,
                metavar="NAME=NUMBER",
                help="A number measured elsewhere, for the sidecar; repeatable.",
            ),
            click.option(
                "--option",
                "options",
                multiple=True,
                metavar="OPTION",
                help="One more of the profiler's; repeatable.",
            ),
            click.option("--dry-run", is_flag=True, help="Print the command, run nothing."),
        )
    ):
        function = option(function)
    return function


class _Commands(click.Group):
    """nsys, ncu, and every collector under its own name: ``vllm_decode_sweep.py`` is vllm-decode-sweep."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Those of the profilers first."""
        from traceql.record.shipped import collectors

        return [*super().list_commands(ctx), *(name.replace("_", "-") for name in collectors())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command; a collector is imported when it is asked for."""
        from traceql.record.shipped import collectors, load

        own = super().get_command(ctx, cmd_name)
        name = cmd_name.replace("-", "_")
        if own is not None or name not in collectors():
            return own
        command = load(name).main
        assert isinstance(command, click.Command)
        return command


def _list(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    """Callback of ``--list``."""
    from traceql.record.shipped import collectors

    if not value:
        return
    found = collectors()
    width = max(map(len, found))
    for name, about in found.items():
        click.echo(f"{name.replace('_', '-'):{width}}  {about}")
    ctx.exit()


@click.group(cls=_Commands)
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list,
    help="List the collectors that come with traceql.",
)
def collect() -> None:
    """Record a command under nsys or ncu, or start a collector, with sidecars that say how.

    The command runs in a clean environment, because reports keep it. Beside the report comes REPORT.run.json:
    command, versions, GPU, clocks, tags and metrics; traceql ingest picks it up. Recording needs nothing of
    traceql but this command, no database engine and no other package than click. A collector needs rich too,
    and torch and vllm for what it measures: pip install 'traceql[collect]'.

    \b
    Examples:
      traceql collect nsys -o decode -- python decode.py
      traceql collect --list
      traceql collect vllm-decode-sweep --dry-run
    """


@collect.command(context_settings={"allow_interspersed_args": False})
@_shared
@click.option("--trace", default="cuda,nvtx,cublas", show_default=True, help="What nsys traces.")
@_choice(
    "--graph-trace", ["node", "graph"], "node", "Each node of a CUDA graph as a kernel, or graphs as a whole."
)
@click.option(
    "--repeat",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Reports, with --capture profiler-api.",
)
@click.option("--follow-forks", is_flag=True, help="Also trace forked children that exec nothing (servers).")
def nsys(trace: str, graph_trace: Any, repeat: int, follow_forks: bool, **shared: Any) -> None:
    """Record a timeline with Nsight Systems.

    \b
    Examples:
      traceql collect nsys -o decode -- python decode.py
      traceql collect nsys --capture profiler-api --tag batch=8 -- python decode.py
      traceql collect nsys --dry-run -- python decode.py
    """
    from traceql.record.commands import nsys_command

    if repeat > 1 and shared["capture"] == "all":
        raise click.UsageError("--repeat needs --capture profiler-api: each start and stop makes one report.")
    output = _output(shared["output"], shared["command"], "nsys")
    command = nsys_command(
        shared["command"],
        output,
        trace=trace,
        graph_trace=graph_trace,
        capture=shared["capture"],
        repeat=repeat,
        follow_forks=follow_forks,
        options=shared["options"],
    )
    _record("nsys", command, output, shared)


@collect.command(context_settings={"allow_interspersed_args": False})
@_shared
@click.option("--metrics", help="Names, separated by commas; few metrics need few replays.")
@click.option("--set", "section_set", help="Sections instead: full, roofline …")
@click.option(
    "--nvtx-include", multiple=True, metavar="RANGE/", help="Profile inside this NVTX range only; repeatable."
)
@click.option("--launch-count", type=click.IntRange(1), help="Stop after so many kernels.")
@_choice("--graph-profiling", ["node", "graph"], "node", "Each node of a CUDA graph, or graphs as a whole.")
@_choice("--cache-control", ["all", "none"], "all", "Flush the caches before each replay, or leave them.")
@_choice("--clock-control", ["base", "none"], "none", "Hold the clocks at their base, or leave them.")
@_choice("--replay-mode", ["kernel", "application", "range"], "kernel", "How the passes come about.")
def ncu(
    metrics: str | None,
    section_set: str | None,
    nvtx_include: tuple[str, ...],
    launch_count: int | None,
    graph_profiling: Any,
    cache_control: Any,
    clock_control: Any,
    replay_mode: Any,
    **shared: Any,
) -> None:
    """Read hardware counters with Nsight Compute.

    \b
    Examples:
      traceql collect ncu --metrics dram__bytes_read.sum,dram__bytes_write.sum -- python step.py
      traceql collect ncu --set roofline --nvtx-include layer/ -o layers -- python step.py
    """
    from traceql.record.commands import ncu_command

    output = _output(shared["output"], shared["command"], "ncu")
    command = ncu_command(
        shared["command"],
        output,
        metrics=metrics.split(",") if metrics else (),
        section_set=section_set,
        capture=shared["capture"],
        nvtx_include=nvtx_include,
        launch_count=launch_count,
        graph_profiling=graph_profiling,
        cache_control=cache_control,
        clock_control=clock_control,
        replay_mode=replay_mode,
        options=shared["options"],
    )
    _record("ncu", command, output, shared)


def _output(given: Path | None, command: tuple[str, ...], tool: Tool) -> Path:
    """Where the report comes to lie, without its suffix."""
    from traceql.record.tools import SUFFIXES

    if given is not None:
        return given.with_name(given.name.removesuffix(SUFFIXES[tool]))
    # "python -m package.module", "python script.py" and "./program" are named after what they run.
    program = next((word for word in command[1:] if not word.startswith("-")), command[0])
    name = program if re.match(r"python[\d.]*$", Path(command[0]).name) else command[0]
    stem = re.sub(r"\W+", "_", Path(name).name.removesuffix(".py")) or "run"
    return Path(f"{stem}_{datetime.now(UTC):%Y%m%d_%H%M%S}")


def _record(tool: Tool, command: list[str], output: Path, shared: dict[str, Any]) -> None:
    import os

    from traceql.record import commands, machine, running, written

    if shared["command"][0].startswith("-"):
        # The profiler would take it for an option of its own.
        raise click.UsageError(f"{shared['command'][0]}: no program; name it with its folder: ./NAME")
    environment = dict(os.environ) if shared["all_env"] else commands.clean_environment(shared["variables"])
    if shared["dry_run"]:
        click.echo(commands.printed(command, None if shared["all_env"] else environment))
        return
    if not output.parent.is_dir():
        raise CollectError(f"{output.parent}: no such folder", "Make it first, or choose another --output.")
    for old in commands.reports(output, tool):
        if not shared["force"]:
            raise CollectError(
                f"{old}: exists already", "Choose another --output, or --force to overwrite it."
            )
        old.unlink()
    outcome = running.run(command, environment, timeout_s=shared["timeout"])
    made = commands.reports(output, tool)
    python = shared["command"][0] if re.match(r"python[\d.]*$", Path(shared["command"][0]).name) else None
    facts = machine.facts(tool, python, environment)
    runs = [{"metrics": shared["measured"]}] if shared["measured"] else []
    for report in made:
        written.write_sidecar(
            report, command, outcome, facts=facts, model=shared["model"], tags=shared["tags"], runs=runs
        )
        click.echo(readable(str(report)), err=True)
    if not made:
        hint = " Did the program call cudaProfilerStart?" if shared["capture"] == "profiler-api" else ""
        raise CollectError(
            f"{tool} wrote no report (status {outcome.status})", f"See what it said above.{hint}"
        )
    if outcome.timed_out:
        note(f"stopped after {shared['timeout']:,.0f} s; the report holds what was recorded until then")
    if outcome.status:
        # As a shell tells it: the report is there, but the command failed.
        sys.exit(outcome.status if outcome.status > 0 else 128 - outcome.status)
