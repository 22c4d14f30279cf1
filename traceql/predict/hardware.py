"""What NVIDIA's GPUs can do: dense peaks, bandwidths and the ridge points between them.

The figures and their sources are in ``gpus.toml`` beside this module. A ridge point is the arithmetic
intensity (FLOP/byte) at which the limit of a kernel passes from a memory to arithmetic: peak FLOP/s ÷
bytes/s (Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4), 2009).

>>> round(find("NVIDIA H200").ridge_flop_per_byte("bf16"))
206
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from traceql.declared import from_toml
from traceql.errors import PredictionError, UnknownGpuError
from traceql.nearest import did_you_mean

#: Precision → bytes of one stored element.
BYTES_PER_ELEMENT: Mapping[str, float] = MappingProxyType(
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
        "fp4": 0.5,
        "int4": 0.5,
    }
)

# Precisions whose peaks are those of the highest clock; those of the tensor cores may be of a lower one.
_AT_HIGHEST_CLOCK = frozenset({"fp64", "fp64_tensor", "fp32"})

_VENDOR_WORDS = frozenset({"nvidia", "geforce", "tesla"})


_Positive = Annotated[float, Meta(gt=0)]
_Count = Annotated[int, Meta(gt=0)]


class Architecture(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one SM does per clock.

    Attributes:
        name: unique among `architectures`.
        compute_capability: of the GPUs that it stands for; empty for one of named products alone.
        words: that a product's name must have, too, as `key` writes them, the vendor's included.
        own_memory: False where the GPU shares the CPU's memory.
        l1_bytes_per_clock_and_sm: reads from L1; None where it is not known. Since Volta it is the same
            memory as shared memory, whose 32 banks of 4 bytes are served once per clock (CUDA C++ Programming
            Guide, "Shared Memory"); an SM with fewer load and store units reads less.
        flop_per_clock_and_sm: precision → dense FLOP, a multiplication with its addition counted as two.
        source: where that is printed.
    """

    name: str
    compute_capability: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    own_memory: bool = True
    l1_bytes_per_clock_and_sm: _Positive | None = None
    flop_per_clock_and_sm: Mapping[str, _Positive]
    source: str


class Gpu(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One GPU model; every figure is a theoretical maximum.

    Attributes:
        name: unique among `gpus`.
        names: how traces and people write it; siblings may share one.
        short_names: names that leave something open → what is assumed then.
        architecture: name of its `Architecture`; empty for a GPU of one's own.
        sm_count: streaming multiprocessors.
        sm_clock_hz: clock behind the tensor peaks.
        boost_clock_hz: highest clock of the SMs, behind all other peaks and L1; None where it is the same.
        memory_bytes: size of the DRAM.
        memory_bus_bits: width of its bus.
        memory_bits_per_pin_and_s: data rate of one line of it.
        memory_bandwidth_bytes_per_s: of the DRAM.
        l2_bytes: size of the L2 cache; None where nothing tells it.
        l2_read_bytes_per_clock: of all SMs together; None where NVIDIA publishes none.
        l1_bytes_per_clock_and_sm: as its architecture has it.
        nvlink_bytes_per_s: one direction, all links; None without NVLink.
        pcie_bytes_per_s: one direction; None where NVIDIA prints none, as for laptops.
        peak_flop_per_s: precision → dense peak; a precision without one is absent.
        computed: precisions whose peak NVIDIA does not print: SMs × clock × FLOP per clock and SM.
        sources: kind of figure (clock, peaks, computed, memory, l2, links) → where it is printed.
    """

    name: str
    names: tuple[str, ...]
    short_names: Mapping[str, str] = {}
    architecture: str = ""
    sm_count: _Count
    sm_clock_hz: _Positive
    boost_clock_hz: _Positive | None = None
    memory_bytes: _Positive
    memory_bus_bits: _Count | None = None
    memory_bits_per_pin_and_s: _Positive | None = None
    memory_bandwidth_bytes_per_s: _Positive
    l2_bytes: _Count | None = None
    l2_read_bytes_per_clock: _Positive | None = None
    l1_bytes_per_clock_and_sm: _Positive | None = None
    nvlink_bytes_per_s: _Positive | None = None
    pcie_bytes_per_s: _Positive | None = None
    peak_flop_per_s: Mapping[str, _Positive] = {}
    computed: tuple[str, ...] = ()
    sources: Mapping[str, str]

    @property
    def highest_clock_hz(self) -> float:
        """Of the SMs; on Hopper and Blackwell it is above that of the tensor peaks.

        >>> find("H200").highest_clock_hz / 1e9
        1.98
        """
        return self.boost_clock_hz or self.sm_clock_hz

    @property
    def l2_bandwidth_bytes_per_s(self) -> float | None:
        """Reads from L2; None where NVIDIA publishes none."""
        per_clock = self.l2_read_bytes_per_clock
        return None if per_clock is None else per_clock * self.sm_clock_hz

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

        l1: derived, SMs × bytes per clock × the highest clock. nvlink and pcie: one direction.
        """
        l1 = self.l1_bytes_per_clock_and_sm
        levels = {
            "l1": None if l1 is None else self.sm_count * l1 * self.highest_clock_hz,
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
    architecture: tuple[Architecture, ...]
    gpu: tuple[Gpu, ...]


def element_bytes(precision: str) -> float:
    """Bytes of one stored element; scales of blocks are left out.

    Raises:
        PredictionError: there is no such precision.
    """
    if precision not in BYTES_PER_ELEMENT:
        raise PredictionError(
            f"there is no precision called {precision!r}", f"Known are: {', '.join(BYTES_PER_ELEMENT)}."
        )
    return BYTES_PER_ELEMENT[precision]


@cache
def _shipped() -> _File:
    text = (resources.files(__package__) / "gpus.toml").read_text(encoding="utf-8")
    return _read(text, "gpus.toml")


def gpus() -> tuple[Gpu, ...]:
    """Every GPU of the data file, in its order."""
    return _shipped().gpu


def architectures() -> tuple[Architecture, ...]:
    """Every architecture of the data file, in its order."""
    return _shipped().architecture


def _read(text: str, where: str) -> _File:
    """What the text of a data file describes.

    Raises:
        PredictionError: it does not fit; the message names the file, the key and what is allowed.
    """
    found = from_toml(text, _File, where, PredictionError)
    known = {architecture.name: architecture for architecture in found.architecture}
    for architecture in found.architecture:
        rates = architecture.flop_per_clock_and_sm
        _refuse_unknown(
            rates, BYTES_PER_ELEMENT, f"{where}: {architecture.name}: flop_per_clock_and_sm", "precision"
        )
    for gpu in found.gpu:
        _refuse_unknown(
            gpu.peak_flop_per_s, BYTES_PER_ELEMENT, f"{where}: {gpu.name}: peak_flop_per_s", "precision"
        )
        _refuse_unknown([gpu.architecture], known, f"{where}: {gpu.name}", "architecture")
    return _File(found.architecture, tuple(_completed(gpu, known[gpu.architecture]) for gpu in found.gpu))


def _refuse_unknown(words: Iterable[str], known: Collection[str], where: str, what: str) -> None:
    for word in words:
        if word not in known:
            raise PredictionError(f"{where}: unknown {what} {word!r}", f"Known are {', '.join(known)}.")


def _completed(gpu: Gpu, architecture: Architecture) -> Gpu:
    """The GPU with the peaks that NVIDIA does not print for it, and their source."""
    rates = architecture.flop_per_clock_and_sm
    computed = tuple(precision for precision in rates if precision not in gpu.peak_flop_per_s)
    peaks = {
        precision: gpu.sm_count
        * rates[precision]
        * (gpu.highest_clock_hz if precision in _AT_HIGHEST_CLOCK else gpu.sm_clock_hz)
        for precision in computed
    } | dict(gpu.peak_flop_per_s)
    rule = f"SMs × clock × FLOP per clock and SM of {architecture.name} ({architecture.source})"
    return replace(
        gpu,
        l1_bytes_per_clock_and_sm=architecture.l1_bytes_per_clock_and_sm,
        peak_flop_per_s={
            precision: peaks[precision] for precision in BYTES_PER_ELEMENT if precision in peaks
        },
        computed=computed,
        sources=dict(gpu.sources) | ({"computed": f"{', '.join(computed)}: {rule}"} if computed else {}),
    )


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
    akin = _akin(set(wanted.split()))
    known = [short for gpu in gpus() for short in (*gpu.names, *gpu.short_names)]
    remedy = f"Not the same, but akin: {', '.join(akin)}. " if akin else did_you_mean(name, known)
    raise UnknownGpuError(
        f"there is no data about a GPU called {name!r}",
        f"{remedy}For one in a trace, figures are derived from the report. All of them: traceql gpu",
    )


def _akin(wanted: set[str]) -> list[str]:
    """Names of GPUs that have words in common with a name, closest first: numbers of models tell most."""

    def apart(words: set[str]) -> tuple[int, int, int]:
        shared = words & wanted
        models = [word for word in shared if re.search("[0-9]", word) and not word.endswith("gb")]
        return -len(models), -len(shared), len(words - wanted)

    named = [(gpu.name, set(key(gpu.name).split())) for gpu in gpus()]
    return [name for name, words in sorted(named, key=lambda one: apart(one[1])) if words & wanted]


def assumption(name: str) -> str:
    """What `find` takes for granted about a name that leaves something open; empty when it leaves nothing.

    >>> assumption("RTX 3080")
    "'RTX 3080' is taken as RTX 3080 10GB; RTX 3080 12GB has that name, too"

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
    taken, *others = [gpu.name for gpu in gpus() if wanted in map(key, gpu.names)] or [""]
    has = "has" if len(others) == 1 else "have"
    return f"{name!r} is taken as {taken}; {', '.join(others)} {has} that name, too" if others else ""


def key(name: str) -> str:
    """What two spellings of a GPU's name have in common: its words, sorted, without the vendor's.

    The view gpu_products does the same in SQL.

    >>> key("NVIDIA A100 80GB PCIe") == key("A100 PCIe 80 GB") == "80gb a100 pcie"
    True
    """
    joined = re.sub(r"([0-9]+) gb\b", r"\1gb", name.lower())
    return " ".join(sorted(set(re.findall(r"[a-z0-9]+", joined)) - _VENDOR_WORDS))
