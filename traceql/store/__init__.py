"""DuckDB: the only package that imports it.

Owns connections, transactions, and what is written into a database. Knows no question: it runs SQL that it is
given.

============ ==========================================================================
`decode`     from paths to decoded reports: find, unpack, choose a reader, several at a time
`create`     a new database; whether one that is there is ours
`ingest`     a decoded report becomes rows
`runs`       runs measured outside the profilers become rows
`failures`   DuckDB's errors in words that help
`outcomes`   what became of what was brought in
============ ==========================================================================
"""
