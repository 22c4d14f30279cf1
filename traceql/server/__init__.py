"""Programs ask: tools with JSON contracts, and a server of the Model Context Protocol (MCP) that offers them.

Owns what a tool is called, takes and returns, and how much of an answer is told at once. Knows no terminal;
all that it answers, the database answers.

=========== =================================================================================
`contracts` what a tool is: JSON Schemas made from headers, reason codes of errors
`capped`    as many rows and characters of an answer as a reader without a screen can use
`tools`     the tools: traces, questions, SQL, findings, comparisons, checks, charts, floors
`resources` the schema, the questions and the traces as texts with addresses
`protocol`  tools and resources as MCP's server
`transport` that server on standard input and output, or on a port of this machine
=========== =================================================================================
"""
