"""Answers → pictures, in Altair. The only package that imports altair and vl-convert.

Owns kinds of charts and how they look. Is given answers, or a function that asks; knows no database.

============ ==========================================================================
`charts`     which charts there are, and a chart of an answer
`registry`   which kinds of charts there are
`names`      what things are called, and how long names are shortened
`theme`      colours, fonts, axes, labels
`render`     charts as files
others       one family of kinds each
============ ==========================================================================
"""
