"""Questions → answers, and what is made of answers: comparisons, verdicts.

Owns what an answer is, and what is said about what it lacks. Draws nothing, prints nothing.

============ ==========================================================================
`gaps`       what a question needs and the traces lack
`compare`    two traces, or two groups of runs, side by side
`checks`     criteria in a TOML file, judged on answers
============ ==========================================================================
"""
