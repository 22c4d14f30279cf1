"""Recording: commands of nsys and ncu, what is written down beside their reports, and what is installed.

Stands beside the way of a datum: reports that it makes go in at `read`. Imports the standard library and
sidecars alone, for it runs on machines that have nothing else.

============ ==========================================================================
`tools`      nsys and ncu: where they are
`commands`   their commands around another
`running`    a command runs to its end, or until its time is up
`machine`    GPUs and versions
`written`    the sidecar of a report
`shipped`    the collectors that come with traceql
`doctor`     what is installed, and what is missing for which purpose
============ ==========================================================================
"""
