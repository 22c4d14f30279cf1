from made.case import Case, across
from made.nsys import Recording, memset

CASES = [
    Case(
        "memsets of pinned and managed memory wait; of device or pageable memory, or with Async, they do not",
        traces={
            "a": Recording()
            .call("cudaMemset_v3020", 0, 5, memset(10, 20, 64, memory="Pinned"))
            .call("cudaMemset_v3020", 5, 9, memset(20, 50, 32, memory="Device"))
            .call(
                "cuMemsetD8_v2",
                9,
                12,
                memset(50, 80, 128, memory="Managed", device=1, context=3, stream=9),
                pid=2,
            )
            .call("cudaMemset_v3020", 12, 13, memset(80, 90, 8, memory="Pageable"))
            .call("cudaGraphLaunch_v10000", 13, 14, memset(90, 95, 8, memory="Pinned", node=3))
            .call("cudaMemsetAsync_v3020", 12, 15, memset(80, 99, 16, memory="Managed"))
        },
        expected=across(
            """
            trace  duration_ns  start_ns  dst_memory  bytes  pid  device_id  context_id  stream_id  function    memory_op_id
            a      30           50        Managed     128    2    1          3           9          cuMemsetD8  3
            a      10           10        Pinned      64     1    0          1           7          cudaMemset  1
            """
        ),
    ),
]
