"""Recording: commands of nsys and ncu, what is written down beside their reports, and what is installed.

Stands beside the way of a datum: reports that it makes go in at `read`. Imports the standard library and
sidecars alone, for it runs on machines that have nothing else.

============= =========================================================================
`tools`       nsys and ncu: where they are
`offered`     the options that their versions have
`commands`    their commands around another
`environment` what of the environment a command gets, and which names are secrets
`naming`      what a report is called
`staging`     reports are recorded aside, and get their names when they are whole
`running`     a command runs until it ends or is stopped, and nothing of it stays behind
`output`      its standard streams
`signals`     those that would end this process are noted while something is recorded
`family`      all processes that a command started
`interpreter` which Python runs a command
`machine`     GPUs and versions
`sampling`    clocks, power and temperature while something runs
`written`     the sidecar of a report
`recording`   one recording, from a free name to reports with sidecars
`shipped`     the collectors that come with traceql
`permissions` who may read hardware counters
`doctor`      what is installed, and what is missing for which purpose
============= =========================================================================
"""
