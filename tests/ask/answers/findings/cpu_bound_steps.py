from made.case import Case, across
from made.nsys import TWIN, Recording, kernel


def steps(
    name: str,
    launches: int,
    *,
    waits: int = 0,
    function: str = "cudaLaunchKernel_v7000",
    beside: Recording | None = None,
    pid: int = 1,
) -> Recording:
    """Two steps of kernels of 10 with gaps of 10 between them."""
    made = beside or Recording()
    for number in range(2):
        start = 1000 * number
        made.range(f"{name} {number}", start, start + 900, pid=pid)
        for launch in range(launches):
            at = start + 20 * launch
            made.call(function, at, at + 5, kernel("k", at + 10, at + 20), pid=pid)
        for wait in range(waits):
            at = start + 500 + 10 * wait
            made.call("cudaStreamSynchronize_v3020", at, at + 9, pid=pid)
            # The same wait, as the runtime asks the driver for it.
            made.call("cuStreamSynchronize", at + 1, at + 8, layer="driver", nested=True, pid=pid)
    return made


def together() -> Recording:
    """Two requests that lie across each other: all launches and calls that wait are in both."""
    made = (
        Recording().range("request 0", 0, 900, style="startend").range("request 1", 5, 1000, style="startend")
    )
    for launch in range(20):
        at = 10 + 20 * launch
        made.call("cudaLaunchKernel_v7000", at, at + 5, kernel("k", at + 10, at + 20))
    for wait in range(3):
        made.call("cudaStreamSynchronize_v3020", 500 + 10 * wait, 509 + 10 * wait)
    return made


def told_by_kernels(*, replay: bool) -> Recording:
    """Three times twenty kernels, of which the second one may be a graph."""
    made = Recording()
    for number in range(60):
        at = 1000 * (number // 20) + 20 * (number % 20)
        name = "first" if number % 20 == 0 else f"k{number % 20}"
        of_graph = replay and number % 20 == 1
        function = "cudaGraphLaunch_v10000" if of_graph else "cudaLaunchKernel_v7000"
        made.call(function, at, at + 5, kernel(name, at + 10, at + 20, node=7 if of_graph else None))
    return made


CASES = [
    Case(
        "steps of twenty launches with gaps, without graphs and without calls that wait, would run as graphs",
        traces={
            "a": steps("step", 20),
            "reading": steps("step", 20, waits=2),
            "few": steps("step", 19),
            "waiting": steps("step", 20, waits=3),
            "replayed": steps("step", 20, function="cudaGraphLaunch_v10000"),
        },
        expected=across(
            """
            trace  code            severity  saving_ns     saving_pct    numbers                                                             texts            range   start_ns  end_ns
            # 19 gaps of 10 in each, of 390 on the GPU; in all of 10 … 1400.
            a      no_cuda_graphs  high      2 * 19 * 10   38000/1390    {steps: 2.0, launches_per_step: 20.0, idle_pct: 48.717948717948715}  {range: step *}  step *  10        1400
            # A graph may end where the step reads its results.
            reading  no_cuda_graphs  high    2 * 19 * 10   38000/1390    {steps: 2.0, launches_per_step: 20.0, idle_pct: 48.717948717948715}  {range: step *}  step *  10        1400
            """
        ),
    ),
    Case(
        "calls of a process are in its own steps, not in those of another one with its pid",
        traces={"a": steps("waiting", 20, waits=3, beside=steps("step", 20), pid=TWIN)},
        expected=across(
            """
            trace  code            severity  saving_ns    saving_pct  numbers                                                             texts            range   start_ns  end_ns
            a      no_cuda_graphs  high      2 * 19 * 10  38000/1390  {steps: 2.0, launches_per_step: 20.0, idle_pct: 48.717948717948715}  {range: step *}  step *  10        1400
            """
        ),
    ),
    Case(
        "of requests that are open together each holds the calls that wait, as it holds launches",
        traces={"a": together()},
        expected=across(
            """
            trace  code  severity  saving_ns  saving_pct  numbers  texts  range  start_ns  end_ns
            """
        ),
    ),
    Case(
        "steps that kernels tell replay graphs, too",
        traces={"a": told_by_kernels(replay=False), "replayed": told_by_kernels(replay=True)},
        expected=across(
            """
            trace  code            severity  saving_ns    saving_pct  numbers                                                              texts                     range  start_ns  end_ns
            a      no_cuda_graphs  high      3 * 19 * 10  57000/2390  {steps: 3.0, launches_per_step: 20.0, idle_pct: 48.717948717948715}  {range: told by kernels}  NULL   10        2400
            """
        ),
    ),
]
