"""The commands of Nsight Systems and Nsight Compute around another.

The defaults are those that give small, honest reports:

- nsys: CUDA, NVTX and cuBLAS, no CPU sampling, each node of a CUDA graph as a kernel of its own
- ncu: NVTX ranges, the clocks left alone, no machine code (without it reports are a tenth as large)

Versions that lack the option of a default are asked for what they have: nsys from 2021, ncu from 2020.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from traceql.record.offered import Offered

#: Which part of the run is recorded: all of it, or what lies between cudaProfilerStart and cudaProfilerStop.
Capture = Literal["all", "profiler-api"]

#: How the passes come about: each kernel again, the whole program again, or ranges again, within the program
#: or with it. Ranges lie between cudaProfilerStart and cudaProfilerStop, or are NVTX ranges that are
#: included.
Replay = Literal["kernel", "application", "range", "app-range"]


def nsys_command(
    command: Sequence[str],
    output: Path,
    *,
    trace: str = "cuda,nvtx,cublas",
    graph_trace: Literal["node", "graph"] = "node",
    capture: Capture = "all",
    repeat: int = 1,
    follow_forks: bool = False,
    options: Sequence[str] = (),
    overwrite: bool = True,
    offered: Offered | None = None,
) -> list[str]:
    """``nsys profile …`` around a command.

    Args:
        command: program and arguments.
        output: the report, without its suffix.
        trace: what is traced. ``osrt`` only when the operating system's calls are asked for: they outnumber
            everything else.
        graph_trace: each node of a CUDA graph as a kernel, or each graph as a whole.
        capture: see `Capture`.
        repeat: reports to write with ``capture="profiler-api"``, one for each start and stop; see `staging`.
        follow_forks: trace children between fork and exec too, which servers with forked workers need.
        options: more options for nsys.
        overwrite: whether a report of that name is replaced; in the folder of a recording there is none.
        offered: the options that the nsys at hand has: of the others, defaults are left out. None for all.

    Raises:
        CollectError: it has none for something that was asked for.

    >>> from pathlib import Path
    >>> " ".join(nsys_command(["./a.out"], Path("run"), capture="profiler-api", repeat=3))
    'nsys profile --force-overwrite=true --trace=cuda,nvtx,cublas --sample=none --cpuctxsw=none \
--cuda-graph-trace=node --capture-range=cudaProfilerApi --capture-range-end=repeat:3 --output=run ./a.out'
    """
    built = [
        *([_default("--force-overwrite=true")] if overwrite else []),
        _default(f"--trace={trace}"),
        _default("--sample=none"),
        _default("--cpuctxsw=none"),
        _Option(f"--cuda-graph-trace={graph_trace}", graph_trace != "node"),
    ]
    if follow_forks:
        built.append(_asked("--trace-fork-before-exec=true"))
    if capture == "profiler-api":
        built += [_asked("--capture-range=cudaProfilerApi"), _range_end(repeat, offered)]
    fitting = _fitting(built, offered)
    return ["nsys", "profile", *fitting, *options, f"--output={output}", *command]


def _range_end(repeat: int, offered: Offered | None) -> _Option:
    """What happens at cudaProfilerStop; versions before 2021.2 know one end alone, by another name."""
    end = "--capture-range-end=" + ("stop" if repeat == 1 else f"repeat:{repeat}")
    before = "--stop-on-range-end=true"
    older = offered is not None and not offered.has(end) and offered.has(before)
    return _asked(before if older and repeat == 1 else end)


def ncu_command(
    command: Sequence[str],
    output: Path,
    *,
    metrics: Sequence[str] = (),
    section_set: str | None = None,
    capture: Capture = "all",
    nvtx_include: Sequence[str] = (),
    launch_count: int | None = None,
    graph_profiling: Literal["node", "graph"] = "node",
    cache_control: Literal["all", "none"] = "all",
    clock_control: Literal["base", "none"] = "none",
    replay_mode: Replay = "kernel",
    options: Sequence[str] = (),
    overwrite: bool = True,
    offered: Offered | None = None,
) -> list[str]:
    """``ncu …`` around a command.

    Args:
        command: program and arguments.
        output: the report, without its suffix.
        metrics: their names; the fewer, the fewer times each kernel is replayed.
        section_set: ``full``, ``roofline`` …; ncu's own choice when there are no metrics either.
        capture: see `Capture`.
        nvtx_include: profile only inside these NVTX ranges (``layer/`` for a push/pop range).
        launch_count: stop profiling after so many kernels.
        graph_profiling: each node of a CUDA graph, or each graph as a whole.
        cache_control: flush the caches before each replay, or leave them as the program does.
        clock_control: hold the clocks at their base, or leave them alone.
        replay_mode: see `Replay`.
        options: more options for ncu.
        overwrite: whether a report of that name is replaced; in the folder of a recording there is none.
        offered: the options that the ncu at hand has: of the others, defaults are left out. None for all.

    Raises:
        CollectError: it has none for something that was asked for.

    >>> from pathlib import Path
    >>> ncu_command(["./a.out"], Path("run"), metrics=["dram__bytes_read.sum"])[-4:]
    ['--metrics=dram__bytes_read.sum', '--force-overwrite', '--export=run', './a.out']
    """
    built = [
        _default("--nvtx"),
        _default("--import-sass=no"),
        _default("--target-processes=all"),
        _Option(f"--clock-control={clock_control}", clock_control != "none"),
        _Option(f"--cache-control={cache_control}", cache_control != "all"),
        _Option(f"--graph-profiling={graph_profiling}", graph_profiling != "node"),
        _Option(f"--replay-mode={replay_mode}", replay_mode != "kernel"),
    ]
    if capture == "profiler-api" and replay_mode in ("kernel", "application"):
        # Replaying ranges means the calls themselves, and refuses the option.
        built.append(_asked("--profile-from-start=off"))
    built += [_asked(f"--nvtx-include={text}") for text in nvtx_include]
    if launch_count is not None:
        built.append(_asked(f"--launch-count={launch_count}"))
    if section_set is not None:
        built.append(_asked(f"--set={section_set}"))
    if metrics:
        built.append(_asked(f"--metrics={','.join(metrics)}"))
    fitting = _fitting(built, offered)
    force = ["--force-overwrite"] if overwrite else []
    return ["ncu", *fitting, *options, *force, f"--export={output}", *command]


@dataclass(frozen=True)
class _Option:
    """An option, and whether what is recorded is another thing without it."""

    text: str
    is_asked: bool


def _default(text: str) -> _Option:
    return _Option(text, False)


def _asked(text: str) -> _Option:
    return _Option(text, True)


def _fitting(built: Sequence[_Option], offered: Offered | None) -> list[str]:
    """The options that the profiler at hand has.

    Raises:
        CollectError: it lacks one that was asked for.
    """
    if offered is None:
        return [option.text for option in built]
    for option in built:
        if option.is_asked and not offered.has(option.text):
            raise offered.lacks(option.text)
    return [option.text for option in built if offered.has(option.text)]


def left_out(build: Callable[[Offered | None], list[str]], offered: Offered | None) -> list[str]:
    """The options that a command would have, had the profiler at hand them all."""
    fitting = build(offered)
    return [word for word in build(None) if word not in fitting]


def printed(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """A command as one would type it; with its environment if one is given.

    >>> printed(["ncu", "--nvtx-include=a b/"], {"HOME": "/root"})
    "env -i HOME=/root ncu '--nvtx-include=a b/'"
    """
    variables = [] if environment is None else ["env", "-i"]
    variables += [f"{name}={value}" for name, value in (environment or {}).items()]
    return shlex.join([*variables, *command])
