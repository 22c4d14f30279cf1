"""Questions → answers, and what is made of answers: comparisons, verdicts.

Owns what an answer is, and what is said about what it lacks. Draws nothing, prints nothing.

============ ==========================================================================
`answer`     the datum in the middle; who asks, `ahead` also in another thread before it is wanted
`place`      which traces are meant, and what of them
`gaps`       what a question needs and the traces lack
`nothing`    why an answer has no rows
`numbered`   that it has so many because texts of ranges differ in numbers
`info`       what a database and its traces hold
`nsys_stats` a question as NVIDIA's report of its name answers it
`cards`      all that is known about one kernel
`findings`   what is wrong with traces, the most important first
`floors`     the roofline's floors of a model for the steps of traces
`compare`    two traces, or two groups of runs, side by side
`check_files` files of criteria
`expressions` the language of criteria
`checks`     criteria judged on answers
`verdict`    what changed, judged beside what a change may cost
`pull_request` its verdicts as JUnit's XML and in Markdown
`frames`     tables that somebody brings to be asked
============ ==========================================================================
"""
