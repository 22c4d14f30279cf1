from made.case import Case, across
from made.nsys import Recording, copy, kernel

CASES = [
    Case(
        "copies of pageable memory and copies without Async are added up, and all calls of these named; asynchronous ones"
        " of pinned memory are neither",
        traces={
            "a": Recording()
            .call("cudaMemcpyAsync_v3020", 0, 5, copy("Host-to-Device", 0, 100, 1000, src="Pageable"))
            .call("cudaMemcpyAsync_v3020", 100, 105, copy("Host-to-Device", 200, 300, 1000, src="Pageable"))
            .call("cudaMemcpy_v3020", 300, 305, copy("Device-to-Host", 310, 340, 2))
            .call("cuMemcpyDtoH_v2", 340, 345, copy("Device-to-Host", 345, 365, 2))
            .call("cudaMemcpyAsync_v3020", 370, 375, copy("Host-to-Device", 400, 800, 9000))
            .call("cudaLaunchKernel_v7000", 800, 805, kernel("k", 900, 1000))
        },
        expected=across(
            """
            trace  code                severity  saving_ns  saving_pct  numbers                                                                                texts                        range  start_ns  end_ns
            a      pageable_copies     high      200        20          {copies: 2.0, copied_bytes: 2000.0, copy_ns: 200.0, copied_bytes_per_s: 10000000000.0}  {functions: cudaMemcpyAsync}  NULL   0         300
            a      synchronous_copies  medium    50         5           {copies: 2.0, copied_bytes: 4.0, copy_ns: 50.0, copied_bytes_per_s: 80000000.0}         {functions: cuMemcpyDtoH, cudaMemcpy}  NULL   310       365
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
            a      pageable_copies  medium    100        10          {copies: 2.0, copied_bytes: 1500.0, copy_ns: 100.0, copied_bytes_per_s: 10000000000.0}  {functions: cudaMemcpyAsync}  NULL   0         100
            """
        ),
    ),
    Case(
        "what is copied before the first step behind warm-up, such as weights, is start-up",
        traces={
            "a": Recording()
            .call("cudaMemcpyAsync_v3020", 0, 5, copy("Host-to-Device", 0, 400, 9000, src="Pageable"))
            .range("step 0", 410, 480)
            .call("cudaMemcpyAsync_v3020", 415, 420, copy("Host-to-Device", 430, 440, 100, src="Pageable"))
            .range("step 1", 500, 520)
            .call("cudaMemcpyAsync_v3020", 501, 502, copy("Host-to-Device", 505, 515, 100, src="Pageable"))
            .range("step 2", 530, 550)
            .call("cudaMemcpyAsync_v3020", 531, 532, copy("Host-to-Device", 535, 545, 100, src="Pageable"))
            # Of another process, in which nothing tells steps.
            .call(
                "cudaMemcpyAsync_v3020",
                600,
                605,
                copy("Host-to-Device", 610, 620, 100, src="Pageable"),
                pid=2,
            )
        },
        expected=across(
            """
            trace  code             severity  saving_ns  saving_pct  numbers                                                                            texts                        range  start_ns  end_ns
            # Of 620 without the gaps of 30 and 65 until step 1.
            a      pageable_copies  medium    30         3000/525    {copies: 3.0, copied_bytes: 300.0, copy_ns: 30.0, copied_bytes_per_s: 10000000000.0}  {functions: cudaMemcpyAsync}  NULL   505       620
            """
        ),
    ),
]
