"""Several processes at one work: those of this machine, or of a Dask cluster.

Knows what can be done report by report and trace by trace, and how answers are put together; not how
a report is read, stored or asked.

=========== ==========================================================================
`workers`   who works: a pool of processes, or the workers of a scheduler
`ingesting` reports → a lake, each by one worker
`asking`    a question, asked where the traces are; its answers united
=========== ==========================================================================
"""
