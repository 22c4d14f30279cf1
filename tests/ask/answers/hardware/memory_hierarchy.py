from made.case import Case, across
from made.nsys import Recording
from made.runs import Runs

# What NVIDIA publishes of the A100 SXM 80 GB: 108 SMs at 1.41 GHz, whose L1 caches serve 128 bytes per clock each; L2
# 5,120 bytes per clock; NVLink 600 and PCIe 64 GB/s, both directions added; dense bf16 312 TFLOP/s.
# A card of which nothing is published: 16 SMs at 1 GHz, which on compute capability 8.6 do 1,024 FLOP in bf16 and
# read 128 bytes per clock each.
REPORTED = {
    "computeMajor": 8,
    "computeMinor": 6,
    "smCount": 16,
    "clockRate": 1_000_000_000,
    "memoryBandwidth": 200_000_000_000,
    "totalMemory": 8_000_000_000,
    "l2CacheSize": 2_000_000,
}
CASES = [
    Case(
        "the GPUs of the traces, beside the highest that was measured on such a GPU",
        traces={
            "a": Recording()
            .gpu(0, "RTX 1", cuda=0, **REPORTED)
            .gpu(1, "NVIDIA A100-SXM4-80GB", cuda=1)
            .gpu(2, "Nobody's", cuda=2),
        },
        runs={
            "measured": Runs(
                {"gpu": "A100 SXM 80GB", "dram_bytes_per_s": [1.7e12, 1.8e12], "pcie_h2d_bytes_per_s": 26e9},
                {"gpu": "H200", "dram_bytes_per_s": 4e12},
            )
        },
        expected=across(
            """
            gpu            level   distance  capacity_bytes  bandwidth_bytes_per_s  source     measured_bytes_per_s  ridge_flop_per_byte
            A100 SXM 80GB  l1      1         NULL            108 * 128 * 1.41e9     derived    NULL                  312e12 / (108 * 128 * 1.41e9)
            A100 SXM 80GB  l2      2         40 * 1024**2    5120 * 1.41e9          datasheet  NULL                  312e12 / (5120 * 1.41e9)
            A100 SXM 80GB  dram    3         80_000_000_000  2.039e12               datasheet  1.8e12                312e12 / 2.039e12
            A100 SXM 80GB  nvlink  4         NULL            300e9                  datasheet  NULL                  312e12 / 300e9
            A100 SXM 80GB  pcie    5         NULL            32e9                   datasheet  26e9                  312e12 / 32e9
            RTX 1          l1      1         NULL            2048e9                 derived    NULL                  16384 / 2048
            RTX 1          dram    3         8_000_000_000   200e9                  derived    NULL                  16384 / 200
            """
        ),
    ),
    Case(
        "a GPU asked for needs no trace; what is neither published nor measured has no row",
        # 72 SMs at 1.695 GHz; no L2 bandwidth is published, and there is no NVLink; dense bf16 125 TFLOP/s.
        params={"gpu": "A10"},
        expected=across(
            """
            gpu  level  distance  capacity_bytes  bandwidth_bytes_per_s  source     measured_bytes_per_s  ridge_flop_per_byte
            A10  l1     1         NULL            72 * 128 * 1.695e9     derived    NULL                  125e12 / (72 * 128 * 1.695e9)
            A10  dram   3         24_000_000_000  600e9                  datasheet  NULL                  125e12 / 600e9
            A10  pcie   5         NULL            32e9                   datasheet  NULL                  125e12 / 32e9
            """
        ),
    ),
    Case(
        "what was only measured has a row and no ridge, nor has a precision without a published peak",
        runs={"measured": Runs({"gpu": "A10", "l2_bytes_per_s": 2e12})},
        params={"gpu": "A10", "precision": "fp8"},
        expected=across(
            """
            gpu  level  distance  capacity_bytes  bandwidth_bytes_per_s  source     measured_bytes_per_s  ridge_flop_per_byte
            A10  l1     1         NULL            72 * 128 * 1.695e9     derived    NULL                  NULL
            A10  l2     2         6 * 1024**2     NULL                   datasheet  2e12                  NULL
            A10  dram   3         24_000_000_000  600e9                  datasheet  NULL                  NULL
            A10  pcie   5         NULL            32e9                   datasheet  NULL                  NULL
            """
        ),
    ),
]
