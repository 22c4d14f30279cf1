-- The kernels that are asked for, each execution with how it was launched on which GPU.
--
-- `FROM kernels_configured($names, $kernel) JOIN chosen_traces($trace) AS traces USING (trace_id)`. Columns:
-- trace_id, kernel_id, kernel (as asked to be called), duration_ns, compute_capability, grid_x, grid_y,
-- grid_z, block_x, block_y, block_z, threads_per_block, registers_per_thread, static_shared_bytes,
-- dynamic_shared_bytes, shared_bytes (both), and executed_shared_bytes of an SM, as the driver set it, and
-- is_kernel. A graph or range that was profiled as a whole is no launch: ncu tells of it how one of its
-- kernels was launched, which is passed over.
-- @param  names VARCHAR    short, full or distinct, see the view kernel_names
-- @param  pattern VARCHAR  of the kernels that are asked for; * for all

SELECT
    kernels.trace_id,
    kernel_id,
    called AS kernel,
    kernels.duration_ns,
    compute_capability,
    coalesce(workload, 'kernel') = 'kernel' AS is_kernel,
    if(is_kernel, kernels.grid_x, NULL) AS grid_x,
    if(is_kernel, kernels.grid_y, NULL) AS grid_y,
    if(is_kernel, kernels.grid_z, NULL) AS grid_z,
    if(is_kernel, kernels.block_x, NULL) AS block_x,
    if(is_kernel, kernels.block_y, NULL) AS block_y,
    if(is_kernel, kernels.block_z, NULL) AS block_z,
    -- As far as 64 bits go: a damaged report may say anything.
    if(
        is_kernel,
        coalesce(
            try_cast(block_x::HUGEINT * block_y * block_z AS BIGINT), counters['launch__block_size']::BIGINT
        ),
        NULL
    ) AS threads_per_block,
    if(is_kernel, registers_per_thread, NULL) AS registers_per_thread,
    if(is_kernel, static_shared_bytes, NULL) AS static_shared_bytes,
    if(is_kernel, dynamic_shared_bytes, NULL) AS dynamic_shared_bytes,
    if(is_kernel, kernels.static_shared_bytes + kernels.dynamic_shared_bytes, NULL) AS shared_bytes,
    -- Where nsys does not know it, it writes 0, or, of nodes of graphs, less than the kernel itself asks for.
    if(is_kernel AND executed_shared_bytes >= greatest(shared_bytes, 1), executed_shared_bytes, NULL)
        AS executed_shared_bytes
FROM kernels
LEFT JOIN kernels_called(names, pattern) AS named
    ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
LEFT JOIN gpus ON gpus.trace_id = kernels.trace_id AND gpus.gpu_id = kernels.gpu_id
LEFT JOIN counters_named(['launch__block_size']) USING (kernel_id)
WHERE is_asked
