"""Run a command under Nsight Systems or Nsight Compute, and write down how (see `sidecar`).

Imports the standard library alone, like everything that has to run on the machine with the GPU: those often
have no room for more.

The defaults are those that give small, honest reports:

- a clean environment, because a report keeps that of the profiled process, secrets and all
- nsys: CUDA, NVTX and cuBLAS, no CPU sampling, each node of a CUDA graph as a kernel of its own
- ncu: NVTX ranges, the clocks left alone, no machine code (without it reports are a tenth as large)
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from traceql.errors import CollectError
from traceql.read import sidecar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Tool = Literal["nsys", "ncu"]
#: Which part of the run is recorded: all of it, or what lies between cudaProfilerStart and cudaProfilerStop.
Capture = Literal["all", "profiler-api"]

SUFFIXES: dict[Tool, str] = {"nsys": ".nsys-rep", "ncu": ".ncu-rep"}

#: Variables that a profiled program needs and that tell nothing about who runs it.
KEPT_VARIABLES = frozenset(
    re.findall(
        r"\w+",
        """
    CC CPATH CUDA_DEVICE_ORDER CUDA_HOME CUDA_PATH CUDA_VISIBLE_DEVICES CXX HF_HOME HF_HUB_CACHE
    HF_HUB_OFFLINE HOME LANG LC_ALL LD_LIBRARY_PATH LIBRARY_PATH NVIDIA_DRIVER_CAPABILITIES
    NVIDIA_VISIBLE_DEVICES PATH PYTHONPATH TMPDIR TRITON_CACHE_DIR TZ VIRTUAL_ENV
    """,
    )
)

# Where NVIDIA's installers put the tools, when they are not on the PATH; the newest version wins.
_PLACES: dict[Tool, tuple[str, ...]] = {
    "nsys": ("/usr/local/cuda*/bin/nsys", "/opt/nvidia/nsight-systems/*/bin/nsys"),
    "ncu": ("/usr/local/cuda*/bin/ncu", "/opt/nvidia/nsight-compute/*/ncu"),
}
_HOW_TO_GET: dict[Tool, str] = {
    "nsys": "Install Nsight Systems: https://developer.nvidia.com/nsight-systems",
    "ncu": "Install Nsight Compute: https://developer.nvidia.com/nsight-compute",
}

# The folders of absolute paths: at the start of a word, of a value or of a quoted text up to its end,
# elsewhere up to a space.
_FOLDERS = re.compile(r"""(?:(?<=["'=])|^)/(?:[^/"']*/)*|(?<![\w./])/(?:[^\s/:;,"']+/)+""")

# nsys finishes its report when it is interrupted; a report of a long run takes a while.
_SECONDS_TO_FINISH = 60.0
_SECONDS_TO_DRAIN = 10.0
_SAID_LINES = 20


# --- commands -------------------------------------------------------------------------------------------


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
        repeat: reports to write with ``capture="profiler-api"``, one for each start and stop; see `reports`.
        follow_forks: trace children between fork and exec too, which servers with forked workers need.
        options: more options for nsys.

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


def reports(output: Path, tool: Tool) -> list[Path]:
    """The reports that a command left, in the order in which they were recorded.

    With ``repeat`` nsys numbers them: ``run.1.nsys-rep``, ``run.2.nsys-rep`` …
    """
    suffix = SUFFIXES[tool]
    single = output.with_name(output.name + suffix)
    if single.exists():
        return [single]
    numbered = re.compile(re.escape(output.name) + r"\.?(\d+)" + re.escape(suffix))
    found = [(match, path) for path in output.parent.iterdir() if (match := numbered.fullmatch(path.name))]
    return [path for _, path in sorted(found, key=lambda pair: int(pair[0][1]))]


def clean_environment(
    more: Iterable[str] = (), environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The variables that the profiled command gets.

    Args:
        more: ``NAME=VALUE`` to set, ``NAME`` to hand on, beside `KEPT_VARIABLES`.
        environment: where they come from; by default this process's.

    Raises:
        CollectError: a name to hand on is not set.

    >>> clean_environment(["DEPTH=2"], {"HOME": "/root", "API_TOKEN": "secret"})
    {'HOME': '/root', 'DEPTH': '2'}
    """
    environment = os.environ if environment is None else environment
    kept = {name: value for name, value in sorted(environment.items()) if name in KEPT_VARIABLES}
    for item in more:
        name, equals, value = item.partition("=")
        if not equals and name not in environment:
            raise CollectError(f"{name} is not set", "Give it a value: NAME=VALUE.")
        kept[name] = value if equals else environment[name]
    return kept


def printed(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """A command as one would type it; with its environment if one is given.

    >>> printed(["ncu", "--nvtx-include=a b/"], {"HOME": "/root"})
    "env -i HOME=/root ncu '--nvtx-include=a b/'"
    """
    variables = [] if environment is None else ["env", "-i"]
    variables += [f"{name}={value}" for name, value in (environment or {}).items()]
    return shlex.join([*variables, *command])


# --- running --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        status: its exit status; negative for a signal.
        timed_out: whether it was stopped because its time was up.
        started: when, UTC.
        seconds: how long it took.
        said: the last lines of its output, when that was read.
    """

    status: int
    timed_out: bool
    started: datetime
    seconds: float
    said: tuple[str, ...] = ()


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    timeout_s: float | None = None,
    on_line: Callable[[str], None] | None = None,
    log: Path | None = None,
) -> Outcome:
    """Run a command to its end, or until its time is up: then a profiler may still finish its report.

    Args:
        command: program and arguments; the tools are found as by `find`.
        environment: its variables, all of them.
        timeout_s: seconds that it may take.
        on_line: called with each line of its output; without it the output goes where this process's goes.
        log: where the output is also written, for `on_line`.

    Raises:
        CollectError: the program cannot be started.
    """
    program = find(command[0]) if command[0] in SUFFIXES else command[0]
    piped = subprocess.PIPE if on_line else None
    started, clock = datetime.now(UTC), time.monotonic()
    try:
        # A session of its own, so that what the command started can be stopped with it.
        process = subprocess.Popen(
            [program, *command[1:]],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=piped,
            stderr=subprocess.STDOUT if piped else None,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise CollectError(
            f"{command[0]} cannot be started ({error.strerror})", "Check the command."
        ) from error
    said: deque[str] = deque(maxlen=_SAID_LINES)
    troubles: list[BaseException] = []

    def read() -> None:
        if on_line is None or process.stdout is None:
            return
        try:
            with contextlib.ExitStack() as stack:
                lines = stack.enter_context(process.stdout)
                written = stack.enter_context(log.open("a", encoding="utf-8")) if log else None
                for line in lines:
                    if written:
                        written.write(line)
                        written.flush()
                    said.append(line.rstrip("\n"))
                    on_line(said[-1])
        except BaseException as error:  # noqa: BLE001 - raised again where the caller waits
            troubles.append(error)
            _stop(process)

    # In a thread: a process that outlives the command may keep its output open for ever.
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    timed_out = False
    try:
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
            status = _stop(process)
    except BaseException:
        # Interrupted: nothing stays behind.
        _stop(process)
        raise
    seconds = time.monotonic() - clock
    reader.join(_SECONDS_TO_DRAIN)
    if troubles:
        raise troubles[0]
    return Outcome(status, timed_out, started, seconds, tuple(said))


def _stop(process: subprocess.Popen[str]) -> int:
    """Stop a process and what it started: politely, so that a profiler finishes its report, then firmly."""
    for number, seconds in (
        (signal.SIGINT, _SECONDS_TO_FINISH),
        (signal.SIGTERM, 10.0),
        (signal.SIGKILL, 10.0),
    ):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(seconds)
    raise CollectError(f"process {process.pid} cannot be stopped", "Stop it, or restart the machine.")


# --- what is written down ---------------------------------------------------------------------------------


def without_folders(text: str) -> str:
    """A word of a command, with absolute paths shortened to their last part.

    Sidecars are handed on with their reports: where things lie on a machine tells about its people, and is of
    use to nobody else.

    >>> without_folders("--output=/home/ada/results/run"), without_folders("/opt/venv/bin/python3")
    ('--output=run', 'python3')
    >>> without_folders('{"model":"/home/Ada L/llama","url":"http://host/v1"}'), without_folders("runs/a.py")
    ('{"model":"llama","url":"http://host/v1"}', 'runs/a.py')
    """
    return _FOLDERS.sub("", text)


def write_sidecar(
    report: Path,
    command: Sequence[str],
    outcome: Outcome,
    *,
    facts: Mapping[str, Any],
    model: str | None = None,
    tags: Mapping[str, str] | None = None,
    runs: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write the sidecar of a report; its form is that of `sidecar`.

    Args:
        report: the report.
        command: what was run, profiler and all; written down `without_folders`.
        outcome: how it ended.
        facts: what `machine` found.
        model: what was served, for example ``llama-3.1-8b``.
        tags: labels for the trace.
        runs: what was measured: ``{"tags": {…}, "metrics": [{"name", "unit", "value"}]}``.
    """
    content = {
        "format": sidecar.FORMAT,
        "version": sidecar.VERSION,
        "report": report.name,
        "command": [without_folders(word) for word in command],
        "started_utc": outcome.started.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds": round(outcome.seconds, 3),
        "exit_status": outcome.status,
        "timed_out": outcome.timed_out,
        **facts,
        "model": model,
        "tags": dict(tags or {}),
        "runs": list(runs),
    }
    path = sidecar.path_of(report)
    # Whole or not at all, whatever happens while it is written.
    partial = path.with_name(path.name + ".part")
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def machine(tool: Tool | None, python: str | None, environment: Mapping[str, str]) -> dict[str, Any]:
    """Profiler, GPUs and versions, as they belong into a sidecar.

    Args:
        tool: the profiler.
        python: the interpreter that runs the profiled program, which may know other packages than this one.
        environment: of the profiled program.
    """
    facts: dict[str, Any] = {"gpus": gpus(), "versions": packages(python, environment)}
    if tool is not None:
        facts["profiler"] = {"name": tool, "version": tool_version(tool)}
    return facts


_GPU_FIELDS = {
    "name": "name",
    "driver_version": "driver",
    "memory.total": "memory_mib",
    "clocks.sm": "sm_clock_mhz",
    "clocks.mem": "memory_clock_mhz",
    "clocks.max.sm": "max_sm_clock_mhz",
    "clocks.max.mem": "max_memory_clock_mhz",
    "power.limit": "power_limit_w",
    "temperature.gpu": "temperature_c",
    "compute_cap": "compute_capability",
}


def gpus() -> list[dict[str, Any]]:
    """The GPUs as nvidia-smi knows them: names, driver, clocks; empty without an NVIDIA driver."""
    said = _said(["nvidia-smi", f"--query-gpu={','.join(_GPU_FIELDS)}", "--format=csv,noheader,nounits"])
    if said is None:
        return []
    rows = csv.reader(said.splitlines(), skipinitialspace=True)
    return [
        {name: _number(value) for name, value in zip(_GPU_FIELDS.values(), row, strict=True)}
        for row in rows
        if len(row) == len(_GPU_FIELDS)
    ]


def _number(value: str) -> str | float | int:
    if re.fullmatch(r"\d+", value):
        return int(value)
    # A version such as 9.0 or 580.1 is a text; watts have two decimals.
    return float(value) if re.fullmatch(r"\d+\.\d\d", value) else value


_PACKAGES = ("torch", "vllm", "triton", "transformers")
_ASK_PACKAGES = f"""
import importlib.metadata as m, json, platform
found = {{"python": platform.python_version()}}
for name in {_PACKAGES!r}:
    try: found[name] = m.version(name)
    except m.PackageNotFoundError: pass
print(json.dumps(found))
"""


def packages(python: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Versions of Python and of the packages that matter, as an interpreter knows them."""
    said = _said([python or sys.executable, "-c", _ASK_PACKAGES], environment)
    try:
        found = json.loads(said or "{}")
    except ValueError:
        return {}
    return {str(name): str(version) for name, version in found.items()}


def tool_version(tool: Tool) -> str | None:
    """The version that a profiler prints; None if it is not installed or prints none."""
    try:
        said = _said([find(tool), "--version"]) or ""
    except CollectError:
        return None
    match = re.search(r"[Vv]ersion (\d+\.\d+[.\d]*)", said)
    return match[1] if match else None


def find(tool: str) -> str:
    """Where nsys or ncu is: on the PATH, or where NVIDIA's installers put it.

    Raises:
        CollectError: nowhere.
    """
    if (found := shutil.which(tool)) is not None:
        return found
    name: Tool = "nsys" if tool == "nsys" else "ncu"
    for pattern in _PLACES[name]:
        candidates = [path for path in Path("/").glob(pattern.lstrip("/")) if os.access(path, os.X_OK)]
        if candidates:
            return str(
                max(candidates, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))])
            )
    raise CollectError(f"no {tool} on the PATH", _HOW_TO_GET[name])


def _said(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str | None:
    """What a command prints; None when it cannot be run or fails."""
    try:
        result = subprocess.run(
            list(command),
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout if result.returncode == 0 else None
