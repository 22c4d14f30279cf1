"""Hand-made traces and tables of runs: a few rows whose answers a reader can sum in the head.

`nsys` makes recordings of Nsight Systems, `ncu` reports of Nsight Compute, `runs` tables of runs; `case` is the form
of a question with such traces and its whole expected answer, which ``tests/ask/answers/<topic>/<question>.py`` hold.
"""
