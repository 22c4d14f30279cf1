"""Cases of occupancy_curves: the steps of each curve, where the launch stands on them, and what is not known."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile
from made.nsys import Recording, kernel

#: Compute capability 9.0: 64 warps, 32 blocks, 65,536 registers, 233,472 bytes of shared memory.
H100 = {"computeMajor": 9, "computeMinor": 0, "smCount": 132, "maxWarpsPerSm": 64}
HEAD = """
trace  kernel  kernels  gpu_ns  threads_per_block  registers_per_thread  shared_bytes  parameter             from_amount  to_amount  launch_amount  is_launch  blocks  theoretical_warps  theoretical_pct  limiter  lacks
"""
LACKS = "launch parameters (--section LaunchStats)"
UNKNOWN = "rules of occupancy for compute capability 13.0"


def steps(launch: str, parameter: str, own: int, *rows: tuple[int, int, int, int, str]) -> str:
    """Lines of a table: from, to, blocks, warps of 64, and the limiter of each step."""
    return "\n".join(
        f"{launch}  {parameter}  {first}  {last}  {own}  {str(first <= own <= last).lower()}  {blocks}  {warps}"
        f"  100 * {warps} / 64  {limiter}  NULL"
        for first, last, blocks, warps, limiter in rows
    )


BIG = "a  big  2  60  512  96  70000"
#: Blocks of 33 to 64 threads have 2 warps: of every 32 threads more, an SM holds as many blocks of one warp more.
THREADS = [(32 * n + 1, 32 * n + 32) for n in range(32)]

CASES = [
    Case(
        "a timeline: registers and shared memory of the kernel that took most time",
        traces={
            "a": Recording()
            .gpu(0, "NVIDIA H100 80GB HBM3", cuda=0, **H100)
            .work(
                kernel("big", 0, 50, block=(512, 1, 1), registers=96, dynamic_shared=70_000),
                kernel("big", 100, 110, block=(512, 1, 1), registers=96, dynamic_shared=70_000),
                kernel("small", 200, 210, block=(32, 1, 1), registers=16),
            )
        },
        expected=across(
            HEAD
            # Blocks of 16 warps, 4 in each quarter: of its 16,384 registers each thread has 128 at most, of two
            # blocks 64, of three 40, of four 32. Of 233,472 bytes three blocks of 71,040 may be had.
            + steps(
                BIG,
                "registers_per_thread",
                96,
                (1, 32, 3, 48, "shared_memory"),
                (33, 40, 3, 48, "registers, shared_memory"),
                (41, 64, 2, 32, "registers"),
                (65, 128, 1, 16, "registers"),
                (129, 255, 0, 0, "registers"),
            )
            + "\n"
            + steps(
                BIG,
                "threads_per_block",
                512,
                # Registers of a thread: 3,072 of a warp, so that a quarter holds 5 and an SM 20.
                *(
                    (first, last, min(3, 20 // (n + 1)), (n + 1) * min(3, 20 // (n + 1)), limiter)
                    for n, (first, last) in enumerate(THREADS[:7])
                    for limiter in ["registers, shared_memory" if 20 // (n + 1) == 3 else "shared_memory"]
                    if 20 // (n + 1) >= 3
                ),
                *((*THREADS[n], 2, 2 * (n + 1), "registers") for n in range(6, 10)),
                *((*THREADS[n], 1, n + 1, "registers") for n in range(10, 20)),
                # No block of more warps than 20 fits, however many they are.
                (641, 1024, 0, 0, "registers"),
            )
            + "\n"
            + steps(
                BIG,
                "shared_bytes",
                70_000,
                # One block fits by its registers; at 116,736 bytes with 1,024 of the system so it does by these.
                (0, 115_712, 1, 16, "registers"),
                (115_713, 232_448, 1, 16, "registers, shared_memory"),
            )
        ),
    ),
    Case(
        "the shared memory of an SM is as the driver set it, and as large as one block needs; barriers stay",
        traces={
            "a": Profile()
            .gpu("A card", compute_capability_major=8, compute_capability_minor=0)
            .kernel(
                "gemm",
                ns=30,
                block=(64, 1, 1),
                metrics={
                    "launch__registers_per_thread": 32,
                    "launch__shared_mem_per_block_static": 0,
                    "launch__shared_mem_per_block_dynamic": 3072,
                    "launch__shared_mem_config_size": 16_384,
                    "launch__occupancy_limit_barriers": 3,
                },
            )
        },
        params={"parameter": "shared_bytes"},
        expected=across(
            HEAD
            # 16,384 bytes are 4 blocks of 4,096, 3 of 5,376, 2 of 8,192; barriers let 3 in.
            + steps(
                "a  gemm  1  30  64  32  3072",
                "shared_bytes",
                3072,
                (0, 3072, 3, 6, "barriers"),
                (3073, 4352, 3, 6, "shared_memory, barriers"),
                (4353, 7168, 2, 4, "shared_memory"),
                (7169, 166_912, 1, 2, "shared_memory"),
            )
        ),
    ),
    Case(
        "what was not recorded has no curve; of two kernels of a trace that took as long, the first by name",
        traces={
            "a": Profile()
            .gpu("A card", compute_capability_major=8, compute_capability_minor=0)
            .kernel("b", ns=30, block=(64, 1, 1))
            .kernel("a", ns=30, block=(64, 1, 1), metrics={"launch__registers_per_thread": 32})
        },
        expected=across(
            HEAD + f"a  a  1  30  64  32  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  {LACKS}"
        ),
    ),
    Case(
        "of a GPU whose rules are not known nothing is computed, and that is what is said",
        traces={
            "a": Recording()
            .gpu(0, "A card to come", cuda=0, **{**H100, "computeMajor": 13})
            .work(kernel("k", 0, 50, block=(512, 1, 1), registers=96, dynamic_shared=70_000)),
            "b": Profile()
            .gpu("A card to come", compute_capability_major=13, compute_capability_minor=0)
            .kernel("k", ns=30, block=(64, 1, 1)),
            "c": Recording().work(kernel("k", 0, 50, block=(512, 1, 1), registers=96, dynamic_shared=70_000)),
        },
        expected=across(
            HEAD
            + f"""
            a  k  1  50  512  96  70000  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  {UNKNOWN}
            b  k  1  30  64  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  {LACKS}; {UNKNOWN}
            c  k  1  50  512  96  70000  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  compute capability of the GPU
            """
        ),
    ),
    Case(
        "a parameter that is none has no curve, and the report lacks nothing for it",
        traces={
            "a": Recording()
            .gpu(0, "NVIDIA H100 80GB HBM3", cuda=0, **H100)
            .work(kernel("k", 0, 50, block=(512, 1, 1), registers=96, dynamic_shared=70_000)),
        },
        params={"parameter": "clusters"},
        expected=across(
            HEAD + "a  k  1  50  512  96  70000  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL"
        ),
    ),
    Case(
        "a whole graph has no curve, whatever ncu tells of one of its kernels",
        traces={
            "a": Profile()
            .gpu("NVIDIA H100 80GB HBM3", compute_capability_major=9, compute_capability_minor=0)
            .graph("g", ns=50, block=(128, 1, 1), metrics={"launch__registers_per_thread": 16})
        },
        expected=across(
            HEAD
            + "a  g  1  50  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  NULL  "
            + "launch of one kernel (--graph-profiling node, --replay-mode kernel)"
        ),
    ),
]
