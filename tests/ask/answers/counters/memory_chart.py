"""Cases of memory_chart: what goes each way, sums of what counts the same, and what is not recorded."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile

TABLES = "--section MemoryWorkloadAnalysis_Tables"
CHART = "--section MemoryWorkloadAnalysis_Chart"
L1 = "l1tex__t_{}_pipe_lsu_mem_{}.sum"
TEX = "lts__t_requests_srcunit_tex_op_{}.sum"
BEYOND = "lts__t_sectors_srcunit_tex_aperture_{}.sum"
READ = "l1tex__m_xbar2l1tex_read_bytes"
WRITE = "l1tex__m_l1tex2xbar_write_bytes"
PCT = ".sum.pct_of_peak_sustained_elapsed"
HEAD = """
trace  group_name  kernel_id  kernels  gpu_ns  source  target  requests  bytes  hit_rate_pct  throughput_pct  lacks
"""


#: What no workload of two has.
UNKNOWN = ("throughput", CHART, "")


def lacks(start: str, *what: tuple[str, ...], of: str = "") -> str:
    """The last cell of a row that begins so."""
    said = (f"{name} ({option}){rest[0] if rest else of}" for name, option, *rest in what)
    return start + "  " + ("; ".join(said) or "NULL")


CASES = [
    Case(
        "launches add up, percentages are means over time; texture loads are loads, atomics go down",
        traces={
            "a": Profile()
            .kernel(
                "add",
                ns=30,
                metrics={
                    L1.format("requests", "global_op_ld"): 10,
                    L1.format("sectors", "global_op_ld"): 40,
                    L1.format("requests", "local_op_ld"): 1,
                    "l1tex__t_requests_pipe_tex_mem_texture.sum": 2,
                    L1.format("requests", "global_op_st"): 5,
                    L1.format("sectors", "global_op_st"): 20,
                    L1.format("requests", "global_op_red"): 7,
                    "smsp__sass_inst_executed_op_shared_ld.sum": 3,
                    "smsp__inst_executed_op_shared_atom.sum": 4,
                    TEX.format("read"): 6,
                    TEX.format("write"): 2,
                    TEX.format("red"): 1,
                    READ + ".sum": 640,
                    READ + PCT: 10,
                    WRITE + ".sum": 320,
                    WRITE + PCT: 4,
                    READ + "_mem_global_op_tma_ld.sum": 64,
                    f"sm__sass_{READ.replace('__', '_')}_mem_global_op_ldgsts_cache_bypass.sum": 32,
                    WRITE + "_mem_global_op_tma_st.sum": 16,
                    READ + "_mem_dshared.sum": 8,
                    WRITE + "_mem_dshared.sum": 9,
                    "dram__bytes_read.sum": 500,
                    "dram__bytes_read" + PCT: 20,
                    "dram__bytes_write.sum": 50,
                    "dram__bytes_write" + PCT: 2,
                    BEYOND.format("sysmem_op_read_lookup_miss"): 2,
                    # Of two that count the same, the first; of those on GB200, where there is no other.
                    BEYOND.format("sysmem_op_write"): 3,
                    BEYOND.format("sysmem_op_write_lookup_miss"): 99,
                    BEYOND.format("sysmem_op_atom"): 1,
                    "sys" + BEYOND.format("peer_op_read_lookup_miss"): 4,
                    "sys" + BEYOND.format("peer_op_red_lookup_miss"): 5,
                    BEYOND.format("sysmem_op_write") + ".pct_of_peak_sustained_elapsed": 3,
                    BEYOND.format("sysmem_op_red") + ".pct_of_peak_sustained_elapsed": 2,
                    BEYOND.format("sysmem_op_red_lookup_miss") + ".pct_of_peak_sustained_elapsed": 99,
                    "sys" + BEYOND.format("peer_op_read_lookup_miss") + ".pct_of_peak_sustained_elapsed": 7,
                    "idc__requests.sum": 11,
                    "idc__requests" + PCT: 1,
                    "idc__request_hit_rate.pct": 90,
                    "smsp__imc_requests.sum": 12,
                    "smsp__imc_requests" + PCT: 2,
                    "smsp__imc_request_hit_rate.pct": 95,
                    "gcc__cache_requests_type_constant.sum": 5,
                    "gcc__cache_requests_type_instruction.sum": 8,
                    "gcc__average_cache_request_hit_rate.pct": 70,
                    "gcc__xbar2gcc_sectors.sum": 6,
                    "gcc__xbar2gcc_sectors" + PCT: 4,
                    "lrc__ilc_input_sectors.sum": 3,
                    "lrc__ilc_input_sectors" + PCT: 5,
                    "lrc__average_ilc_input_sector_success_rate.pct": 15,
                    "lts__gcomp_input_sectors.sum": 99,
                    "l1tex__t_sector_hit_rate.pct": 25,
                    "l1tex__throughput.avg.pct_of_peak_sustained_active": 40,
                    "l1tex__data_pipe_lsu_wavefronts_mem_shared" + PCT: 8,
                    "lts__t_sector_hit_rate.pct": 60,
                    "lts__throughput.avg.pct_of_peak_sustained_elapsed": 30,
                    "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed": 22,
                },
            )
            .kernel(
                "add",
                ns=10,
                metrics={
                    L1.format("requests", "global_op_ld"): 10,
                    L1.format("sectors", "global_op_ld"): 10,
                    L1.format("requests", "global_op_st"): 0,
                    "smsp__sass_inst_executed_op_shared_ld.sum": 0,
                    "smsp__inst_executed_op_shared_atom.sum": 0,
                    READ + ".sum": 60,
                    READ + PCT: 50,
                    TEX.format("read"): 1,
                    "l1tex__t_sector_hit_rate.pct": 65,
                    # A rate alone: 2 bytes a nanosecond.
                    "dram__bytes_read.sum.per_second": 2e9,
                },
            )
            .kernel("other", ns=5)
        },
        expected=across(
            HEAD
            + "\n".join(
                lacks(start, *what, of=" of 1 of 2 kernels")
                for start, *what in (
                    ("a  add  NULL  2  40  kernel  L1  5 + 7  640  NULL  NULL", ("bytes", TABLES)),
                    ("a  add  NULL  2  40  kernel  shared  4  NULL  NULL  NULL",),
                    ("a  add  NULL  2  40  L1  NULL  NULL  NULL  35  40", ("throughput", CHART)),
                    ("a  add  NULL  2  40  L1  kernel  23  32 * 50  NULL  NULL",),
                    (
                        "a  add  NULL  2  40  L1  L2  3  320  NULL  4",
                        ("bytes", CHART),
                        ("requests", TABLES),
                        ("throughput", CHART),
                    ),
                    ("a  add  NULL  2  40  shared  NULL  NULL  NULL  NULL  8", ("throughput", CHART)),
                    ("a  add  NULL  2  40  shared  kernel  3  NULL  NULL  NULL",),
                    ("a  add  NULL  2  40  shared  other_SMs  NULL  9  NULL  NULL", ("bytes", CHART)),
                    ("a  add  NULL  2  40  shared  L2  NULL  16  NULL  NULL", ("bytes", CHART)),
                    ("a  add  NULL  2  40  other_SMs  shared  NULL  8  NULL  NULL", ("bytes", CHART)),
                    ("a  add  NULL  2  40  constant  NULL  NULL  NULL  90  NULL", ("hit rate", CHART)),
                    (
                        "a  add  NULL  2  40  constant  kernel  11  NULL  NULL  1",
                        ("requests", CHART),
                        ("throughput", CHART),
                    ),
                    ("a  add  NULL  2  40  immediate  NULL  NULL  NULL  95  NULL", ("hit rate", CHART)),
                    (
                        "a  add  NULL  2  40  immediate  kernel  12  NULL  NULL  2",
                        ("requests", CHART),
                        ("throughput", CHART),
                    ),
                    (
                        "a  add  NULL  2  40  GCC  NULL  5 + 8  NULL  70  NULL",
                        ("hit rate", CHART),
                        ("requests", CHART),
                    ),
                    (
                        "a  add  NULL  2  40  L2  NULL  NULL  NULL  60  30",
                        ("hit rate", CHART),
                        ("throughput", CHART),
                    ),
                    ("a  add  NULL  2  40  L2  L1  7  700  NULL  20",),
                    ("a  add  NULL  2  40  L2  shared  NULL  96  NULL  NULL", ("bytes", CHART)),
                    (
                        "a  add  NULL  2  40  L2  GCC  NULL  32 * 6  NULL  4",
                        ("bytes", CHART),
                        ("throughput", CHART),
                    ),
                    (
                        "a  add  NULL  2  40  L2  DRAM  NULL  50  NULL  2",
                        ("bytes", CHART),
                        ("throughput", CHART),
                    ),
                    (
                        "a  add  NULL  2  40  L2  system  NULL  32 * 4  NULL  3 + 2",
                        ("bytes", CHART),
                        ("throughput", CHART),
                    ),
                    ("a  add  NULL  2  40  L2  peer  NULL  32 * 5  NULL  NULL", ("bytes", CHART), UNKNOWN),
                    (
                        "a  add  NULL  2  40  compression  NULL  NULL  32 * 3  15  5",
                        ("bytes", CHART),
                        ("hit rate", CHART),
                        ("throughput", CHART),
                    ),
                    ("a  add  NULL  2  40  DRAM  NULL  NULL  NULL  NULL  22", ("throughput", CHART)),
                    ("a  add  NULL  2  40  DRAM  L2  NULL  500 + 20  NULL  20", ("throughput", CHART)),
                    ("a  add  NULL  2  40  system  L2  NULL  32 * 2  NULL  NULL", ("bytes", CHART), UNKNOWN),
                    (
                        "a  add  NULL  2  40  peer  L2  NULL  32 * 4  NULL  7",
                        ("bytes", CHART),
                        ("throughput", CHART),
                    ),
                )
            )
        ),
    ),
]
