-- Whether GPU work was recorded: where it was, none is 0, and where it was not, nobody knows.
-- @param  missing VARCHAR[]  of the trace, see traces

NOT list_contains(missing, 'kernels')
