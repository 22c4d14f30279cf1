from made.case import Case, down
from made.ncu import Profile

PEAK = "dram__throughput.avg.pct_of_peak_sustained_elapsed"
KERNELS = (
    Profile()
    .kernel("add", "step/mlp", ns=10, dram_read=100, dram_write=20, l2_read=5, l2_write=3, metrics={PEAK: 40})
    .kernel("add", "step/mlp", ns=30, dram_read=60, dram_write=20, l2_read=4, l2_write=2, metrics={PEAK: 80})
    # As --set roofline records it: rates of 2 and 1 bytes per ns, and no sectors.
    .kernel(
        "mul",
        "step",
        domains={"lib": "cub"},
        ns=20,
        metrics={
            "dram__bytes_read.sum.per_second": 2e9,
            "dram__bytes_write.sum.per_second": 1e9,
            f"gpu__{PEAK.replace('__', '_')}": 25,
        },
    )
    # Outside any range, and nothing measured.
    .kernel("nop", ns=5)
)

DRAM = "DRAM reads (--metrics dram__bytes_read.sum){0}; DRAM writes (--metrics dram__bytes_write.sum){0}"
L2 = (
    "L2 reads (--metrics lts__t_sectors_op_read.sum){0}; L2 writes (--metrics lts__t_sectors_op_write.sum){0}"
)
SHARE = f"DRAM throughput (--metrics {PEAK}){{0}}"
NOTHING = "; ".join((DRAM, L2, SHARE)).format("")
OF_ONE = "; ".join((DRAM, L2, SHARE)).format(" of 1 of 3 kernels")

CASES = [
    Case(
        "a kernel counts for its innermost range; bytes are rate times duration where there is no sum",
        traces={"a": KERNELS},
        expected=down(
            f"""
            trace                a                             a           a
            group_name           step/mlp                      step        NULL
            kernels              2                             1           1
            dram_read_bytes      100 + 60                      2 * 20      NULL
            dram_write_bytes     20 + 20                       1 * 20      NULL
            dram_bytes           160 + 40                      40 + 20     NULL
            l2_read_sectors      5 + 4                         NULL        NULL
            l2_write_sectors     3 + 2                         NULL        NULL
            gpu_ns               10 + 30                       20          5
            dram_bytes_per_s     200 / 40e-9                   60 / 20e-9  NULL
            dram_throughput_pct  (40 * 10 + 80 * 30) / 40      25          NULL
            lacks                NULL                          {L2.format("")}  {NOTHING}
            """
        ),
    ),
    Case(
        "by kernel",
        traces={"a": KERNELS},
        params={"by": "kernel"},
        expected=down(
            f"""
            trace                a            a           a
            group_name           add          mul         nop
            kernels              2            1           1
            dram_read_bytes      160          40          NULL
            dram_write_bytes     40           20          NULL
            dram_bytes           200          60          NULL
            l2_read_sectors      9            NULL        NULL
            l2_write_sectors     5            NULL        NULL
            gpu_ns               40           20          5
            dram_bytes_per_s     200 / 40e-9  60 / 20e-9  NULL
            dram_throughput_pct  70           25          NULL
            lacks                NULL         {L2.format("")}  {NOTHING}
            """
        ),
    ),
    Case(
        "by the ranges of another domain",
        traces={"a": KERNELS},
        params={"domain": "lib"},
        expected=down(
            f"""
            trace                a           a
            # add twice and nop
            group_name           NULL        cub
            kernels              3           1
            dram_read_bytes      160         40
            dram_write_bytes     40          20
            dram_bytes           200         60
            l2_read_sectors      9           NULL
            l2_write_sectors     5           NULL
            gpu_ns               45          20
            # Of add only: what nop moved is not known.
            dram_bytes_per_s     200 / 40e-9  60 / 20e-9
            dram_throughput_pct  70          25
            lacks                {OF_ONE}  {L2.format("")}
            """
        ),
    ),
    Case(
        "traces of one tag are added up, by range or kernel",
        traces={
            "a": Profile(tags={"run": "x"}).kernel("add", "step", ns=10, dram_read=100, dram_write=20),
            "b": Profile(tags={"run": "x"}).kernel("add", "step", ns=30, dram_read=60, dram_write=20),
        },
        params={"by": ["kernel", "tag:run"]},
        expected=down(
            f"""
            trace                x
            group_name           add
            kernels              2
            dram_read_bytes      160
            dram_write_bytes     40
            dram_bytes           200
            l2_read_sectors      NULL
            l2_write_sectors     NULL
            gpu_ns               40
            dram_bytes_per_s     5e9
            dram_throughput_pct  NULL
            lacks                {L2.format("")}; {SHARE.format("")}
            """
        ),
    ),
]
