"""Cases of memory_tables: requests, sectors, hits and conflicts by level and operation, and what is not recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from made.case import Case, across, down
from made.ncu import Profile

if TYPE_CHECKING:
    from made.ncu import Value


def l1(op: str, requests: float, sectors: float, hits: float) -> dict[str, Value]:
    pipe = f"pipe_lsu_mem_{op}"
    return {
        f"l1tex__t_requests_{pipe}.sum": requests,
        f"l1tex__t_sectors_{pipe}.sum": sectors,
        f"l1tex__t_sectors_{pipe}_lookup_hit.sum": hits,
        f"l1tex__t_output_wavefronts_{pipe}.sum": 2 * requests,
    }


def shared(op: str, requests: float, wavefronts: float) -> dict[str, Value]:
    return {
        f"smsp__sass_inst_executed_op_shared_{op}.sum": requests,
        f"l1tex__data_pipe_lsu_wavefronts_mem_shared_op_{op}.sum": wavefronts,
        f"l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_{op}.sum": wavefronts - requests,
    }


def l2(op: str, requests: float, sectors: float, hits: float) -> dict[str, Value]:
    source = f"srcunit_tex_op_{op}"
    return {
        f"lts__t_requests_{source}.sum": requests,
        f"lts__t_sectors_{source}.sum": sectors,
        f"lts__t_sectors_{source}_lookup_hit.sum": hits,
    }


TABLES = "--section MemoryWorkloadAnalysis_Tables"

CASES = [
    Case(
        "launches of one kernel add up, and hits are those of all sectors; what moved nothing is left out",
        traces={
            "a": Profile()
            .kernel(
                "add",
                ns=30,
                metrics={
                    **l1("global_op_ld", 10, 40, 10),
                    **l1("global_op_st", 0, 0, 0),
                    "l1tex__t_sector_hit_rate.pct": 25,
                    **shared("ld", 8, 64),
                    **l2("read", 10, 30, 15),
                    "dram__bytes_read.sum": 500,
                    "dram__sectors_read.sum": 15,
                    "derived__local_spilling_requests": 7,
                },
            )
            .kernel(
                "add",
                ns=10,
                metrics={
                    **l1("global_op_ld", 10, 120, 110),
                    **l1("global_op_st", 0, 0, 0),
                    "l1tex__t_sector_hit_rate.pct": 65,
                    **shared("ld", 8, 16),
                    **l2("read", 10, 10, 9),
                    "dram__bytes_read.sum": 100,
                    "dram__sectors_read.sum": 3,
                    "derived__local_spilling_requests": 3,
                },
            )
        },
        expected=down(
            """
            trace                  a     a            a       a     a     a
            group_name             add   add          add     add   add   add
            kernel_id              NULL  NULL         NULL    NULL  NULL  NULL
            kernels                2     2            2       2     2     2
            gpu_ns                 40    40           40      40    40    40
            level                  L1    L1           shared  L2    DRAM  spills
            operation              all   global_load  load    read  read  all
            requests               NULL  20           16      20    NULL  10
            sectors                NULL  160          NULL    40    18    NULL
            sectors_per_request    NULL  8            NULL    2     NULL  NULL
            bytes                  NULL  5120         NULL    1280  600   NULL
            # (30 * 25 + 10 * 65) / 40; 120 of 160; 24 of 40
            hit_rate_pct           35    75           NULL    60    NULL  NULL
            wavefronts             NULL  40           80      NULL  NULL  NULL
            bank_conflicts         NULL  NULL         64      NULL  NULL  NULL
            wavefronts_per_request  NULL  2           5       NULL  NULL  NULL
            lacks                  NULL  NULL         NULL    NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "of one level, what moved nothing, too; what only some of the launches have is said",
        traces={
            "a": Profile()
            .kernel("add", ns=30, metrics={**l2("read", 10, 30, 15), **l2("write", 0, 0, 0)})
            .kernel("add", ns=10, metrics={"lts__t_sectors_srcunit_tex_op_read.sum": 5})
            .kernel("nop", ns=5)
        },
        params={"idle": True, "level": "L2"},
        expected=down(
            f"""
            trace                  a     a      a
            group_name             add   add    nop
            kernel_id              NULL  NULL   NULL
            kernels                2     2      1
            gpu_ns                 40    40     5
            level                  L2    L2     NULL
            operation              read  write  NULL
            requests               10    0      NULL
            sectors                35    0      NULL
            sectors_per_request    3     NULL   NULL
            bytes                  1120  0      NULL
            hit_rate_pct           50    NULL   NULL
            wavefronts             NULL  NULL   NULL
            bank_conflicts         NULL  NULL   NULL
            wavefronts_per_request  NULL  NULL  NULL
            lacks                  requests ({TABLES}) of 1 of 2 kernels  write ({TABLES}) of 1 of 2 kernels  memory tables ({TABLES})
            """
        ),
    ),
    Case(
        "what goes from SM to SM, by the tensor memory accelerator, by cp.async, and to and fro of registers",
        traces={
            "a": Profile().kernel(
                "gemm",
                ns=30,
                metrics={
                    "sm__sass_l1tex_t_requests_pipe_lsu_mem_global_op_ldgsts_cache_bypass.sum": 4,
                    "sm__sass_l1tex_t_sectors_pipe_lsu_mem_global_op_ldgsts_cache_bypass.sum": 64,
                    "smsp__inst_executed_op_ldgsts.sum": 5,
                    "smsp__sass_l1tex_data_pipe_lsu_wavefronts_mem_shared_op_ldgsts.sum": 20,
                    "l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_ldgsts.sum": 10,
                    "l1tex__t_requests_pipe_lsu_mem_dshared_op_redas.sum": 3,
                    "l1tex__t_sectors_pipe_lsu_mem_dshared_op_redas.sum": 12,
                    "l1tex__t_output_wavefronts_pipe_lsu_mem_dshared_op_redas.sum": 6,
                    "smsp__inst_executed_op_tma_ld.sum": 2,
                    "l1tex__m_xbar2l1tex_read_sectors_mem_global_op_tma_ld.sum": 512,
                    "l1tex__m_xbar2l1tex_read_bytes_mem_global_op_tma_ld.sum": 16384,
                    "smsp__sass_inst_executed_op_tma_red.sum": 1,
                    "l1tex__m_l1tex2xbar_write_sectors_mem_global_op_tma_red.sum": 8,
                    "l1tex__m_l1tex2xbar_write_bytes_mem_global_op_tma_red.sum": 256,
                    "derived__local_spilling_requests": 9,
                    "sass__inst_executed_register_spilling_op_read": 7,
                    "sass__inst_executed_register_spilling_op_write": 2,
                },
            )
        },
        expected=down(
            """
            trace                  a                   a           a            a      a          a       a       a
            group_name             gemm                gemm        gemm         gemm   gemm       gemm    gemm    gemm
            kernel_id              NULL                NULL        NULL         NULL   NULL       NULL    NULL    NULL
            kernels                1                   1           1            1      1          1       1       1
            gpu_ns                 30                  30          30           30     30         30      30      30
            level                  L1                  shared      distributed  TMA    TMA        spills  spills  spills
            operation              async_copy_past_l1  async_copy  reduction    load   reduction  all     load    store
            requests               4                   5           3            2      1          9       7       2
            sectors                64                  NULL        12           512    8          NULL    NULL    NULL
            sectors_per_request    16                  NULL        4            256    8          NULL    NULL    NULL
            bytes                  2048                NULL        384          16384  256        NULL    NULL    NULL
            hit_rate_pct           NULL                NULL        NULL         NULL   NULL       NULL    NULL    NULL
            wavefronts             NULL                20          6            NULL   NULL       NULL    NULL    NULL
            bank_conflicts         NULL                10          NULL         NULL   NULL       NULL    NULL    NULL
            wavefronts_per_request  NULL               4           2            NULL   NULL       NULL    NULL    NULL
            lacks                  NULL                NULL        NULL         NULL   NULL       NULL    NULL    NULL
            """
        ),
    ),
    Case(
        "one by one; a launch that is known to have moved nothing lacks nothing",
        traces={
            "a": Profile()
            .kernel(
                "add",
                ns=10,
                metrics={**shared("st", 4, 12), "idc__requests.sum": 9, "idc__request_hit_rate.pct": 80},
            )
            .kernel("add", ns=30, metrics=shared("st", 0, 0))
        },
        params={"by": "launch"},
        expected=across(
            """
            trace  group_name  kernel_id  kernels  gpu_ns  level     operation  requests  sectors  sectors_per_request  bytes  hit_rate_pct  wavefronts  bank_conflicts  wavefronts_per_request  lacks
            a      add         2          1        30      NULL      NULL       NULL      NULL     NULL                 NULL   NULL          NULL        NULL            NULL                    NULL
            a      add         1          1        10      shared    store      4         NULL     NULL                 NULL   NULL          12          8               3                       NULL
            a      add         1          1        10      constant  all        9         NULL     NULL                 NULL   80            NULL        NULL            NULL                    NULL
            """
        ),
    ),
]
