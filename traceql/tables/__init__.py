"""What a database holds: every table and column, and how raw tables become them.

Owns names, units and meanings. Knows readers by the names of their raw tables only, and no database
engine: its SQL is text that `store` runs.

============ ==========================================================================
`schema`     every table and column
`normalise`  raw tables → canonical tables, one SQL file per step
`migrations` tables of older versions → those of today
`values`     values that no database of ours holds
`window`     what of the tables lies in a stretch of time, or in an NVTX range
`apart`      processes as traces of their own
`fingerprint` whether the tables still mean what they meant
`elsewhere`  what names of other tools and of older databases are here
`rules`      what stored rows and SELECTs over them both follow
`sqlfiles`   the form that all SQL files of the project share
============ ==========================================================================
"""
