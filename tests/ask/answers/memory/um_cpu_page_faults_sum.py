from ask.answers.memory.um_sum import MOVES
from made.case import Case, across

CASES = [
    Case(
        "by the code that faulted, over processes; what was not resolved has no file",
        traces={"a": MOVES},
        expected=across(
            """
            trace  cpu_page_faults  instruction  source_file  source_line
            a      2                main         main.cu      12
            a      1                0x4005d0     NULL         NULL
            """
        ),
    ),
]
