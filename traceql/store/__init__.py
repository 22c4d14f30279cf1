"""DuckDB: the only package that imports it.

Owns connections, transactions, and what is written into a database. Knows no question: it runs SQL that it is
given.

============ ==========================================================================
`connection` a database for those who ask or change it
`engine`     DuckDB itself, without what takes long to import and questions do without
`sharing`    one file, as all of this process share it
`definitions` views and macros of the package, in front of stored ones
`specs`      the view of GPUs
`held`       which files this process has open as databases, which nothing else opens
`waiting`    who meets another process waits: how long, and whom it tells
`choice`     which kind of database a path means
`lake`       a folder of Parquet files in place of one file
`create`     a new database; whether one that is there is ours; upgrades
`empty`      the empty database, kept for the next
`decode`     from paths to decoded reports: find, unpack, choose a reader, several at a time
`ingest`     a decoded report is stored; names, tags, removal
`steps`      its raw tables become rows of one trace
`staged`     small reports become rows side by side, before they are stored together
`memory`     a database in memory with all our tables
`numbering`  rows of a raw table, counted as they are read
`pieces`     rows of a large raw table, piece by piece
`named`      which traces a word means
`read_in`    reports from their files to the tables
`of_reports` databases of reports that are named where a trace is, kept for the next time
`compact`    the file anew, without what was removed
`export`     all of a database into another one
`permissions` who may read a database that holds an environment
`runs`       runs measured outside the profilers become rows
`trust`      what of a file is used: rows of our tables, nothing stored to be run
`apart`      SQL of strangers over one table, in a process of its own, with a limit of memory
`failures`   DuckDB's errors in words that help
`interrupts` signals and time limits end what runs
`means`      threads and memory that a change may take
`outcomes`   what became of what was brought in
============ ==========================================================================
"""
