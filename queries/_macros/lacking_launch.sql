-- What a graph or range that was profiled as a whole lacks; NULL of a kernel.
-- @param  is_kernel BOOLEAN  see kernels_configured

CASE WHEN NOT is_kernel THEN 'launch of one kernel (--graph-profiling node, --replay-mode kernel)' END
