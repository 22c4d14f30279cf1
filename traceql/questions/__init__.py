"""The SQL files as data: questions with parameters, columns and pictures, and the views they share.

Owns the form of ``queries/``. Needs no database, and does not know how a question is answered or drawn.

============ ==========================================================================
`question`   what a SQL file of the catalogue is: its header
`parameters` how parameters are declared, and which values they take
`asking`     questions that read the answers of others
`catalog`    every question, view, macro and check file
`folders`    where the files lie
`nvidia`     columns of nsys stats for the questions that bear its reports' names
============ ==========================================================================
"""
