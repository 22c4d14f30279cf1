from made.case import Case, across
from made.nsys import Recording, copy

MOVES = (
    Recording()
    .work(
        copy("Unified Host-to-Device", 0, 10, 4096, address=0x7F00),
        copy("Unified Device-to-Host", 10, 40, 8192, address=0x7F00),
        copy("Unified Device-to-Host", 40, 50, 1000, address=0x8000),
        copy("Host-to-Device", 50, 99, 100_000),  # no migration
    )
    .cpu_fault(5, 0x7F00, "main", file="/src/app/main.cu", line=12)
    .cpu_fault(6, 0x7F00, "main", file="/src/app/main.cu", line=12, pid=2)
    .cpu_fault(7, 0x9000, "0x4005d0")
    .gpu_fault(5, 9, 0x7F00, 3)
    .gpu_fault(9, 12, 0x7F00, 4, access="Write", device=1)
)

CASES = [
    Case(
        "by page, those that moved most first; a page that faulted and did not move has no rate",
        traces={"a": MOVES},
        expected=across(
            """
            trace  virtual_address  to_device_bytes  to_host_bytes  cpu_page_faults  gpu_page_faults  bytes_per_s
            a      0x7f00           4096             8192           2                3 + 4            12_288 / 40e-9
            a      0x8000           0                1000           0                0                1000 / 10e-9
            a      0x9000           0                0              1                0                NULL
            """
        ),
    ),
    Case(
        "the limit holds for each trace; page faults that were not recorded are not none",
        traces={
            "a": MOVES,
            "b": Recording().work(copy("Unified Host-to-Device", 0, 10, 5, address=16)),
        },
        params={"limit": 1},
        expected=across(
            """
            trace  virtual_address  to_device_bytes  to_host_bytes  cpu_page_faults  gpu_page_faults  bytes_per_s
            a      0x7f00           4096             8192           2                7                12_288 / 40e-9
            b      0x10             5                0              NULL             NULL             5 / 10e-9
            """
        ),
    ),
    Case(
        "a migration that ends before it starts counts in no rate",
        traces={
            "a": Recording().work(
                copy("Unified Host-to-Device", 0, 10, 100, address=16),
                copy("Unified Host-to-Device", 30, 20, 900, address=16),
            )
        },
        expected=across(
            """
            trace  virtual_address  to_device_bytes  to_host_bytes  cpu_page_faults  gpu_page_faults  bytes_per_s
            a      0x10             1000             0              NULL             NULL             10e9
            """
        ),
    ),
]
