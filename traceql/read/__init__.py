"""Report formats → raw tables, in the tools' own names; and what lies beside reports.

Owns what the files hold: containers, wire formats, versions, damage. A reader only decodes: it renames
nothing, joins nothing, converts no units, and knows neither the database nor the canonical tables.

============ ==========================================================================
`base`       the contract: what a reader is given, what it returns
`kinds`      what each profiler's reports can hold: a timeline, counters
`formats`    which readers there are, and which one a file belongs to
`source`     unpack, hash; `suffixes` names of files without what says how
`temporary`  folders that are gone with their process
`foreseen`   which reports a command will read, guessed from its words
`kept`       what can be made again, in the user's cache folder
`unread`     what a report holds and nobody reads, in words
`homes`      home folders and names of users in texts, shortened
`worker`     decoding in a process of its own, `child`; `limits` what it may take
`beside`     what a thread does while another decodes
`arriving`   raw tables as they come from there, in memory or in files
`processes`  these processes, one of them in reserve
`protobuf`   the wire format of protobuf, once; `protobuf_rows` thousands of messages, to be written
`buffer`     bytes that are read at thousands of positions at once
`arrays`     columns of numpy as Arrow arrays
`nsys_rep`   .nsys-rep and .qdrep
`ncu_rep`    .ncu-rep, natively and through NVIDIA's library
`nsys_export` what ``nsys export`` writes
`payload_layout` where the entries of an NVTX payload begin
`payload_parts` several binary payloads of one NVTX event, as exports put them together
`gathered`   raw tables made of many of an export's: events of unknown meaning, samples of counters
`nsys_tool`  an installed nsys that exports for us
`sidecar`    what a collector writes beside a report; `sidecar_form` its form, declared
`runs`       tables of runs measured without a profiler
`labels`     names and tags that somebody gives, of which only texts are stored
============ ==========================================================================
"""
