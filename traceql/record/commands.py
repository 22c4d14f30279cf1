"""The commands of Nsight Systems and Nsight Compute around another.

The defaults are those that give small, honest reports:

- nsys: CUDA, NVTX and cuBLAS, no CPU sampling, each node of a CUDA graph as a kernel of its own
- ncu: NVTX ranges, the clocks left alone, no machine code (without it reports are a tenth as large)
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Which part of the run is recorded: all of it, or what lies between cudaProfilerStart and cudaProfilerStop.
Capture = Literal["all", "profiler-api"]


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

    >>> from pathlib import Path
    >>> " ".join(nsys_command(["./a.out"], Path("run"), capture="profiler-api", repeat=3))
    'nsys profile --force-overwrite=true --trace=cuda,nvtx,cublas --sample=none --cpuctxsw=none \
--cuda-graph-trace=node --capture-range=cudaProfilerApi --capture-range-end=repeat:3 --output=run ./a.out'
    """
    built = [
        "nsys",
        "profile",
        "--force-overwrite=true",
        f"--trace={trace}",
        "--sample=none",
        "--cpuctxsw=none",
    ]
    built.append(f"--cuda-graph-trace={graph_trace}")
    if follow_forks:
        built.append("--trace-fork-before-exec=true")
    if capture == "profiler-api":
        end = "stop" if repeat == 1 else f"repeat:{repeat}"
        built += ["--capture-range=cudaProfilerApi", f"--capture-range-end={end}"]
    return [*built, *options, f"--output={output}", *command]


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
    replay_mode: Literal["kernel", "application", "range"] = "kernel",
    options: Sequence[str] = (),
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
        replay_mode: how the passes come about.
        options: more options for ncu.

    >>> from pathlib import Path
    >>> ncu_command(["./a.out"], Path("run"), metrics=["dram__bytes_read.sum"])[-4:]
    ['--metrics=dram__bytes_read.sum', '--force-overwrite', '--export=run', './a.out']
    """
    built = ["ncu", "--nvtx", "--import-sass=no", "--target-processes=all"]
    built += [f"--clock-control={clock_control}", f"--cache-control={cache_control}"]
    built += [f"--graph-profiling={graph_profiling}", f"--replay-mode={replay_mode}"]
    if capture == "profiler-api":
        built.append("--profile-from-start=off")
    for text in nvtx_include:
        built.append(f"--nvtx-include={text}")
    if launch_count is not None:
        built.append(f"--launch-count={launch_count}")
    if section_set is not None:
        built.append(f"--set={section_set}")
    if metrics:
        built.append(f"--metrics={','.join(metrics)}")
    return [*built, *options, "--force-overwrite", f"--export={output}", *command]


def printed(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """A command as one would type it; with its environment if one is given.

    >>> printed(["ncu", "--nvtx-include=a b/"], {"HOME": "/root"})
    "env -i HOME=/root ncu '--nvtx-include=a b/'"
    """
    variables = [] if environment is None else ["env", "-i"]
    variables += [f"{name}={value}" for name, value in (environment or {}).items()]
    return shlex.join([*variables, *command])
