from made.case import Case, across
from made.nsys import Recording, kernel

KERNELS = Recording().work(
    kernel("add", 0, 10, full="void add<float>(float *)"),
    kernel("add", 10, 40, full="void add<int>(int *)", device=1),
    kernel("mul", 40, 90),
    kernel("nop", 90, 100),
)

CASES = [
    Case(
        "by function name, without template arguments, where that is asked for",
        traces={"a": KERNELS},
        params={"names": "short"},
        expected=across(
            """
            trace  kernel  instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  p90_ns  p99_ns
            a      mul     1         50        50         50      50         50      50       50      50
            a      add     2         10 + 30   40         20      20         10      30       28      29.8
            a      nop     1         10        10         10      10         10      10       10      10
            """
        ),
    ),
    Case(
        "the share is of all kernels of the trace, also of those not asked for; the limit holds for each trace",
        traces={"a": KERNELS, "b": Recording().work(kernel("sad", 0, 4), kernel("bad", 4, 8))},
        params={"kernel": "*ad*", "limit": 1},
        expected=across(
            """
            trace  kernel    instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  p90_ns  p99_ns
            a      add<int>  1          30        30         30      30         30      30      30      30
            b      bad       1          4         50         4       4          4       4       4       4       # of equal ones by name
            """
        ),
    ),
    Case(
        "a function that stands for several kernels is told apart by types, numbers, namespaces and parameters",
        traces={
            "a": Recording().work(
                kernel("device_kernel", 0, 5, full="void cutlass::device_kernel<flash::FlashAttnFwd<1>>(P)"),
                kernel(
                    "device_kernel", 5, 10, full="void cutlass::device_kernel<gemm::GemmUniversal<64>>(P)"
                ),
                kernel("nop", 10, 20, full="void a::nop<true>(Arguments<1> *)"),
                kernel("nop", 20, 50, full="void b::nop<true>(Arguments<1> *)"),
            ),
            "b": Recording().work(
                kernel(
                    "device_kernel",
                    0,
                    8,
                    full="void cutlass::device_kernel<gemm::GemmUniversal<(int)128, bf16>>(P)",
                ),
                kernel(
                    "device_kernel",
                    8,
                    10,
                    full="void cutlass::device_kernel<gemm::GemmUniversal<(int)128, float>>(P)",
                ),
                kernel("nop", 10, 11, full="void b::nop<(bool)0>(Arguments<1> *)"),
                kernel("nop", 11, 20, full="void b::nop<(bool)0>(Arguments<1>)"),
            ),
        },
        expected=across(
            """
            trace  kernel                             instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  p90_ns  p99_ns
            a      nop<true, b>                       1          30        60         30      30         30      30      30      30
            a      nop<true, a>                       1          10        20         10      10         10      10      10      10
            a      device_kernel<FlashAttnFwd>        1          5         10         5       5          5       5       5       5
            a      device_kernel<GemmUniversal>       1          5         10         5       5          5       5       5       5
            b      nop<false>                         1          9         45         9       9          9       9       9       9
            b      device_kernel<GemmUniversal, bf16>  1          8         40         8       8          8       8       8       8
            b      device_kernel<GemmUniversal, float>  1          2         10         2       2          2       2       2       2
            b      nop<false, *>                      1          1         5          1       1          1       1       1       1
            """
        ),
    ),
    Case(
        "a pattern is compared with full names and distinct ones, too: of a short name it takes a part",
        traces={"a": KERNELS},
        params={"kernel": "*<int>*", "names": "short"},
        expected=across(
            """
            trace  kernel  instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  p90_ns  p99_ns
            a      add     1          30        30         30      30         30      30      30      30
            """
        ),
    ),
    Case(
        "of one trace or several, by pattern or tag, added up by a tag; what lacks the tag stands for itself",
        traces={
            "a1": Recording(gpu="h200").work(kernel("add", 0, 10)),
            "a2": Recording(gpu="h200").work(kernel("add", 0, 20), kernel("mul", 20, 50)),
            "a3": Recording().work(kernel("add", 0, 5)),
            "b": Recording(gpu="h100").work(kernel("add", 0, 7)),
        },
        params={"trace": ["a3", "gpu=h2*"], "by": "gpu"},
        expected=across(
            """
            trace  kernel  instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  p90_ns  p99_ns
            a3     add     1          5         100        5       5          5       5       5       5
            h200   add     2          10 + 20   50         15      15         10      20      19      19.9
            h200   mul     1          30        50         30      30         30      30      30      30
            """
        ),
    ),
    Case(
        "within a range: what its calls launched, whenever it ran; of each process its second instance",
        traces={
            "a": Recording()
            .range("step", 0, 10)
            .range("step", 20, 30)
            .range("step", 40, 50)
            .call("cudaLaunchKernel", 5, 6, kernel("one", 25, 35))
            .call("cudaLaunchKernel", 15, 16, kernel("outside", 21, 22))
            .call("cudaLaunchKernel", 22, 23, kernel("two", 60, 70))
            .call("cudaLaunchKernel", 42, 43, kernel("three", 80, 81))
        },
        params={"within": "step#1"},
        expected=across(
            """
            trace  kernel  instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  p90_ns  p99_ns
            a      two     1          10        100        10      10         10      10      10      10
            """
        ),
    ),
]
