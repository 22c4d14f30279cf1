"""Which GEMM shapes waste SMs: tiles that reach over the output, and waves that do not fill the GPU."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from traceql.predict.floors import positive
from traceql.predict.hardware import element_bytes

if TYPE_CHECKING:
    from traceql.predict.hardware import Gpu

#: Output tiles of thread blocks that cuBLAS and CUTLASS use, largest first ("Matrix Multiplication Background
#: User's Guide", section 2.3).
TILES = ((256, 128), (128, 256), (128, 128), (256, 64), (64, 256), (128, 64), (64, 128), (64, 64))


@dataclass(frozen=True)
class TiledGemm:
    """A GEMM cut into tiles, one per thread block, and the blocks into waves over the SMs.

    Attributes:
        m: rows of the output.
        n: columns of the output.
        k: length of the sums.
        tile_m: rows of a tile.
        tile_n: columns of a tile.
        tiles: thread blocks, those included that fill up clusters.
        waves: rounds in which every SM takes one block.
        idle_sms: SMs without a block in the last wave.
        tile_efficiency_pct: share of the tiles' elements that belong to the output.
        wave_efficiency_pct: share of SM rounds that have a block.
        flop: useful, 2·m·n·k.
        executed_flop: of whole tiles.
        floor_s: seconds for all waves, or for the bytes if those take longer.
        aligned_bytes: largest of 128 and 16 that divides m, n and k elements, or 0: tensor cores are fastest
            with 128 (A100 and later), and want at least 16 (the same guide, section 2.2).
    """

    m: int
    n: int
    k: int
    tile_m: int
    tile_n: int
    tiles: int
    waves: int
    idle_sms: int
    tile_efficiency_pct: float
    wave_efficiency_pct: float
    flop: int
    executed_flop: int
    floor_s: float
    aligned_bytes: int

    @property
    def utilisation_pct(self) -> float:
        """Share of the SMs' work that is of use: tile efficiency × wave efficiency."""
        return self.tile_efficiency_pct * self.wave_efficiency_pct / 100


def gemm(
    m: int,
    n: int,
    k: int,
    gpu: Gpu,
    *,
    tile: tuple[int, int] = TILES[0],
    cluster: tuple[int, int] = (1, 1),
    precision: str = "bf16",
) -> TiledGemm:
    """Tile and wave quantisation of a GEMM, one thread block per SM at a time.

    Tiles = ⌈m/tile_m⌉·⌈n/tile_n⌉, waves = ⌈tiles/SMs⌉ ("Matrix Multiplication Background User's Guide",
    chapter 3). A full wave takes 2·tile_m·tile_n·k·SMs ÷ peak. Kernels that split k or balance tiles between
    SMs (stream-K) waste less. Where thread blocks come in clusters (from Hopper on; CUDA C++ Guide,
    "Thread Block Clusters": a grid is a multiple of its cluster), so do tiles: ⌈m/(tile_m·c_m)⌉·c_m rows of
    them, which cuBLAS's kernels compute whether they lie over the output or not, as counters show. All blocks
    of a cluster run in one GPC, so that clusters of 4 and 8 leave SMs without work that no tile can use: an
    H200 holds 66 clusters of 2 at a time, but 30 of 4 and 15 of 8, 120 blocks on 132 SMs (ncu:
    launch__cluster_max_active). That is not counted: there, waves are a lower bound.

    Raises:
        PredictionError: a number is not positive, or the GPU has no peak in that precision.
    """
    (tile_m, tile_n), (cluster_m, cluster_n) = tile, cluster
    positive(m=m, n=n, k=k, tile_m=tile_m, tile_n=tile_n, cluster_m=cluster_m, cluster_n=cluster_n)
    clusters = math.ceil(m / (tile_m * cluster_m)) * math.ceil(n / (tile_n * cluster_n))
    tiles = clusters * cluster_m * cluster_n
    waves = math.ceil(tiles / gpu.sm_count)
    slots = waves * gpu.sm_count
    width = element_bytes(precision)
    wave_s = 2 * tile_m * tile_n * k * gpu.sm_count / gpu.peak(precision)
    memory_s = (m * k + k * n + m * n) * width / gpu.memory_bandwidth_bytes_per_s
    shortest = math.gcd(m, n, k) * width
    return TiledGemm(
        m=m,
        n=n,
        k=k,
        tile_m=tile_m,
        tile_n=tile_n,
        tiles=tiles,
        waves=waves,
        idle_sms=slots - tiles,
        tile_efficiency_pct=100 * m * n / (tiles * tile_m * tile_n),
        wave_efficiency_pct=100 * tiles / slots,
        flop=2 * m * n * k,
        executed_flop=2 * tiles * tile_m * tile_n * k,
        floor_s=max(waves * wave_s, memory_s),
        aligned_bytes=next((size for size in (128, 16) if shortest % size == 0), 0),
    )
