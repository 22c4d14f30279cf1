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


def warming() -> Recording:
    """Two steps of twenty launches behind one that compiles for long before its last launch."""
    made = Recording().range("step 0", 0, 1_000)
    for at in (*range(0, 380, 20), 900):
        made.call("cudaLaunchKernel_v7000", at, at + 5, kernel("k", at + 10, at + 20))
    for number in (1, 2):
        made.range(f"step {number}", 1000 * number, 1000 * number + 400)
        for launch in range(20):
            at = 1000 * number + 20 * launch
            made.call("cudaLaunchKernel_v7000", at, at + 5, kernel("k", at + 10, at + 20))
    return made


def told_by_kernels(
    *, replay: bool = False, waits: int = 0, waiting: int = 1, called: bool = True
) -> Recording:
    """Three times twenty kernels, of which the second one may be a graph; and so many calls that wait in each."""
    made = Recording()
    for number in range(3 * waits):
        at = 1000 * (number // waits) + 386 + 3 * (number % waits)
        made.call("cudaStreamSynchronize_v3020", at, at + 1, tid=waiting)
    for number in range(60):
        at = 1000 * (number // 20) + 20 * (number % 20)
        name = "first" if number % 20 == 0 else f"k{number % 20}"
        of_graph = replay and number % 20 == 1
        function = "cudaGraphLaunch_v10000" if of_graph else "cudaLaunchKernel_v7000"
        work = kernel(name, at + 10, at + 20, node=7 if of_graph else None)
        if called:
            made.call(function, at, at + 5, work)
        else:
            made.work(work)
    return made


def training() -> Recording:
    """Two steps whose backward pass another thread launches, behind each kernel of the forward pass."""
    made = Recording()
    for number in range(2):
        start = 1000 * number
        made.range(f"step {number}", start, start + 900)
        for launch in range(20):
            at = start + 20 * launch
            made.call("cudaLaunchKernel_v7000", at, at + 5, kernel("forward", at + 10, at + 20))
            made.call("cudaLaunchKernel_v7000", at + 6, at + 9, kernel("backward", at + 20, at + 27), tid=2)
    return made


def beside() -> Recording:
    """Two threads whose steps run at the same time, on one GPU."""
    made = Recording()
    for tid in (1, 2):
        for number in range(2):
            start = 1000 * number
            made.range(f"step {number}", start, start + 900, tid=tid)
            for launch in range(20):
                at = start + 20 * launch
                work = kernel("k", at + 10, at + 20, stream=tid)
                made.call("cudaLaunchKernel_v7000", at + tid, at + 5, work, tid=tid)
    return made


CASES = [
    Case(
        "the GPU is idle where nobody keeps it busy: the backward pass is launched by another thread",
        traces={"a": training()},
        expected=across(
            """
            trace  code            severity  saving_ns   saving_pct  numbers                                                             texts            range   start_ns  end_ns
            # 19 gaps of 3 in each, of 390 from the first kernel of the step to its last one; in all of 10 … 1407.
            a      no_cuda_graphs  medium    2 * 19 * 3  11400/1397  {steps: 2.0, launches_per_step: 20.0, idle_pct: 14.615384615384615}  {range: step *}  step *  10        1400
            """
        ),
    ),
    Case(
        "of steps of several threads that run at the same time the GPU is idle once",
        traces={"a": beside()},
        expected=across(
            """
            trace  code            severity  saving_ns   saving_pct  numbers                                                             texts            range   start_ns  end_ns
            a      no_cuda_graphs  high      2 * 19 * 10  38000/1390  {steps: 4.0, launches_per_step: 20.0, idle_pct: 48.717948717948715}  {range: step *}  step *  10        1400
            """
        ),
    ),
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
        traces={"a": told_by_kernels(), "replayed": told_by_kernels(replay=True)},
        expected=across(
            """
            trace  code            severity  saving_ns    saving_pct  numbers                                                              texts                     range  start_ns  end_ns
            a      no_cuda_graphs  high      3 * 19 * 10  57000/2390  {steps: 3.0, launches_per_step: 20.0, idle_pct: 48.717948717948715}  {range: told by kernels}  NULL   10        2400
            """
        ),
    ),
    Case(
        "in steps that kernels tell are the calls that wait before the next one is launched, on threads that launch",
        traces={
            "reading": told_by_kernels(waits=2),
            "waiting": told_by_kernels(waits=3),
            "beside": told_by_kernels(waits=3, waiting=2),
            # Nobody knows when their steps are launched.
            "launches unknown": told_by_kernels(waits=3, called=False),
        },
        params={"launches": 0},
        expected=across(
            """
            trace    code            severity  saving_ns    saving_pct  numbers                                                              texts                     range  start_ns  end_ns
            beside   no_cuda_graphs  high      3 * 19 * 10  57000/2390  {steps: 3.0, launches_per_step: 20.0, idle_pct: 48.717948717948715}  {range: told by kernels}  NULL   10        2400
            reading  no_cuda_graphs  high      3 * 19 * 10  57000/2390  {steps: 3.0, launches_per_step: 20.0, idle_pct: 48.717948717948715}  {range: told by kernels}  NULL   10        2400
            """
        ),
    ),
    Case(
        "the gaps of a step that is warm-up are not what graphs would save",
        traces={"a": warming()},
        expected=across(
            """
            trace  code            severity  saving_ns    saving_pct  numbers                                                             texts                                 range   start_ns  end_ns
            # Of 2390 without the gaps until then.
            a      no_cuda_graphs  high      2 * 19 * 10  38000/1590  {steps: 2.0, launches_per_step: 20.0, idle_pct: 48.717948717948715}  {range: step *, after 1 of warm-up}  step *  1010      2400
            """
        ),
    ),
]
