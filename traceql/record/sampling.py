"""What a GPU does while something is measured: clocks, power, temperature, and what slows it down.

nvidia-smi says it, several times a second, in a process beside what is measured and outside of the profiler.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from traceql.record import machine
from traceql.record.tools import said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FIELDS = {
    "index": "index",
    "clocks.sm": "sm_clock_mhz",
    "clocks.mem": "memory_clock_mhz",
    "power.draw": "power_w",
    "temperature.gpu": "temperature_celsius",
}
# The same bits, as drivers since 535 call them and as those before.
_REASONS_FIELDS = ("clocks_event_reasons.active", "clocks_throttle_reasons.active")
#: Bits of NVML that say why a clock is below what it could be: those that slow a GPU down under load …
SLOWING = {
    0x04: "power_cap",
    0x08: "hw_slowdown",
    0x20: "thermal",
    0x40: "hw_thermal",
    0x80: "power_brake",
}
#: … and those by which somebody has set it. Idle (0x01) is none.
SET = {0x02: "set_clocks", 0x10: "sync_boost", 0x100: "display"}
_SECONDS_TO_LEAVE = 2.0


@dataclass(frozen=True)
class Sample:
    """One look at one GPU.

    Attributes:
        at: `time.monotonic` of when it was read.
        values: what the driver knows of it, by name and unit.
        reasons: bits, see `SLOWING` and `SET`; None if the driver does not say.
    """

    at: float
    values: Mapping[str, float]
    reasons: int | None


class Sampler:
    """The samples so far; empty where there is no nvidia-smi."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._lock = threading.Lock()
        #: Whether there is anything that samples.
        self.runs = False

    def add(self, sample: Sample) -> None:
        """One more."""
        with self._lock:
            self._samples.append(sample)

    def take(self, since: float) -> list[Sample]:
        """Those since a time of `time.monotonic`; all until now are forgotten."""
        with self._lock:
            taken, self._samples = self._samples, []
        return [sample for sample in taken if sample.at >= since]


@contextlib.contextmanager
def sampled(every_ms: int, environment: Mapping[str, str]) -> Iterator[Sampler]:
    """Sample the GPUs while this lasts.

    Args:
        every_ms: milliseconds from one look to the next; 0 for none.
        environment: whose ``CUDA_VISIBLE_DEVICES`` says which GPUs are meant.
    """
    sampler = Sampler()
    process = _started(every_ms) if every_ms else None
    if process is None:
        yield sampler
        return
    seen = machine.indices(environment)
    sampler.runs = True
    reader = threading.Thread(target=_read, args=(process, sampler, seen), daemon=True)
    reader.start()
    try:
        yield sampler
    finally:
        _end(process)
        reader.join(_SECONDS_TO_LEAVE)


def _started(every_ms: int) -> subprocess.Popen[bytes] | None:
    """nvidia-smi, with as much as this driver knows."""
    for reasons in (*([name] for name in _REASONS_FIELDS), []):
        command = [
            "nvidia-smi",
            f"--query-gpu={','.join([*_FIELDS, *reasons])}",
            "--format=csv,noheader,nounits",
        ]
        if said(command) is None:
            continue
        try:
            return subprocess.Popen(
                [*command, f"--loop-ms={every_ms}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return None
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, number)
            else:
                process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_LEAVE)
            return


def _read(process: subprocess.Popen[bytes], sampler: Sampler, seen: set[int] | None) -> None:
    assert process.stdout is not None
    with process.stdout as stream:
        for line in stream:
            sample, index = parsed(line.decode("utf-8", "replace"), time.monotonic())
            if sample is not None and (seen is None or index in seen):
                sampler.add(sample)


def parsed(line: str, at: float) -> tuple[Sample | None, int]:
    """A line of nvidia-smi as a sample, and the number of its GPU; None if it is none.

    >>> parsed("0, 1980, 2619, 412.55, 61, 0x0000000000000004", 0.0)[0].reasons
    4
    >>> parsed("0, 1980, 2619, [N/A], 61", 0.0)[0].values
    {'sm_clock_mhz': 1980.0, 'memory_clock_mhz': 2619.0, 'temperature_celsius': 61.0}
    """
    words = [word.strip() for word in line.split(",")]
    if len(words) not in (len(_FIELDS), len(_FIELDS) + 1) or not words[0].isdigit():
        return None, -1
    values = {
        name: float(word)
        for name, word in zip(list(_FIELDS.values())[1:], words[1:], strict=False)
        if re.fullmatch(r"\d+(\.\d+)?", word)
    }
    bits = words[len(_FIELDS)] if len(words) > len(_FIELDS) else ""
    reasons = int(bits, 16) if re.fullmatch(r"0x[0-9a-fA-F]+", bits) else None
    return Sample(at, values, reasons), int(words[0])


def summary(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Samples as metrics of a run; what no sample knows is left out.

    Returns:
        Their number, over all GPUs; lowest and mean clocks, mean and highest power (of one GPU), highest
        temperature; ``gpu_throttled_pct``, the share of samples in which something of `SLOWING` held, and the
        share of each reason that held in any.

    >>> hot = Sample(0.0, {"sm_clock_mhz": 1500.0, "power_w": 700.0}, 0x04)
    >>> cool = Sample(0.2, {"sm_clock_mhz": 1900.0, "power_w": 500.0}, 0x00)
    >>> {metric["name"]: metric["value"] for metric in summary([hot, cool])}
    {'gpu_samples': 2, 'gpu_sm_clock_min_mhz': 1500.0, 'gpu_sm_clock_mean_mhz': 1700.0, \
'gpu_power_mean_w': 600.0, 'gpu_power_max_w': 700.0, 'gpu_throttled_pct': 50.0, 'gpu_power_cap_pct': 50.0}
    """
    found: list[dict[str, Any]] = [{"name": "gpu_samples", "unit": "", "value": len(samples)}]

    def add(what: str, statistic: str, unit: str, suffix: str) -> None:
        values = [s.values[f"{what}_{suffix}"] for s in samples if f"{what}_{suffix}" in s.values]
        if values:
            value = {"min": min(values), "mean": sum(values) / len(values), "max": max(values)}[statistic]
            found.append({"name": f"gpu_{what}_{statistic}_{suffix}", "unit": unit, "value": value})

    for what in ("sm_clock", "memory_clock"):
        for statistic in ("min", "mean"):
            add(what, statistic, "MHz", "mhz")
    for statistic in ("mean", "max"):
        add("power", statistic, "W", "w")
    add("temperature", "max", "°C", "celsius")
    bits = [sample.reasons for sample in samples if sample.reasons is not None]
    if bits:
        slowed = sum(1 for value in bits if any(value & bit for bit in SLOWING))
        found.append(_share("gpu_throttled_pct", slowed, len(bits)))
        for bit, name in {**SLOWING, **SET}.items():
            if held := sum(1 for value in bits if value & bit):
                found.append(_share(f"gpu_{name}_pct", held, len(bits)))
    return found


def _share(name: str, part: int, whole: int) -> dict[str, Any]:
    return {"name": name, "unit": "%", "value": 100 * part / whole}
