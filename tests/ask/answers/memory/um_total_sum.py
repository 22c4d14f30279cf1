from ask.answers.memory.um_sum import MOVES
from made.case import Case, across
from made.nsys import Recording, copy

CASES = [
    Case(
        "moves and faults of all pages; a page that only faulted counts among the addresses",
        traces={"a": MOVES},
        expected=across(
            """
            trace  to_device_bytes  to_host_bytes  cpu_page_faults  gpu_page_faults  min_virtual_address  max_virtual_address
            a      4096             8192 + 1000    2 + 1            3 + 4            0x7f00               0x9000
            """
        ),
    ),
    Case(
        "page faults that were not recorded are not none",
        traces={
            "a": Recording().work(copy("Unified Host-to-Device", 0, 10, 5, address=16)).gpu_fault(0, 5, 16)
        },
        expected=across(
            """
            trace  to_device_bytes  to_host_bytes  cpu_page_faults  gpu_page_faults  min_virtual_address  max_virtual_address
            a      5                0              NULL             1                0x10                 0x10
            """
        ),
    ),
]
