from made.case import Case, across
from made.nsys import Recording

TOLD = (
    Recording()
    .range("step", 0, 10, payload=7)
    .range("step", 20, 30)  # nothing was told
    .nccl("ncclReduce", 40, 50, size=4096, reduction=1)
    .mark("done", 60, payload=-1)
)

CASES = [
    Case(
        "a number by itself has no field; what enumerates something has its name",
        traces={"a": TOLD},
        expected=across(
            """
            trace  domain  range       range_id  start_ns  field                 value  value_text
            a      ''      step        1         0         ''                    7      7
            a      NCCL    ncclReduce  3         40        Message size [bytes]  4096   4096
            a      NCCL    ncclReduce  3         40        Reduction operation   NULL   Product
            a      ''      done        4         60        ''                    -1     -1
            """
        ),
    ),
    Case(
        "by names of ranges and fields, and the first ones alone",
        traces={"a": TOLD},
        params={"range": "nccl*", "field": "*o*", "limit": 1},
        expected=across(
            """
            trace  domain  range       range_id  start_ns  field                value  value_text
            a      NCCL    ncclReduce  3         40        Reduction operation  NULL   Product
            """
        ),
    ),
    Case(
        "what has no text can have a payload",
        traces={"b": Recording().range(None, 5, 10, payload=3)},
        expected=across(
            """
            trace  domain  range  range_id  start_ns  field  value  value_text
            b      ''      NULL   1         5         ''     3      3
            """
        ),
    ),
]
