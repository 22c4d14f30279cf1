"""Which of ncu's options a report was made with: what its command line says about the measurement."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Stands for an option that is not known.
NOT_KNOWN: Final = "--not-known"

# Options of ncu whose values describe the measurement and nothing else. What follows them on the command
# line (the application and its arguments) is private.
_OPTIONS = {
    "--app-replay-match": "app_replay_match",
    "--app-replay-mode": "app_replay_mode",
    "--cache-control": "cache_control",
    "--call-stack-type": "call_stack_type",
    "--clock-control": "clock_control",
    "--graph-profiling": "graph_profiling",
    "--import-sass": "import_sass",
    "--kernel-name": "kernel_name",
    "-k": "kernel_name",
    "--kernel-name-base": "kernel_name_base",
    "--launch-count": "launch_count",
    "-c": "launch_count",
    "--launch-skip": "launch_skip",
    "-s": "launch_skip",
    "--metrics": "metrics",
    "--nvtx-exclude": "nvtx_exclude",
    "--nvtx-include": "nvtx_include",
    "--pm-sampling-interval": "pm_sampling_interval",
    "--profile-from-start": "profile_from_start",
    "--range-filter": "range_filter",
    "--replay-mode": "replay_mode",
    "--section": "section",
    "--set": "set",
    "--target-processes": "target_processes",
}
_FLAGS = {"--nvtx": "nvtx", "--call-stack": "call_stack"}
# Other options, skipped. Behind one that is not known here nothing is read: whether the next word is its
# value or the application cannot be told.
_OTHER_FLAGS = {
    "--csv",
    "--details-all",
    "--disable-extra-suffixes",
    "--disable-profiler-start-stop",
    "--force-overwrite",
    "--list-chips",
    "--null-stdin",
    "--open-in-ui",
    "--quiet",
    "--summary",
    "--support-32bit",
    "--verbose",
    "-f",
    "-q",
}
_OTHER_VALUES = {
    "--app-replay-buffer",
    "--apply-rules",
    "--check-exit-code",
    "--chips",
    "--config-file",
    "--config-file-path",
    "--details",
    "--devices",
    "--export",
    "--filter-mode",
    "--import-source",
    "--injection-path-32",
    "--injection-path-64",
    "--kernel-id",
    "--kill",
    "--launch-skip-before-match",
    "--log-file",
    "--max-connections",
    "--mode",
    "--nvtx-push-pop-scope",
    "--page",
    "--pm-sampling-buffer-size",
    "--pm-sampling-max-passes",
    "--port",
    "--print-details",
    "--print-fp",
    "--print-kernel-base",
    "--print-metric-instances",
    "--print-metric-name",
    "--print-nvtx-rename",
    "--print-rule-details",
    "--print-summary",
    "--print-units",
    "--range-replay-options",
    "--rename-kernels",
    "--rename-kernels-export",
    "--rename-kernels-path",
    "--rule",
    "--sampling-buffer-size",
    "--sampling-interval",
    "--sampling-max-passes",
    "--section-folder",
    "--section-folder-recursive",
    "--section-folder-restore",
    "--source-folders",
    "--target-processes-filter",
    "--warp-sampling-buffer-size",
    "--warp-sampling-interval",
    "--warp-sampling-max-passes",
    "-i",
    "-o",
    "-p",
}
# What ncu does when the option is not given (Nsight Compute CLI documentation, "Command Line Options").
_DEFAULTS = {
    "cache_control": "all",
    "clock_control": "base",
    "graph_profiling": "node",
    "replay_mode": "kernel",
}


def collection(command_line: str) -> dict[str, str]:
    """Collection options of an ``ncu …`` command line; everything from the application on is left out.

    >>> collection("ncu --set full --nvtx --nvtx-include layer/ -o /home/me/x python3 --set secret")
    {'set': 'full', 'nvtx': 'true', 'nvtx_include': 'layer/', 'cache_control': 'all', \
'clock_control': 'base', 'graph_profiling': 'node', 'replay_mode': 'kernel'}
    """
    found: dict[str, list[str]] = {}
    for option, value in measured(command_line):
        if option == NOT_KNOWN:
            return _joined(found)
        found.setdefault({**_OPTIONS, **_FLAGS}[option], []).append(value)
    told = _joined(found)
    return told | {name: value for name, value in _DEFAULTS.items() if name not in told}


def measured(command_line: str) -> Iterator[tuple[str, str]]:
    """The options that say how was measured, with their values, in order; flags have none.

    The last may be `NOT_KNOWN`: behind it nothing can be told.

    >>> list(measured("ncu --set=full --nvtx -o /home/me/x --new-option python3 --set secret"))
    [('--set', 'full'), ('--nvtx', 'true'), ('--not-known', '')]
    """
    try:
        words = shlex.split(command_line)
    except ValueError:
        words = command_line.split()
    position = 1
    while position < len(words) and words[position].startswith("-"):
        option, has_value, value = words[position].partition("=")
        position += 1
        if option in _FLAGS:
            yield option, value or "true"
            continue
        if option in _OTHER_FLAGS:
            continue
        if option not in _OPTIONS and option not in _OTHER_VALUES:
            yield NOT_KNOWN, ""
            return
        if not has_value:
            value = words[position] if position < len(words) else ""
            position += 1
        if option in _OPTIONS:
            yield option, value


def _joined(given: dict[str, list[str]]) -> dict[str, str]:
    return {name: ",".join(values) for name, values in given.items()}
