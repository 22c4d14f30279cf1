from ask.answers.memory.cuda_gpu_mem_time_sum import OPERATIONS
from made.case import Case, across

CASES = [
    Case(
        "bytes by what was done; quartiles lie half-way between the median and the ends of three values",
        traces={"a": OPERATIONS},
        expected=across(
            """
            trace  operation                     instances   total_bytes    avg_bytes  q1_bytes  median_bytes  q3_bytes  min_bytes  max_bytes  stddev_bytes  p90_bytes  p99_bytes
            # 300, 200 and 100 from their mean
            a      [CUDA memcpy Host-to-Device]  3           600 + 100 + 200  300      150       200           400       100        600        sqrt(70_000)  520        592
            a      [CUDA memset]                 1           64             64         64        64            64        64         64         NULL          64         64
            a      [CUDA memcpy Device-to-Host]  1           8              8          8         8             8         8          8          NULL          8          8
            """
        ),
    ),
]
