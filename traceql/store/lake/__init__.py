"""A lake: Parquet files that any number of processes and machines store at once, asked as a file is.

============ ==========================================================================
`place`      what a lake asks of where it lies
`folder`     a folder of this machine, or one that several share
`bucket`     an object store
`manifest`   the entries: which traces and runs there are; their form
`numbers`    claimed by exclusive creation; whose claims are dead
`parts`      one Parquet file per table and trace: written, and read as our tables
`scratch`    the database in memory in which a change is made
`changes`    what a change made of it becomes parts, then entries
`reading`    the lake as this process has it open for questions
`store`      a lake for those who ask or change it
`sweep`      what killed writers left
============ ==========================================================================
"""
