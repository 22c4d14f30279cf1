from made.case import Case, across
from made.nsys import TWIN, Recording, kernel


def steps(*busy: int, beside: Recording | None = None, pid: int = 1, first: int = 10) -> Recording:
    """A step of 100 each, with a kernel that takes so long; and how long the range of the first one is."""
    made = beside or Recording()
    for number, duration in enumerate(busy):
        start = 100 * number
        made.range(f"step {number}", start, start + (10 if number else first), pid=pid)
        done = start + 10 + duration
        made.call("cudaLaunchKernel_v7000", start, start + 5, kernel("k", start + 10, done), pid=pid)
    return made


def communicating(*parts: tuple[int, int], beside: Recording | None = None) -> Recording:
    """A step of 100 each, with a kernel that takes so long and a collective behind it, or for its last part."""
    made = beside or Recording()
    for number, (work, collective) in enumerate(parts):
        start = 100 * number
        done = start + 10 + work
        made.range(f"step {number}", start, start + 10)
        made.call("cudaLaunchKernel_v7000", start, start + 5, kernel("k", start + 10, done))
        runs = sorted((done, done + collective))
        made.call("cudaLaunchKernel_v7000", start + 6, start + 8, kernel("ncclDevKernel_AllReduce", *runs))
    return made


CASES = [
    Case(
        "a step that takes more than twice the median is the tail, and steps that grow drift; four of them say nothing",
        traces={
            "a": steps(10, 10, 10, 10, 50),
            # 20, 22 … 34: a line, by 14 of a mean of 27.
            "b": steps(20, 22, 24, 26, 28, 30, 32, 34),
            "c": steps(10, 10, 10, 60),
            "d": steps(20, 20, 20, 20, 20, 40),
        },
        expected=across(
            """
            trace  code       severity  saving_ns  saving_pct  numbers                                                                                                               texts            range   start_ns  end_ns
            # 40 of 10 … 460; the line through 10, 10, 10, 10, 50 rises by 8 a step.
            a      long_tail  medium    40         4000/450    {steps: 5.0, slow_steps: 1.0, times: 2.0, median_gpu_work_ns: 10.0, max_gpu_work_ns: 50.0, growth_pct: 177.77777777777777, slowest_step: 4.0}  {range: step *}  step *  410       460
            # 2 + 4 + … + 14 above the first one, of 10 … 744.
            b      drift      medium    56         5600/734    {steps: 8.0, slow_steps: 0.0, times: 2.0, median_gpu_work_ns: 27.0, max_gpu_work_ns: 34.0, growth_pct: 51.851851851851855, slowest_step: 7.0}  {range: step *}  step *  10        744
            """
        ),
    ),
    Case(
        "what a step waits in a collective is no work of it, what it communicates beside its work is no less work",
        traces={
            "waits": communicating((20, 0), (20, 0), (20, 0), (20, 0), (20, 60)),
            "works": communicating((20, 5), (20, 5), (20, 5), (20, 5), (60, -50)),
        },
        expected=across(
            """
            trace  code       severity  saving_ns  saving_pct  numbers                                                                                                              texts            range   start_ns  end_ns
            # 60 against 20, of 10 … 470; the line rises by 8 a step, of a mean of 28.
            works  long_tail  medium    40         4000/460    {steps: 5.0, slow_steps: 1.0, times: 2.0, median_gpu_work_ns: 20.0, max_gpu_work_ns: 60.0, growth_pct: 114.28571428571429, slowest_step: 4.0}  {range: step *}  step *  410       470
            """
        ),
    ),
    Case(
        "the steps of a process are compared with each other, and its own collectives are what it waits in: another "
        "one with its pid has its own",
        traces={
            "a": steps(50, 50, 50, 50, 50, beside=steps(10, 10, 10, 10, 50), pid=TWIN),
            # While the first one only communicates, the other one works.
            "b": communicating(
                (20, 0), (20, 0), (20, 0), (20, 0), (20, 60), beside=steps(*5 * [85], pid=TWIN)
            ),
        },
        expected=across(
            """
            trace  code       severity  saving_ns  saving_pct  numbers                                                                                                               texts            range   start_ns  end_ns
            a      long_tail  medium    40         4000/450    {steps: 5.0, slow_steps: 1.0, times: 2.0, median_gpu_work_ns: 10.0, max_gpu_work_ns: 50.0, growth_pct: 177.77777777777777, slowest_step: 4.0}  {range: step *}  step *  410       460
            """
        ),
    ),
    Case(
        "a first step that is warm-up is in no tail, and steps that grow do so behind it",
        traces={
            "a": steps(60, 10, 10, 10, 10, 50, first=95),
            "b": steps(90, 20, 22, 24, 26, 28, 30, 32, 34, first=95),
        },
        expected=across(
            """
            trace  code       severity  saving_ns  saving_pct  numbers                                                                                                                                texts                                 range   start_ns  end_ns
            # Of 550 without the gap of 40 before step 1, and of 834 without one of 10.
            a      long_tail  medium    40         4000/510    {steps: 5.0, slow_steps: 1.0, times: 2.0, median_gpu_work_ns: 10.0, max_gpu_work_ns: 50.0, growth_pct: 177.77777777777777, slowest_step: 5.0}  {range: step *, after 1 of warm-up}  step *  510       560
            b      drift      medium    56         5600/824    {steps: 8.0, slow_steps: 0.0, times: 2.0, median_gpu_work_ns: 27.0, max_gpu_work_ns: 34.0, growth_pct: 51.851851851851855, slowest_step: 8.0}  {range: step *, after 1 of warm-up}  step *  110       844
            """
        ),
    ),
]
