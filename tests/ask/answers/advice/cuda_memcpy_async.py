from made.case import Case, down
from made.nsys import Recording, copy

CASES = [
    Case(
        "pageable memory on either side makes an Async copy wait; pinned memory, and calls that are not Async, do not",
        traces={
            "a": Recording()
            .call("cudaMemcpyAsync_v3020", 0, 5, copy("Host-to-Device", 10, 30, 100, src="Pageable"))
            .call(
                "cuMemcpyDtoHAsync_v2",
                5,
                9,
                copy("Device-to-Host", 30, 70, 200, dst="Pageable", device=1, context=3, stream=9),
                pid=2,
            )
            .call("cudaMemcpyAsync_v3020", 9, 12, copy("Host-to-Device", 70, 99, 300))
            .call("cudaMemcpy_v3020", 12, 15, copy("Host-to-Device", 100, 120, 400, src="Pageable"))
            # Without its call nobody knows whether it was Async.
            .work(copy("Host-to-Device", 120, 150, 500, src="Pageable"))
        },
        expected=down(
            """
            trace         a                     a
            duration_ns   40                    20
            start_ns      30                    10
            copy_kind     Device-to-Host        Host-to-Device
            src_memory    Device                Pageable
            dst_memory    Pageable              Device
            bytes         200                   100
            pid           2                     1
            device_id     1                     0
            context_id    3                     1
            stream_id     9                     7
            function      cuMemcpyDtoHAsync     cudaMemcpyAsync
            memory_op_id  2                     1
            """
        ),
    ),
]
