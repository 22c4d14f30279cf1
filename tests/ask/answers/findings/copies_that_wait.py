from made.case import Case, across
from made.nsys import Recording, copy, kernel

CASES = [
    Case(
        "copies of pageable memory and copies without Async are added up; asynchronous ones of pinned memory are neither",
        traces={
            "a": Recording()
            .call("cudaMemcpyAsync_v3020", 0, 5, copy("Host-to-Device", 0, 100, 1000, src="Pageable"))
            .call("cudaMemcpyAsync_v3020", 100, 105, copy("Host-to-Device", 200, 300, 1000, src="Pageable"))
            .call("cudaMemcpy_v3020", 300, 305, copy("Device-to-Host", 310, 360, 4))
            .call("cudaMemcpyAsync_v3020", 360, 365, copy("Host-to-Device", 400, 800, 9000))
            .call("cudaLaunchKernel_v7000", 800, 805, kernel("k", 900, 1000))
        },
        expected=across(
            """
            trace  code                severity  saving_ns  saving_pct  numbers                                                                                texts                        range  start_ns  end_ns
            a      pageable_copies     high      200        20          {copies: 2.0, copied_bytes: 2000.0, copy_ns: 200.0, copied_bytes_per_s: 10000000000.0}  {function: cudaMemcpyAsync}  NULL   0         300
            a      synchronous_copies  medium    50         5           {copies: 1.0, copied_bytes: 4.0, copy_ns: 50.0, copied_bytes_per_s: 80000000.0}         {function: cudaMemcpy}       NULL   310       360
            """
        ),
    ),
    Case(
        "one that ends before it starts counts in no rate",
        traces={
            "a": Recording()
            .call("cudaMemcpyAsync_v3020", 0, 5, copy("Host-to-Device", 0, 100, 1000, src="Pageable"))
            .call("cudaMemcpyAsync_v3020", 100, 105, copy("Host-to-Device", 300, 200, 500, src="Pageable"))
            .call("cudaLaunchKernel_v7000", 800, 805, kernel("k", 900, 1000))
        },
        expected=across(
            """
            trace  code             severity  saving_ns  saving_pct  numbers                                                                                texts                        range  start_ns  end_ns
            a      pageable_copies  medium    100        10          {copies: 2.0, copied_bytes: 1500.0, copy_ns: 100.0, copied_bytes_per_s: 10000000000.0}  {function: cudaMemcpyAsync}  NULL   0         100
            """
        ),
    ),
]
