"""What NVIDIA's GPUs can do: dense peaks, bandwidths and the ridge points between them.

The figures and their sources are in ``gpus.toml`` beside this module. A ridge point is the arithmetic
intensity (FLOP/byte) at which the limit of a kernel passes from a memory to arithmetic: peak FLOP/s ÷
bytes/s (Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4), 2009).

>>> round(find("NVIDIA H200").ridge_flop_per_byte("bf16"))
206
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Annotated

from msgspec import Meta, Struct

from traceql.declared import from_toml
from traceql.errors import PredictionError, UnknownGpuError

#: Precision → bytes of one stored element.
BYTES_PER_ELEMENT: Mapping[str, int] = MappingProxyType(
    {
        "fp64": 8,
        "fp64_tensor": 8,
        "fp32": 4,
        "tf32": 4,
        "bf16": 2,
        "fp16": 2,
        "fp16_fp16_accumulate": 2,
        "fp8": 1,
        "fp8_fp16_accumulate": 1,
        "int8": 1,
    }
)

# Shared memory has 32 banks of 4 bytes, each served once per clock, on every compute capability since 5.0
# (CUDA C++ Programming Guide, "Shared Memory"); the L1 cache is the same memory.
_L1_BYTES_PER_CLOCK_AND_SM = 128

_VENDOR_WORDS = frozenset({"nvidia", "geforce", "tesla"})


_Positive = Annotated[float, Meta(gt=0)]
_Count = Annotated[int, Meta(gt=0)]


class Gpu(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One GPU model; every figure is a theoretical maximum.

    Attributes:
        name: unique among `gpus`.
        names: how traces and people write it.
        short_names: names that leave something open → what is assumed then.
        sm_count: streaming multiprocessors.
        sm_clock_hz: clock behind the tensor peaks.
        memory_bytes: size of the DRAM.
        memory_bandwidth_bytes_per_s: of the DRAM.
        l2_bytes: size of the L2 cache.
        l2_read_bytes_per_clock: of all SMs together; None where NVIDIA publishes none.
        nvlink_bytes_per_s: one direction, all links; None without NVLink.
        pcie_bytes_per_s: one direction.
        peak_flop_per_s: precision → dense peak; a precision without one is absent.
        sources: kind of figure (peaks, memory, l2, links) → where it is printed.
    """

    name: str
    names: tuple[str, ...]
    short_names: Mapping[str, str] = {}
    sm_count: _Count
    sm_clock_hz: _Positive
    memory_bytes: _Positive
    memory_bandwidth_bytes_per_s: _Positive
    l2_bytes: _Count
    l2_read_bytes_per_clock: _Positive | None = None
    nvlink_bytes_per_s: _Positive | None = None
    pcie_bytes_per_s: _Positive
    peak_flop_per_s: Mapping[str, _Positive]
    sources: Mapping[str, str]

    @property
    def l2_bandwidth_bytes_per_s(self) -> float | None:
        """Reads from L2; None where NVIDIA publishes none."""
        per_clock = self.l2_read_bytes_per_clock
        return None if per_clock is None else per_clock * self.sm_clock_hz

    @property
    def cuda_clock_hz(self) -> float:
        """The SM clock behind the peak of the CUDA cores, which on Hopper is above that of the tensor cores.

        fp32 peak ÷ (SMs × lanes × 2). An SM has 128 lanes, or 64 on compute capabilities 7.x and 8.0 (CUDA
        C++ Programming Guide, "Arithmetic Instructions"): the number that gives a clock near that of the
        tensor cores; if it differs as rounded figures do, by 1 %, it is that one.

        >>> round(find("H200").cuda_clock_hz / 1e9, 2)
        1.98
        """
        per_lane = self.peak("fp32") / self.sm_count / 2
        found = min((per_lane / lanes for lanes in (128, 64)), key=lambda hz: abs(hz - self.sm_clock_hz))
        return self.sm_clock_hz if math.isclose(found, self.sm_clock_hz, rel_tol=0.01) else found

    def peak(self, precision: str) -> float:
        """Dense peak in FLOP/s.

        Raises:
            PredictionError: the GPU has none in that precision, or NVIDIA prints none.
        """
        try:
            return self.peak_flop_per_s[precision]
        except KeyError:
            known = ", ".join(self.peak_flop_per_s)
            raise PredictionError(
                f"{self.name}: no {precision} peak is known", f"Known are: {known}."
            ) from None

    @property
    def bandwidths_bytes_per_s(self) -> Mapping[str, float]:
        """Memory level → bytes/s, from the nearest level to the farthest; unknown ones are absent.

        l1: derived, SMs × 128 bytes × `cuda_clock_hz`. nvlink and pcie: one direction.
        """
        levels = {
            "l1": self.sm_count * _L1_BYTES_PER_CLOCK_AND_SM * self.cuda_clock_hz,
            "l2": self.l2_bandwidth_bytes_per_s,
            "dram": self.memory_bandwidth_bytes_per_s,
            "nvlink": self.nvlink_bytes_per_s,
            "pcie": self.pcie_bytes_per_s,
        }
        return {level: value for level, value in levels.items() if value is not None}

    def ridge_flop_per_byte(self, precision: str, level: str = "dram") -> float:
        """Arithmetic intensity at which arithmetic becomes the limit: peak FLOP/s ÷ bytes/s.

        Raises:
            PredictionError: the peak or the bandwidth is not known.
        """
        bandwidths = self.bandwidths_bytes_per_s
        if level not in bandwidths:
            raise PredictionError(
                f"{self.name}: no {level} bandwidth is known", f"Known are: {', '.join(bandwidths)}."
            )
        return self.peak(precision) / bandwidths[level]


class _File(Struct, forbid_unknown_fields=True):
    gpu: tuple[Gpu, ...]


def element_bytes(precision: str) -> int:
    """Bytes of one stored element.

    Raises:
        PredictionError: there is no such precision.
    """
    if precision not in BYTES_PER_ELEMENT:
        raise PredictionError(
            f"there is no precision called {precision!r}", f"Known are: {', '.join(BYTES_PER_ELEMENT)}."
        )
    return BYTES_PER_ELEMENT[precision]


@cache
def gpus() -> tuple[Gpu, ...]:
    """Every GPU of the data file, in its order."""
    text = (resources.files(__package__) / "gpus.toml").read_text(encoding="utf-8")
    return gpus_of(text, "gpus.toml")


def gpus_of(text: str, where: str) -> tuple[Gpu, ...]:
    """The GPUs that the text of a data file describes.

    Raises:
        PredictionError: it does not fit; the message names the file, the key and what is allowed.
    """
    found = from_toml(text, _File, where, PredictionError).gpu
    for gpu in found:
        for precision in gpu.peak_flop_per_s.keys() - BYTES_PER_ELEMENT.keys():
            raise PredictionError(
                f"{where}: {gpu.name}: peak_flop_per_s: unknown precision {precision!r}",
                f"Known are {', '.join(BYTES_PER_ELEMENT)}.",
            )
    return found


def find(name: str) -> Gpu:
    """The GPU of that name, as a trace or a person writes it.

    Case, order and punctuation do not matter, but every word does: "A100-PCIE-40GB" is another card than
    "NVIDIA A100 80GB PCIe", and an "RTX 4090 Laptop GPU" is no RTX 4090.

    >>> find("NVIDIA A100 80GB PCIe").name
    'A100 PCIe 80GB'

    Raises:
        UnknownGpuError: there is no data about it.
    """
    wanted = key(name)
    for gpu in gpus():
        if any(key(known) == wanted for known in (*gpu.names, *gpu.short_names)):
            return gpu
    akin = [gpu.name for gpu in gpus() if set(key(gpu.name).split()) & set(wanted.split())]
    remedy = f"Not the same, but akin: {', '.join(akin)}. " if akin else ""
    raise UnknownGpuError(
        f"there is no data about a GPU called {name!r}", f"{remedy}All of them: traceql gpu"
    )


def assumption(name: str) -> str:
    """What `find` takes for granted about a name that leaves something open; empty when it leaves nothing.

    >>> assumption("H100")
    "'H100' is taken as H100 SXM, the SXM card with HBM3"
    >>> assumption("NVIDIA H100 80GB HBM3")
    ''
    """
    wanted = key(name)
    for gpu in gpus():
        for short, assumed in gpu.short_names.items():
            if key(short) == wanted:
                return f"{name!r} is taken as {gpu.name}, {assumed}"
    return ""


def key(name: str) -> str:
    """What two spellings of a GPU's name have in common: its words, sorted, without the vendor's.

    The view gpu_roofs does the same in SQL.

    >>> key("NVIDIA A100 80GB PCIe") == key("A100 PCIe 80 GB") == "80gb a100 pcie"
    True
    """
    joined = re.sub(r"([0-9]+) gb\b", r"\1gb", name.lower())
    return " ".join(sorted(set(re.findall(r"[a-z0-9]+", joined)) - _VENDOR_WORDS))
