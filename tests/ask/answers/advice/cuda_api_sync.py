from made.case import Case, across
from made.nsys import Recording

CALLS = (
    Recording()
    .call("cudaDeviceSynchronize", 0, 10)
    .call("cudaStreamSynchronize_v3020", 20, 50, pid=2, tid=3)
    .call("cudaEventSynchronize", 60, 100)
    .call("cuCtxSynchronize", 100, 110, layer="driver")
)

CASES = [
    Case(
        "calls that wait for all work, the longest first; waiting for an event is not listed",
        traces={"a": CALLS},
        expected=across(
            """
            trace  duration_ns  start_ns  pid  tid  function               api_call_id
            a      30           20        2    3    cudaStreamSynchronize  2
            # Of equal ones the first; call 3 is the event's.
            a      10           0         1    1    cudaDeviceSynchronize  1
            a      10           100       1    1    cuCtxSynchronize       4
            """
        ),
    ),
    Case(
        "the limit holds for each trace",
        traces={"a": CALLS, "b": Recording().call("cudaThreadSynchronize", 5, 6)},
        params={"limit": 1},
        expected=across(
            """
            trace  duration_ns  start_ns  pid  tid  function               api_call_id
            a      30           20        2    3    cudaStreamSynchronize  2
            b      1            5         1    1    cudaThreadSynchronize  1
            """
        ),
    ),
    Case(
        "those of programs whose threads have default streams of their own",
        traces={
            "a": Recording()
            .call("cudaStreamSynchronize_ptsz_v7000", 0, 10)
            .call("cuStreamSynchronize_ptsz", 2, 9, layer="driver")
            .call("cuEventSynchronize", 20, 30, layer="driver")
            .call("cudaStreamWaitEvent_ptsz_v7000", 40, 41)
        },
        expected=across(
            """
            trace  duration_ns  start_ns  pid  tid  function                    api_call_id
            a      10           0         1    1    cudaStreamSynchronize_ptsz  1
            a      7            2         1    1    cuStreamSynchronize_ptsz    2
            """
        ),
    ),
]
