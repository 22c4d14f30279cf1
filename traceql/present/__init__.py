"""How values read: units, digits, names; for terminal, charts and pages alike.

Owns one decision each on what a number is and how it is written. Knows no click, no altair, no database.

============ ==========================================================================
`units`      names and units of columns; quantity or code
`values`     one value as text
`columns`    a column in one unit
`width`      the room that a text takes on a terminal
`fitting`    the columns for which there is room
`terminal`   aligned columns, and records
`formats`    CSV, JSON, Markdown, Parquet, HTML
`workbook`   .xlsx
============ ==========================================================================
"""
