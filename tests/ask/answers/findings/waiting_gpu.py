from made.case import Case, across, down
from made.nsys import Recording, copy, kernel

CASES = [
    Case(
        "each gap has one cause; what had been launched before it has none",
        traces={
            "a": Recording()
            .range("step", 0, 900)
            .call("cudaLaunchKernel_v7000", 0, 5, kernel("a", 10, 100))
            .call("cudaLaunchKernel_v7000", 120, 190, kernel("b", 200, 300))
            # The GPU ran dry while the thread waited for it.
            .call("cudaStreamSynchronize_v3020", 210, 310)
            .call("cudaLaunchKernel_v7000", 350, 390, kernel("c", 400, 500))
            # 80 of its own work, as much as makes it the cause.
            .call("cudaLaunchKernel_v7000", 580, 590, kernel("d", 600, 700))
            # The inner range that holds the gap is the one that is named.
            .range("load", 690, 810)
            .call("cudaMalloc_v3020", 705, 755)
            .call("cudaLaunchKernel_v7000", 770, 790, kernel("e", 800, 900))
            .call("cudaMemcpyAsync_v3020", 920, 990, copy("Host-to-Device", 1000, 1100, 64))
            .call("cudaLaunchKernel_v7000", 1050, 1080, kernel("f", 1200, 1310))
        },
        params={"host_ns": 80},
        expected=down(
            """
            trace       a                                              a                                              a                                              a                                              a
            code        allocation                                     copy                                           host_work                                      launch_bound                                   sync
            severity    medium                                         medium                                         medium                                         medium                                         medium
            saving_ns   100                                            100                                            100                                            100                                            100
            # Of 1310 - 10.
            saving_pct  10000/1300                                     10000/1300                                     10000/1300                                     10000/1300                                     10000/1300
            numbers     {idle_ns: 100.0, gaps: 1.0, gpus: 1.0, longest_ns: 100.0}  {idle_ns: 100.0, gaps: 1.0, gpus: 1.0, longest_ns: 100.0}  {idle_ns: 100.0, gaps: 1.0, gpus: 1.0, longest_ns: 100.0}  {idle_ns: 100.0, gaps: 1.0, gpus: 1.0, longest_ns: 100.0}  {idle_ns: 100.0, gaps: 1.0, gpus: 1.0, longest_ns: 100.0}
            texts       {function: cudaMalloc}                         {function: cudaMemcpyAsync}                    {function: cudaLaunchKernel}                   {function: cudaLaunchKernel}                   {function: cudaStreamSynchronize}
            range       load                                           NULL                                           step                                           step                                           step
            start_ns    700                                            900                                            500                                            100                                            300
            end_ns      800                                            1000                                           600                                            200                                            400
            """
        ),
    ),
    Case(
        "gaps of one cause are added up, and left out below a percent of the time; a range that holds one is none",
        traces={
            "a": Recording()
            .range("half", 90, 125)
            .call("cudaLaunchKernel_v7000", 0, 5, kernel("a", 0, 100))
            .call("cudaLaunchKernel_v7000", 110, 119, kernel("b", 120, 300))
            .call("cudaLaunchKernel_v7000", 310, 329, kernel("c", 330, 1000)),
            "b": Recording()
            .call("cudaLaunchKernel_v7000", 0, 5, kernel("a", 0, 100))
            .call("cudaLaunchKernel_v7000", 106, 109, kernel("b", 109, 1000)),
        },
        expected=across(
            """
            trace  code          severity  saving_ns  saving_pct  numbers                                      texts                         range  start_ns  end_ns
            a      launch_bound  medium    20 + 30    5           {idle_ns: 50.0, gaps: 2.0, gpus: 1.0, longest_ns: 30.0}  {function: cudaLaunchKernel}  NULL   100       330
            """
        ),
    ),
    Case(
        "a call that a call makes is no time of its own",
        traces={
            "a": Recording()
            .call("cudaLaunchKernel_v7000", 0, 5, kernel("a", 0, 100))
            # The gap of 200 without 80, for which it waits, is work of the host.
            .call("cudaStreamSynchronize_v3020", 90, 180)
            .call("cuStreamSynchronize", 100, 170, layer="driver", nested=True)
            .call("cudaLaunchKernel_v7000", 290, 295, kernel("b", 300, 500))
        },
        params={"host_ns": 80},
        expected=across(
            """
            trace  code       severity  saving_ns  saving_pct  numbers                                         texts                         range  start_ns  end_ns
            a      host_work  high      200        40          {idle_ns: 200.0, gaps: 1.0, gpus: 1.0, longest_ns: 200.0}  {function: cudaLaunchKernel}  NULL   100       300
            """
        ),
    ),
    Case(
        "a thread that sleeps asks for nothing; how CUDA waits, and how long the thread itself works, is told otherwise",
        traces={
            "a": Recording()
            .call("cudaLaunchKernel_v7000", 0, 5, kernel("a", 0, 100))
            # 50 and 20 of 120: the longer one is named, and what it calls itself counts once.
            .os_call("poll", 90, 150)
            .os_call("poll", 100, 140)
            .os_call("nanosleep", 160, 180)
            .call("cudaLaunchKernel_v7000", 210, 215, kernel("b", 220, 300))
            .call("cudaStreamSynchronize_v3020", 290, 350)
            .os_call("poll", 291, 349)
            .call("cudaLaunchKernel_v7000", 395, 398, kernel("c", 400, 500))
            .os_call("mmap", 500, 600)
            # Somebody else's.
            .os_call("poll", 500, 600, tid=2)
            .call("cudaLaunchKernel_v7000", 600, 605, kernel("d", 610, 700))
            # 54 of 110: less than half.
            .os_call("poll", 700, 754)
            .call("cudaLaunchKernel_v7000", 805, 808, kernel("e", 810, 1000))
        },
        params={"host_ns": 80},
        expected=down(
            """
            trace       a                                               a                                              a
            code        host_work                                       nothing_asked                                  sync
            severity    high                                            medium                                         medium
            # 110 from 500 and from 700.
            saving_ns   220                                             120                                            100
            saving_pct  22                                              12                                             10
            numbers     {idle_ns: 220.0, gaps: 2.0, gpus: 1.0, longest_ns: 110.0}  {idle_ns: 120.0, gaps: 1.0, gpus: 1.0, longest_ns: 120.0}  {idle_ns: 100.0, gaps: 1.0, gpus: 1.0, longest_ns: 100.0}
            texts       {function: cudaLaunchKernel}                    {function: poll}                               {function: cudaStreamSynchronize}
            range       NULL                                            NULL                                           NULL
            start_ns    500                                             100                                            300
            end_ns      810                                             220                                            400
            """
        ),
    ),
    Case(
        "a thread that reads waits for data, by whatever it reads; what CUDA reads itself is work of its call",
        traces={
            "a": Recording()
            .call("cudaLaunchKernel_v7000", 0, 5, kernel("a", 0, 100))
            # 30 + 10 + 30 of 130, most of it in two, of which the last one by the alphabet is named.
            .os_call("fgets", 105, 135)
            .os_call("read", 110, 130)
            .os_call("write", 135, 155)
            .os_call("recv", 160, 170)
            .os_call("getc", 175, 205)
            .call("cudaLaunchKernel_v7000", 220, 225, kernel("b", 230, 300))
            # Code that is loaded before the launch, and in it.
            .call("cuModuleLoadData", 305, 395)
            .call("cuModuleGetLoadingMode", 306, 307)
            .os_call("read", 310, 390)
            .call("cudaLaunchKernel_v7000", 398, 420, kernel("c", 430, 500))
            .os_call("read", 400, 418)
            # Half of 110, of which the thread works the rest: less than 130.
            .os_call("fsync", 510, 565)
            .call("cudaLaunchKernel_v7000", 605, 608, kernel("d", 610, 1000))
        },
        params={"host_ns": 80},
        expected=down(
            """
            trace       a                                               a
            code        nothing_asked                                   start_up
            severity    high                                            once
            saving_ns   240                                             130
            # Of 1000 - 130, and of all 1000.
            saving_pct  24000/870                                       13
            numbers     {idle_ns: 240.0, gaps: 2.0, gpus: 1.0, longest_ns: 130.0}  {idle_ns: 130.0, gaps: 1.0, gpus: 1.0, longest_ns: 130.0, loading_ns: 130.0}
            texts       {function: getc and others}                      {doing: loads code}
            range       NULL                                            NULL
            start_ns    100                                             300
            end_ns      610                                             430
            """
        ),
    ),
    Case(
        "the first launch of a kernel that takes 100 µs loads its code; of calls that allocate those of the name are"
        " told that take most together",
        traces={
            "a": Recording()
            .call("cudaLaunchKernel_v7000", 0, 5, kernel("a", 10, 100_000))
            .call("cudaLaunchKernel_v7000", 100_000, 200_000, kernel("b", 300_000, 400_000))
            # The second one has its code.
            .call("cudaLaunchKernel_v7000", 400_000, 500_000, kernel("b", 600_000, 700_000))
            # A nanosecond less.
            .call("cudaLaunchKernel_v7000", 700_000, 799_999, kernel("c", 800_000, 900_000))
            # 30,000 twice are more than 40,000.
            .call("cudaMalloc_v3020", 900_000, 930_000)
            .call("cudaFree_v3020", 930_000, 970_000)
            .call("cudaMalloc_v3020", 970_000, 1_000_000)
            .call("cudaLaunchKernel_v7000", 1_000_000, 1_005_000, kernel("a", 1_010_000, 1_100_000))
        },
        expected=down(
            """
            trace       a                                                               a                                                               a
            code        launch_bound                                                    allocation                                                      start_up
            severity    high                                                            medium                                                          once
            saving_ns   200000 + 100000                                                 110000                                                          200000
            # Of 1100000 - 10 - 200000, and of 1100000 - 10.
            saving_pct  30000000/899990                                                 11000000/899990                                                 20000000/1099990
            numbers     {idle_ns: 300000.0, gaps: 2.0, gpus: 1.0, longest_ns: 200000.0}  {idle_ns: 110000.0, gaps: 1.0, gpus: 1.0, longest_ns: 110000.0}  {idle_ns: 200000.0, gaps: 1.0, gpus: 1.0, longest_ns: 200000.0, loading_ns: 200000.0}
            texts       {function: cudaLaunchKernel}                                    {function: cudaMalloc}                                          {doing: loads code}
            range       NULL                                                            NULL                                                            NULL
            start_ns    400000                                                          900000                                                          100000
            end_ns      800000                                                          1010000                                                         300000
            """
        ),
    ),
    Case(
        "until the first step behind warm-up a program starts up, which is paid once, as is code that is loaded"
        " outside of steps",
        traces={
            "a": Recording()
            .call("cudaLaunchKernel_v7000", 0, 5, kernel("a", 10, 20))
            # Warm-up, more than twice as long as the others.
            .range("step 0", 30, 130)
            .call("cudaLaunchKernel_v7000", 90, 95, kernel("b", 100, 120))
            # The last gap of start-up ends with the step's first operation.
            .range("step 1", 140, 180)
            .call("cudaLaunchKernel_v7000", 148, 149, kernel("b", 150, 160))
            .call("cudaLaunchKernel_v7000", 161, 169, kernel("c", 170, 180))
            .range("step 2", 190, 230)
            .call("cudaLaunchKernel_v7000", 191, 199, kernel("b", 200, 210))
            .call("cuModuleLoadDataEx", 212, 214)
            .call("cudaLaunchKernel_v7000", 215, 216, kernel("c", 240, 250))
            # Behind the steps: a call that reaches into two gaps makes the later one.
            .call("cudaLaunchKernel_v7000", 251, 259, kernel("d", 260, 270))
            .call("cuLibraryLoadData", 265, 275, tid=2)
            .call("cudaLaunchKernel_v7000", 281, 289, kernel("d", 290, 300)),
        },
        params={"host_ns": 80},
        expected=down(
            """
            trace       a                                              a                                             a
            code        launch_bound                                   code_loading                                  start_up
            severity    high                                           medium                                        once
            # 10 + 20 + 10 of a step, between two, and behind them.
            saving_ns   40                                             30                                            130
            saving_pct  4000/160                                       3000/160                                      13000/290
            numbers     {idle_ns: 40.0, gaps: 3.0, gpus: 1.0, longest_ns: 20.0}   {idle_ns: 30.0, gaps: 1.0, gpus: 1.0, longest_ns: 30.0}  {idle_ns: 130.0, gaps: 3.0, gpus: 1.0, longest_ns: 80.0, loading_ns: 20.0}
            texts       {function: cudaLaunchKernel}                   {function: cuModuleLoadDataEx}                {doing: starts up, before its first step behind warm-up (step *), or loads code outside of steps}
            range       NULL                                           step 2                                        NULL
            start_ns    160                                            210                                           20
            end_ns      260                                            240                                           290
            """
        ),
    ),
    Case(
        "two ranges that do less than a third of what is done from the first one on are no steps: nothing before them"
        " is start-up",
        traces={
            "a": Recording()
            .call("cudaLaunchKernel_v7000", 0, 5, kernel("a", 10, 20))
            .range("step 0", 30, 50)
            .call("cudaLaunchKernel_v7000", 38, 39, kernel("b", 40, 50))
            .range("step 1", 60, 80)
            .call("cudaLaunchKernel_v7000", 68, 69, kernel("b", 70, 80))
            .call("cudaLaunchKernel_v7000", 88, 89, kernel("c", 90, 100))
            .call("cudaLaunchKernel_v7000", 108, 109, kernel("c", 110, 120))
            .call("cudaLaunchKernel_v7000", 128, 129, kernel("c", 130, 140))
            .call("cudaLaunchKernel_v7000", 148, 149, kernel("c", 150, 160))
            .call("cudaLaunchKernel_v7000", 168, 169, kernel("c", 170, 180)),
            # One operation less: a third of six.
            "b": Recording()
            .call("cudaLaunchKernel_v7000", 0, 5, kernel("a", 10, 20))
            .range("step 0", 30, 50)
            .call("cudaLaunchKernel_v7000", 38, 39, kernel("b", 40, 50))
            .range("step 1", 60, 80)
            .call("cudaLaunchKernel_v7000", 68, 69, kernel("b", 70, 80))
            .call("cudaLaunchKernel_v7000", 88, 89, kernel("c", 90, 100))
            .call("cudaLaunchKernel_v7000", 108, 109, kernel("c", 110, 120))
            .call("cudaLaunchKernel_v7000", 128, 129, kernel("c", 130, 140))
            .call("cudaLaunchKernel_v7000", 148, 149, kernel("c", 150, 160)),
        },
        params={"host_ns": 80},
        expected=down(
            """
            trace       a                                             b                                              b
            code        launch_bound                                  launch_bound                                   start_up
            severity    high                                          high                                           once
            saving_ns   90                                            60                                             20
            saving_pct  9000/170                                      6000/130                                       2000/150
            numbers     {idle_ns: 90.0, gaps: 7.0, gpus: 1.0, longest_ns: 20.0}  {idle_ns: 60.0, gaps: 5.0, gpus: 1.0, longest_ns: 20.0}   {idle_ns: 20.0, gaps: 1.0, gpus: 1.0, longest_ns: 20.0, loading_ns: 0.0}
            texts       {function: cudaLaunchKernel}                  {function: cudaLaunchKernel}                   {doing: starts up, before its first step behind warm-up (step *)}
            range       NULL                                          NULL                                           NULL
            start_ns    20                                            50                                             20
            end_ns      170                                           150                                            40
            """
        ),
    ),
]
