"""Recording: commands of nsys and ncu, what is written down beside their reports, and what is installed.

Stands beside the way of a datum: reports that it makes go in at `read`. Imports the standard library and
`read.sidecar` alone, for it runs on machines that have nothing else.

============ ==========================================================================
`commands`   run a command under a profiler, and write down how
`doctor`     what is installed, and what is missing for which purpose
============ ==========================================================================
"""
