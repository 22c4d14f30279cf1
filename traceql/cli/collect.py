"""The command collect: a command under nsys or ncu, and the collectors that come with traceql."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from traceql.cli.common import Seconds, note, parse_tags
from traceql.present.values import counted, readable

if TYPE_CHECKING:
    from collections.abc import Callable

    from traceql.record.offered import Offered
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
                help="The report, with or without suffix; %q{NAME}, %h, %p, %i: a variable, the host, the "
                "process, the lowest free number. [default: program and time, and rank, host and process "
                "of what a launcher started]",
            ),
            click.option("--force", is_flag=True, help="Replace the report of that name, with its sidecar."),
            _choice(
                "--capture",
                ["all", "profiler-api"],
                "all",
                "Record all, or from cudaProfilerStart to cudaProfilerStop.",
            ),
            click.option(
                "--timeout",
                type=Seconds(),
                help="Seconds until it is stopped; all that it started is gone a minute later.",
            ),
            click.option(
                "--env",
                "variables",
                multiple=True,
                metavar="NAME[=VALUE]",
                help="Set a variable, or hand one on; repeatable. Of others the usual ones are, those of "
                "launchers, and those that decide about speed (NCCL_*, OMP_*, VLLM_* …); secrets never.",
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
    command, versions, GPU, clocks, tags and metrics; traceql ingest picks it up. Ctrl-C, SIGTERM and SIGHUP
    let the profiler finish its report (a second one does not), then all that was started is ended.

    Recording needs nothing of traceql but this command, no database engine and no other package than click. A
    collector needs rich too, and torch and vllm for what it measures: pip install 'traceql[collect]'.

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

    def build(output: Path, offered: Offered | None = None) -> list[str]:
        return nsys_command(
            shared["command"],
            output,
            trace=trace,
            graph_trace=graph_trace,
            capture=shared["capture"],
            repeat=repeat,
            follow_forks=follow_forks,
            options=shared["options"],
            # What is printed names the report's own place, where one may lie.
            overwrite=shared["force"] or not shared["dry_run"],
            offered=offered,
        )

    _record("nsys", build, shared, repeat=repeat)


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
@_choice(
    "--replay-mode",
    ["kernel", "application", "range", "app-range"],
    "kernel",
    "How the passes come about: each kernel again, the program again, or ranges again, within the program or "
    "with it.",
)
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

    if replay_mode in ("range", "app-range") and shared["capture"] == "all" and not nvtx_include:
        raise click.UsageError(
            f"--replay-mode {replay_mode} needs ranges: those of --nvtx-include, or with --capture "
            "profiler-api what lies between cudaProfilerStart and cudaProfilerStop."
        )

    def build(output: Path, offered: Offered | None = None) -> list[str]:
        return ncu_command(
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
            # What is printed names the report's own place, where one may lie.
            overwrite=shared["force"] or not shared["dry_run"],
            offered=offered,
        )

    _record("ncu", build, shared)


def _tell_kept_out(names: list[str]) -> None:
    if names:
        note(f"kept out of the environment (--env NAME hands one on): {', '.join(names)}")


def _record(
    tool: Tool, build: Callable[[Path, Offered | None], list[str]], shared: dict[str, Any], *, repeat: int = 1
) -> None:
    """Record what `build` makes the command of, given the report's path without suffix."""
    from traceql.record import (
        commands,
        environment,
        naming,
        offered,
        permissions,
        recording,
        signals,
        staging,
        tools,
        written,
    )

    if shared["command"][0].startswith("-"):
        # The profiler would take it for an option of its own.
        raise click.UsageError(f"{shared['command'][0]}: no program; name it with its folder: ./NAME")
    written.check(shared["tags"], shared["measured"], shared["model"])
    variables = environment.clean_environment(shared["variables"], everything=shared["all_env"])
    has = offered.ask(tool)

    def fitting(output: Path) -> list[str]:
        return build(output, has)

    wanted = recording.Wanted(
        tool,
        shared["command"],
        fitting,
        naming.names(shared["output"], shared["command"], tool, variables),
        variables,
        repeat=repeat,
        by_calls=shared["capture"] == "profiler-api",
        force=shared["force"],
        timeout_s=shared["timeout"],
        model=shared["model"],
        tags=shared["tags"],
        metrics=shared["measured"],
    )
    if shared["dry_run"]:
        # As one would type it: a percent sign of the name would begin a placeholder of the profiler's.
        command = fitting(Path(staging.for_tool(recording.free_name(wanted))))
        # As bytes: an argument need not be Unicode.
        click.echo(os.fsencode(commands.printed(command, None if shared["all_env"] else variables)))
        _tell_kept_out(environment.told(variables)["kept_out"])
        return
    tools.find(tool)
    _tell_kept_out(environment.told(variables)["kept_out"])
    if left_out := commands.left_out(partial(build, Path()), has):
        note(f"{tool} of this version has no {', '.join(left_out)}: left out")
    known = recording.facts(wanted)
    with signals.noted() as received:
        outcome, unfinished = recording.record(
            wanted, known, received, lambda report: click.echo(readable(str(report)), err=True)
        )
    if unfinished:
        note(f"{', '.join(map(str, unfinished))}: no report. {staging.HOW_TO_IMPORT}")
    if outcome.counters_refused:
        note(f"the driver refuses hardware counters. {permissions.remedy()}")
    if outcome.left:
        note(f"ended {counted(outcome.left, 'processes')} that the command had left running")
    if outcome.timed_out:
        note(f"stopped after {shared['timeout']:,.0f} s; the report holds what was recorded until then")
    if received.numbers:
        note("interrupted; a report, if there is one, holds what was recorded until then")
        sys.exit(128 + received.numbers[0])
    if outcome.status:
        # As a shell tells it: the report is there, but the command failed.
        sys.exit(outcome.status if outcome.status > 0 else 128 - outcome.status)
