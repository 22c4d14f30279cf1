"""Random traces, and answers about them that count their events one by one.

`drawn` draws traces, `trace` says what they are of. `api`, `gpu`, `kernels` and the like count what questions of these
topics ask for, from the meaning that headers and documents give to their columns: in lists and nanoseconds, never by
their SQL. `asking` asks, compares, and looks for the smallest trace that is answered wrongly.
"""
