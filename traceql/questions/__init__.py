"""The SQL files as data: questions with parameters, columns and pictures, and the views they share.

Owns the form of ``queries/``. Needs no database, and does not know how a question is answered or drawn.

============ ==========================================================================
`catalog`    what the headers of the files say
`parameters` what a question is asked with: types and values
`folders`    where the files lie
============ ==========================================================================
"""
