from made.case import Case, across, down
from made.nsys import Recording, copy

COPIES = (
    Recording()
    # One byte more than returns early.
    .call("cudaMemcpy_v3020", 0, 5, copy("Host-to-Device", 1, 11, 65_537))
    .call("cudaMemcpy_v3020", 5, 9, copy("Host-to-Device", 20, 30, 65_536))
    # Back to the host, the smallest copy waits.
    .call("cuMemcpyDtoH_v2", 9, 12, copy("Device-to-Host", 30, 50, 4, device=1, context=3, stream=9), pid=2)
    .call("cudaMemcpyAsync_v3020", 12, 15, copy("Device-to-Host", 50, 99, 8))
    .call("cudaMemcpy_v3020", 15, 18, copy("Device-to-Device", 100, 105, 1_000_000))
    # A node of a graph: whoever launched that did not wait for it.
    .call("cudaGraphLaunch_v10000", 18, 20, copy("Device-to-Host", 110, 150, 8, node=3))
)

CASES = [
    Case(
        "copies without Async, but for small ones to the device, which return early",
        traces={"a": COPIES},
        expected=down(
            """
            trace         a               a               a
            duration_ns   20              10              5
            start_ns      30              1               100
            copy_kind     Device-to-Host  Host-to-Device  Device-to-Device
            src_memory    Device          Pinned          Device
            dst_memory    Pinned          Device          Device
            bytes         4               65_537          1_000_000
            pid           2               1               1
            device_id     1               0               0
            context_id    3               1               1
            stream_id     9               7               7
            function      cuMemcpyDtoH    cudaMemcpy      cudaMemcpy
            memory_op_id  3               1               5
            """
        ),
    ),
    Case(
        "the size that returns early can be given; of equal ones the first come within the limit",
        traces={"a": COPIES},
        params={"early_bytes": 0, "limit": 3},
        expected=down(
            """
            trace         a               a               a
            duration_ns   20              10              10
            start_ns      30              1               20
            copy_kind     Device-to-Host  Host-to-Device  Host-to-Device
            src_memory    Device          Pinned          Pinned
            dst_memory    Pinned          Device          Device
            bytes         4               65_537          65_536
            pid           2               1               1
            device_id     1               0               0
            context_id    3               1               1
            stream_id     9               7               7
            function      cuMemcpyDtoH    cudaMemcpy      cudaMemcpy
            memory_op_id  3               1               2
            """
        ),
    ),
    Case(
        "who loads a module, or launches its first kernel, asked for no copy",
        traces={
            "a": Recording()
            .call("cuModuleLoadDataEx", 0, 50, copy("Host-to-Device", 10, 20, 100_000), layer="driver")
            .call("cudaLaunchKernel_v7000", 60, 90, copy("Host-to-Device", 65, 70, 70_000))
            .call("cuMemcpyHtoD_v2", 90, 99, copy("Host-to-Device", 91, 98, 80_000), layer="driver")
        },
        expected=across(
            """
            trace  duration_ns  start_ns  copy_kind       src_memory  dst_memory  bytes   pid  device_id  context_id  stream_id  function      memory_op_id
            a      7            91        Host-to-Device  Pinned      Device      80_000  1    0          1           7          cuMemcpyHtoD  3
            """
        ),
    ),
]
