from ask.answers.steps.step_work import steps, warming
from made.case import Case, down

PREFILL, DECODE = "a\nexecute_context_2(8)_generation_0(0)", "a\nexecute_context_0(0)_generation_4(4)"

CASES = [
    Case(
        "products, experts among them, and attention cost what they take above the floor of their step",
        traces={"a": steps(), "of no model": steps()},
        params={
            "gemm_floors_ns": {PREFILL: "30", DECODE: "20"},
            # 20 is not 1.2 times 19.
            "attention_floors_ns": {PREFILL: "19", DECODE: "4.0"},
        },
        expected=down(
            """
            trace       a                                                                                             a                                                                                                               a
            code        slow_products                                                                                 slow_attention                                                                                                  slow_products
            severity    medium                                                                                        low                                                                                                             low
            saving_ns   30                                                                                            12                                                                                                              10
            # Of 100 … 370.
            saving_pct  3000/270                                                                                      1200/270                                                                                                        1000/270
            numbers     {times_floor: 2.0, steps: 1.0, avg_work_ns: 60.0, avg_floor_ns: 30.0, share_pct: 60.0}        {times_floor: 2.5, steps: 2.0, avg_work_ns: 10.0, avg_floor_ns: 4.0, share_pct: 28.571428571428573}              {times_floor: 1.25, steps: 2.0, avg_work_ns: 25.0, avg_floor_ns: 20.0, share_pct: 71.42857142857143}
            texts       {range: prefill, execute_context_*(*)_generation_*(*)}                                        {range: decode, execute_context_*(*)_generation_*(*)}                                                           {range: decode, execute_context_*(*)_generation_*(*)}
            range       execute_context_*(*)_generation_*(*)                                                          execute_context_*(*)_generation_*(*)                                                                            execute_context_*(*)_generation_*(*)
            start_ns    100                                                                                           300                                                                                                             300
            end_ns      200                                                                                           370                                                                                                             370
            """
        ),
    ),
    Case(
        "what takes less than nine tenths of its floor is no work of that model",
        traces={"a": steps()},
        # Of 60 and 25 a step: nine tenths of these are 60.03 and 24.93.
        params={"gemm_floors_ns": {PREFILL: "66.7", DECODE: "27.7"}},
        expected=down(
            """
            trace       a
            code        fast_products
            severity    NULL
            saving_ns   NULL
            saving_pct  NULL
            numbers     {times_floor: 0.8995502248875562, steps: 1.0, avg_work_ns: 60.0, avg_floor_ns: 66.7, share_pct: 60.0}
            texts       {range: prefill, execute_context_*(*)_generation_*(*)}
            range       execute_context_*(*)_generation_*(*)
            start_ns    100
            end_ns      200
            """
        ),
    ),
    Case(
        "without floors there is nothing to tell",
        traces={"a": steps()},
        expected=down(
            """
            trace
            code
            severity
            saving_ns
            saving_pct
            numbers
            texts
            range
            start_ns
            end_ns
            """
        ),
    ),
    Case(
        "steps that are warm-up are not held against the floor",
        traces={"a": warming()},
        params={"gemm_floors_ns": {f"a\nstep {number}": "4" for number in range(3)}},
        expected=down(
            """
            trace       a
            code        slow_products
            severity    medium
            saving_ns   2 * (10 - 4)
            # Of 10 … 320, without the gaps of 160 until step 1.
            saving_pct  1200/150
            numbers     {times_floor: 2.5, steps: 2.0, avg_work_ns: 10.0, avg_floor_ns: 4.0, share_pct: 90.9090909090909}
            texts       {range: step *, after 1 of warm-up}
            range       step *
            start_ns    210
            end_ns      320
            """
        ),
    ),
]
