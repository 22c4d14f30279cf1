"""What the profiler itself says becomes warnings of a trace."""

from __future__ import annotations

from made.nsys import Recording


def test_messages_about_some_processes_say_about_which() -> None:
    """A launcher does less than what it launches, and nsys asks of each why."""
    collected = {"severity": "warning", "source": "analysis"}
    recording = Recording().diagnostic("Hello.", at=1, pid=7)
    for pid in (8, 9):
        recording.diagnostic(
            "No CUDA events collected.\nDoes the process use CUDA?", at=2, pid=pid, **collected
        )
    recording.diagnostic("No NVTX events collected.", at=3, pid=9, **collected)
    for pid in (7, 8, 9):
        recording.diagnostic("Not all OSRT events might have been collected.", at=4, pid=pid, **collected)
    recording.diagnostic("The disk is nearly full.", at=5, **collected).diagnostic(
        "3 events lost.", at=6, pid=8
    )
    assert recording.database().sql("SELECT warnings FROM traces").item().to_list() == [
        "No CUDA events collected. Does the process use CUDA? (2 of 3 processes)",
        "No NVTX events collected. (process 9)",
        "Not all OSRT events might have been collected.",
        "The disk is nearly full.",
        "3 events lost. (process 8)",
    ]
