"""What leaves the house in a form that others read.

Owns the forms of other tools' files. Asks the database as everybody does, and knows neither charts nor
terminals.

============ =========================================================================
`perfetto`   timelines of traces as one trace of Perfetto
`files`      files that are put in place when they are whole
`speedscope` sampled stacks as a file of speedscope
`redact`     reports and databases without what is private in them
============ =========================================================================
"""
